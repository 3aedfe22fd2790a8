"""Compiles the steps of the bank of filters in switching.py, in place on R fleets.

weights [R, D, ages], means [R, D, ages, S_l] and covariances [R, S_l, S_l]. Sums are taken in a fixed order, and what comes of
log and exp is rounded to 30 binary digits, so that every machine believes the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games import TabularGame
from altmarl_ros.observation import sparse_kalman
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares.process import rounded

_FORGOTTEN = 0.01  # share of what the rarest switch adds in a tick; a hypothesis of less weight is dropped
_UNEXPLAINED = 2e-3  # share of reports that no hypothesis explains, spread over all states
_LEAST_PHI = 0.05
_UNIT = 1.0 / (1 << 30)  # to which logarithms and weights are rounded


class Motion(NamedTuple):
    """How robots move in every regime under one policy, as plain arrays."""

    indptr: NDArray[np.int64]  # of the rows (kernel, s_l) of all kernels, one after the other
    indices: NDArray[np.int64]
    data: FloatArray
    kernel_of: NDArray[np.int64]  # [D, S_g]
    P_d: FloatArray
    least: float  # weight of a hypothesis that is kept


def motion_of(game: TabularGame, pi_l: LocalPolicy) -> Motion:
    """The motion of a game with a hidden state whose robots act by pi_l."""
    from altmarl_ros.games.sparse import distinct

    assert game.hidden is not None
    kernels, kernel_of = distinct(game.in_regimes(pi_l.probabilities)[0])
    lengths = np.concatenate([np.diff(kernel.indptr) for kernel in kernels])
    switches = game.hidden.P_d[~np.eye(len(game.hidden), dtype=bool)]
    return Motion(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([kernel.indices for kernel in kernels]).astype(np.int64),
        rounded(np.concatenate([kernel.data for kernel in kernels])),
        kernel_of.reshape(len(game.hidden), -1),
        rounded(game.hidden.P_d),
        _FORGOTTEN * min(float(switches[switches > 0].min(initial=1.0)), 1.0 / (len(game.hidden) * len(game.hidden))),
    )


@njit(nogil=True, cache=True)
def predict(motion, s_g, state, n):  # type: ignore[no-untyped-def]
    """The hidden state may have switched, and each of n robots has moved by the kernel of the regime before."""
    weights, means, covariances = state
    R, D, ages, S_l = means.shape
    moved = np.empty(S_l)
    for r in range(R):
        w, m = np.zeros((D, ages)), np.zeros((D, ages, S_l))
        by_hidden = np.zeros((D, S_l))  # probability of d times the shares given d
        for d in range(D):
            row = motion.kernel_of[d, s_g[r]] * S_l
            for age in range(ages):
                weight = weights[r, d, age]
                if weight <= motion.least:
                    continue
                moved[:] = 0.0
                for j in range(S_l):
                    share = means[r, d, age, j]
                    by_hidden[d, j] += weight * share
                    for e in range(motion.indptr[row + j], motion.indptr[row + j + 1]):
                        moved[motion.indices[e]] += share * motion.data[e]
                for after in range(D):
                    flow = weight * motion.P_d[d, after]
                    older = min(age + 1, ages - 1) if after == d else 0
                    w[after, older] += flow
                    for j in range(S_l):
                        m[after, older, j] += flow * moved[j]
        total = w.sum()
        for d in range(D):
            for age in range(ages):
                if w[d, age] > 0.0:
                    for j in range(S_l):
                        m[d, age, j] /= w[d, age]
                    w[d, age] /= total
        weights[r], means[r] = w, m
        _spread(motion, s_g[r], by_hidden, covariances[r], n)


@njit(nogil=True, cache=True)
def _spread(motion, s, by_hidden, S, n):  # type: ignore[no-untyped-def]
    # S <- P^T S P + Q, P the mean kernel over d, Q the mean of what n robots do by chance.
    D, S_l = by_hidden.shape
    half = np.zeros((S_l, S_l))
    Q = np.zeros((S_l, S_l))
    total = max(by_hidden.sum(), 1e-300)
    for d in range(D):
        belief = by_hidden[d].sum() / total
        row = motion.kernel_of[d, s] * S_l
        for j in range(S_l):
            share = max(by_hidden[d, j], 0.0) / total / n
            first, last = motion.indptr[row + j], motion.indptr[row + j + 1]
            for e in range(first, last):
                i, p = motion.indices[e], motion.data[e]
                for c in range(S_l):
                    half[i, c] += belief * p * S[j, c]
                Q[i, i] += share * p
                for f in range(first, last):
                    Q[i, motion.indices[f]] -= share * p * motion.data[f]
    S[:] = Q
    for d in range(D):
        belief = by_hidden[d].sum() / total
        row = motion.kernel_of[d, s] * S_l
        for j in range(S_l):
            for e in range(motion.indptr[row + j], motion.indptr[row + j + 1]):
                i, p = motion.indices[e], belief * motion.data[e]
                for c in range(S_l):
                    S[c, i] += half[c, j] * p
    for i in range(S_l):
        for j in range(i):
            S[i, j] = S[j, i] = 0.5 * (S[i, j] + S[j, i])


@njit(nogil=True, cache=True)
def multiply(weights, evidence):  # type: ignore[no-untyped-def]
    """Multiply the weights of hypotheses [R, D, age] by those of evidence [R, D], and normalise them."""
    R, D, ages = weights.shape
    for r in range(R):
        total = 0.0
        for d in range(D):
            for age in range(ages):
                total += weights[r, d, age] * evidence[r, d]
        if total > 0.0:
            for d in range(D):
                for age in range(ages):
                    weights[r, d, age] *= evidence[r, d] / total


@njit(nogil=True, cache=True)
def correct(least, state, heard, numbers):  # type: ignore[no-untyped-def]
    """Take in what was heard of the robots of each type, `numbers` [T].

    `heard` are the counts of reports [R, S_l], of robots drawn without replacement, and the hidden states [R], -1 if untold.
    `least` is the weight of a hypothesis that is kept.
    """
    weights, means, covariances = state
    reports, told = heard
    R, D, ages, S_l = means.shape
    T = len(numbers)
    P = S_l // T
    x, z = np.empty(S_l), np.empty(P)
    within, noise, k = np.empty(S_l), np.empty(T), np.empty(T, dtype=np.int64)
    for r in range(R):
        if told[r] >= 0:
            _tell(weights[r], told[r])
        for d in range(D):
            for age in range(ages):
                sparse_kalman.scale_sums(means[r, d, age], numbers)
        sparse_kalman.keep_sums(covariances[r], T)
        if reports[r].sum() == 0:
            continue
        x[:] = 0.0
        for d in range(D):
            for age in range(ages):
                if weights[r, d, age] > 0.0:
                    for j in range(S_l):
                        x[j] += weights[r, d, age] * means[r, d, age, j]
        _weigh(least, (weights[r], means[r]), (x, covariances[r]), (reports[r], numbers))
        sparse_kalman.weigh_reports(x, covariances[r], (reports[r], numbers), (within, noise, k))
        for t in range(T):
            if k[t] == 0:
                continue
            first, w = t * P, numbers[t] / numbers.sum()
            if k[t] < numbers[t] or T > 1:
                factors = sparse_kalman.factor(within[first : first + P], noise[t], first, covariances[r])
                for d in range(D):
                    for age in range(ages):
                        if weights[r, d, age] > least:
                            for j in range(P):
                                z[j] = w * (reports[r, first + j] / k[t]) - means[r, d, age, first + j]
                            sparse_kalman.innovate(factors, z, means[r, d, age])
                sparse_kalman.shrink(factors[1], covariances[r])
            if k[t] >= numbers[t]:
                for d in range(D):
                    for age in range(ages):
                        for j in range(first, first + P):
                            means[r, d, age, j] = w * (reports[r, j] / k[t])
                covariances[r, first : first + P] = 0.0
                covariances[r, :, first : first + P] = 0.0


@njit(nogil=True, cache=True)
def _tell(weights, d):  # type: ignore[no-untyped-def]
    total = weights[d].sum()
    for other in range(len(weights)):
        if other != d:
            weights[other] = 0.0
    if total > 0.0:
        weights[d] /= total
    else:  # what was thought impossible: nothing is known of when it began
        weights[d, 0] = 1.0


@njit(nogil=True, cache=True)
def _weigh(least, bank, expected, heard):  # type: ignore[no-untyped-def]
    # Bayes' rule with the quasi-likelihood of switching.py, for the shares within each type.
    (weights, means), (x, S), (reports, numbers) = bank, expected, heard
    D, ages = weights.shape
    S_l, T = len(x), len(numbers)
    P = S_l // T
    phi, k, w = np.ones(S_l), np.zeros(T, dtype=np.int64), numbers / numbers.sum()
    for t in range(T):
        n = numbers[t]
        k[t] = reports[t * P : (t + 1) * P].sum() if n > 0 else 0
        if k[t] > 1:
            for j in range(t * P, (t + 1) * P):
                share = _foreseen(x[j] / w[t], P)
                doubt = min(S[j, j] / (w[t] * w[t]) / (share * (1.0 - share)), 1.0)
                phi[j] = max(k[t] * doubt + (1.0 - doubt) * max(n - k[t], 0) / max(n - 1, 1), _LEAST_PHI)
    scores = np.full((D, ages), -np.inf)
    best = -np.inf
    for d in range(D):
        for age in range(ages):
            if weights[d, age] > least:
                score = 0.0
                for t in range(T):
                    if k[t] > 0:
                        for j in range(t * P, (t + 1) * P):
                            share = _foreseen(means[d, age, j] / w[t], P)
                            if reports[j] > 0:
                                score += reports[j] * _rounded(np.log(share)) / phi[j]
                            score -= k[t] * share / phi[j]
                scores[d, age] = score
                best = max(best, score)
    total = 0.0
    for d in range(D):
        for age in range(ages):
            likelihood = _rounded(np.exp(scores[d, age] - best)) if scores[d, age] > best - 20.0 else 0.0
            weights[d, age] *= likelihood
            total += weights[d, age]
    for d in range(D):
        for age in range(ages):
            weights[d, age] /= total


@njit(nogil=True, cache=True)
def joint_shares(weights, means, out):  # type: ignore[no-untyped-def]
    """Write the probability of d times the shares given d [R, d * S_l + s_l]."""
    R, D, ages, S_l = means.shape
    for r in range(R):
        out[r] = 0.0
        total = 0.0
        for d in range(D):
            for age in range(ages):
                if weights[r, d, age] > 0.0:
                    for j in range(S_l):
                        share = weights[r, d, age] * max(means[r, d, age, j], 0.0)
                        out[r, d * S_l + j] += share
                        total += share
        for j in range(D * S_l):
            out[r, j] /= total


@njit(nogil=True, cache=True)
def _foreseen(share, places):  # type: ignore[no-untyped-def]
    return (1.0 - _UNEXPLAINED) * min(max(share, 0.0), 1.0) + _UNEXPLAINED / places


@njit(nogil=True, cache=True)
def _rounded(value):  # type: ignore[no-untyped-def]
    return np.rint(value / _UNIT) * _UNIT
