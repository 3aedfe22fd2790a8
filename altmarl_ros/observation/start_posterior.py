"""What the first reports of an episode say about the shares of robots, exactly.

A start draws p ~ Dirichlet(alpha_h), h one of M concentrations, and every robot's state from p. k of n robots report the
counts c. Given h, p is Dirichlet(alpha_h + c) and the other n - k robots are draws from it:

    E[N / n | c, h] = (c + (n - k) (alpha_h + c) / (sum alpha_h + k)) / n,
    P(h | c)  proportional to  prod_j alpha_hj (alpha_hj + 1) .. (alpha_hj + c_j - 1)  /  A_h (A_h + 1) .. (A_h + k - 1),

A_h = sum alpha_h. This is what a value vector is to be weighed with: its plan earns alpha . N / n, linear in N. Coordinators
decide by it, so it is computed from sums, products and quotients in a fixed order, which all machines round alike.

Where robots have types, reports come from robots of every type, and those with a common draw tell of it together.
"""

from __future__ import annotations

from math import frexp, ldexp

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games.robot_types import RobotTypes
from altmarl_ros.games.start import Start
from altmarl_ros.observation.model import Counts

_LOWEST_EXPONENT = -1000  # of 2, relative to the likeliest start; what is less likely than that has probability 0


def mean_start(start: Start) -> FloatArray:
    """Expected shares at the start [S_l]."""
    if start.types is not None:
        p = start.draws / start.draws.sum(axis=1, keepdims=True)
        return np.asarray((start.types.shares[:, None] * p[start.draw_of]).ravel())
    alpha = np.atleast_2d(start.alpha)
    return np.asarray((alpha / alpha.sum(axis=1, keepdims=True)).mean(axis=0))


def posterior_mean(start: Start, reports: Counts, n: int | None) -> FloatArray:
    """E[N / n | reports] [B, S_l] for reports [B, S_l] of a team of n robots; None is the mean field, n to infinity."""
    if start.types is not None:
        return _by_type(start.types, start, reports, n)
    alpha = np.ascontiguousarray(np.atleast_2d(start.alpha), dtype=np.float64)
    out = np.empty(reports.shape)
    _posterior_mean(alpha, np.asarray(reports, dtype=np.int64), 0 if n is None else n, out)
    return out


def _by_type(types: RobotTypes, start: Start, reports: Counts, n: int | None) -> FloatArray:
    counts = reports.reshape(len(reports), len(types), -1).astype(np.float64)
    heard = counts.sum(axis=2, keepdims=True)
    p = np.empty_like(counts)
    for draw, alpha in enumerate(start.draws):
        known = alpha + counts[:, start.draw_of == draw].sum(axis=1)
        p[:, start.draw_of == draw] = (known / known.sum(axis=1, keepdims=True))[:, None]
    if n is None:
        return np.asarray((types.shares[:, None] * p).reshape(len(reports), -1))
    numbers = types.numbers(n)[:, None]
    return np.asarray(((counts + np.maximum(numbers - heard, 0) * p) / n).reshape(len(reports), -1))


@njit(nogil=True, cache=True)
def _posterior_mean(alpha, reports, n, out):  # type: ignore[no-untyped-def]
    M, S_l = alpha.shape
    total = np.zeros(M)
    for h in range(M):
        for j in range(S_l):
            total[h] += alpha[h, j]
    mantissa, exponent = np.empty(M), np.empty(M, dtype=np.int64)
    for b in range(len(reports)):
        k = 0
        for j in range(S_l):
            k += reports[b, j]
        for h in range(M):
            mantissa[h], exponent[h] = _likelihood(alpha[h], total[h], reports[b]) if M > 1 else (1.0, 0)
        _normalise(mantissa, exponent)
        out[b] = 0.0
        for h in range(M):
            for j in range(S_l):
                out[b, j] += mantissa[h] * (alpha[h, j] + reports[b, j]) / (total[h] + k)
        if n > 0:
            for j in range(S_l):
                out[b, j] = (reports[b, j] + (n - k) * out[b, j]) / n


@njit(nogil=True, cache=True)
def _likelihood(alpha, total, counts):  # type: ignore[no-untyped-def]
    # P(c | h) up to a factor that all h share, as mantissa times a power of 2: it may be far below the least number.
    value, power = 1.0, 0
    heard = 0
    for j in range(len(alpha)):
        for i in range(counts[j]):
            value *= (alpha[j] + i) / (total + heard)
            heard += 1
            if value < 1e-150:
                value, shift = frexp(value)
                power += shift
    return value, power


@njit(nogil=True, cache=True)
def _normalise(mantissa, exponent):  # type: ignore[no-untyped-def]
    # Probabilities, in place of mantissas and exponents.
    largest = np.int64(-(1 << 60))
    for h in range(len(mantissa)):
        mantissa[h], shift = frexp(mantissa[h])
        exponent[h] += shift
        if mantissa[h] > 0.0:
            largest = max(largest, exponent[h])
    total = 0.0
    for h in range(len(mantissa)):
        below = exponent[h] - largest
        mantissa[h] = ldexp(mantissa[h], int(below)) if below > _LOWEST_EXPONENT else 0.0
        total += mantissa[h]
    for h in range(len(mantissa)):
        mantissa[h] /= total
