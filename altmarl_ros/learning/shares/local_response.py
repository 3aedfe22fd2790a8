"""L-LEARN by what is not zero: a robot's best policy against the response of the coordinator.

    Q(s_g, s_l, a) = r_l(s_l, s_g, a) + E[r_g | s_g, s_l]
                     + gamma sum_s' Pr(s' | s_g, s_l) sum_l' P_l(l' | s_l, s_g, a) max_b Q(s', l', b)

by modified policy iteration, until MacQueen's bounds are within a share of the scale of rewards.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.sparse import SparseGame
from altmarl_ros.learning.shares.response import Response
from altmarl_ros.policies.shares.process import SharesProcess

_TOLERANCE = 1e-8  # greatest loss of the policy's value, as a share of the scale
_EVALUATION_SWEEPS = 20
_MOST_IMPROVEMENTS = 10_000


def best_local_response(game: SparseGame, process: SharesProcess, response: Response) -> FloatArray:
    """Action values Q [s_l, s_g, a_l] of a robot; the greedy policy takes their first maximum.

    `process` gives the successors of every s_g, whatever local policy it is for.
    """
    S_l, S_g, A_l = game.r_l.shape
    rewards = np.ascontiguousarray((game.r_l + response.reward.T[:, :, None]).transpose(1, 0, 2))  # [s_g, s_l, a_l]
    scale = float(np.ptp(rewards)) / (1.0 - game.gamma)
    factor = game.gamma / (1.0 - game.gamma)
    rows = _stacked(game)
    successors = (process.arrays.successor_start, process.arrays.successor)
    V = rewards.max(axis=2)
    Q = np.empty((S_g, S_l, A_l))
    for _ in range(_MOST_IMPROVEMENTS):
        _action_values(*rows, *successors, response.successor, rewards, game.gamma, V, Q)
        change = Q.max(axis=2) - V
        V = Q.max(axis=2)
        low, high = float(change.min()), float(change.max())
        if factor * (high - low) <= _TOLERANCE * scale:
            break
        greedy = Q.argmax(axis=2)
        for _ in range(_EVALUATION_SWEEPS):
            following = np.empty_like(V)
            _policy_values(*rows, *successors, response.successor, rewards, game.gamma, greedy, V, following)
            V = following
    Q += factor * 0.5 * (low + high)
    return np.ascontiguousarray(Q.transpose(1, 0, 2))


def greedy(Q: FloatArray) -> FloatArray:
    """The policy [s_l, s_g, a_l] that takes the first best action of Q, up to rounding, whatever the unit of reward."""
    near = Q.max(axis=-1, keepdims=True) - 1e-10 * np.ptp(Q) <= Q
    return np.asarray(np.eye(Q.shape[-1])[near.argmax(axis=-1)])


def _stacked(game: SparseGame) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray, NDArray[np.int64]]:
    # Rows (kind of movement, a_l, s_l) of all kernels, and the kind of movement at each s_g.
    kernels = [P for by_action in game.moves for P in by_action]
    lengths = np.concatenate([[0], *(np.diff(P.indptr) for P in kernels)])
    indices = np.concatenate([P.indices for P in kernels]).astype(np.int64)
    return np.cumsum(lengths).astype(np.int64), indices, np.concatenate([P.data for P in kernels]), game.moves_at


@njit(nogil=True, cache=True)
def _ahead(indptr, indices, data, row, first, last, successor, weights, V):  # type: ignore[no-untyped-def]
    total = 0.0
    for e in range(indptr[row], indptr[row + 1]):
        there = 0.0
        for x in range(first, last):
            there += weights[x - first] * V[successor[x], indices[e]]
        total += data[e] * there
    return total


@njit(nogil=True, cache=True)
def _action_values(indptr, indices, data, moves_at, starts, successor, weights, rewards, gamma, V, Q):  # type: ignore[no-untyped-def]
    S_g, S_l, A_l = rewards.shape
    for s in range(S_g):
        for a in range(A_l):
            row = (moves_at[s] * A_l + a) * S_l
            for j in range(S_l):
                ahead = _ahead(indptr, indices, data, row + j, starts[s], starts[s + 1], successor, weights[s, j], V)
                Q[s, j, a] = rewards[s, j, a] + gamma * ahead


@njit(nogil=True, cache=True)
def _policy_values(indptr, indices, data, moves_at, starts, successor, weights, rewards, gamma, policy, V, out):  # type: ignore[no-untyped-def]
    S_g, S_l, A_l = rewards.shape
    for s in range(S_g):
        for j in range(S_l):
            a = policy[s, j]
            row = (moves_at[s] * A_l + a) * S_l + j
            ahead = _ahead(indptr, indices, data, row, starts[s], starts[s + 1], successor, weights[s, j], V)
            out[s, j] = rewards[s, j, a] + gamma * ahead
