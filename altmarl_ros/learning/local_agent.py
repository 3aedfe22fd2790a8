"""L-LEARN: finds the best local policy against a fixed global policy, by what is not zero.

A representative robot sees (s_g, s_l). From its point of view the coordinator's action is random, with

    q(a_g | s_g, s_l) = P(pi_g(s_g, c) = a_g | s_g, a robot in s_l),

where c counts a k-subset of the population as it is at such moments. q is estimated from the discounted occupancy of the
joint process, not from one stationary average. s_l says something about the other robots, which makes q sharper; but a
robot without memory also takes old information for new. `pooled` leaves this information out, q(a_g | s_g); playing both
responses shows which is better. The robot then solves

    Q(s_l, s_g, a) = r_l(s_l, s_g, a) + E[r_g | s_g, s_l]
                     + gamma sum_s' Pr(s' | s_g, s_l) sum_l' P_l(l' | s_l, s_g, a) max_b Q(l', s', b)

(the team's reward; see `coordinator_response` for Pr and E) by modified policy iteration: a few evaluation sweeps follow each
improvement, and the span seminorm decides when to stop (MacQueen's bounds, see global_agent). The sum over l' does not depend
on s_g where robots move alike, and is then taken once for all s_g. All sums are taken in a fixed order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.coordinator_response import Response, response_to
from altmarl_ros.learning.memoryless import best_memoryless
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.policies import LocalPolicy, softmax
from altmarl_ros.policies.packing import as_on_the_wire

IntArray = NDArray[np.int64]

_TOLERANCE = 1e-8  # greatest loss of the policy's value, as a share of the scale of values
_ROUNDING = 1e-6  # share of the rewards that their span counts at least
_TIE = 1e-10  # share of the span of Q within which actions are alike
_EVALUATION_SWEEPS = 20
_MOST_IMPROVEMENTS = 10_000


@dataclass(frozen=True, eq=False)
class LocalSolution:
    """The result of L-LEARN: the policy, and the action values Q [s_l, s_g, a_l] from which it is made."""

    pi_l: LocalPolicy
    Q: FloatArray


def l_learn(
    game: TabularGame,
    occupancy: FloatArray | Occupancy,
    temperature: float = 0.0,
    given: LocalPolicy | None = None,
) -> LocalSolution:
    """Compute the best response to the coordinator whose behaviour `occupancy` [s_g, s_l, a_g] shows (`Rollouts.occupancy`).

    The policy is greedy, or softmax(Q / temperature) for a temperature above 0 [reward units], as robots will have it that are
    sent it. In a game with a hidden state, whose occupancy is of [s_g, d * S_l + s_l, a_g], it is the best policy without
    memory that is found, from `given` as well; it may mix actions.
    """
    if game.hidden is not None:
        found = best_memoryless(game, Occupancy.of(occupancy), () if given is None else (given.probabilities,))
        policy = found.policy if temperature <= 0.0 else soft_policy(found.Q, temperature)
        return LocalSolution(as_on_the_wire(LocalPolicy(policy)), found.Q)
    Q = best_local_response(game, response_to(game, occupancy))
    return LocalSolution(as_on_the_wire(LocalPolicy(soft_policy(Q, temperature))), Q)


def best_local_response(game: TabularGame, response: Response) -> FloatArray:
    """Action values Q [s_l, s_g, a_l] of a robot that responds to the coordinator."""
    rewards = np.ascontiguousarray((game.r_l + response.reward.T[:, :, None]).transpose(1, 0, 2))  # [s_g, s_l, a_l]
    scale = float(np.ptp(rewards) + _ROUNDING * np.abs(rewards).max()) / (1.0 - game.gamma)
    factor = game.gamma / (1.0 - game.gamma)
    problem = _problem(game, response, rewards)
    V, Q = rewards.max(axis=2), np.empty_like(rewards)
    every_row = np.ones(len(problem.indptr) - 1, dtype=np.bool_)
    for _ in range(_MOST_IMPROVEMENTS):
        _action_values(problem, every_row, V, Q)
        change = Q.max(axis=2) - V
        V = Q.max(axis=2)
        low, high = float(change.min()), float(change.max())
        if factor * (high - low) <= _TOLERANCE * scale:
            break
        V = _evaluated(problem, Q.argmax(axis=2), V)
    Q += factor * 0.5 * (low + high)
    return np.ascontiguousarray(Q.transpose(1, 0, 2))


def pooled(occupancy: FloatArray | Occupancy) -> Occupancy:
    """Pool the occupancy [s_g, s_l, a_g] over s_l, so that the coordinator's response is the same for every s_l."""
    return Occupancy.of(occupancy).pooled()


def soft_policy(Q: FloatArray, temperature: float) -> FloatArray:
    """Compute the softmax of Q / temperature over the last axis; for temperature 0 it is `greedy`."""
    return greedy(Q) if temperature <= 0.0 else softmax(Q, temperature)


