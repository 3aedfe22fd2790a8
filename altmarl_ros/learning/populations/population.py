"""Simulates a population of robots by its counts.

Robots are exchangeable, so a population is described by N_j, the number of robots in local state j. One tick is

    D        ~ multinomial(N_j, pi_l(. | j, s_g))            robots of state j by action
    M        ~ multinomial(D_ja, P_l(. | j, s_g, a))         and by next state
    s_g'     ~ P_g(. | s_g, a_g)

These are O(S_l A_l) draws for every n, and they are exact in distribution. R fleets are simulated side by side. Games with
continuous states are played robot by robot instead (learning/populations/continuous_population.py). Where places have room for
some robots only, those that would enter a full one stay where they were (learning/populations/room_motion.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import RobotTypes, TabularGame
from altmarl_ros.learning.populations.continuous_population import ContinuousFleets, ContinuousPopulation
from altmarl_ros.learning.populations.motion import Motion, draw_from_rows, draw_subset
from altmarl_ros.learning.populations.occupancy import Occupancy, OccupancySum
from altmarl_ros.learning.populations.room_motion import RoomMotion
from altmarl_ros.observation import Counts, ObservationModel, SwitchingFilter, allocated, kept_robots
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.counts import by_group

_LARGE = 200_000  # entries of r_l


@dataclass(frozen=True, eq=False)
class Fleets:
    """The states of R fleets: s_g [R], the number of robots per local state [R, S_l], and the hidden state [R], if any."""

    s_g: NDArray[np.int64]
    counts: Counts
    d: NDArray[np.int64] | None = None

    @property
    def n(self) -> int:
        """The number of robots per fleet."""
        return int(self.counts[0].sum())


@dataclass(frozen=True, eq=False)
class Rollouts:
    """R simulated episodes of T ticks.

    Attributes:
        rewards: team reward r(t) [R, T].
        returns: discounted sums of rewards [R].
        mode_hits: share of ticks in which the global action was the index of the most populated local state or group [R];
            it means something if global actions name local states or groups.
        visits: discounted weight of (s_g, s_l, a_g), summed over robots and runs; with a hidden state that of
            (s_g, d * S_l + s_l, a_g).
        hidden: the hidden state by run and tick [R, T], if the game has one.
        held: share of robot-ticks in which a robot was held back at a full place [R]; 0 where there is room everywhere.
        turns: share of ticks at which the coordinator took another action than at the tick before [R].
        end: the fleets after the last tick; None where they cannot be described by counts.
    """

    rewards: FloatArray
    returns: FloatArray
    mode_hits: FloatArray
    visits: Occupancy
    hidden: NDArray[np.int64] | None = None
    held: FloatArray = field(default_factory=lambda: np.zeros(1))
    turns: FloatArray = field(default_factory=lambda: np.zeros(1))
    end: Fleets | None = None

    @property
    def occupancy(self) -> FloatArray:
        """The visits as a dense array [S_g, S_l, A_g], for small games."""
        return self.visits.dense

    @property
    def value(self) -> float:
        """The mean discounted return."""
        return float(self.returns.mean())

    @property
    def standard_error(self) -> float:
        """The standard error of `value`; infinite for a single run."""
        runs = len(self.returns)
        return float(self.returns.std(ddof=1) / np.sqrt(runs)) if runs > 1 else float("inf")


class Population(Protocol):
    """R simulated fleets of n robots that play a game."""

    @property
    def s_g(self) -> NDArray[np.int64]:
        """The global states as policies see them [R]."""

    @property
    def counts(self) -> Counts:
        """The number of robots per local state [R, S_l]."""

    @property
    def d(self) -> NDArray[np.int64] | None:
        """The hidden states [R], in a game that has one."""

    @property
    def held(self) -> NDArray[np.int64]:
        """The number of robots that were held back at full places in the last tick [R]."""

    def poll(self, k: int, turnover: float, rng: np.random.Generator) -> Counts:
        """Draw the reports of a uniform k-subset, or of all robots for k >= n, as counts [R, S_l].

        Robots that have types are drawn by type. At the next poll the share `turnover` of the subset is replaced.
        """

    def step(self, a_g: NDArray[np.int64], rng: np.random.Generator) -> FloatArray:
        """Return the team rewards of this tick [R] under global actions [R], and move s_g and all robots.

        All ticks of an episode must use the same rng.
        """


def simulations_at_once(game: TabularGame) -> int:
    """How many simulations of a game may run side by side: 1 for a large one, 0 for as many as there are cores.

    Each holds several tables [S_g, S_l, A_l], and the loops of a large game work on all cores by themselves.
    """
    return int(game.r_l.size > _LARGE)


def start_fleets(game: TabularGame, n: int, runs: int, rng: np.random.Generator) -> Fleets | ContinuousFleets:
    """Draw the first states of `runs` fleets of n robots from the game's start distribution."""
    if game.continuous is not None:
        return ContinuousFleets(*game.continuous.start(n, runs, rng))
    s_g = rng.choice(game.n_global_states, size=runs, p=game.initial.rho_g)
    counts = game.initial.draw_counts(n, runs, rng)
    return Fleets(s_g.astype(np.int64), counts, None if game.hidden is None else game.hidden.draw_first(runs, rng))


