"""L-LEARN: the best local policy against a fixed global policy.

A representative robot sees (s_g, s_l). Through its eyes the coordinator's action is random, with

    q(a_g | s_g, s_l) = P(pi_g(s_g, c) = a_g | s_g, a robot in s_l),

c the k-subset of the population as it is at such moments. q is estimated from the occupancy of the
joint process, discounted, not from one stationary average. What s_l tells of the other robots sharpens q,
but a robot without memory also takes it for news when it is old: `pooled` leaves it out, q(a_g | s_g), and
which of the two responses is better is found by playing them. The robot then solves

    reward      r_l(s_l, s_g, a_l) + sum_a q(a | s_g, s_l) r_g(s_g, a)      (the team's reward)
    transition  s_l' ~ P_l(. | s_l, s_g, a_l);  s_g' ~ sum_a q(a | s_g, s_l) P_g(. | s_g, a)

by modified policy iteration: each improvement is followed by a few sweeps that evaluate it, and the end is
told by the span seminorm (MacQueen's bounds, see global_agent). Given q the kernel is a sum over a_g of
products of P_l and P_g, and is never written out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.local_policy import softmax

_TOLERANCE = 1e-8  # greatest loss of the policy's value, as a share of the values
_EVALUATION_SWEEPS = 20


@dataclass(frozen=True, eq=False)
class LocalSolution:
    """Result of L-LEARN: the policy, and the action values Q [s_l, s_g, a_l] that it is greedy to."""

    pi_l: LocalPolicy
    Q: FloatArray


def l_learn(game: TabularGame, occupancy: FloatArray, temperature: float = 0.0) -> LocalSolution:
    """Best response to the coordinator seen in `occupancy` [s_g, s_l, a_g] (Rollouts.occupancy).

    With temperature > 0 [reward units] the policy is softmax(Q / temperature) instead of greedy.
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
    """E V(s_g', s_l') by action pair [s_g, s_l, x, a_g].

    P_l [s_g, s_l, x, s_l'] is a local kernel, x the local action or a single entry; P_g [s_g, a_g, s_g'];
    V [s_g, s_l].
    """
    S_g, S_l, X, _ = P_l.shape
    after = (P_g @ V).swapaxes(1, 2)  # [s_g, s_l', a_g]
    return np.asarray((P_l.reshape(S_g, S_l * X, S_l) @ after).reshape(S_g, S_l, X, P_g.shape[1]))


def _mean_over_actions(q: FloatArray, values: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("glxa,gla->glx", values, q))


def pooled(occupancy: FloatArray) -> FloatArray:
    """Occupancy [s_g, s_l, a_g] whose response is the same for every s_l."""
    return np.asarray(np.broadcast_to(occupancy.sum(axis=1, keepdims=True), occupancy.shape))


def soft_policy(Q: FloatArray, temperature: float) -> FloatArray:
    """softmax(Q / temperature) over the last axis; one-hot on the first maximum for temperature 0."""
    if temperature <= 0.0:
        return np.asarray(np.eye(Q.shape[-1])[Q.argmax(axis=-1)])
    return softmax(Q, temperature)


def _coordinator_response(occupancy: FloatArray) -> FloatArray:
    # Pairs (s_g, s_l) never visited borrow the response at s_g, and then that of all states.
    by_global = occupancy.sum(axis=1, keepdims=True) + 1e-9 * occupancy.sum(axis=(0, 1), keepdims=True) + 1e-300
    smoothed = occupancy + 1e-9 * by_global
    return np.asarray(smoothed / smoothed.sum(axis=2, keepdims=True))
