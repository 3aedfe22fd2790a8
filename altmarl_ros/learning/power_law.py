"""How a gap falls with k: gap = C k^b, fitted as a line through log gap over log k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

NUMERICAL_ZERO = 1e-9
"""Gaps at or below have no logarithm worth fitting [reward units]."""

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class PowerLaw:
    """A fitted law.

    Attributes:
        exponent: b.
        error: its standard error.
        low, high: its 95 % confidence interval.
        factor: C.
        used: the k that the fit rests on.
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
    """Least squares in logarithms; None with fewer than two points to fit, an infinite error with two.

    With standard errors of the gaps, points weigh by their relative error, and a gap of less than two errors
    is excluded; the interval grows where the points scatter about the line by more than their errors say.
    Without, the gaps are exact, and those at numerical zero are excluded.
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
        scatter = float((weight * (v - level - slope * (u - centre)) ** 2).sum() / freedom)
        deviation = float(np.sqrt((scatter if error is None else max(scatter, 1.0)) / spread))
        reach = float(stats.t.ppf(0.5 + _CONFIDENCE / 2, freedom)) * deviation
    factor = float(np.exp(level - slope * centre))
    return PowerLaw(slope, deviation, slope - reach, slope + reach, factor, tuple(x[use].tolist()), tuple(x[~use].tolist()))