def simulate(
    game: TabularGame,
    pi_l: LocalPolicy,
    model: ObservationModel,
    *,
    k: int,
    start: Fleets | ContinuousFleets,
    horizon: int,
    rng: np.random.Generator,
) -> Rollouts:
    """Simulate `horizon` ticks from `start`; the coordinator hears k robots per tick, or all for k >= n, through `model`."""
    population: Population
    if isinstance(start, ContinuousFleets):
        population = ContinuousPopulation(game, pi_l, start)
    else:
        population = CountedPopulation(game, pi_l, start)
    return play(game, population, model, k=k, horizon=horizon, rng=rng)


def play(
    game: TabularGame,
    population: Population,
    model: ObservationModel,
    *,
    k: int,
    horizon: int,
    rng: np.random.Generator,
) -> Rollouts:
    """Simulate `horizon` ticks like `simulate`, but with a population of any kind."""
    dynamics, hearing = rng.spawn(2)  # separate streams, so that the draws of the model do not shift the dynamics
    runs, n = len(population.s_g), int(population.counts[0].sum())
    rewards = np.empty((runs, horizon))
    hits, held, turns, last = np.zeros(runs), np.zeros(runs), np.zeros(runs), None
    D, S_l = game.n_hidden_states, game.n_local_states
    visits = OccupancySum((game.n_global_states, D * S_l, game.n_global_actions))
    hidden = None if game.hidden is None else np.empty((runs, horizon), dtype=np.int64)
    model.reset(runs)
    for t in range(horizon):
        s_g, N, d = population.s_g, population.counts, population.d
        weight = game.gamma**t * N / n
        if hidden is not None:
            assert d is not None
            hidden[:, t] = d
            weight = (np.eye(D)[d][:, :, None] * weight[:, None]).reshape(runs, -1)
            if isinstance(model, SwitchingFilter) and model.told:
                model.tell(d)
        a_g = model.decide(s_g, population.poll(k, model.turnover, hearing), n)
        hits += a_g == by_group(N, game.groups).argmax(axis=1)
        visits.add(s_g, a_g, weight)
        rewards[:, t] = population.step(a_g, dynamics)
        held += population.held
        turns += 0 if last is None else a_g != last
        last = a_g
    returns = rewards @ game.gamma ** np.arange(horizon)
    end = None if game.continuous is not None else Fleets(population.s_g, population.counts, population.d)
    return Rollouts(
        rewards,
        returns,
        hits / horizon,
        visits.result(),
        hidden=hidden,
        held=held / (n * horizon),
        turns=turns / max(1, horizon - 1),
        end=end,
    )


class CountedPopulation:
    """A Population of R fleets that are simulated by their counts."""

    def __init__(self, game: TabularGame, pi_l: LocalPolicy, start: Fleets) -> None:
        self._game, self._pi_l = game, pi_l
        self.s_g, self.counts, self.d = start.s_g, start.counts, start.d
        self._n = int(start.counts[0].sum())
        self._kept = np.zeros_like(self.counts)  # polled robots that stay in the subset
        self.held: NDArray[np.int64] = np.zeros(len(start.s_g), dtype=np.int64)
        self._motion: Motion | RoomMotion | None = None

    def poll(self, k: int, turnover: float, rng: np.random.Generator) -> Counts:
        """See Population."""
        if self._game.types is not None:
            return self._poll_by_type(self._game.types, k, rng)
        reports: Counts = self._kept + draw_subset(self.counts - self._kept, k - self._kept.sum(axis=1), rng)
        self._kept = draw_subset(reports, np.full(len(reports), kept_robots(k, turnover)), rng)
        return reports

    def _poll_by_type(self, types: RobotTypes, k: int, rng: np.random.Generator) -> Counts:
        runs = len(self.counts)
        numbers = np.asarray(types.by_type(self.counts[0]))  # the same in all fleets
        wanted = allocated(min(k, self._n), numbers, rng.integers(self._n, size=runs))
        return np.hstack([draw_subset(self.counts[:, types.block(t)], wanted[:, t], rng) for t in range(len(types))])

    def step(self, a_g: NDArray[np.int64], rng: np.random.Generator) -> FloatArray:
        """See Population."""
        if self._motion is None:
            # The robots have their own streams: in a paired comparison their draws must not shift those of s_g.
            self._motion = self._make_motion(rng)
        hidden = self._game.hidden
        regime = self.s_g if hidden is None or self.d is None else hidden.regimes(self.d, self.s_g)
        groups, local_rewards = self._motion(np.stack([self.counts - self._kept, self._kept], axis=1), regime)
        rewards = self._game.r_g[self.s_g, a_g] + local_rewards / self._n
        self.counts, self._kept = groups.sum(axis=1), groups[:, 1]
        self.s_g = next_global_states(self._game, self.s_g, a_g, rng)
        if hidden is not None and self.d is not None:
            self.d = hidden.draw_next(self.d, rng)
        if isinstance(self._motion, RoomMotion):
            self.held = self._motion.held
        return np.asarray(rewards)

    def _make_motion(self, rng: np.random.Generator) -> Motion | RoomMotion:
        game, fleets = self._game, len(self.counts)
        if game.room is None:
            return Motion(game, self._pi_l, fleets, rng)
        return RoomMotion(game, game.room, self._pi_l, n=self._n, fleets=fleets, rng=rng)


def next_global_states(
    game: TabularGame,
    s_g: NDArray[np.int64],
    a_g: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw s_g' ~ P_g(. | s_g, a_g) [R], each by one uniform number."""
    return draw_from_rows(game.global_kernel.rows, s_g * game.n_global_actions + a_g, rng.random(len(s_g)))
