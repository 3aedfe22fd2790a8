"""Sparse matrices in double precision, and the movement of robots that act by a policy."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.array_checks import NEGLIGIBLE

Sparse = sparse.csr_array
"""Rows of a sparse matrix in double precision."""


def mixture(moves: tuple[Sparse, ...], weights: FloatArray) -> Sparse:
    """The kernel sum_a weights[a, s_l] moves[a][s_l, s_l'], added action by action: every machine gets the same numbers."""
    total = None
    for P, weight in zip(moves, weights, strict=True):
        if weight.any():
            part = P.copy()
            part.data = P.data * np.repeat(weight, np.diff(P.indptr))
            total = part if total is None else total + part
    assert total is not None  # the probabilities sum to 1
    total.eliminate_zeros()
    return total


def likely(kernel: Sparse) -> Sparse:
    """The kernel without what is less than NEGLIGIBLE."""
    if kernel.data.min() >= NEGLIGIBLE:
        return kernel
    kept = kernel.copy()
    kept.data = np.where(kernel.data >= NEGLIGIBLE, kernel.data, 0.0)
    kept.eliminate_zeros()
    return kept


def distinct(kernels: Sequence[Sparse]) -> tuple[list[Sparse], NDArray[np.int64]]:
    """The kernels that differ in an entry, as they first occur, and the number of each kernel's among them."""
    number: dict[bytes, int] = {}
    found: list[Sparse] = []
    number_of = np.empty(len(kernels), dtype=np.int64)
    for i, P in enumerate(kernels):
        key = P.indptr.tobytes() + P.indices.tobytes() + P.data.tobytes()
        if key not in number:
            number[key] = len(found)
            found.append(P)
        number_of[i] = number[key]
    return found, number_of
