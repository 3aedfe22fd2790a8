"""L-LEARN: finds the best local policy against a fixed global policy.

A representative robot sees (s_g, s_l). From its point of view the coordinator's action is random, with

    q(a_g | s_g, s_l) = P(pi_g(s_g, c) = a_g | s_g, a robot in s_l),

where c counts a k-subset of the population as it is at such moments. q is estimated from the discounted occupancy of the
joint process, not from one stationary average. s_l says something about the other robots, which makes q sharper; but a
robot without memory also takes old information for new. `pooled` leaves this information out, q(a_g | s_g); playing both
responses shows which is better. The robot then solves

    reward      r_l(s_l, s_g, a_l) + sum_a q(a | s_g, s_l) r_g(s_g, a)      (the team's reward)
    transition  s_l' ~ P_l(. | s_l, s_g, a_l);  s_g' ~ sum_a q(a | s_g, s_l) P_g(. | s_g, a)

by modified policy iteration: a few evaluation sweeps follow each improvement, and the span seminorm decides when to stop
(MacQueen's bounds, see global_agent). Given q the kernel is a sum over a_g of products of P_l and P_g, and is never
written out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.policies import LocalPolicy, softmax

_TOLERANCE = 1e-8  # greatest loss of the policy's value, relative to the values
_EVALUATION_SWEEPS = 20


@dataclass(frozen=True, eq=False)
class LocalSolution:
    """The result of L-LEARN: the policy, and the action values Q [s_l, s_g, a_l] from which it is made."""

    pi_l: LocalPolicy
    Q: FloatArray


def l_learn(game: TabularGame, occupancy: FloatArray, temperature: float = 0.0) -> LocalSolution:
    """Compute the best response to the coordinator whose behaviour `occupancy` [s_g, s_l, a_g] shows (`Rollouts.occupancy`).

    The policy is greedy, or softmax(Q / temperature) for a temperature above 0 [reward units].
    """
    q = _coordinator_response(occupancy)
    P_l = np.ascontiguousarray(game.P_l.transpose(1, 0, 2, 3))  # [s_g, s_l, a_l, s_l']
    r = game.r_l.transpose(1, 0, 2) + (q @ game.r_g[:, :, None])  # [s_g, s_l, a_l]
    V = r.max(axis=2)
    while True:
        Q = r + game.gamma * _mean_over_actions(q, _expected_next(P_l, game.P_g, V))
        change = Q.max(axis=2) - V
        V = Q.max(axis=2)
        low, high = change.min(), change.max()
        if game.gamma / (1.0 - game.gamma) * (high - low) <= _TOLERANCE * (1.0 + np.abs(V).max()):
            Q += game.gamma / (1.0 - game.gamma) * 0.5 * (low + high)
            break
        greedy = Q.argmax(axis=2)[:, :, None]
        P_pi = np.take_along_axis(P_l, greedy[..., None], axis=2)  # [s_g, s_l, 1, s_l']
        r_pi = np.take_along_axis(r, greedy, axis=2)[:, :, 0]
        for _ in range(_EVALUATION_SWEEPS):
            V = r_pi + game.gamma * _mean_over_actions(q, _expected_next(P_pi, game.P_g, V))[:, :, 0]
    Q = np.ascontiguousarray(Q.transpose(1, 0, 2))
    return LocalSolution(LocalPolicy(soft_policy(Q, temperature)), Q)


def _expected_next(P_l: FloatArray, P_g: FloatArray, V: FloatArray) -> FloatArray:
    """Compute E V(s_g', s_l') by action pair [s_g, s_l, x, a_g].

    P_l [s_g, s_l, x, s_l'] is a local kernel, where x is the local action or a single entry; P_g is [s_g, a_g, s_g'], V is
    [s_g, s_l].
    """
    S_g, S_l, X, _ = P_l.shape
    after = (P_g @ V).swapaxes(1, 2)  # [s_g, s_l', a_g]
    return np.asarray((P_l.reshape(S_g, S_l * X, S_l) @ after).reshape(S_g, S_l, X, P_g.shape[1]))


def _mean_over_actions(q: FloatArray, values: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("glxa,gla->glx", values, q))


def pooled(occupancy: FloatArray) -> FloatArray:
    """Pool the occupancy [s_g, s_l, a_g] over s_l, so that the coordinator's response is the same for every s_l."""
    return np.asarray(np.broadcast_to(occupancy.sum(axis=1, keepdims=True), occupancy.shape))


def soft_policy(Q: FloatArray, temperature: float) -> FloatArray:
    """Compute the softmax of Q / temperature over the last axis; for temperature 0 it is one-hot on the first maximum."""
    if temperature <= 0.0:
        return np.asarray(np.eye(Q.shape[-1])[Q.argmax(axis=-1)])
    return softmax(Q, temperature)


def _coordinator_response(occupancy: FloatArray) -> FloatArray:
    # A pair (s_g, s_l) that was never visited takes the response at s_g, or else the response over all states.
    by_global = occupancy.sum(axis=1, keepdims=True) + 1e-9 * occupancy.sum(axis=(0, 1), keepdims=True) + 1e-300
    smoothed = occupancy + 1e-9 * by_global
    return np.asarray(smoothed / smoothed.sum(axis=2, keepdims=True))
