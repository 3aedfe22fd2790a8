"""Smooths a hidden Markov chain: what a whole record says about the hidden state of every tick.

    d(t+1) ~ P_d(. | d(t)),      e_t(d) the likelihood of what was observed at t, given d(t) = d

Forward and backward passes (Rabiner, A tutorial on hidden Markov models, 1989) give p(d(t) | record) and the expected number of
transitions from d to d', which a step of Baum and Welch needs. A tick that does not follow the one before begins anew from
rho_d. Whole paths are drawn from p(d | record) by filtering forward and drawing backward (Carter and Kohn, On Gibbs sampling
for state space models, 1994).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games.trajectory import IntArray


class Smoothed(NamedTuple):
    """What a record says: p(d(t) | record) [T, D], expected transitions [D, D], and the logarithm of its likelihood."""

    belief: FloatArray
    transitions: FloatArray
    log_likelihood: float


def smooth(log_emission: FloatArray, P_d: FloatArray, rho_d: FloatArray, follows: NDArray[np.bool_]) -> Smoothed:
    """Smooth a record of T ticks by the logarithms of e_t [T, D]; `follows` [T] says which ticks follow the one before."""
    top = log_emission.max(axis=1, keepdims=True)
    belief, transitions = np.empty_like(log_emission), np.zeros_like(P_d)
    scaled = np.exp(log_emission - top)
    # Copies, since numba would compile it anew for arrays that may only be read.
    logarithm = _smooth((scaled, np.array(P_d, order="C"), np.array(rho_d), np.array(follows)), belief, transitions)
    return Smoothed(belief, transitions, float(logarithm + top.sum()))


def draw_paths(
    log_emission: FloatArray,
    P_d: FloatArray,
    rho_d: FloatArray,
    follows: NDArray[np.bool_],
    *,
    count: int,
    rng: np.random.Generator,
) -> IntArray:
    """Draw so many hidden paths of a record from their probability given all of it [count, T]; others as in `smooth`."""
    T, D = log_emission.shape
    emission = np.exp(log_emission - log_emission.max(axis=1, keepdims=True))
    forward, before = np.empty((T, D)), rho_d
    for t in range(T):
        forward[t] = (before @ P_d if follows[t] else rho_d) * emission[t]
        before = forward[t] = forward[t] / max(forward[t].sum(), 1e-300)
    paths = np.empty((count, T), dtype=np.int64)
    for t in range(T - 1, -1, -1):
        continued = t + 1 < T and follows[t + 1]
        weights = forward[t] * P_d[:, paths[:, t + 1]].T if continued else np.tile(forward[t], (count, 1))
        reached = np.cumsum(weights, axis=1)
        drawn = rng.random(count) * reached[:, -1]
        paths[:, t] = np.minimum((reached <= drawn[:, None]).sum(axis=1), D - 1)
    return paths


@njit(nogil=True, cache=True)
def _smooth(model: Any, belief: Any, transitions: Any) -> Any:
    """Write the beliefs [T, D] and add up the transitions [D, D]; returns the logarithm of the likelihood."""
    emission, P_d, rho_d, follows = model
    T, D = emission.shape
    forward, logarithm = np.empty((T, D)), 0.0
    for t in range(T):
        for d in range(D):
            p = rho_d[d]
            if follows[t]:
                p = 0.0
                for e in range(D):
                    p += forward[t - 1, e] * P_d[e, d]
            forward[t, d] = p * emission[t, d]
        total = max(forward[t].sum(), 1e-300)
        forward[t] /= total
        logarithm += np.log(total)
    after, weighted = np.ones(D), np.empty(D)
    for t in range(T - 1, -1, -1):
        belief[t] = forward[t] * after
        belief[t] /= max(belief[t].sum(), 1e-300)
        if not follows[t]:
            after[:] = 1.0
            continue
        weighted[:] = emission[t] * after
        total = 0.0
        for e in range(D):
            for d in range(D):
                total += forward[t - 1, e] * P_d[e, d] * weighted[d]
        total = max(total, 1e-300)
        for e in range(D):
            after[e] = 0.0
            for d in range(D):
                p = P_d[e, d] * weighted[d] / total
                transitions[e, d] += forward[t - 1, e] * p
                after[e] += p
    return logarithm
