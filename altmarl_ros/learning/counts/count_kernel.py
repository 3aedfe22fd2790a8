"""Tabulates distributions over count vectors, for games that are small enough.

    K(d | c) = P(next counts are d), each of the c_j robots of type j going to state i with P[j, i]
    H(c | N) = prod_j C(N_j, c_j) / C(n, k),  the counts of a uniform k-subset of n robots
    p(N)     = Dirichlet-multinomial(n, alpha),  the counts of n robots that share one drawn distribution

K is built one robot at a time, K_m(d | c) = sum_i P[j, i] K_{m-1}(d - e_i | c - e_j). These are sums of products of
probabilities: they amplify no rounding error, so every kernel can be used.
"""

from __future__ import annotations

from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import ResourceError
from altmarl_ros.policies.counts import IntArray, enumerate_counts, number_of_counts, rank_counts


def count_kernel(P: FloatArray, n: int) -> FloatArray:
    """Tabulate K [rank of c over the types, rank of d over the states] for n robots and rows P [types, states]."""
    kernel = np.ones((1, 1))
    for m in range(1, n + 1):
        first, without, places = _one_robot_more(m, *P.shape)
        before, kernel = kernel[without], np.zeros((len(first), number_of_counts(m, P.shape[1])))
        for i, place in enumerate(places):
            kernel[:, place] += P[first, i, None] * before
    return kernel


@lru_cache(maxsize=256)
def _one_robot_more(m: int, types: int, states: int) -> tuple[NDArray[np.intp], IntArray, tuple[IntArray, ...]]:
    # For each count vector c of m robots: a type j that is present in c, and the rank of c - e_j. For each count vector d of
    # m - 1 robots and each state i: the rank of d + e_i.
    counts = enumerate_counts(m, types)
    first = np.argmax(counts > 0, axis=1)
    smaller = enumerate_counts(m - 1, states)
    units = np.eye(states, dtype=smaller.dtype)
    return first, rank_counts(counts - np.eye(types, dtype=counts.dtype)[first]), tuple(rank_counts(smaller + e) for e in units)


def subset_distribution(n: int, k: int, L: int) -> FloatArray:
    """Tabulate H [rank of N, rank of c] for a uniform k-subset, drawn without replacement, of n >= k robots."""
    populations, subsets = enumerate_counts(n, L), enumerate_counts(k, L)
    choose = np.array([[float(comb(a, b)) for b in range(k + 1)] for a in range(n + 1)])
    ways = np.full((len(populations), len(subsets)), 1.0 / float(comb(n, k)))
    for j in range(L):
        ways *= choose[populations[:, j, None], subsets[None, :, j]]
    return ways


def start_distribution(alpha: FloatArray, n: int) -> FloatArray:
    """Tabulate the probability of every N [rank of N], where N ~ multinomial(n, q) and q ~ Dirichlet(alpha [L])."""
    from scipy.special import gammaln  # imported here, since most commands do not need it and start sooner

    N = enumerate_counts(n, len(alpha))
    total = alpha.sum()
    log_p = (
        gammaln(n + 1.0) + gammaln(total) - gammaln(n + total) + (gammaln(N + alpha) - gammaln(alpha) - gammaln(N + 1.0)).sum(1)
    )
    p = np.exp(log_p)
    return np.asarray(p / p.sum())


def check_table(what: str, values: int, memory_limit: int) -> None:
    """Raise ResourceError if a table of so many float64 values exceeds the limit [bytes]."""
    if 8 * values > memory_limit:
        needed, limit = (size / 2**20 for size in (8 * values, memory_limit))
        raise ResourceError(f"{what} needs {needed:,.0f} MiB, over the limit of {limit:,.0f} MiB; choose fewer robots")
