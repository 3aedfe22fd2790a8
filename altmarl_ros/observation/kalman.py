"""The two steps of the estimate in filtered.py, compiled: for one fleet within the tick, and for many in simulation.

In place, on means m [R, S_l] and covariances S [R, S_l, S_l] of R fleets.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.compiled import njit

_FLOOR = 1e-3  # least share that R and Q reckon with: no report is impossible
_LEAST_NOISE = 0.05  # share of the multinomial covariance that a report keeps at least
_RIDGE = 1e-9  # makes S + R invertible across the simplex, where both are zero


@njit(nogil=True, cache=True)
def likely(mean):  # type: ignore[no-untyped-def]
    """Shares that are positive and sum to 1 [S_l]."""
    shares = np.maximum(mean, _FLOOR)
    return shares / shares.sum()


@njit(nogil=True, cache=True)
def multinomial_covariance(x):  # type: ignore[no-untyped-def]
    """Diag x - x x^T [S_l, S_l]."""
    return np.diag(x) - np.outer(x, x)


@njit(nogil=True, cache=True)
def predict(means, covariances, moves, n):  # type: ignore[no-untyped-def]
    """All robots have moved by P [R, s_l, s_l'], each of n on its own."""
    for r in range(len(means)):
        P = moves[r]
        x = likely(means[r])
        noise = np.diag(P.T @ x) - (P.T * x) @ P
        means[r] = P.T @ means[r]
        covariances[r] = P.T @ covariances[r] @ P + noise / max(n, 1)


@njit(nogil=True, cache=True)
def correct(means, covariances, reports, n):  # type: ignore[no-untyped-def]
    """Some of n robots, drawn without replacement, have told their states: counts [R, S_l]."""
    S_l = means.shape[1]
    for r in range(len(means)):
        k = reports[r].sum()
        if k == 0:
            continue
        m, S = means[r].copy(), covariances[r].copy()
        one = multinomial_covariance(likely(m))  # of one report, were x known to be m
        spread = np.trace(S) / max(np.trace(one), _RIDGE)  # a single state leaves no doubt
        unseen = max(n - k, 0) / max(n - 1, 1)
        R = one * (max(1.0 - spread, _LEAST_NOISE) * unseen / k)
        G = np.linalg.solve(S + R + _RIDGE * np.eye(S_l), S).T.copy()
        means[r] = m + G @ (reports[r] / k - m)
        corrected = S - G @ S
        covariances[r] = 0.5 * (corrected + corrected.T)
