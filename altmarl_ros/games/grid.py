"""Divides an interval into equal cells, and computes how much of a clipped Gaussian falls into each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray


@dataclass(frozen=True)
class Grid:
    """`cells` equal cells on [-half_width, half_width]."""

    half_width: float
    cells: int

    @cached_property
    def centres(self) -> FloatArray:
        """The middle of each cell [cells]."""
        return np.asarray(0.5 * (self.edges[1:] + self.edges[:-1]))

    @cached_property
    def edges(self) -> FloatArray:
        """The ends of the cells [cells + 1]."""
        return np.linspace(-self.half_width, self.half_width, self.cells + 1)

    def cell_of(self, position: FloatArray) -> NDArray[np.int64]:
        """Find the cell of each position; a position outside of the interval belongs to the cell at that end."""
        scaled = (position + self.half_width) * (self.cells / (2.0 * self.half_width))
        return np.clip(scaled.astype(np.int64), 0, self.cells - 1)

    def gaussian(self, mean: ArrayLike, sd: float) -> FloatArray:
        """Compute the exact mass of clip(N(mean, sd^2)) in each cell [..., cells] for means [...]; end cells hold the tails."""
        from scipy.special import ndtr  # imported here, since most processes do not need it and start sooner

        below = ndtr((self.edges[1:-1] - np.asarray(mean, dtype=float)[..., None]) / sd)
        # Small masses stay exact by taking differences of the upper tail above the mean, and of the lower tail below it.
        above = ndtr((np.asarray(mean, dtype=float)[..., None] - self.edges[1:-1]) / sd)
        ends = np.ones((*below.shape[:-1], 1))
        lower = np.diff(np.concatenate([0 * ends, below, ends], axis=-1), axis=-1)
        upper = -np.diff(np.concatenate([ends, above, 0 * ends], axis=-1), axis=-1)
        return np.where(self.centres < np.asarray(mean, dtype=float)[..., None], lower, upper)

    def uniform(self, low: float, high: float) -> FloatArray:
        """Compute the share of [low, high] that lies in each cell [cells]."""
        inside = np.clip(self.edges, low, high)
        return np.asarray(np.diff(inside) / (high - low))
