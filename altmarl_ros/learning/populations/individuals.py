"""Simulates fleets whose robots differ: robot i has its own kernel P_i (see `robot_kernels`).

The mean kernel is P_l at every spread, so that one pair of policies, learned for P_l, can be played at all of them.
Counts do not describe such a fleet completely. So every robot is moved by itself, at a cost of O(n) per tick. In a game with a
hidden state a robot has a kernel of its own in every regime (d, s_g).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games import TabularGame
from altmarl_ros.games.holding import held_back
from altmarl_ros.games.room import Room
from altmarl_ros.learning.populations.population import Fleets, next_global_states
from altmarl_ros.learning.populations.robot_kernels import RobotKernels
from altmarl_ros.observation import Counts, draw_without_replacement, kept_robots


class Individuals:
    """A Population (see `population`) of robots that each have their own kernel; the same n robots play every run.

    Args:
        game: the game whose P_l the kernels replace.
        policies: pi_l [1, s_l, s_g, a_l] if all robots share it, or one policy per robot [i, s_l, s_g, a_l].
        kernels: P_i of every robot.
        start: counts of the first states; which robot starts in which state is drawn.
        rng: the generator of that draw.
    """

    def __init__(
        self,
        game: TabularGame,
        policies: FloatArray,
        kernels: RobotKernels,
        start: Fleets,
        rng: np.random.Generator,
    ) -> None:
        game.check_alike("playing with kernels of their own")
        self._game = game
        self.s_g, self.counts, self.d = start.s_g, start.counts, start.d
        zones = np.arange(game.n_local_states)
        self.states = rng.permuted(np.array([np.repeat(zones, row) for row in start.counts]), axis=1)  # [R, i]
        self._kept = np.empty((len(start.counts), 0), dtype=np.int64)  # robots that stay polled [R, some]
        self._pi = np.cumsum(policies, axis=-1)
        self._moves = kernels.mean.indptr, kernels.mean.indices, kernels.cumulative
        self._r_l = np.ascontiguousarray(game.r_l if game.hidden is None else game.hidden.r_l)
        self.held: NDArray[np.int64] = np.zeros(len(start.counts), dtype=np.int64)

    def poll(self, k: int, turnover: float, rng: np.random.Generator) -> Counts:
        """See Population."""
        k = min(k, self.states.shape[1])
        stay = min(k, kept_robots(k, turnover))
        if stay == 0 and self._kept.shape[1] == 0:  # only the counts matter, not which robots report
            return draw_without_replacement(self.counts, k, rng)
        order = rng.random(self.states.shape)
        np.put_along_axis(order, self._kept, -1.0, axis=1)
        heard = np.argsort(order, axis=1)[:, :k]
        self._kept = rng.permuted(heard, axis=1)[:, :stay]
        return _counts(np.take_along_axis(self.states, heard, axis=1), self.counts.shape[1])

    def step(self, a_g: NDArray[np.int64], rng: np.random.Generator) -> FloatArray:
        """See Population."""
        rewards = np.zeros(len(self.states))
        u = rng.random((*self.states.shape, 2))
        before, hidden = self.states.copy(), self._game.hidden
        regime = self.s_g if hidden is None or self.d is None else hidden.regimes(self.d, self.s_g)
        _move(self.states, (self.s_g, regime), u, (self._pi, self._moves, self._r_l), rewards)
        if self._game.room is not None:
            self._hold_back(self._game.room, before, rng.random(self.states.shape))
        self.counts = _counts(self.states, self.counts.shape[1])
        rewards = self._game.r_g[self.s_g, a_g] + rewards / self.states.shape[1]
        self.s_g = next_global_states(self._game, self.s_g, a_g, rng)
        if hidden is not None and self.d is not None:
            self.d = hidden.draw_next(self.d, rng)
        return np.asarray(rewards)

    def _hold_back(self, room: Room, before: NDArray[np.int64], priority: FloatArray) -> None:
        place, limits = room.places.of, room.limits(self.states.shape[1])
        for r, (was, wanted) in enumerate(zip(before, self.states, strict=True)):
            held = held_back(place[was], place[wanted], priority[r], limits)
            wanted[held] = was[held]
            self.held[r] = held.sum()


def _counts(states: NDArray[np.int64], L: int) -> Counts:
    return np.stack([(states == j).sum(axis=1) for j in range(L)], axis=1)


@njit(nogil=True, cache=True)
def _move(states, seen, u, tables, rewards):  # type: ignore[no-untyped-def]
    """Move every robot by inverse transform sampling, in place, and add the local rewards to `rewards` [R].

    states [R, i]; seen = (s_g, regime), [R] each, of which policies know the first; u [R, i, 2] uniform; tables =
    (pi [1 or i, s_l, s_g, a_l], rows (s_l, regime, a_l) of P [i, entries], both cumulative, r_l [s_l, regime, a_l]).
    """
    pi, (start, column, P), r_l = tables
    S_l, regimes, A_l = r_l.shape
    for r in range(states.shape[0]):
        g, at = seen[0][r], seen[1][r]
        for i in range(states.shape[1]):
            s = states[r, i]
            own = i if pi.shape[0] > 1 else 0
            a = 0
            while a < A_l - 1 and u[r, i, 0] >= pi[own, s, g, a]:
                a += 1
            row = (s * regimes + at) * A_l + a
            e = start[row]
            while e < start[row + 1] and u[r, i, 1] >= P[i, e]:
                e += 1
            rewards[r] += r_l[s, at, a]
            states[r, i] = column[e] if e < start[row + 1] else S_l - 1
