"""Puts together how robots at work move and change: what the builders for work have in common.

A robot has a place x and a condition c, such as loaded, or loaded with half a battery; its local state is x C + c. In a tick it
first moves: by the action a_l, at s_g, it gets to the next place on its way to `goals[s_g, c, a_l]`, or ends the tick where it
began it. Then its condition changes: by `moved[c, c']` if it got to another place, else by `standing[x, c, c']`, the only part
that depends on the regime (d, s_g).
"""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.kernels import GlobalKernel, LocalKernel
from altmarl_ros.games.layouts import Layout
from altmarl_ros.games.rows import IntArray, Rows
from altmarl_ros.games.tabular import MAX_STATES

STAY = -1
"""The goal of a robot that does not go anywhere."""

_MOST_ENTRIES = 1 << 26  # of all kernels; they take 1 GiB


class RobotMoves:
    """Where robots go, by their actions.

    Attributes:
        next_place: the place that a robot is at if it gets on [s_g, a_l, place, condition].
        leaves: the probability that it gets there [s_g, a_l, place, condition].
    """

    def __init__(self, layout: Layout, goals: IntArray) -> None:
        """Look up the ways to `goals` [s_g, condition, a_l], targets of the layout or STAY."""
        goal = np.moveaxis(goals, 2, 1)[:, :, None, :]  # [s_g, a_l, 1, condition]
        place = np.arange(len(layout.places))[:, None]
        self.next_place: IntArray = np.where(goal == STAY, place, layout.step[place, goal])
        self.leaves: FloatArray = np.where(goal == STAY, 0.0, layout.chance[place, goal])

    def kernel(
        self, moved: FloatArray, standing: Callable[[int, int], FloatArray], hidden_states: int, *, feels_stop: bool = True
    ) -> LocalKernel:
        """The movement of robots over the regimes d * S_g + s_g.

        Args:
            moved: change of the condition of robots that got to another place [c, c'].
            standing: (d, s_g) -> change of the condition of robots that did not [place, c, c'].
            hidden_states: D.
            feels_stop: whether anything depends on s_g; False makes one kind of movement for each d.

        Raises:
            GameError: the kernels are too large.
        """
        S_g, A_l, X, C = self.leaves.shape
        stops = S_g if feels_stop else 1
        check_size(X * C, entries=hidden_states * stops * A_l * X * C * 2 * C)
        kinds = [
            [self._rows(s_g, a_l, moved, standing(d, s_g)) for a_l in range(A_l)]
            for d in range(hidden_states)
            for s_g in range(stops)
        ]
        moves_at = np.arange(hidden_states * S_g) // (S_g // stops)
        return LocalKernel.from_moves(kinds, moves_at)

    def _rows(self, s_g: int, a_l: int, moved: FloatArray, standing: FloatArray) -> Rows:
        leaves, next_place = self.leaves[s_g, a_l], self.next_place[s_g, a_l]
        X, C = leaves.shape
        state = np.arange(X * C).reshape(X, C, 1)
        after = np.arange(C)
        entries = [
            (next_place[:, :, None] * C + after, leaves[:, :, None] * moved),
            (np.arange(X)[:, None, None] * C + after, (1.0 - leaves)[:, :, None] * standing),
        ]
        rows = np.tile(np.broadcast_to(state, (X, C, C)).ravel(), 2)
        columns = np.concatenate([np.broadcast_to(column, (X, C, C)).ravel() for column, _ in entries])
        return Rows.from_entries(rows, columns, np.concatenate([value.ravel() for _, value in entries]), (X * C, X * C))

    def rewards(self, gain: FloatArray, move_cost: float) -> FloatArray:
        """Local rewards [s_l, s_g, a_l]: `gain` [s_g, place, condition] where a robot ends the tick where it began it.

        Every action but the first, which is to stay, costs `move_cost`.
        """
        S_g, A_l, X, C = self.leaves.shape
        earned = (1.0 - self.leaves) * gain[:, None]
        earned -= move_cost * (np.arange(A_l) > 0)[None, :, None, None]
        return np.ascontiguousarray(earned.transpose(2, 3, 0, 1).reshape(X * C, S_g, A_l))


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


def state_names(places: Sequence[str], conditions: Sequence[str]) -> tuple[str, ...]:
    """Names of the local states, such as `dock` and `dock loaded`; the first condition may have no name."""
    return tuple(f"{place} {condition}".strip() for place in places for condition in conditions)


def vehicle_kernel(travel: FloatArray) -> GlobalKernel:
    """A vehicle that is sent to a stop, and gets there with the probability travel[s_g, a_g], else stays where it was."""
    stops = len(travel)
    here, wanted = (each.ravel() for each in np.indices((stops, stops)))
    row, arrives = np.arange(stops * stops), np.where(here == wanted, 1.0, travel[here, wanted])
    rows = Rows.from_entries(
        np.tile(row, 2),
        np.concatenate([wanted, here]),
        np.concatenate([arrives, 1.0 - arrives]),
        (stops * stops, stops),
    )
    return GlobalKernel(rows, stops)


def wandering(hidden_states: int, change: float) -> FloatArray:
    """P_d of a hidden state that changes with a probability per tick, to each other one alike [d, d']."""
    P_d = np.full((hidden_states, hidden_states), change / max(1, hidden_states - 1))
    np.fill_diagonal(P_d, 1.0 - change)
    return P_d
