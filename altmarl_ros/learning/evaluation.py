"""What a bundle earns under each rule of hearing, all from common starts with common random numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.continuous_population import ContinuousFleets
from altmarl_ros.learning.individuals import Individuals, best_responses
from altmarl_ros.learning.population import Fleets, Rollouts, play, simulate, start_fleets
from altmarl_ros.observation import MODEL_NAMES, AllSeen, Lossy, ObservationModel, RandomActions, make_model
from altmarl_ros.observation.catalogue import DEFAULT_TURNOVER
from altmarl_ros.policies import LocalPolicy, PolicyBundle

ALL_SEEN, RANDOM, INFORMED = "all_seen", "random", "informed"
RULES = (*MODEL_NAMES, ALL_SEEN, RANDOM, INFORMED)
"""The observation models; every robot seen; random actions of coordinator and robots; every robot seen, and each
robot acting by L-LEARN's response to that coordinator on its own kernel instead of the mean one."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A stage on which rules are compared.

    Attributes:
        game, bundle: what is played, and the pair that plays.
        start: first states of all runs.
        horizon: ticks per episode.
        seed: of everything random but the start; the same for every rule.
        kernels: robots' own kernels [i, s_l, s_g, a_l, s_l']; None takes the game's for all.
    """

    game: TabularGame
    bundle: PolicyBundle
    start: Fleets | ContinuousFleets
    horizon: int
    seed: int
    kernels: FloatArray | None = None

    def rollouts(self, rule: str, k: int, turnover: float = DEFAULT_TURNOVER, loss: float = 0.0) -> Rollouts:
        """Episodes under one of RULES with k reports per tick (only observation models have k, turnover and loss).

        Raises:
            AltmarlError: the rule is unknown, or the turnover or the loss not in [0, 1].
        """
        ladder, n = self.bundle.ladder, self.start.n
        pi_l = self.bundle.pi_l.probabilities[None]
        if rule == RANDOM:
            uniform = LocalPolicy.uniform(self.game).probabilities[None]
            return self._play(uniform, RandomActions(ladder, self._rng(2)), 0)
        if rule == ALL_SEEN:
            return self._play(pi_l, AllSeen(ladder), n)
        if rule == INFORMED and self.kernels is not None:
            occupancy = self._play(pi_l, AllSeen(ladder), n).occupancy
            return self._play(best_responses(self.game, self.kernels, occupancy), AllSeen(ladder), n)
        model = make_model(rule, self.game, self.bundle, turnover)
        return self._play(pi_l, Lossy(model, loss, self._rng(3)) if loss else model, k)

    def _play(self, policies: FloatArray, model: ObservationModel, k: int) -> Rollouts:
        if self.kernels is None:
            pi_l = LocalPolicy(policies[0])
            return simulate(self.game, pi_l, model, k=k, start=self.start, horizon=self.horizon, rng=self._rng(1))
        assert isinstance(self.start, Fleets), "robots with kernels of their own play the game's discrete states"
        individuals = Individuals(self.game, policies, self.kernels, self.start, self._rng(5))
        return play(self.game, individuals, model, k=k, horizon=self.horizon, rng=self._rng(1))

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])


def common_start(game: TabularGame, n: int, runs: int, seed: int) -> Fleets | ContinuousFleets:
    """First states of `runs` fleets of n robots, the same for the same seed."""
    return start_fleets(game, n, runs, np.random.default_rng([seed, 0]))
