"""Compiles the two steps of the Kalman filter of filtered.py, for one fleet within its tick and for many in simulation.

Both steps update the means m [R, S_l] and covariances S [R, S_l, S_l] of R fleets in place.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.compiled import njit
from altmarl_ros.observation.sparse_kalman import keep_sums

_FLOOR = 1e-3  # least share of a state in R and Q, so that no report is impossible
_MOST_ADDED = 0.02  # share of the robots that these floors add in all at most; with over 20 states they are lower
_LEAST_NOISE = 0.05  # R is at least this share of the multinomial covariance
_RIDGE = 1e-9  # makes S + R invertible; both are zero in the direction orthogonal to the simplex


@njit(nogil=True, cache=True)
def likely(mean):  # type: ignore[no-untyped-def]
    """Return the shares raised to a small least share and normalised [S_l]."""
    shares = np.maximum(mean, min(_FLOOR, _MOST_ADDED / len(mean)))
    return shares / shares.sum()


@njit(nogil=True, cache=True)
def multinomial_covariance(x):  # type: ignore[no-untyped-def]
    """Return diag x - x x^T [S_l, S_l]."""
    return np.diag(x) - np.outer(x, x)


@njit(nogil=True, cache=True)
def predict(means, covariances, moves, n):  # type: ignore[no-untyped-def]
    """Predict the shares after each of n robots has moved by P [R, s_l, s_l'], independently of the others."""
    for r in range(len(means)):
        P = moves[r]
        x = likely(means[r])
        noise = np.diag(P.T @ x) - (P.T * x) @ P
        means[r] = P.T @ means[r]
        covariances[r] = P.T @ covariances[r] @ P + noise / max(n, 1)
        keep_sums(covariances[r], 1)


@njit(nogil=True, cache=True)
def correct(means, covariances, reports, n):  # type: ignore[no-untyped-def]
    """Correct the shares by the reports of some of n robots, drawn without replacement: counts [R, S_l]."""
    S_l = means.shape[1]
    for r in range(len(means)):
        k = reports[r].sum()
        if k == 0:
            continue
        m, S = means[r].copy(), covariances[r].copy()
        one = multinomial_covariance(likely(m))  # covariance of one report if x is m
        spread = np.trace(S) / max(np.trace(one), _RIDGE)  # the trace is 0 if there is a single state
        unseen = max(n - k, 0) / max(n - 1, 1)
        R = one * (max(1.0 - spread, _LEAST_NOISE) * unseen / k)
        G = np.linalg.solve(S + R + _RIDGE * np.eye(S_l), S).T.copy()
        means[r] = m + G @ (reports[r] / k - m)
        corrected = S - G @ S
        covariances[r] = 0.5 * (corrected + corrected.T)
