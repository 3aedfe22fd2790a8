"""The exact value of a finite-state controller.

A node that takes choice c at s and goes on with node i(s') earns, from every local state of a robot [S_l],

    alpha = r_s + r_g(s, c) 1 + gamma P_s sum_s' P_g(s' | s, c) alpha_i(s')  =:  T alpha.

With d the change in a sweep, alpha + gamma / (1 - gamma) min d is no more than T of itself, and so no more than the fixed point
(MacQueen's bound). That lower end is what is returned: then V_Gamma <= H V_Gamma, H the Bellman operator, holds for every share
vector (Hansen 1998; Ji, Parr, Li, Liao and Carin 2007). The bound holds from any alpha. So the fixed point is approached by
cycles of GMRES (Saad and Schultz 1986) on alpha - T alpha = 0: plans that never meet settle slowly, each by the factor gamma in
a sweep, and there are few such modes. GMRES works on the sum of squares, though, and stands still where many states lead to one
(robots that all head for a place): a cycle that gets on less than as many sweeps would is followed by sweeps, until they have.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.policies.shares.process import ProcessArrays, SharesProcess
from altmarl_ros.policies.shares.vectors import ValueVectors
from altmarl_ros.workers import in_slices

PRECISION = 1e-12
"""Distance of exact values from the fixed point, as a share of the process' scale; rounding is about 1e-15."""

_MOST_CYCLES = 10_000
_KRYLOV = 12  # sweeps in a cycle, each of which keeps a copy of the values
_TOGETHER = 32  # nodes


def backed_up(process: SharesProcess, vectors: ValueVectors, alpha: FloatArray) -> FloatArray:
    """T alpha: what the nodes of `vectors` earn [node, S_l] where the nodes that they go on with earn `alpha` [., S_l]."""
    return _swept(process.arrays, vectors, alpha)


def evaluate(process: SharesProcess, vectors: ValueVectors, precision: float = PRECISION) -> ValueVectors:
    """The same nodes with their values within `precision` times the scale, from below; starts from the values given."""
    factor = process.gamma / (1.0 - process.gamma)
    alpha = vectors.alpha
    homogeneous = process.arrays._replace(
        reward=np.zeros_like(process.arrays.reward), choice_reward=np.zeros_like(process.arrays.choice_reward)
    )

    def linear_part(values: FloatArray) -> FloatArray:
        return _swept(homogeneous, vectors, values)

    due = np.inf  # the distance between the ends of the change that sweeps would have come to
    for _ in range(_MOST_CYCLES):
        following = backed_up(process, vectors, alpha)
        change = following - alpha
        low, high = float(change.min()), float(change.max())
        if factor * (high - low) <= precision * process.scale:
            break
        if high - low <= due:
            due = process.gamma**_KRYLOV * (high - low)
            alpha = alpha + _correction(linear_part, change)
        else:
            alpha = following
    return replace(vectors, alpha=following + factor * low)


def _swept(process: ProcessArrays, vectors: ValueVectors, alpha: FloatArray) -> FloatArray:
    out = np.empty((len(vectors.choice), process.reward.shape[1]))

    def work(nodes: slice) -> None:
        _sweep(process, vectors.arrays, alpha, (nodes.start, out[nodes]))

    entries = len(process.data) / (len(process.indptr) - 1)  # of a row of a kernel
    in_slices(work, len(out), out.size * (entries + len(vectors.following) / max(1, len(out))))
    return out


def _correction(linear_part: Callable[[FloatArray], FloatArray], residual: FloatArray) -> FloatArray:
    # One cycle of GMRES: z of the Krylov space of the residual for which residual - (z - T z), T linear, is least.
    flat = residual.ravel()
    size = np.sqrt(_dot(flat, flat))
    basis = np.empty((_KRYLOV + 1, len(flat)))
    basis[0] = flat / size
    H = np.zeros((_KRYLOV + 1, _KRYLOV))
    for m in range(_KRYLOV):
        w = basis[m + 1]
        np.subtract(basis[m], linear_part(basis[m].reshape(residual.shape)).ravel(), out=w)
        for i in range(m + 1):
            H[i, m] = _dot(basis[i], w)
            _add(w, -H[i, m], basis[i])
        H[m + 1, m] = np.sqrt(_dot(w, w))
        if H[m + 1, m] <= 1e-14 * abs(H[: m + 1, m]).max():
            break
        w /= H[m + 1, m]
    target = np.zeros(m + 2)
    target[0] = size
    weights = np.linalg.lstsq(H[: m + 2, : m + 1], target, rcond=None)[0]
    correction = np.zeros_like(flat)
    for weight, v in zip(weights, basis, strict=False):
        _add(correction, weight, v)
    return correction.reshape(residual.shape)


def inconsistency(process: SharesProcess, vectors: ValueVectors) -> float:
    """Largest entry of alpha - T alpha, at least 0: V_Gamma - H V_Gamma is nowhere larger."""
    return max(0.0, float((vectors.alpha - backed_up(process, vectors, vectors.alpha)).max()))


@njit(nogil=True, cache=True)
def _dot(one, other):  # type: ignore[no-untyped-def]
    # Eight sums side by side, which a processor adds up at once.
    sums = np.zeros(8)
    whole = len(one) - len(one) % 8
    for i in range(0, whole, 8):
        for j in range(8):
            sums[j] += one[i + j] * other[i + j]
    for i in range(whole, len(one)):
        sums[0] += one[i] * other[i]
    return sums.sum()


@njit(nogil=True, cache=True)
def _add(total, weight, values):  # type: ignore[no-untyped-def]
    for i in range(len(total)):
        total[i] += weight * values[i]


@njit(nogil=True, cache=True)
def _sweep(process, nodes, alpha, part):  # type: ignore[no-untyped-def]
    """Write T alpha of some nodes, part = (the first of them, their values).

    Up to _TOGETHER nodes of one global state are moved at a time: a processor then adds up several of them at once.
    """
    first, out = part
    S_l = out.shape[1]
    ahead, expected, totals = np.empty(S_l), np.empty((S_l, _TOGETHER)), np.empty(_TOGETHER)
    begin, end = first, first + len(out)
    while begin < end:
        s, count = nodes.state[begin], 1
        while count < _TOGETHER and begin + count < end and nodes.state[begin + count] == s:
            count += 1
        for b in range(count):
            ahead[:] = 0.0
            outcome = process.outcome_start[nodes.choice[begin + b]]
            for x in range(nodes.following_start[begin + b], nodes.following_start[begin + b + 1]):
                weight = process.gamma * process.outcome_probability[outcome]
                outcome += 1
                then = alpha[nodes.following[x]]
                for j in range(S_l):
                    ahead[j] += weight * then[j]
            expected[:, b] = ahead
        row = process.kernel_of[s] * S_l
        total = totals[:count]
        for j in range(S_l):
            for b in range(count):
                total[b] = process.reward[s, j] + process.choice_reward[nodes.choice[begin + b]]
            for e in range(process.indptr[row + j], process.indptr[row + j + 1]):
                p, then = process.data[e], expected[process.indices[e], :count]
                for b in range(count):
                    total[b] += p * then[b]
            out[begin - first : begin - first + count, j] = total
        begin += count
