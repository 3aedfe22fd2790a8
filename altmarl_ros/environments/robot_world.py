"""Simulates one fleet robot by robot, where each robot's action comes from outside."""

from __future__ import annotations

import numpy as np

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.games import TabularGame
from altmarl_ros.games.holding import held_back
from altmarl_ros.learning.populations.motion import draw_from_rows
from altmarl_ros.learning.populations.population import Fleets, next_global_states, start_fleets


class RobotWorld:
    """The states of one fleet; `reset` comes first.

    Attributes:
        s_g: the global state [1].
        s_l: the local state of every robot [n].
        d: the hidden state [1]; None in a game without one.
        held: whether each robot was held back at a full place in the last tick [n].
    """

    def __init__(self, game: TabularGame, n: int) -> None:
        hidden = game.hidden
        self._game, self._n = game, n
        self._kernel = game.local_kernel if hidden is None else hidden.local_kernel
        self._r_l = game.r_l if hidden is None else hidden.r_l

    def reset(self, rng: np.random.Generator) -> None:
        """Draw the first states from the game's start; each type of robots has its share of them."""
        start = start_fleets(self._game, self._n, 1, rng)
        assert isinstance(start, Fleets), "robots on continuous states have no tables to move by"
        self.s_g, self.d = start.s_g, start.d
        states = np.repeat(np.arange(self._game.n_local_states), start.counts[0])
        for robot_type in np.unique(states // self._game.n_places):  # robots of one type have successive numbers
            here = states // self._game.n_places == robot_type
            states[here] = rng.permutation(states[here])
        self.s_l: IntArray = states.astype(np.int64)
        self.held = np.zeros(self._n, dtype=np.bool_)

    def step(self, a_g: int, a_l: IntArray, rng: np.random.Generator) -> tuple[float, FloatArray]:
        """Move everybody by a_g and the robots' actions [n]; returns r_g and every robot's r_l [n]."""
        game, before = self._game, self.s_l
        regime = self.s_g if game.hidden is None or self.d is None else game.hidden.regimes(self.d, self.s_g)
        r_g, r_l = float(game.r_g[self.s_g[0], a_g]), self._r_l[before, regime[0], a_l]
        row = (self._kernel.moves_at[regime[0]] * self._kernel.n_actions + a_l) * game.n_local_states + before
        wanted = draw_from_rows(self._kernel.rows, row, rng.random(self._n))
        if game.room is not None:
            place = game.room.places.of
            self.held = held_back(place[before], place[wanted], rng.random(self._n), game.room.limits(self._n))
            wanted = np.where(self.held, before, wanted)
        self.s_l = wanted
        self.s_g = next_global_states(game, self.s_g, np.array([a_g], dtype=np.int64), rng)
        if game.hidden is not None and self.d is not None:
            self.d = game.hidden.draw_next(self.d, rng)
        return r_g, r_l

    def counts(self, robots: IntArray) -> IntArray:
        """How many of some robots are in each local state [S_l]."""
        return np.bincount(self.s_l[robots], minlength=self._game.n_local_states).astype(np.int64)
