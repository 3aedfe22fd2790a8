"""L-LEARN where places have limited room, as a linear programme (Altman, Constrained Markov Decision Processes, 1999).

The variables are a representative robot's shares of time x(s_g, s_l, a_l), which sum to 1. With the coordinator's response
Pr(s_g' | s_g, s_l) and E[r_g | s_g, s_l] (module coordinator_response) the programme is

    maximise    sum x (r_l + E[r_g])  -  M sum z                                      the team's reward per tick
    such that   sum_a x(s_g', s_l', a) = (1 - gamma) mu(s_g', s_l') + gamma sum x Pr P_l       flow, for all (s_g', s_l')
                sum_{s_l in p, a} x(s_g, s_l, a) <= c_p sum_{s_l, a} x(s_g, s_l, a) + z(s_g, p)   room, for all (s_g, p)
                x, z >= 0

with c_p the share of the fleet for which place p has room. Robots are alike, so that x is also the expected share of the
fleet: given s_g, no more robots are expected in a place than fit. The distribution mu is one that robots are in from the start
on, such as that of a long run; without it the flow is that of an endless run (gamma = 1, mu dropped). z is 0 wherever the
motion of the robots lets them keep to the room; it is there so that the programme always has a solution, which says where they
cannot.

The dual variables of the rows of room are prices. A robot at place p and s_g pays price(s_g, p), and r_l minus the price tells
it what to do in states that x does not visit. One more slot at p adds 1/n to c_p, which is worth

    sum_{s_g} price(s_g, p) x(s_g) / n

of the team's reward a tick.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.games.room import Room
from altmarl_ros.games.sparse import Sparse
from altmarl_ros.learning.coordinator_response import Response
from altmarl_ros.learning.local_agent import best_local_response, greedy

_NEVER = 1e-7  # a successor of s_g less probable than this is left out of the programme
_OVERFLOW_PRICE = 100.0  # M, in spans of the reward
_NOTHING = 1e-9  # share of time that is rounding
_SECONDS = 120.0  # for one programme


@dataclass(frozen=True, eq=False)
class RoomSolution:
    """The solution of the programme.

    Attributes:
        x: share of time [S_g, S_l, A_l].
        reward: team reward per tick.
        price: by place, for a robot that is there [S_g, P]; by regime [D * S_g, P] in a game with a hidden state.
        overflow: share of the fleet by which a place is over its room, times the share of time at s_g or in the regime.
        Q: values of a robot that pays the prices [S_l, S_g, A_l].
        time: share of time at each s_g or in each regime.
        exact: whether it is the programme's solution, and not one near it that prices by dual ascent lead to.
    """

    x: FloatArray
    reward: float
    price: FloatArray
    overflow: FloatArray
    Q: FloatArray
    time: FloatArray
    exact: bool = True

    @property
    def probabilities(self) -> FloatArray:
        """The local policy pi_l of these shares of time [S_l, S_g, A_l]; greedy to Q in states that they leave out."""
        return policy_of(self.x, greedy(self.Q))

    def slot_value(self, n: int) -> FloatArray:
        """What one more slot for a fleet of n is worth, in team reward per tick, by place [P]."""
        return np.asarray(self.price.T @ self.time / n)


def policy_of(x: FloatArray, otherwise: FloatArray) -> FloatArray:
    """The local policy [S_l, S_g, A_l] of shares of time x [S_g, S_l, A_l]; `otherwise` in states that they leave out."""
    visits = x.sum(axis=2, keepdims=True)
    visited = visits > _NOTHING
    shares = np.where(visited, x / np.where(visited, visits, 1.0), otherwise.transpose(1, 0, 2))
    return np.ascontiguousarray((shares / shares.sum(axis=2, keepdims=True)).transpose(1, 0, 2))


def solve(
    game: TabularGame, response: Response, room: Room, n: int, *, start: FloatArray | None = None, share: float = 1.0
) -> RoomSolution:
    """Solve the programme for a fleet of n robots.

    Args:
        game: the game.
        response: of the coordinator.
        room: which need not be the game's.
        n: number of robots.
        start: the distribution mu, in any unit [S_g, S_l]; None: an endless run.
        share: of the room that may be used in the mean.

    Raises:
        AltmarlError: the solver found no solution in time.
    """
    from scipy.optimize import linprog  # takes a second to import

    S_g, S_l, A_l = game.n_global_states, game.n_local_states, game.n_local_actions
    gain = (game.r_l + response.reward.T[:, :, None]).transpose(1, 0, 2)  # [s_g, s_l, a_l]
    rows = _RoomRows.of(room, n, share, S_g)
    gamma = 1.0 if start is None else game.gamma
    flow = sparse.kron(sparse.eye_array(S_g * S_l), np.ones((1, A_l))) - gamma * moves_of(game, response).T
    source = np.zeros(S_g * S_l) if start is None else (1.0 - gamma) * (start / start.sum()).ravel()
    total = sparse.coo_array(np.ones((1, flow.shape[1])))
    blank = sparse.coo_array((flow.shape[0] + 1, rows.overflow.shape[1]))
    equalities = sparse.hstack([sparse.vstack([flow, total]), blank], format="csr")
    penalty = _OVERFLOW_PRICE * float(np.ptp(gain) + 1e-6 * np.abs(gain).max() + 1e-300)
    found = linprog(
        np.concatenate([-gain.ravel(), np.full(rows.overflow.shape[1], penalty)]),
        A_ub=sparse.hstack([sparse.kron(rows.used, np.ones((1, A_l))), rows.overflow], format="csr"),
        b_ub=np.zeros(rows.used.shape[0]),
        A_eq=equalities,
        b_eq=np.append(source, 1.0),
        method="highs",
        options={"time_limit": _SECONDS},
    )
    if found.x is None or found.status != 0:
        raise AltmarlError(f"the programme for the robots of game {game.name!r} has no solution: {found.message}")
    x = np.maximum(found.x[: S_g * S_l * A_l], 0.0).reshape(S_g, S_l, A_l)
    price = rows.spread(np.maximum(-found.ineqlin.marginals, 0.0))
    overflow = rows.spread(np.maximum(found.x[S_g * S_l * A_l :], 0.0))
    Q = priced_response(game, response, room, price, rows.capacity)
    return RoomSolution(x, float((x * gain).sum()), price, overflow, Q, x.sum(axis=(1, 2)))


def priced_response(game: TabularGame, response: Response, room: Room, price: FloatArray, capacity: FloatArray) -> FloatArray:
    """Values Q [S_l, S_g, A_l] of a robot that pays price [S_g, P] where it is, and is paid back for the room of every place.

    What it is paid back depends on s_g alone: capacity [P] is the share of the fleet that fits, above 1 without a limit.
    """
    refund = price @ np.minimum(capacity, 1.0)  # the price of a place without a limit is 0
    charged = replace(response, reward=response.reward + refund[:, None] - price[:, room.places.of])
    return best_local_response(game, charged)


def capacity_of(room: Room, n: int, share: float) -> FloatArray:
    """The share of a fleet of n that a part of the room holds, by place; 2 where there is no limit [P]."""
    limits = room.limits(n)
    return np.where(limits < n, share * limits / n, 2.0)


@dataclass(frozen=True, eq=False)
class _RoomRows:
    """The rows of room, of the places that have a limit, by (place, s_g).

    Attributes:
        used: sum_{s_l in p} x - c_p sum_{s_l} x, by row and (s_g, s_l).
        overflow: - z, by row and (place, s_g).
        limited: the places that have a limit.
        capacity: c_p of every place, above 1 where there is no limit [P].
    """

    used: Sparse
    overflow: Sparse
    limited: NDArray[np.intp]
    capacity: FloatArray
    n_global_states: int

    @classmethod
    def of(cls, room: Room, n: int, share: float, S_g: int) -> _RoomRows:
        capacity = capacity_of(room, n, share)
        limited = np.flatnonzero(capacity <= 1.0)
        inside = (room.places.of == limited[:, None]) - capacity[limited, None]  # [limited, s_l]
        used = sparse.csr_array(
            np.einsum("gh,pl->pghl", np.eye(S_g), inside).reshape(len(limited) * S_g, S_g * len(room.places.of))
        )
        return cls(used, -sparse.eye_array(len(limited) * S_g, format="csr"), limited, capacity, S_g)

    def spread(self, by_row: FloatArray) -> FloatArray:
        """Numbers of the rows as an array over all places [S_g, P]."""
        full = np.zeros((self.n_global_states, len(self.capacity)))
        full[:, self.limited] = by_row.reshape(len(self.limited), self.n_global_states).T
        return full


def moves_of(game: TabularGame, response: Response) -> Sparse:
    """Probabilities of (s_g', s_l') after (s_g, s_l, a_l), by what is not zero."""
    S_g, S_l, A_l = game.n_global_states, game.n_local_states, game.n_local_actions
    follow, rows = game.global_kernel.likely_successors, game.local_kernel.rows.likely
    probable = np.where(response.successor > _NEVER, response.successor, 0.0)
    probable /= probable.sum(axis=2, keepdims=True)
    s_l, a_l = (each.ravel() for each in np.indices((S_l, A_l)))
    parts = []
    for s_g in range(S_g):
        local = rows.chosen((game.local_kernel.moves_at[s_g] * A_l + a_l) * S_l + s_l)  # [(s_l, a_l), s_l']
        states = follow.indices[follow.indptr[s_g] : follow.indptr[s_g + 1]]
        row, successor = np.nonzero(probable[s_g, s_l, : len(states)])
        lengths = np.diff(local.indptr)[row]
        before = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        entry = np.arange(lengths.sum()) + np.repeat(local.indptr[row] - before, lengths)
        data = np.repeat(probable[s_g, s_l[row], successor], lengths) * local.data[entry]
        column = np.repeat(states[successor] * S_l, lengths) + local.indices[entry]
        parts.append(sparse.csr_array((data, (np.repeat(row, lengths), column)), shape=(S_l * A_l, S_g * S_l)))
    return sparse.csr_array(sparse.vstack(parts))
