"""Implements the backup that uses only a few next count vectors, which are sampled: the paper's.

It is a sparse operator, out[c] = sum_x weights[c, x] V[next[c, x]]. Its Bellman sweep is one pass over the count vectors,
which keeps expectation and maximum in registers, in blocks of eight lanes. Values for k robots are also interpolated here
from those for fewer, by a sparse operator of the count vectors around the mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.learning.counts.bellman import Change, GlobalProcess
from altmarl_ros.policies.counts import IntArray, binomials, enumerate_counts, rank_counts
from altmarl_ros.workers import Workers

DRAWN_AT_ONCE = 2_000_000
"""Entries of sampled count vectors that are drawn together, which bounds the memory that drawing takes."""

_LANES = 8
_NEVER = -1e300  # reward of the dummy actions that fill a block


class SampledBackup:
    """The paper's backup: m Monte Carlo next states per (s_g, c), which are the same in every sweep.

    Its operator has the next ranks [rank of c, s_g, x], each of weight 1 / m.
    """

    block = _LANES
    name = "sampled"

    def __init__(self, P_pi: FloatArray, k: int, samples: int, rng: np.random.Generator) -> None:
        """Draw the next states for local transitions P_pi [s_g, s_l, s_l'] and k robots."""
        self._next = np.stack([_sample_next(P, k, samples, rng) for P in P_pi], axis=1)
        self._weights = np.full((1, len(P_pi), samples), 1.0 / samples, dtype=np.float32)

    def expect(self, s_g: int, V: FloatArray, out: FloatArray) -> None:
        """Write E[V(c', .) | s_g, c] for all c into out; both [rank of c, columns]."""
        _gather(V, self._next, self._weights, s_g, out)

    def sweep(
        self,
        process: GlobalProcess,
        V: FloatArray,
        out: FloatArray,
        policy: NDArray[np.uint16],
        workers: Workers,
    ) -> Change:
        """See Backup."""
        S_g, A, _ = process.P_g.shape
        lanes = -(-A // _LANES) * _LANES
        P = np.zeros((S_g, S_g, lanes))  # [s_g, s_g', a]
        P[:, :, :A] = process.gamma * process.P_g.transpose(0, 2, 1)
        r = np.full((S_g, lanes), _NEVER)
        r[:, :A] = process.r_g

        def part(rows: tuple[int, int]) -> tuple[float, float]:
            operator, rewards = (self._next, self._weights), (P, r, process.local_reward)
            return _sweep(V, operator, rewards, rows, (out, policy))  # type: ignore[no-any-return]

        return Change.over(workers.map(part, workers.slices(len(V))))


def interpolate(V: FloatArray, k_from: int, k: int, L: int) -> FloatArray:
    """Interpolate values for k robots from values for k_from robots, at the same shares of robots per state.

    Systematic sampling splits the fractional parts of the counts that are met over at most L neighbouring count vectors, whose
    mean is exact: state j is rounded up with probability equal to its fraction.
    """
    counts = enumerate_counts(k, L)
    following = np.empty((len(counts), 1, L), dtype=np.int32)
    weights = np.empty((len(counts), 1, L), dtype=np.float32)
    P = np.eye(L)[None] * (k_from / max(k, 1))
    _spread(counts, P, (k_from, binomials(k_from, L)), (0, len(counts)), (following, weights))
    out = np.empty((len(following), V.shape[1]))
    _gather(V, following, weights, 0, out)
    return out


def _sample_next(P: FloatArray, k: int, samples: int, rng: np.random.Generator) -> NDArray[np.int32]:
    counts = enumerate_counts(k, len(P))
    following = np.empty((len(counts), samples), dtype=np.int32)
    chunk = max(1, DRAWN_AT_ONCE // (samples * len(P)))
    for first in range(0, len(counts), chunk):
        part = counts[first : first + chunk]
        total: IntArray = np.zeros((len(part), samples, len(P)), dtype=np.int64)
        for j, row in enumerate(P):
            total += rng.multinomial(part[:, j, None], row, size=(len(part), samples))
        following[first : first + chunk] = rank_counts(total)
    return following


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc"})
def _sweep(V, operator, process, rows, results):  # type: ignore[no-untyped-def]
    """Sweep the count vectors with ranks in rows = (first, last); results = (V', policy) are written in place.

    V [c, s_g' in blocks of 8]; operator = (following, weights); process = (P [s_g, s_g', a in blocks of 8], discounted,
    r [s_g, a in blocks of 8], local_reward [c, s_g]).
    """
    following, weights = operator
    P, r, local_reward = process
    first, last = rows
    out, policy = results
    S_g = following.shape[1]
    m = following.shape[2]
    width = V.shape[1]
    lanes = r.shape[1]
    uniform = weights.shape[0] == 1
    expected = np.empty(width)
    q = np.empty(lanes)
    low, high = np.inf, -np.inf
    for c in range(first, last):
        for s_g in range(S_g):
            for b in range(0, width, 8):
                e0 = e1 = e2 = e3 = e4 = e5 = e6 = e7 = 0.0
                for x in range(m):
                    w = weights[0, s_g, x] if uniform else weights[c, s_g, x]
                    rank = following[c, s_g, x]
                    e0 += w * V[rank, b + 0]
                    e1 += w * V[rank, b + 1]
                    e2 += w * V[rank, b + 2]
                    e3 += w * V[rank, b + 3]
                    e4 += w * V[rank, b + 4]
                    e5 += w * V[rank, b + 5]
                    e6 += w * V[rank, b + 6]
                    e7 += w * V[rank, b + 7]
                expected[b + 0] = e0
                expected[b + 1] = e1
                expected[b + 2] = e2
                expected[b + 3] = e3
                expected[b + 4] = e4
                expected[b + 5] = e5
                expected[b + 6] = e6
                expected[b + 7] = e7
            for b in range(0, lanes, 8):
                e0 = r[s_g, b + 0]
                e1 = r[s_g, b + 1]
                e2 = r[s_g, b + 2]
                e3 = r[s_g, b + 3]
                e4 = r[s_g, b + 4]
                e5 = r[s_g, b + 5]
                e6 = r[s_g, b + 6]
                e7 = r[s_g, b + 7]
                for s in range(S_g):
                    value = expected[s]
                    e0 += value * P[s_g, s, b + 0]
                    e1 += value * P[s_g, s, b + 1]
                    e2 += value * P[s_g, s, b + 2]
                    e3 += value * P[s_g, s, b + 3]
                    e4 += value * P[s_g, s, b + 4]
                    e5 += value * P[s_g, s, b + 5]
                    e6 += value * P[s_g, s, b + 6]
                    e7 += value * P[s_g, s, b + 7]
                q[b + 0] = e0
                q[b + 1] = e1
                q[b + 2] = e2
                q[b + 3] = e3
                q[b + 4] = e4
                q[b + 5] = e5
                q[b + 6] = e6
                q[b + 7] = e7
            best = q[0]
            action = 0
            for a in range(1, lanes):
                if q[a] > best + 1e-12:
                    best = q[a]
                    action = a
            value = best + local_reward[c, s_g]
            change = value - V[c, s_g]
            out[c, s_g] = value
            policy[c, s_g] = action
            low = min(low, change)
            high = max(high, change)
    return low, high


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc"})
def _gather(V, following, weights, s_g, out):  # type: ignore[no-untyped-def]
    uniform = weights.shape[0] == 1
    for c in range(following.shape[0]):
        for column in range(V.shape[1]):
            out[c, column] = 0.0
        for x in range(following.shape[2]):
            w = weights[0, s_g, x] if uniform else weights[c, s_g, x]
            if w != 0.0:
                rank = following[c, s_g, x]
                for column in range(V.shape[1]):
                    out[c, column] += w * V[rank, column]


@njit(nogil=True, cache=True)
def _spread(counts, P, ranking, rows, results):  # type: ignore[no-untyped-def]
    """Write neighbours of c P[s_g] for the count vectors c with ranks in rows = (first, last) into results.

    ranking = (k_next, its table of binomials); results = (following, weights), both [rank of c, s_g, x].
    """
    k_next, table = ranking
    first, last = rows
    following, weights = results
    L = counts.shape[1]
    floor = np.empty(L, dtype=np.int64)
    edge = np.zeros(L + 1)  # cumulative fractional parts
    cuts = np.empty(L + 1)
    for c in range(first, last):
        for s_g in range(P.shape[0]):
            extra = k_next
            for i in range(L):
                mean = 0.0
                for j in range(L):
                    mean += counts[c, j] * P[s_g, j, i]
                floor[i] = int(np.floor(mean + 1e-12))
                edge[i + 1] = edge[i] + max(0.0, mean - floor[i])
                extra -= floor[i]
            if extra > 0:  # rounding: the fractions sum to a whole number of robots
                for i in range(L + 1):
                    edge[i] *= extra / edge[L] if i < L else 1.0
                edge[L] = extra
            cuts[0] = 0.0
            for i in range(1, L):  # insertion sort of the fractional parts of the edges
                cut = edge[i] - np.floor(edge[i])
                j = i
                while j > 1 and cuts[j - 1] > cut:
                    cuts[j] = cuts[j - 1]
                    j -= 1
                cuts[j] = cut
            cuts[L] = 1.0
            for x in range(L):
                weights[c, s_g, x] = cuts[x + 1] - cuts[x]
                u = 0.5 * (cuts[x] + cuts[x + 1])
                left = k_next
                rank = 0
                given = 0
                for i in range(L - 1):
                    # state i is rounded up where a point u + integer lies in [edge_i, edge_i+1)
                    up = 0
                    if given < extra and u + given < edge[i + 1]:
                        up = 1
                        given += 1
                    after = left - floor[i] - up
                    rank += table[left, L - 1 - i] - table[after, L - 1 - i]
                    left = after
                following[c, s_g, x] = rank
