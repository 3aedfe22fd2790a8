"""Moves the robots of many fleets, as counts by state, and holds back those that would enter a full place.

Robots draw where they want to go as in `motion`; which of those are held back is drawn by the rule of games/holding.py, with
random streams of its own. So a fleet that is never held back moves number for number as it would without room.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games import TabularGame
from altmarl_ros.games.holding import hold_back
from altmarl_ros.games.room import Room
from altmarl_ros.learning.populations.motion import Motion, binomial
from altmarl_ros.observation import Counts
from altmarl_ros.policies import LocalPolicy


class RoomMotion:
    """Moves the robots of many fleets by pi_l and P_l as far as there is room.

    Attributes:
        held: robots of each fleet that were held back in the last tick [R].
    """

    def __init__(self, game: TabularGame, room: Room, pi_l: LocalPolicy, *, n: int, fleets: int, rng: np.random.Generator):
        """Prepare for fleets of n robots; see `Motion`."""
        self._motion = Motion(game, pi_l, fleets, rng)
        self._places, self._limits = room.places.of, room.limits(n)
        self._streams = rng.spawn(len(self._motion.blocks))
        self._most_moves = min(n, 2 * len(game.local_kernel.rows.indices))  # of the robots that stay polled and of the others
        self.held: NDArray[np.int64] = np.zeros(fleets, dtype=np.int64)

    def __call__(self, groups: Counts, s_g: Counts) -> tuple[Counts, FloatArray]:
        """See `Motion`."""
        motion = self._motion
        following, rewards, held = np.zeros_like(groups), np.zeros(len(groups)), np.zeros(len(groups), dtype=np.int64)
        room = self._places, self._limits

        def work(block: tuple[slice, np.random.Generator, np.random.Generator]) -> None:
            runs, moving, holding = block
            moves = np.empty((3, self._most_moves), dtype=np.int64)  # who wants to go where: from, to, how many
            results = moves, following[runs], rewards[runs], held[runs]
            _tick(moving, holding, (groups[runs], s_g[runs]), (motion.tables, room), results)

        motion.workers.map(work, zip(motion.blocks, motion.streams, self._streams, strict=True))
        self.held = held
        return following, rewards


@njit(nogil=True, cache=True)
def _tick(moving: Any, holding: Any, fleets: Any, tables: Any, results: Any) -> None:
    groups, s_g = fleets
    motion, (places, limits) = tables
    moves, following, rewards, held = results
    for r in range(len(groups)):
        size = _draw_moves(moving, groups[r], s_g[r], motion, (moves, rewards[r : r + 1]))
        held[r] = _settle(holding, moves[:, :size], (places, limits), following[r])


@njit(nogil=True, cache=True)
def _draw_moves(rng: Any, groups: Any, g: Any, tables: Any, results: Any) -> Any:
    """Write who wants to go where, by state and group, and return the number of entries; see motion._tick."""
    act, (start, column, share, moves_at), reward = tables
    moves, rewards = results
    (G, L), A, size = groups.shape, act.shape[2], 0
    for w in range(G):
        for j in range(L):
            idle = groups[w, j]
            for a in range(A):
                if idle == 0:
                    break
                acting = binomial(rng, idle, act[g, j, a])
                idle -= acting
                rewards[0] += acting * reward[g, j, a]
                row = (moves_at[g] * A + a) * L + j
                for e in range(start[row], start[row + 1]):
                    if acting == 0:
                        break
                    arriving = binomial(rng, acting, share[e])
                    acting -= arriving
                    if arriving > 0:
                        moves[0, size], moves[1, size], moves[2, size] = w * L + j, w * L + column[e], arriving
                        size += 1
    return size


@njit(nogil=True, cache=True)
def _settle(rng: Any, moves: Any, room: Any, following: Any) -> Any:
    """Write where robots are after the tick [groups, S_l], and return how many were held back."""
    L, held = following.shape[1], np.zeros(moves.shape[1], dtype=np.int64)
    total = _hold(rng, moves, room, held)
    for m in range(moves.shape[1]):
        origin, wanted = moves[0, m], moves[1, m]
        following[wanted // L, wanted % L] += moves[2, m] - held[m]
        following[origin // L, origin % L] += held[m]
    return total


@njit(nogil=True, cache=True)
def _hold(rng: Any, moves: Any, room: Any, held: Any) -> Any:
    """Write how many robots of each entry of moves (from, to, how many) are held back, and return how many in all."""
    places, limits = room
    L = len(places)
    staying, count, movers = np.zeros(len(limits), dtype=np.int64), np.zeros(len(limits), dtype=np.int64), 0
    for m in range(moves.shape[1]):
        origin, wanted, robots = places[moves[0, m] % L], places[moves[1, m] % L], moves[2, m]
        count[wanted] += robots
        if origin == wanted:
            staying[wanted] += robots
        else:
            movers += robots
    if (count <= limits).all():
        return 0
    entry, robot = np.empty(movers, dtype=np.int64), 0
    origins, targets = np.empty(movers, dtype=np.int64), np.empty(movers, dtype=np.int64)
    for m in range(moves.shape[1]):
        if places[moves[0, m] % L] != places[moves[1, m] % L]:
            for _ in range(moves[2, m]):
                entry[robot], origins[robot], targets[robot] = m, places[moves[0, m] % L], places[moves[1, m] % L]
                robot += 1
    priority, back = np.empty(movers), np.zeros(movers, dtype=np.bool_)
    for i in range(movers):
        priority[i] = rng.random()
    hold_back(origins, targets, priority, (limits, staying), back)
    for one in np.flatnonzero(back):
        held[entry[one]] += 1
    return back.sum()


def held_of_moves(moves: Counts, robots: Counts, room: Room, n: int, rng: np.random.Generator) -> Counts:
    """Draw how many robots of each move (from, to) [2, entries] of many fleets are held back [R, entries].

    `robots` are how many of each fleet want to move so, or stay [R, entries]; n robots are there in all.
    """
    held = np.zeros_like(robots)
    _hold_all(rng, (moves, robots), (room.places.of, room.limits(n)), held)
    return held


@njit(nogil=True, cache=True)
def _hold_all(rng: Any, wanted: Any, room: Any, held: Any) -> None:
    moves, robots = wanted
    each = np.empty((3, moves.shape[1]), dtype=np.int64)
    each[:2] = moves
    for r in range(len(robots)):
        each[2] = robots[r]
        _hold(rng, each, room, held[r])
