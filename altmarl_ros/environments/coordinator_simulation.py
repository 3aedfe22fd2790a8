"""Simulates what the coordinators of independent fleets see and earn; the robots of all fleets act by one policy."""

from __future__ import annotations

import numpy as np

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.populations.continuous_population import ContinuousFleets, ContinuousPopulation
from altmarl_ros.learning.populations.population import CountedPopulation, Population, start_fleets
from altmarl_ros.observation import ObservationModel, SwitchingFilter, make_filter
from altmarl_ros.policies import LocalPolicy, PolicyBundle


def check_sizes(game: TabularGame, *, robots: int, k: int, horizon: int) -> None:
    """Check the numbers of an environment.

    Raises:
        AltmarlError: one is out of range, or the robots do not fit into the game's places.
    """
    for name, value, least in (("robots", robots, 1), ("k", k, 0), ("horizon", horizon, 1)):
        if value < least:
            raise AltmarlError(f"{name} is {value}, must be at least {least}")
    if game.room is not None:
        game.room.check_fits(robots)


def check_actions(name: str, actions: IntArray, size: int) -> None:
    """Raise AltmarlError, which gives the name and the first culprit, unless all actions are 0 to size - 1."""
    odd = actions[(actions < 0) | (actions >= size)]
    if len(odd):
        raise AltmarlError(f"{name} is {odd[0]}, must be 0 to {size - 1}")


class CoordinatorSimulation:
    """R fleets that tick together, each with its own coordinator.

    Attributes:
        game: the game that is played.
        reports: how many of the k robots that were heard are in each local state [R, S_l].
        estimate: what a filter makes of all reports so far: the shares of robots by local state [R, S_l], with a hidden state
            the probabilities of (d, s_l) [R, D * S_l]; None without a filter.
        learned_action: the action that the learned coordinator would take [R]; None without a filter.
    """

    reports: IntArray
    estimate: FloatArray | None = None
    learned_action: IntArray | None = None

    def __init__(
        self, game: TabularGame, policies: PolicyBundle | LocalPolicy | None, *, robots: int, k: int, runs: int, estimate: bool
    ) -> None:
        """Prepare `runs` fleets; see `environments.coordinator_environment` for the rest."""
        if isinstance(policies, PolicyBundle):
            policies.check_dynamics(game)
        elif estimate:
            raise AltmarlError("an estimate is made by a learned bundle, and none is given")
        self.game, self._n, self._k, self._runs = game, robots, min(k, robots), runs
        self._pi_l = policies.pi_l if isinstance(policies, PolicyBundle) else policies or LocalPolicy.uniform(game)
        self._filter: ObservationModel | None = None
        if estimate and isinstance(policies, PolicyBundle):
            self._filter = make_filter(game, policies.pi_l, policies.pi_g)

    def reset(self, rng: np.random.Generator) -> None:
        """Begin new episodes from the game's start."""
        start = start_fleets(self.game, self._n, self._runs, rng)
        self._population: Population
        if isinstance(start, ContinuousFleets):
            self._population = ContinuousPopulation(self.game, self._pi_l, start)
        else:
            self._population = CountedPopulation(self.game, self._pi_l, start)
        self._dynamics, self._hearing = rng.spawn(2)
        if self._filter is not None:
            self._filter.reset(self._runs)
        self._hear()

    def step(self, a_g: IntArray) -> FloatArray:
        """Let the coordinators act [R] and everybody move; returns the team rewards of the tick [R].

        Raises:
            AltmarlError: an action is out of range.
        """
        check_actions("a_g", a_g, self.game.n_global_actions)
        rewards = self._population.step(a_g, self._dynamics)
        self._hear()
        return rewards

    @property
    def global_state(self) -> IntArray:
        """The global states [R]."""
        return self._population.s_g

    @property
    def hidden_state(self) -> IntArray | None:
        """The hidden states [R], which no observation tells; None in a game without one."""
        return self._population.d

    @property
    def held(self) -> IntArray:
        """The robots that were held back at full places in the last tick [R]."""
        return self._population.held

    def _hear(self) -> None:
        self.reports = self._population.poll(self._k, 1.0, self._hearing)
        if self._filter is not None:
            self.learned_action = self._filter.decide(self.global_state, self.reports, self._n)
            self.estimate = self._filter.joint if isinstance(self._filter, SwitchingFilter) else self._filter.estimate
