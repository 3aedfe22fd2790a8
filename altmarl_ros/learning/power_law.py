"""Fits a power law gap = C k^b to gaps by k, as a line through log gap over log k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

NUMERICAL_ZERO = 1e-9
"""Gaps up to this one count as zero and are left out of the fit [reward units]."""

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class PowerLaw:
    """A fitted power law.

    Attributes:
        exponent: b.
        error: standard error of b.
        low: lower end of the 95 % confidence interval of b.
        high: upper end of that interval.
        factor: C.
        used: the k whose gaps were fitted.
        excluded: the k left out, whose gap is zero within its error.
    """

    exponent: float
    error: float
    low: float
    high: float
    factor: float
    used: tuple[float, ...]
    excluded: tuple[float, ...]


def fit_power_law(k: ArrayLike, gap: ArrayLike, error: ArrayLike | None = None) -> PowerLaw | None:
    """Fit by least squares in logarithms.

    The result is None with fewer than two points to fit; with two points the error is infinite. If standard errors of the
    gaps are given, points are weighted by their relative error, gaps below two standard errors are excluded, and the
    interval grows if the points scatter about the line by more than their errors say. Without them the gaps count as
    exact, and gaps that are numerically zero are excluded.
    """
    x, y = np.asarray(k, dtype=np.float64), np.asarray(gap, dtype=np.float64)
    sigma = np.zeros_like(y) if error is None else np.asarray(error, dtype=np.float64)
    use = (x > 0) & (y > np.maximum(NUMERICAL_ZERO, 2.0 * sigma))
    if use.sum() < 2:
        return None
    relative = sigma[use] / y[use]
    weight = 1.0 / np.maximum(relative, 1e-3) ** 2 if error is not None else np.ones(use.sum())
    u, v = np.log(x[use]), np.log(y[use])
    centre, level = np.average(u, weights=weight), np.average(v, weights=weight)
    spread = float((weight * (u - centre) ** 2).sum())
    slope = float((weight * (u - centre) * (v - level)).sum() / spread)
    freedom = len(u) - 2
    deviation = reach = float("inf")
    if freedom > 0:
        from scipy.special import stdtrit  # the quantile of Student's t; scipy.stats takes a second to import

        scatter = float((weight * (v - level - slope * (u - centre)) ** 2).sum() / freedom)
        deviation = float(np.sqrt((scatter if error is None else max(scatter, 1.0)) / spread))
        reach = float(stdtrit(freedom, 0.5 + _CONFIDENCE / 2)) * deviation
    factor = float(np.exp(level - slope * centre))
    return PowerLaw(slope, deviation, slope - reach, slope + reach, factor, tuple(x[use].tolist()), tuple(x[~use].tolist()))
