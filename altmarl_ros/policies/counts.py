"""Count vectors: how many of k robots are in each of L states.

The C(k + L - 1, L - 1) vectors c in Z^L with c >= 0 and sum c = k are ordered lexicographically, and
with m_j = k - c_0 - ... - c_{j-1} robots left and p_j = L - 1 - j states behind j, the position of c is

    rank(c) = sum_j [ C(m_j + p_j, p_j) - C(m_j - c_j + p_j, p_j) ]

(the combinatorial number system), so that no table of size (k + 1)^L is needed.
"""

from __future__ import annotations

from functools import lru_cache
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


def number_of_counts(k: int, L: int) -> int:
    """Return C(k + L - 1, L - 1), the number of count vectors, exactly at any size."""
    return comb(k + L - 1, L - 1)


@lru_cache(maxsize=64)
def binomials(k: int, L: int) -> IntArray:
    """Tabulate C(m + p, p) for m = 0..k and p = 0..L-1 [m, p]; the table is read-only."""
    table = np.array([[comb(m + p, p) for p in range(L)] for m in range(k + 1)], dtype=np.int64)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=8)
def enumerate_counts(k: int, L: int) -> NDArray[np.int32]:
    """List all count vectors in rank order [rank, L]; the array is read-only."""
    vectors = np.zeros((1, 0), dtype=np.int32)
    left = np.array([k], dtype=np.int32)
    for _ in range(L - 1):
        repeats = left + 1
        first = np.repeat(np.cumsum(repeats) - repeats, repeats)
        value = (np.arange(repeats.sum()) - first).astype(np.int32)
        vectors = np.hstack([np.repeat(vectors, repeats, axis=0), value[:, None]])
        left = np.repeat(left, repeats) - value
    vectors = np.ascontiguousarray(np.hstack([vectors, left[:, None]]))
    vectors.setflags(write=False)
    return vectors


def rank_counts(counts: NDArray[np.integer]) -> IntArray:
    """Compute the positions in `enumerate_counts` [...] of count vectors [..., L] with a common sum.

    Entries must be non-negative and sums equal. Neither is checked, since this runs in every decision.
    """
    counts = np.asarray(counts)
    L = counts.shape[-1]
    if counts.size == 0:
        return np.zeros(counts.shape[:-1], dtype=np.int64)
    k = int(counts.reshape(-1, L)[0].sum())
    table = binomials(k, L)
    left = np.full(counts.shape[:-1], k, dtype=np.int64)
    rank = np.zeros(counts.shape[:-1], dtype=np.int64)
    for j in range(L - 1):
        after = left - counts[..., j]
        rank += table[left, L - 1 - j] - table[after, L - 1 - j]
        left = after
    return rank


def scale_counts(shares: NDArray[np.float64], k: int) -> IntArray:
    """Round shares [R, L] to count vectors of k robots by the largest remainder method."""
    exact = shares * k
    counts = np.floor(exact + 1e-9).astype(np.int64)
    missing = k - counts.sum(axis=1)
    order = np.argsort(np.argsort(counts - exact, axis=1, kind="stable"), axis=1)
    return np.asarray(counts + (order < missing[:, None]))


def by_group(values: NDArray[Any], groups: IntArray | None) -> NDArray[Any]:
    """Sum counts or shares by local state [..., S_l] over groups [..., G]; without groups [S_l] they stay as they are."""
    if groups is None:
        return values
    member = groups[:, None] == np.arange(groups.max() + 1)
    return np.asarray(values @ member.astype(values.dtype))