def greedy(Q: FloatArray) -> FloatArray:
    """The policy that takes the first best action along the last axis, up to rounding, whatever the unit of reward."""
    near = Q.max(axis=-1, keepdims=True) - _TIE * np.ptp(Q) <= Q
    return np.asarray(np.eye(Q.shape[-1])[near.argmax(axis=-1)])


class _Problem(NamedTuple):
    """A robot's decision problem as plain arrays; rows are (kind of movement, a_l, s_l)."""

    indptr: IntArray
    indices: IntArray
    data: FloatArray
    moves_at: IntArray  # [S_g]
    successor_start: IntArray  # [S_g + 1]
    successor: IntArray
    weight: FloatArray  # of each successor [S_g, S_l, most]
    rewards: FloatArray  # [S_g, S_l, A_l]
    gamma: float


def _problem(game: TabularGame, response: Response, rewards: FloatArray) -> _Problem:
    rows, follow = game.local_kernel.rows.likely, game.global_kernel.likely_successors
    moves_at = game.local_kernel.moves_at
    return _Problem(
        rows.indptr, rows.indices, rows.data, moves_at, follow.indptr, follow.indices, response.successor, rewards, game.gamma
    )


def _evaluated(problem: _Problem, policy: IntArray, V: FloatArray) -> FloatArray:
    """Sweep V [s_g, s_l] under a policy [s_g, s_l]."""
    S_g, S_l, A_l = problem.rewards.shape
    wanted = np.zeros(len(problem.indptr) - 1, dtype=np.bool_)
    wanted[(problem.moves_at[:, None] * A_l + policy) * S_l + np.arange(S_l)] = True
    for _ in range(_EVALUATION_SWEEPS):
        following = np.empty((S_g, S_l))
        _policy_values(problem, (wanted, policy), V, following)
        V = following
    return V


@njit(nogil=True, cache=True)
def _action_values(problem, wanted, V, Q):  # type: ignore[no-untyped-def]
    """Write Q [s_g, s_l, a_l] one step before V [s_g, s_l]."""
    S_g, S_l, A_l = Q.shape
    ahead = np.empty((S_g, A_l * S_l))
    for kind in range(len(wanted) // (A_l * S_l)):
        _look_ahead(problem, kind, wanted, V, ahead)
        for s in range(S_g):
            if problem.moves_at[s] == kind:
                for a in range(A_l):
                    for j in range(S_l):
                        Q[s, j, a] = _worth(problem, ahead, s, j, a)


@njit(nogil=True, cache=True)
def _policy_values(problem, taken, V, out):  # type: ignore[no-untyped-def]
    """Write the values [s_g, s_l] one step before V of taken = (rows of P_l that some state wants, policy [s_g, s_l])."""
    wanted, policy = taken
    S_g, S_l, A_l = problem.rewards.shape
    ahead = np.empty((S_g, A_l * S_l))
    for kind in range(len(wanted) // (A_l * S_l)):
        _look_ahead(problem, kind, wanted, V, ahead)
        for s in range(S_g):
            if problem.moves_at[s] == kind:
                for j in range(S_l):
                    out[s, j] = _worth(problem, ahead, s, j, policy[s, j])


@njit(nogil=True, cache=True)
def _look_ahead(problem, kind, wanted, V, ahead):  # type: ignore[no-untyped-def]
    """Write the sums over l' of P_l V(s', l') of one kind of movement [s', a_l * S_l + s_l], where they are wanted."""
    S_g, size = ahead.shape
    needed = np.zeros(S_g, dtype=np.bool_)
    for s in range(S_g):
        if problem.moves_at[s] == kind:
            for x in range(problem.successor_start[s], problem.successor_start[s + 1]):
                needed[problem.successor[x]] = True
    states = np.flatnonzero(needed)
    values = np.ascontiguousarray(V[states].T)  # [l', s']: a row of P_l is added up for all s' at once
    total = np.empty(len(states))
    for row in range(size):
        if wanted[kind * size + row]:
            total[:] = 0.0
            for e in range(problem.indptr[kind * size + row], problem.indptr[kind * size + row + 1]):
                p, there = problem.data[e], values[problem.indices[e]]
                for x in range(len(total)):
                    total[x] += p * there[x]
            for x in range(len(total)):
                ahead[states[x], row] = total[x]


@njit(nogil=True, cache=True)
def _worth(problem, ahead, s, j, a):  # type: ignore[no-untyped-def]
    first = problem.successor_start[s]
    total = 0.0
    for x in range(first, problem.successor_start[s + 1]):
        total += problem.weight[s, j, x - first] * ahead[problem.successor[x], a * problem.rewards.shape[1] + j]
    return problem.rewards[s, j, a] + problem.gamma * total
