"""Means with standard errors over episodes of several seeds, and the rows of a fitted power law."""

from __future__ import annotations

from typing import Mapping

import numpy as np
from numpy.typing import ArrayLike

from altmarl_ros.experiments.table import Row, Value, row
from altmarl_ros.learning.power_law import PowerLaw


def mean_and_error(samples: ArrayLike) -> tuple[float, float]:
    """Return mean and standard error of samples [seed, episode], or of samples [seed].

    The error is the larger of that within seeds and that between the seeds' means, since a seed also changes the training
    and the robots' kernels.
    """
    x = np.asarray(samples, dtype=np.float64)
    seeds = x.reshape(len(x), -1)
    within = seeds.std(axis=1, ddof=1) / np.sqrt(seeds.shape[1]) if seeds.shape[1] > 1 else np.zeros(len(seeds))
    error = float(np.sqrt((within**2).sum()) / len(seeds))
    if len(seeds) > 1:
        error = max(error, float(seeds.mean(axis=1).std(ddof=1) / np.sqrt(len(seeds))))
    return float(seeds.mean()), error


def law_rows(setting: Mapping[str, Value], gap: str, law: PowerLaw | None, sizes: Mapping[str, int]) -> list[Row]:
    """Make the rows of a fitted law: exponent, ends of its 95 % interval, factor, numbers of points used and left out."""
    if law is None:
        return [row(setting, f"{gap}_points_fitted", 0, **sizes)]
    return [
        row(setting, f"{gap}_exponent", law.exponent, law.error, **sizes),
        row(setting, f"{gap}_exponent_low", law.low, **sizes),
        row(setting, f"{gap}_exponent_high", law.high, **sizes),
        row(setting, f"{gap}_factor", law.factor, **sizes),
        row(setting, f"{gap}_points_fitted", len(law.used), **sizes),
        row(setting, f"{gap}_points_excluded", len(law.excluded), **sizes),
    ]
