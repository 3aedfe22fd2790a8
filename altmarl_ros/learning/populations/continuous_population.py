"""Simulates a population of robots on continuous states, robot by robot.

Policies are looked up by the cell in which a position lies, and a report is the index of a cell. States, transitions and
rewards are those of the continuous game (games/continuous.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games import TabularGame
from altmarl_ros.games.grid import Grid
from altmarl_ros.observation import Counts, kept_robots
from altmarl_ros.policies import LocalPolicy


@dataclass(frozen=True, eq=False)
class ContinuousFleets:
    """The states of R fleets as positions: s_g [R] and s_l [R, n]."""

    s_g: FloatArray
    s_l: FloatArray

    @property
    def n(self) -> int:
        """The number of robots per fleet."""
        return int(self.s_l.shape[1])


class ContinuousPopulation:
    """A Population (see learning/populations/population.py) of R fleets of n robots on continuous states."""

    d = None

    def __init__(
        self,
        game: TabularGame,
        pi_l: LocalPolicy | Sequence[LocalPolicy],
        start: ContinuousFleets,
        kind: NDArray[np.int64] | None = None,
    ) -> None:
        """Let robots play pi_l, or that one of several policies whose index `kind` [R, n] gives."""
        if game.continuous is None:
            raise GameError(f"game {game.name!r} has no continuous states to play on")
        self._game = game.continuous
        self._of_g = Grid(self._game.half_width, game.n_global_states)
        self._of_l = Grid(self._game.half_width, game.n_local_states)
        policies = [pi_l] if isinstance(pi_l, LocalPolicy) else pi_l
        # Cumulative probabilities of the actions [kind, s_l, s_g, a_l].
        self._chance = np.cumsum([policy.probabilities for policy in policies], axis=3)[..., :-1]
        self._kind = np.zeros(1, dtype=np.int64) if kind is None else kind
        self._s_g, self._s_l = start.s_g, start.s_l
        self._polled = np.zeros((len(start.s_l), 0), dtype=np.int64)  # robots that stay in the subset [R, kept]
        self.held: NDArray[np.int64] = np.zeros(len(start.s_l), dtype=np.int64)  # such games have room everywhere
        self._locate()

    @property
    def s_g(self) -> NDArray[np.int64]:
        """The cells of the global states [R]."""
        return self._cell_g

    @property
    def counts(self) -> Counts:
        """The number of robots per cell [R, S_l]."""
        return self._count(self._cell_l)

    def poll(self, k: int, turnover: float, rng: np.random.Generator) -> Counts:
        """See Population."""
        runs, n = self._s_l.shape
        if k >= n:
            return self.counts
        keys = rng.random((runs, n))
        np.put_along_axis(keys, self._polled, -1.0, axis=1)  # robots that stay in the subset come first
        polled = np.argpartition(keys, min(k, n - 1), axis=1)[:, :k]
        self._polled = rng.permuted(polled, axis=1)[:, : kept_robots(k, turnover)]
        return self._count(np.take_along_axis(self._cell_l, polled, axis=1))

    def step(self, a_g: NDArray[np.int64], rng: np.random.Generator) -> FloatArray:
        """See Population."""
        game, s_g = self._game, self._s_g
        u = rng.random(self._s_l.shape)
        a_l = np.zeros(self._s_l.shape, dtype=np.int64)
        for chance in np.moveaxis(self._chance, 3, 0):
            a_l += u >= chance[self._kind, self._cell_l, self._cell_g[:, None]]
        reward = game.r_g(s_g, a_g) + game.r_l(self._s_l, s_g[:, None], a_l).mean(axis=1)
        self._s_l = game.clip(game.mean_s_l(self._s_l, a_l) + game.sigma_l * rng.standard_normal(self._s_l.shape, np.float32))
        self._s_g = game.clip(game.mean_s_g(s_g, a_g) + game.sigma_g * rng.standard_normal(len(s_g)))
        self._locate()
        return np.asarray(reward)

    def _locate(self) -> None:
        self._cell_g, self._cell_l = self._of_g.cell_of(self._s_g), self._of_l.cell_of(self._s_l)

    def _count(self, cells: NDArray[np.int64]) -> Counts:
        runs, L = len(cells), self._of_l.cells
        first = L * np.arange(runs)[:, None]
        return np.asarray(np.bincount((first + cells).ravel(), minlength=runs * L).reshape(runs, L))
