"""Puts together how robots at work move and change: what the builders for work have in common.

A robot has a place x and a condition c, such as loaded, or loaded with half a battery; the pair is its local state. In a tick
it first moves: by the action a_l, at s_g, it gets to the next place on its way to `goals[s_g, c, a_l]`, or ends the tick where
it began it. Then its condition changes: by `moved[c, c']` if it got to another place, by `delayed[x, c, c']` if it did not, and
by `resting[x, c, c']` if it was not on its way anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.games.rows import IntArray, Rows
from altmarl_ros.games.tabular import MAX_STATES
from altmarl_ros.games.work.layouts import Layout

STAY = -1
"""The goal of a robot that does not go anywhere."""

_MOST_ENTRIES = 1 << 26  # of all kernels; they take 1 GiB


@dataclass(frozen=True, eq=False)
class Changes:
    """How the condition of robots changes in a regime.

    Attributes:
        moved: of those that got to another place [c, c'].
        delayed: of those that were on their way and ended the tick where they began it [place, c, c'].
        resting: of those that were not on their way [place, c, c'].
    """

    moved: FloatArray
    delayed: FloatArray
    resting: FloatArray


class RobotMoves:
    """Where robots go, by their actions.

    Attributes:
        goals: what robots head for [s_g, condition, a_l], targets of the layout or STAY.
        next_place: the place that a robot is at if it gets on [s_g, a_l, place, condition].
        leaves: the probability that it gets there [s_g, a_l, place, condition].
        possible: which conditions there are at which place [place, condition]; these pairs are the local states, in order.
        number: the local state of each pair [place, condition]; -1 where there is none.
    """

    def __init__(self, layout: Layout, goals: IntArray, possible: NDArray[np.bool_]) -> None:
        """Look up the ways to `goals` [s_g, condition, a_l]: targets of the layout or STAY."""
        goal = np.moveaxis(goals, 2, 1)[:, :, None, :]  # [s_g, a_l, 1, condition]
        place = np.arange(len(layout.places))[:, None]
        self.next_place: IntArray = np.where(goal == STAY, place, layout.step[place, goal])
        self.leaves: FloatArray = np.where(goal == STAY, 0.0, layout.chance[place, goal])
        self.goals, self.possible = goals, possible
        self.number: IntArray = np.where(possible, np.cumsum(possible).reshape(possible.shape) - 1, -1)

    def kernel(self, changes: Callable[[int, int], Changes], hidden_states: int, *, feels_stop: bool = True) -> LocalKernel:
        """The movement of robots over the regimes d * S_g + s_g.

        Args:
            changes: (d, s_g) -> how the condition of robots changes.
            hidden_states: D.
            feels_stop: whether anything depends on s_g; False makes one kind of movement for each d.

        Raises:
            GameError: the kernels are too large.
        """
        S_g, A_l, X, C = self.leaves.shape
        stops = S_g if feels_stop else 1
        check_size(X * C, entries=hidden_states * stops * A_l * X * C * 2 * C)
        kinds = []
        for d in range(hidden_states):
            for s_g in range(stops):
                regime = changes(d, s_g)
                kinds.append([self._rows(s_g, a_l, regime) for a_l in range(A_l)])
        return LocalKernel.from_moves(kinds, np.arange(hidden_states * S_g) // (S_g // stops))

    def _rows(self, s_g: int, a_l: int, changes: Changes) -> Rows:
        leaves, next_place = self.leaves[s_g, a_l][:, :, None], self.next_place[s_g, a_l]
        X, C = next_place.shape
        here, after = np.arange(X)[:, None, None], np.arange(C)
        stays = (1.0 - leaves) * np.where(leaves > 0.0, changes.delayed, changes.resting)
        states = int(self.possible.sum())
        before = np.broadcast_to(here * C + after[:, None], (X, C, C))
        number = self.number.ravel()  # by x C + c
        row = number[np.stack([before, before]).ravel()]
        column = number[np.stack(np.broadcast_arrays(next_place[:, :, None] * C + after, here * C + after)).ravel()]
        value = np.stack([leaves * changes.moved, stays]).ravel()
        occurs = (row >= 0) & (value != 0.0)
        return Rows.from_entries(row[occurs], column[occurs], value[occurs], (states, states))

    def rewards(self, gain: FloatArray, move_cost: float) -> FloatArray:
        """Local rewards [s_l, s_g, a_l]: `gain` [s_g, place, condition] where a robot ends the tick where it began it.

        Every action but the first, which is to stay, costs `move_cost`.
        """
        S_g, A_l, X, C = self.leaves.shape
        earned = (1.0 - self.leaves) * gain[:, None]
        earned -= move_cost * (np.arange(A_l) > 0)[None, :, None, None]
        return np.ascontiguousarray(earned.transpose(2, 3, 0, 1).reshape(X * C, S_g, A_l)[self.possible.ravel()])


def check_size(states: int, entries: int) -> None:
    """Refuse a game whose states cannot be numbered or whose kernels would not fit.

    Raises:
        GameError: with the numbers and the limit.
    """
    if states > MAX_STATES:
        raise GameError(f"a robot would have {states:,} states, may have {MAX_STATES:,}: make fewer phases or fewer zones")
    if entries > _MOST_ENTRIES:
        raise GameError(
            f"the kernels would have up to {entries:,} entries, may have {_MOST_ENTRIES:,}: make fewer phases, zones, "
            "hidden states or stops"
        )
