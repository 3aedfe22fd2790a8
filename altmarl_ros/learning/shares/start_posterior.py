"""What the first reports of an episode say about the shares of robots, exactly.

A start draws p ~ Dirichlet(alpha_h), h one of M concentrations, and every robot's state from p. k of n robots report the
counts c. Given h, p is Dirichlet(alpha_h + c) and the other n - k robots are draws from it:

    E[N / n | c, h] = (c + (n - k) (alpha_h + c) / (sum alpha_h + k)) / n,
    P(h | c)  proportional to  Gamma(A_h) / Gamma(A_h + k) prod_j Gamma(alpha_hj + c_j) / Gamma(alpha_hj),

A_h = sum alpha_h. This is what a value vector is to be weighed with: its plan earns alpha . N / n, linear in N.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.tabular import Start
from altmarl_ros.observation.model import Counts


def mean_start(start: Start) -> FloatArray:
    """Expected shares at the start [S_l]."""
    alpha = np.atleast_2d(start.alpha)
    return np.asarray((alpha / alpha.sum(axis=1, keepdims=True)).mean(axis=0))


def posterior_mean(start: Start, reports: Counts, n: int | None) -> FloatArray:
    """E[N / n | reports] [B, S_l] for reports [B, S_l] of a team of n robots; None is the mean field, n to infinity."""
    alpha = np.atleast_2d(start.alpha)  # [M, S_l]
    k = reports.sum(axis=1, keepdims=True)  # [B, 1]
    total = alpha.sum(axis=1)
    log_weight = gammaln(total) - gammaln(total + k)  # [B, M]
    for h, one in enumerate(alpha):
        log_weight[:, h] += (gammaln(one + reports) - gammaln(one)).sum(axis=1)
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    p = np.zeros(reports.shape)  # E[p | c]
    for h, one in enumerate(alpha):
        p += weight[:, h, None] * (one + reports) / (total[h] + k)
    if n is None:
        return p
    return np.asarray((reports + (n - k) * p) / n)
