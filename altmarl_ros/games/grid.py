"""Equal cells on an interval, and how much of a clipped Gaussian falls into each."""

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
        """Middle of each cell [cells]."""
        return np.asarray(0.5 * (self.edges[1:] + self.edges[:-1]))

    @cached_property
    def edges(self) -> FloatArray:
        """Ends of the cells [cells + 1]."""
        return np.linspace(-self.half_width, self.half_width, self.cells + 1)

    def cell_of(self, position: FloatArray) -> NDArray[np.int64]:
        """The cell of each position; what lies outside belongs to the cell at that end."""
        scaled = (position + self.half_width) * (self.cells / (2.0 * self.half_width))
        return np.clip(scaled.astype(np.int64), 0, self.cells - 1)

    def gaussian(self, mean: ArrayLike, sd: float) -> FloatArray:
        """Exact mass of clip(N(mean, sd^2)) in each cell [..., cells] for means [...]; the tails lie in the end cells."""
        from scipy.special import ndtr  # most processes do without, and start sooner

        below = ndtr((self.edges[1:-1] - np.asarray(mean, dtype=float)[..., None]) / sd)
        # Differences of the upper tail above the mean and of the lower one below it keep small masses exact.
        above = ndtr((np.asarray(mean, dtype=float)[..., None] - self.edges[1:-1]) / sd)
        ends = np.ones((*below.shape[:-1], 1))
        lower = np.diff(np.concatenate([0 * ends, below, ends], axis=-1), axis=-1)
        upper = -np.diff(np.concatenate([ends, above, 0 * ends], axis=-1), axis=-1)
        return np.where(self.centres < np.asarray(mean, dtype=float)[..., None], lower, upper)

    def uniform(self, low: float, high: float) -> FloatArray:
        """Share of [low, high] in each cell [cells]."""
        inside = np.clip(self.edges, low, high)
        return np.asarray(np.diff(inside) / (high - low))
