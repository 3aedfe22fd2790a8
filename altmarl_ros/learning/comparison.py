"""Compares pairs of policies in a training: each plays the same starts with the same random numbers, and only once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from altmarl_ros.games import TabularGame
from altmarl_ros.learning.global_learners import Pair
from altmarl_ros.learning.horizon import discounted_horizon
from altmarl_ros.learning.populations.continuous_population import ContinuousFleets
from altmarl_ros.learning.populations.population import Fleets, Rollouts, simulate, start_fleets
from altmarl_ros.learning.training_options import TrainingOptions, default_runs
from altmarl_ros.observation import Fresh, ObservationModel, all_seen, make_filter
from altmarl_ros.policies import Ladder
from altmarl_ros.policies.shares.stored import arrays_of

MEASURED = 1 << 20
"""A block of episodes by which no pair was chosen: what is reported is measured in it."""


class PairComparison:
    """Plays pairs by the options of a training: its robots, reports per tick, episodes and observation model.

    Episodes come in blocks. Each block has its own starts and random numbers, the same for every pair.
    """

    def __init__(self, game: TabularGame, options: TrainingOptions) -> None:
        self._game, self._options = game, options
        self._horizon = options.horizon or discounted_horizon(game.gamma)
        self._starts: dict[int, Fleets | ContinuousFleets] = {}
        self._played: dict[int, Rollouts] = {}

    def play(self, pair: Pair, block: int = 0) -> Rollouts:
        """Simulate the pair's episodes of a block; their rewards by tick are left out."""
        return self._once(pair, block, everybody=False)

    def play_all_seen(self, pair: Pair) -> Rollouts:
        """As `play`, with a coordinator that hears all robots."""
        return self._once(pair, 0, everybody=True)

    def _once(self, pair: Pair, block: int, *, everybody: bool) -> Rollouts:
        pi_g, pi_l = pair
        arrays = [pi_g.rungs[-1]] if isinstance(pi_g, Ladder) else arrays_of(pi_g).values()
        key = hash((*(array.tobytes() for array in arrays), pi_l.probabilities.tobytes(), block, everybody))
        if key not in self._played:
            game, options = self._game, self._options
            model: ObservationModel
            if everybody:
                model = all_seen(game, pi_l, pi_g)
            else:
                model = Fresh(pi_g, game.initial) if options.learn_for == "fresh" else make_filter(game, pi_l, pi_g)
            k = options.n if everybody else options.K
            rng = np.random.default_rng(self._seed(1, block))
            played = simulate(game, pi_l, model, k=k, start=self._start(block), horizon=self._horizon, rng=rng)
            self._played[key] = replace(played, rewards=played.rewards[:, :0].copy())  # large for a long horizon, and unread
        return self._played[key]

    def _seed(self, stream: int, block: int) -> list[int]:
        return [self._options.seed, stream, block] if block else [self._options.seed, stream]

    def _start(self, block: int) -> Fleets | ContinuousFleets:
        if block not in self._starts:
            game, options = self._game, self._options
            rng = np.random.default_rng(self._seed(0, block))
            self._starts[block] = start_fleets(game, options.n, options.runs or default_runs(game), rng)
        return self._starts[block]

    def gain(self, candidate: Rollouts, held: Rollouts | None) -> tuple[float, float]:
        """Return the mean paired difference of the returns and its standard error; infinite if nothing is held yet."""
        if held is None:
            return float("inf"), 0.0
        difference = candidate.returns - held.returns
        return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))
