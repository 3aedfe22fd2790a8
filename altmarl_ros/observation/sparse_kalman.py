"""The estimate of filtered.py for hundreds of local states: sparse predictions and one Cholesky factor per tick.

In place, on a mean m [S_l] and a covariance S [S_l, S_l] of the shares of one fleet of n robots:

    predict   m <- P^T m,   S <- P^T S P + Q,   Q = (diag(P^T x) - P^T diag(x) P) / n,
    correct   m <- m + S A^-1 (y - m),   S <- S - S A^-1 S,   A = S + R.

Where robots have types, w_t = n_t / n of them of type t, reports are drawn by type, and each type's shares are corrected by
its own reports, y_t = w_t c_t / k_t, with

    R_t = w_t^2 (n_t - k_t) / (n_t - 1) E[diag p - p p^T] / k_t,       p the shares within the type,

one type after the other, which is the same as all at once since R is block-diagonal. S keeps what the types have in common.

The shares of a type sum to w_t, and no deviation of them changes that: m 1_t = w_t and S 1_t = 0, which rounding would violate
a little more at every tick, until the corrections themselves made it grow. So every correction begins with `keep_sums`.

A prediction costs what is not zero in P times S_l, a correction S_l^3 multiplications in rows that lie one after the other in
memory. Every sum is taken in one fixed order without a linear algebra library: all machines estimate the same to the bit.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.compiled import njit

_FLOOR = 5e-3  # share of all robots, spread over the states, that R and Q reckon with at least: no report is impossible
_LEAST_NOISE = 0.05  # share of the multinomial covariance that a report keeps at least
_RIDGE = 1e-9  # makes S + R invertible across the simplex, where both are zero


@njit(nogil=True, cache=True)
def likely(m, out):  # type: ignore[no-untyped-def]
    """Write shares that are positive and sum to 1 into out [S_l]."""
    total = 0.0
    for j in range(len(m)):
        out[j] = max(m[j], _FLOOR / len(m))
        total += out[j]
    for j in range(len(m)):
        out[j] /= total


@njit(nogil=True, cache=True)
def predict(kernels, row, m, S, n):  # type: ignore[no-untyped-def]
    """All robots have moved, each of n on its own, by the rows of `kernels` (indptr, indices, data) that begin at `row`."""
    indptr, indices, data = kernels.indptr, kernels.indices, kernels.data
    S_l = len(m)
    x = np.empty(S_l)
    likely(m, x)
    mean, expected = np.zeros(S_l), np.zeros(S_l)
    half = np.zeros((S_l, S_l))  # P^T S
    for j in range(S_l):
        for e in range(indptr[row + j], indptr[row + j + 1]):
            i, p = indices[e], data[e]
            mean[i] += m[j] * p
            expected[i] += x[j] * p
            for c in range(S_l):
                half[i, c] += p * S[j, c]
    m[:] = mean
    S[:] = 0.0
    for i in range(S_l):  # half is symmetric in its meaning only: the upper triangle of half P is taken for both
        for j in range(S_l):
            value = half[i, j]
            if value != 0.0:
                for e in range(indptr[row + j], indptr[row + j + 1]):
                    if indices[e] >= i:
                        S[i, indices[e]] += value * data[e]
    for j in range(S_l):
        noise = x[j] / n
        for e in range(indptr[row + j], indptr[row + j + 1]):
            i = indices[e]
            for f in range(indptr[row + j], indptr[row + j + 1]):
                if indices[f] >= i:
                    S[i, indices[f]] -= noise * data[e] * data[f]
    for i in range(S_l):
        S[i, i] += expected[i] / n
        for j in range(i):
            S[i, j] = S[j, i]


@njit(nogil=True, cache=True)
def scale_sums(m, numbers):  # type: ignore[no-untyped-def]
    """Scale a mean [S_l] so that the shares of each type sum to its part of all robots, which are `numbers` [T]."""
    P = len(m) // len(numbers)
    for t in range(len(numbers)):
        total = 0.0
        for j in range(t * P, (t + 1) * P):
            total += m[j]
        if total > 0.0:
            scale = numbers[t] / numbers.sum() / total
            for j in range(t * P, (t + 1) * P):
                m[j] *= scale


@njit(nogil=True, cache=True)
def keep_sums(S, T):  # type: ignore[no-untyped-def]
    """Take from a symmetric covariance what would change the sums of T types: S <- C S C, C = 1 - 1_t 1_t^T T / S_l by type."""
    S_l = len(S)
    P = S_l // T
    rows, blocks = np.zeros((S_l, T)), np.zeros((T, T))  # means of S over the states of a type, and of two types
    for i in range(S_l):
        for u in range(T):
            for j in range(u * P, (u + 1) * P):
                rows[i, u] += S[i, j]
            rows[i, u] /= P
            blocks[i // P, u] += rows[i, u] / P
    for i in range(S_l):
        for u in range(T):
            for j in range(max(i, u * P), (u + 1) * P):
                S[i, j] = S[j, i] = S[i, j] - rows[i, u] - rows[j, i // P] + blocks[i // P, u]


@njit(nogil=True, cache=True)
def correct(m, S, reports, numbers):  # type: ignore[no-untyped-def]
    """Robots, drawn without replacement from the numbers [T] of each type, have told their states: counts [S_l]."""
    P = len(m) // len(numbers)
    scale_sums(m, numbers)
    keep_sums(S, len(numbers))
    x, noise, k = np.empty(len(m)), np.empty(len(numbers)), np.empty(len(numbers), dtype=np.int64)
    weigh_reports(m, S, (reports, numbers), (x, noise, k))
    z = np.empty(P)
    for t in range(len(numbers)):
        if k[t] == 0:
            continue
        first, w = t * P, numbers[t] / numbers.sum()
        if k[t] < numbers[t] or len(numbers) > 1:  # what is known of one type tells something of the others
            factors = factor(x[first : first + P], noise[t], first, S)
            for j in range(P):
                z[j] = w * (reports[first + j] / k[t]) - m[first + j]
            innovate(factors, z, m)
            shrink(factors[1], S)
        if k[t] >= numbers[t]:
            for j in range(first, first + P):
                m[j] = w * (reports[j] / k[t])
            S[first : first + P] = 0.0
            S[:, first : first + P] = 0.0


@njit(nogil=True, cache=True)
def weigh_reports(m, S, heard, out):  # type: ignore[no-untyped-def]
    """Say what reports are worth: heard = (counts [S_l], robots of each type [T]).

    Writes into out: shares within each type that are positive and sum to 1 [S_l], the factor of diag x - x x^T in R [T], and
    the number of reports [T]; of a type without robots it is 0.
    """
    reports, numbers = heard
    x, noise, k = out
    P = len(m) // len(numbers)
    for t in range(len(numbers)):
        first, w, n = t * P, numbers[t] / numbers.sum(), numbers[t]
        k[t] = 0
        for j in range(first, first + P):
            k[t] += reports[j] if n > 0 else 0
        noise[t] = 0.0
        if k[t] == 0:
            continue
        likely(m[first : first + P] / w, x[first : first + P])
        doubt, single = 0.0, 0.0
        for j in range(first, first + P):
            doubt += S[j, j] / (w * w)
            single += x[j] * (1.0 - x[j])
        noise[t] = max(1.0 - doubt / max(single, _RIDGE), _LEAST_NOISE) * max(n - k[t], 0) / max(n - 1, 1) / k[t] * (w * w)


@njit(nogil=True, cache=True)
def factor(x, noise, first, S):  # type: ignore[no-untyped-def]
    """The factor U of A = U^T U for reports on the states from `first` on, X = U^-T times these rows of S, and U's scales.

    A is the block of S at these states plus `noise` times diag x - x x^T.
    """
    P = len(x)
    U = np.empty((P, P))
    for i in range(P):
        for j in range(i, P):
            U[i, j] = S[first + i, first + j] - noise * x[i] * x[j]
        U[i, i] += noise * x[i] + _RIDGE
    X = S[first : first + P].copy()
    scales = np.empty(P)
    for r in range(P):  # row by row: what earlier rows take away, in their order, and then the scale
        _subtract(U, r, r, (U, U, r))
        _subtract(X, r, 0, (U, X, r))
        scales[r] = scale = 1.0 / np.sqrt(max(U[r, r], _RIDGE))
        for j in range(r, P):
            U[r, j] *= scale
        for j in range(S.shape[1]):
            X[r, j] *= scale
    return U, X, scales


@njit(nogil=True, cache=True)
def innovate(factors, z, m):  # type: ignore[no-untyped-def]
    """Correct a mean m by S A^-1 z, z the innovation y - m at the states that were heard of, which is overwritten."""
    U, X, scales = factors
    for r in range(len(z)):
        for i in range(r):
            z[r] -= U[i, r] * z[i]
        z[r] *= scales[r]
    for i in range(len(z)):
        for j in range(len(m)):
            m[j] += X[i, j] * z[i]


@njit(nogil=True, cache=True)
def shrink(X, S):  # type: ignore[no-untyped-def]
    """Take X^T X from the covariance S."""
    S_l = len(S)
    for r in range(S_l):
        _subtract(S, r, r, (X, X, len(X)))
    for i in range(S_l):
        for j in range(i):
            S[i, j] = S[j, i]


@njit(nogil=True, cache=True)
def _subtract(T, r, first, product):  # type: ignore[no-untyped-def]
    """T[r, j] -= W[i, r] X[i, j] for i = 0 .. count - 1 in this order and j from `first` on, product = (W, X, count).

    Four of them in one pass: an entry of T is then read and written a quarter as often. On slices the compiler sees that no
    index is negative, and takes several j at once.
    """
    W, X, count = product
    target = T[r, first:]
    fours = count - count % 4
    for i in range(0, fours, 4):
        w0, w1, w2, w3 = W[i, r], W[i + 1, r], W[i + 2, r], W[i + 3, r]
        x0, x1, x2, x3 = X[i, first:], X[i + 1, first:], X[i + 2, first:], X[i + 3, first:]
        for j in range(len(target)):
            target[j] = (((target[j] - w0 * x0[j]) - w1 * x1[j]) - w2 * x2[j]) - w3 * x3[j]
    for i in range(fours, count):
        w0, x0 = W[i, r], X[i, first:]
        for j in range(len(target)):
            target[j] -= w0 * x0[j]
