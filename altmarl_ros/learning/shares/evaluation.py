"""The exact value of a finite-state controller.

A node that takes choice c at s and goes on with node i(s') earns, from every local state of a robot [S_l],

    alpha = r_s + r_g(s, c) 1 + gamma P_s sum_s' P_g(s' | s, c) alpha_i(s')  =:  T alpha.

With d the change in a sweep, alpha + gamma / (1 - gamma) min d is no more than T of itself, and so no more than the fixed point
(MacQueen's bound). That lower end is what is returned: then V_Gamma <= H V_Gamma, H the Bellman operator, holds for every share
vector (Hansen 1998; Ji, Parr, Li, Liao and Carin 2007). The bound holds from any alpha. So the fixed point is approached by
cycles of GMRES (Saad and Schultz 1986) on alpha - T alpha = 0: plans that never meet settle slowly, each by the factor gamma in
a sweep, and there are few such modes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.policies.shares.process import SharesProcess
from altmarl_ros.policies.shares.vectors import ValueVectors

PRECISION = 1e-12
"""Distance of exact values from the fixed point, as a share of the process' scale; rounding is about 1e-15."""

_MOST_CYCLES = 10_000
_KRYLOV = 12  # sweeps in a cycle, each of which keeps a copy of the values


def backed_up(process: SharesProcess, vectors: ValueVectors, alpha: FloatArray) -> FloatArray:
    """T alpha: what the nodes of `vectors` earn [node, S_l] where the nodes that they go on with earn `alpha` [., S_l]."""
    out = np.empty((len(vectors.choice), process.n_local_states))
    _sweep(process.arrays, vectors.arrays, alpha, out)
    return out


def evaluate(process: SharesProcess, vectors: ValueVectors, precision: float = PRECISION) -> ValueVectors:
    """The same nodes with their values within `precision` times the scale, from below; starts from the values given."""
    factor = process.gamma / (1.0 - process.gamma)
    alpha = vectors.alpha
    homogeneous = process.arrays._replace(
        reward=np.zeros_like(process.arrays.reward), choice_reward=np.zeros_like(process.arrays.choice_reward)
    )

    def linear_part(values: FloatArray) -> FloatArray:
        out = np.empty_like(values)
        _sweep(homogeneous, vectors.arrays, values, out)
        return out

    for _ in range(_MOST_CYCLES):
        following = backed_up(process, vectors, alpha)
        change = following - alpha
        low, high = float(change.min()), float(change.max())
        if factor * (high - low) <= precision * process.scale:
            break
        alpha = alpha + _correction(linear_part, change)
    return replace(vectors, alpha=following + factor * low)


def _correction(linear_part: Callable[[FloatArray], FloatArray], residual: FloatArray) -> FloatArray:
    # One cycle of GMRES: z of the Krylov space of the residual for which residual - (z - T z), T linear, is least.
    size = float(np.sqrt((residual**2).sum()))
    basis = [residual / size]
    H = np.zeros((_KRYLOV + 1, _KRYLOV))
    for m in range(_KRYLOV):
        w = basis[m] - linear_part(basis[m])
        for i, v in enumerate(basis):
            H[i, m] = float((v * w).sum())
            w -= H[i, m] * v
        H[m + 1, m] = float(np.sqrt((w**2).sum()))
        if H[m + 1, m] <= 1e-14 * abs(H[: m + 1, m]).max():
            break
        basis.append(w / H[m + 1, m])
    target = np.zeros(m + 2)
    target[0] = size
    weights = np.linalg.lstsq(H[: m + 2, : m + 1], target, rcond=None)[0]
    correction = np.zeros_like(residual)
    for weight, v in zip(weights, basis, strict=False):
        correction += weight * v
    return correction


def inconsistency(process: SharesProcess, vectors: ValueVectors) -> float:
    """Largest entry of alpha - T alpha, at least 0: V_Gamma - H V_Gamma is nowhere larger."""
    return max(0.0, float((vectors.alpha - backed_up(process, vectors, vectors.alpha)).max()))


@njit(nogil=True, cache=True)
def _sweep(process, nodes, alpha, out):  # type: ignore[no-untyped-def]
    S_l = out.shape[1]
    ahead = np.empty(S_l)
    for i in range(len(nodes.choice)):
        s, c = nodes.state[i], nodes.choice[i]
        ahead[:] = 0.0
        outcome = process.outcome_start[c]
        for x in range(nodes.following_start[i], nodes.following_start[i + 1]):
            weight = process.gamma * process.outcome_probability[outcome]
            outcome += 1
            then = alpha[nodes.following[x]]
            for j in range(S_l):
                ahead[j] += weight * then[j]
        row = process.kernel_of[s] * S_l
        for j in range(S_l):
            total = process.reward[s, j] + process.choice_reward[c]
            for e in range(process.indptr[row + j], process.indptr[row + j + 1]):
                total += process.data[e] * ahead[process.indices[e]]
            out[i, j] = total
