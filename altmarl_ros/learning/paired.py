"""Compares two policy pairs on one game: they play the same starts, with the same random numbers where they can."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.evaluation import Evaluation, common_start
from altmarl_ros.learning.population import effective_horizon
from altmarl_ros.policies import PolicyBundle

_NORMAL_95 = 1.96


@dataclass(frozen=True)
class Interval:
    """A mean and half of the width of its 95 % interval."""

    mean: float
    half_width: float

    @classmethod
    def of(cls, samples: FloatArray) -> Interval:
        """Make the interval for the mean of at least two independent samples."""
        return cls(float(samples.mean()), float(_NORMAL_95 * samples.std(ddof=1) / np.sqrt(len(samples))))


@dataclass(frozen=True)
class PairedScore:
    """The discounted team reward of two pairs in the same simulated episodes.

    Attributes:
        present: reward of the present pair.
        candidate: reward of the candidate.
        gain: mean of the paired differences, candidate minus present.
    """

    present: Interval
    candidate: Interval
    gain: Interval


def paired_score(
    game: TabularGame,
    present: PolicyBundle,
    candidate: PolicyBundle,
    *,
    n: int,
    k: int,
    model: str,
    turnover: float,
    runs: int,
    seed: int,
) -> PairedScore:
    """Simulate `runs` episodes of n robots, of which k report per tick through observation model `model`, by each pair.

    Raises:
        AltmarlError: the model is unknown, or the turnover is not in [0, 1].
    """
    start, horizon = common_start(game, n, runs, seed), effective_horizon(game.gamma)
    returns = [
        Evaluation(game, bundle, start, horizon, seed).rollouts(model, k, turnover).returns for bundle in (present, candidate)
    ]
    return PairedScore(Interval.of(returns[0]), Interval.of(returns[1]), Interval.of(returns[1] - returns[0]))
