"""Evaluates what a bundle earns under each rule of observation, from common starts with common random numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.populations.continuous_population import ContinuousFleets
from altmarl_ros.learning.populations.individuals import Individuals
from altmarl_ros.learning.populations.population import Fleets, Rollouts, play, simulate, start_fleets
from altmarl_ros.learning.populations.robot_kernels import RobotKernels
from altmarl_ros.observation import (
    DEFAULT_TURNOVER,
    MODEL_NAMES,
    Announced,
    Lossy,
    ObservationModel,
    RandomActions,
    all_seen,
    make_model,
)
from altmarl_ros.policies import LocalPolicy, PolicyBundle

ALL_SEEN, RANDOM, INFORMED, TOLD = "all_seen", "random", "informed", "told"
RULES = (*MODEL_NAMES, ALL_SEEN, RANDOM, INFORMED, TOLD)
"""The observation models and four references.

With ALL_SEEN the coordinator hears every robot, and with TOLD it is told a game's hidden state as well. With RANDOM
coordinator and robots act at random. With INFORMED the coordinator hears every robot, and each robot acts by L-LEARN's response
to that coordinator on its own kernel instead of the mean kernel.
"""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The setting in which rules are compared.

    Attributes:
        game: the game that is played.
        bundle: the pair of policies that plays it.
        start: first states of all runs.
        horizon: number of ticks per episode.
        seed: seed of all random numbers except for the start; every rule uses the same.
        kernels: the robots' own kernels; with None all robots move by the game's kernel.
    """

    game: TabularGame
    bundle: PolicyBundle
    start: Fleets | ContinuousFleets
    horizon: int
    seed: int
    kernels: RobotKernels | None = None

    def rollouts(
        self, rule: str, k: int, turnover: float = DEFAULT_TURNOVER, loss: float = 0.0, *, announced: float = 0.0
    ) -> Rollouts:
        """Simulate episodes under one of RULES; only observation models use k (reports per tick), turnover and loss.

        With `announced` above 0 the rule `filtered`, whose reports all arrive, is told the hidden state in that share of ticks.

        Raises:
            AltmarlError: the rule is unknown, or the turnover, the loss or the share of ticks is not in [0, 1].
        """
        pi_g, start, n = self.bundle.pi_g, self.game.initial, self.start.n
        pi_l = self.bundle.pi_l.probabilities[None]
        if rule == RANDOM:
            uniform = LocalPolicy.uniform(self.game).probabilities[None]
            return self._play(uniform, RandomActions(pi_g, start, self._rng(2)), 0)
        if rule in (ALL_SEEN, TOLD):
            return self._play(pi_l, self._all_seen(told=rule == TOLD), n)
        if rule == INFORMED and self.kernels is not None:
            occupancy = self._play(pi_l, self._all_seen(), n).visits
            from altmarl_ros.learning.local_responses import own_responses  # loads a solver

            responses = own_responses(self.game, self.bundle.pi_l, self.kernels, occupancy)
            return self._play(responses, self._all_seen(), n)
        if announced:
            if rule != "filtered" or loss:
                raise AltmarlError("announcements are for the rule 'filtered' without loss of reports")
            told = Announced(self.game, self.bundle.pi_l, pi_g, share=announced, rng=self._rng(6))
            return self._play(pi_l, told, k)
        model = make_model(rule, self.game, self.bundle, turnover)
        return self._play(pi_l, Lossy(model, loss, self._rng(3)) if loss else model, k)

    def _all_seen(self, *, told: bool = False) -> ObservationModel:
        return all_seen(self.game, self.bundle.pi_l, self.bundle.pi_g, told=told)

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
    """Draw the first states of `runs` fleets of n robots; the same seed gives the same states."""
    return start_fleets(game, n, runs, np.random.default_rng([seed, 0]))
