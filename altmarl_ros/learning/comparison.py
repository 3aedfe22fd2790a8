"""Compares pairs of policies in a training: each plays the same starts with the same random numbers, and only once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from altmarl_ros.games import TabularGame
from altmarl_ros.learning.global_learners import Pair
from altmarl_ros.learning.horizon import discounted_horizon
from altmarl_ros.learning.population import Rollouts, simulate, start_fleets
from altmarl_ros.learning.training_options import TrainingOptions, default_runs
from altmarl_ros.observation import Fresh, make_filter
from altmarl_ros.policies import Ladder
from altmarl_ros.policies.shares.stored import arrays_of


class PairComparison:
    """Plays pairs by the options of a training: its robots, reports per tick, episodes and observation model."""

    def __init__(self, game: TabularGame, options: TrainingOptions) -> None:
        self._game, self._options = game, options
        self._horizon = options.horizon or discounted_horizon(game.gamma)
        self._start = start_fleets(
            game, options.n, options.runs or default_runs(game), np.random.default_rng([options.seed, 0])
        )
        self._played: dict[int, Rollouts] = {}

    def play(self, pair: Pair) -> Rollouts:
        """Simulate the pair's episodes; their rewards by tick are left out."""
        pi_g, pi_l = pair
        arrays = [pi_g.rungs[-1]] if isinstance(pi_g, Ladder) else arrays_of(pi_g).values()
        key = hash((*(array.tobytes() for array in arrays), pi_l.probabilities.tobytes()))
        if key not in self._played:
            game, options = self._game, self._options
            model = Fresh(pi_g, game.initial) if options.learn_for == "fresh" else make_filter(game, pi_l, pi_g)
            rng = np.random.default_rng([options.seed, 1])
            played = simulate(game, pi_l, model, k=options.K, start=self._start, horizon=self._horizon, rng=rng)
            self._played[key] = replace(played, rewards=played.rewards[:, :0].copy())  # large for a long horizon, and unread
        return self._played[key]

    def gain(self, candidate: Rollouts, held: Rollouts | None) -> tuple[float, float]:
        """Return the mean paired difference of the returns and its standard error; infinite if nothing is held yet."""
        if held is None:
            return float("inf"), 0.0
        difference = candidate.returns - held.returns
        return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))
