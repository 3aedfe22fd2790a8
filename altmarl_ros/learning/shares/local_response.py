"""L-LEARN by what is not zero: a robot's best policy against the response of the coordinator.

    Q(s_g, s_l, a) = r_l(s_l, s_g, a) + E[r_g | s_g, s_l]
                     + gamma sum_s' Pr(s' | s_g, s_l) sum_l' P_l(l' | s_l, s_g, a) max_b Q(s', l', b)

by modified policy iteration, until MacQueen's bounds are within a share of the scale of rewards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games.sparse import SparseGame
from altmarl_ros.learning.shares.response import Response
from altmarl_ros.policies.shares.process import IntArray, SharesProcess

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
    problem = _problem(game, process, response, rewards)
    V = rewards.max(axis=2)
    Q = np.empty((S_g, S_l, A_l))
    for _ in range(_MOST_IMPROVEMENTS):
        _action_values(problem, V, Q)
        change = Q.max(axis=2) - V
        V = Q.max(axis=2)
        low, high = float(change.min()), float(change.max())
        if factor * (high - low) <= _TOLERANCE * scale:
            break
        greedy = Q.argmax(axis=2)
        for _ in range(_EVALUATION_SWEEPS):
            following = np.empty_like(V)
            _policy_values(problem, greedy, V, following)
            V = following
    Q += factor * 0.5 * (low + high)
    return np.ascontiguousarray(Q.transpose(1, 0, 2))


def greedy(Q: FloatArray) -> FloatArray:
    """The policy [s_l, s_g, a_l] that takes the first best action of Q, up to rounding, whatever the unit of reward."""
    near = Q.max(axis=-1, keepdims=True) - 1e-10 * np.ptp(Q) <= Q
    return np.asarray(np.eye(Q.shape[-1])[near.argmax(axis=-1)])


class _Problem(NamedTuple):
    """A robot's decision problem as plain arrays: rows (kind of movement, a_l, s_l) of all kernels and what s_g does."""

    indptr: IntArray
    indices: IntArray
    data: FloatArray
    moves_at: IntArray  # [S_g]
    successor_start: IntArray
    successor: IntArray
    weight: FloatArray  # of each successor [S_g, S_l, most]
    rewards: FloatArray  # [S_g, S_l, A_l]
    gamma: float


def _problem(game: SparseGame, process: SharesProcess, response: Response, rewards: FloatArray) -> _Problem:
    kernels = [P for by_action in game.moves for P in by_action]
    lengths = np.concatenate([[0], *(np.diff(P.indptr) for P in kernels)])
    return _Problem(
        np.cumsum(lengths).astype(np.int64),
        np.concatenate([P.indices for P in kernels]).astype(np.int64),
        np.concatenate([P.data for P in kernels]),
        game.moves_at,
        process.arrays.successor_start,
        process.arrays.successor,
        response.successor,
        rewards,
        game.gamma,
    )


@njit(nogil=True, cache=True)
def _worth(problem, V, s, j, a):  # type: ignore[no-untyped-def]
    _, S_l, A_l = problem.rewards.shape
    row = (problem.moves_at[s] * A_l + a) * S_l + j
    first = problem.successor_start[s]
    ahead = 0.0
    for e in range(problem.indptr[row], problem.indptr[row + 1]):
        there = 0.0
        for x in range(problem.successor_start[s + 1] - first):
            there += problem.weight[s, j, x] * V[problem.successor[first + x], problem.indices[e]]
        ahead += problem.data[e] * there
    return problem.rewards[s, j, a] + problem.gamma * ahead


@njit(nogil=True, cache=True)
def _action_values(problem, V, Q):  # type: ignore[no-untyped-def]
    for s in range(Q.shape[0]):
        for a in range(Q.shape[2]):
            for j in range(Q.shape[1]):
                Q[s, j, a] = _worth(problem, V, s, j, a)


@njit(nogil=True, cache=True)
def _policy_values(problem, policy, V, out):  # type: ignore[no-untyped-def]
    for s in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[s, j] = _worth(problem, V, s, j, policy[s, j])
