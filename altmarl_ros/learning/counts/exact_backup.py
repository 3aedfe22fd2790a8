"""Computes the exact expectation over the next count vector without enumerating the next vectors.

For a kernel P on L states and a function f of count vectors let T_P f(c) = E f(c'), where each of the c_j robots in
state j moves by row j of P independently. Then T_{PQ} = T_P T_Q. First a permutation of the states, which only relabels
c, brings large entries to the diagonal. Then Gaussian elimination, with row operations that keep row sums at 1, factors
the rest into at most L(L - 1) elementary kernels

    E(j, i, b):  a robot in state j moves to i with probability b, else it stays.

T_E needs only binomial weights along the line c - t e_j + t e_i, t = 0..c_j:

    T_E f(c) = sum_t C(c_j, t) b^t (1 - b)^(c_j - t) f(c - t e_j + t e_i).

These identities are polynomial, so b may lie outside [0, 1]; rounding errors then grow by at most prod (|b| + |1 - b|)^k.
The order of the states is chosen to make this bound small, and a kernel for which it stays too large is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from math import inf, lgamma, log
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.errors import ResourceError
from altmarl_ros.learning.counts.bellman import StatewiseSweep
from altmarl_ros.policies.counts import IntArray, enumerate_counts, rank_counts

MAX_AMPLIFICATION = 1e6
"""Largest accepted bound on the growth of rounding errors; 1e6 * 2^-53 leaves about ten correct digits."""

_ALL_ORDERS_UP_TO = 6  # states; with more, an order is built pivot by pivot and then improved
_MOST_CHANGES = 300  # of such an order that are tried
_CHANGED_PAIRS = 60_000  # and over all changes, pairs of states that are eliminated: a tenth of a second
_LITTLE_GROWTH = 1e-3  # log of the growth per robot that needs no further search: 1.03 for 25 robots
_IMPOSSIBLE = 1e3  # replaces -log 0
_LINES_PER_TASK = 16


@dataclass(frozen=True)
class Elementary:
    """The kernel E(source, target, b)."""

    source: int
    target: int
    b: float


@dataclass(frozen=True)
class Factorisation:
    """The factors of a kernel P = Pi E_1 E_2 ...

    Attributes:
        relabel: robots in state j first move to relabel[j].
        factors: the elementary kernels by which robots move next, leftmost first.
        log_growth_per_robot: bound on the logarithm of the growth of rounding errors.
    """

    relabel: tuple[int, ...]
    factors: tuple[Elementary, ...]
    log_growth_per_robot: float


def factorise(P: FloatArray) -> Factorisation:
    """Factor the stochastic matrix P [L, L] in the order of states for which rounding errors grow least.

    Raises:
        ResourceError: no order of the states admits elimination (P is numerically singular).
    """
    return _factorise(np.ascontiguousarray(P, dtype=np.float64).tobytes(), len(P))


def log_growth(P_pi: FloatArray) -> FloatArray:
    """Compute the log of the bound on the growth of rounding errors, per robot [s_g], for transitions P_pi [s_g, s_l, s_l'].

    Raises:
        ResourceError: a kernel is singular.
    """
    return np.array([factorise(P).log_growth_per_robot for P in P_pi])


def check_growth(growth: FloatArray, k: int) -> None:
    """Raise ResourceError if rounding errors could grow beyond MAX_AMPLIFICATION with k robots."""
    for s_g, per_robot in enumerate(growth):
        if k * per_robot > log(MAX_AMPLIFICATION):
            raise ResourceError(
                f"exact backup: at s_g={s_g} and k={k} rounding errors could grow by "
                f"10^{k * per_robot / log(10):.0f}; use backup 'sampled' or 'shares'"
            )


@lru_cache(maxsize=256)
def _factorise(matrix: bytes, L: int) -> Factorisation:
    P = np.frombuffer(matrix).reshape(L, L)
    dominant = _dominant(P)
    A = P[np.argsort(dominant)]
    if L <= _ALL_ORDERS_UP_TO:
        best = None
        for order in permutations(range(L)):
            best = _eliminate(A, order, inf if best is None else best.growth) or best
    else:
        best = _searched(A)
    if best is None:
        raise ResourceError("exact backup: the local transition matrix is singular; use backup 'sampled' or 'shares'")
    return Factorisation(tuple(dominant.tolist()), best.factors(), best.growth)


def _dominant(P: FloatArray) -> IntArray:
    # For each row the column of the permutation whose entries have the largest product.
    with np.errstate(divide="ignore"):
        cost = np.minimum(-np.log(P), _IMPOSSIBLE)
    if len(P) <= _ALL_ORDERS_UP_TO:
        orders = np.array(list(permutations(range(len(P)))))
        return np.asarray(orders[cost[np.arange(len(P)), orders].sum(axis=1).argmin()])
    from scipy.optimize import linear_sum_assignment  # takes a fifth of a second and 25 MiB, which small games do without

    return np.asarray(linear_sum_assignment(cost)[1])


@dataclass(frozen=True)
class _Elimination:
    """Gaussian elimination in one order: pivots with the rows that they were subtracted from, and the inverse factors' b."""

    order: tuple[int, ...]
    steps: tuple[tuple[int, NDArray[np.intp], FloatArray], ...]
    growth: float

    def factors(self) -> tuple[Elementary, ...]:
        return tuple(Elementary(j, i, b) for i, rows, bs in self.steps for j, b in zip(rows.tolist(), bs.tolist(), strict=True))


def _eliminate(A: FloatArray, order: Sequence[int], most_growth: float = inf) -> _Elimination | None:
    # A <- E A with E = E(j, i, b) replaces row j by (1 - b) row_j + b row_i; its inverse is E(j, i, b / (b - 1)).
    # None as well where errors grow by `most_growth` or more: every step adds to it.
    A = A.copy()
    pivots = np.array(order)
    steps: list[tuple[int, NDArray[np.intp], FloatArray]] = []
    growth = 0.0
    for p in (*range(len(order)), *reversed(range(len(order)))):
        i, others = order[p], pivots[p + 1 :] if len(steps) < len(order) else pivots[:p]
        rows = others[A[others, i] != 0.0]
        difference = A[rows, i] - A[i, i]
        if len(rows) and ((np.abs(difference) < 1e-12).any() or abs(A[i, i]) < 1e-12):
            return None
        b = A[rows, i] / difference
        A[rows] = (1.0 - b)[:, None] * A[rows] + b[:, None] * A[i]
        A[rows, i] = 0.0
        inverse = b / (b - 1.0)
        for each in inverse.tolist():
            growth += log(abs(each) + abs(1.0 - each))
        if growth >= most_growth:
            return None
        steps.append((i, rows, inverse))
    return _Elimination(tuple(order), tuple(steps), growth)


def _searched(A: FloatArray) -> _Elimination | None:
    # A greedy order of pivots, in which single states are then moved elsewhere as long as that helps.
    L = len(A)
    best = None
    for first in (_greedy_order(A), list(range(L))):
        candidate = _eliminate(A, first)
        if candidate and (best is None or candidate.growth < best.growth):
            best = candidate
    rng = np.random.default_rng(0)
    for _ in range(min(_MOST_CHANGES, _CHANGED_PAIRS // L**2)):
        if best is None or best.growth <= _LITTLE_GROWTH:
            break
        order = list(best.order)
        order.insert(int(rng.integers(L)), order.pop(int(rng.integers(L))))
        candidate = _eliminate(A, order)
        if candidate and candidate.growth < best.growth:
            best = candidate
    return best


def _greedy_order(A: FloatArray) -> list[int]:
    # The next pivot i is the one whose elimination makes errors grow least: b of the inverse factors is A_ji / A_ii.
    A = A.copy()
    left, order = np.arange(len(A)), []
    while len(left):
        here = A[np.ix_(left, left)]
        with np.errstate(divide="ignore", invalid="ignore"):
            b = here / np.diagonal(here)
            growth = np.where(here == 0.0, 0.0, np.log(np.abs(b) + np.abs(1.0 - b)))
        np.fill_diagonal(growth, 0.0)
        total = growth.sum(axis=0)
        pivot = int(np.where(np.isnan(total), np.inf, total).argmin())
        i, left = int(left[pivot]), np.delete(left, pivot)
        order.append(i)
        if A[i, i] == 0.0:
            continue
        b = A[left, i] / A[i, i]  # rows keep their sum: (row_j - b row_i) / (1 - b)
        regular = np.abs(1.0 - b) > 1e-12
        A[left[regular]] = (A[left[regular]] - b[regular, None] * A[i]) / (1.0 - b[regular])[:, None]
    return order


@dataclass(frozen=True, eq=False)
class _Lines:
    """The lines {c_j + c_i = s, other counts fixed}: ranks along each line by c_j = 0..s, and tasks of lines of one length."""

    ranks: NDArray[np.int32]
    tasks: NDArray[np.int64]  # [task, (offset of the first rank, number of lines, s + 1)]


def _lines(k: int, L: int, j: int, i: int) -> _Lines:
    kept = _lines_kept(k, L)
    if (j, i) not in kept:
        kept[j, i] = _find_lines(k, L, j, i)
    return kept[j, i]


@lru_cache(maxsize=1)  # a ladder never comes back to a rung, and the lines of one are as large as its values
def _lines_kept(k: int, L: int) -> dict[tuple[int, int], _Lines]:
    return {}


def _find_lines(k: int, L: int, j: int, i: int) -> _Lines:
    counts = enumerate_counts(k, L)
    ranks, tasks, offset = [], [], 0
    for s in range(k + 1):
        start = counts[(counts[:, i] == 0) & (counts[:, j] == s)]
        if len(start) == 0:
            continue
        line = np.repeat(start[:, None, :], s + 1, axis=1)
        line[:, :, j] = np.arange(s + 1)
        line[:, :, i] = s - line[:, :, j]
        ranks.append(rank_counts(line).astype(np.int32).ravel())
        for first in range(0, len(start), _LINES_PER_TASK):
            lines = min(_LINES_PER_TASK, len(start) - first)
            tasks.append((offset + first * (s + 1), lines, s + 1))
        offset += len(start) * (s + 1)
    tasks.sort(key=lambda task: -task[2])
    return _Lines(np.concatenate(ranks), np.array(tasks, dtype=np.int64))


def _binomial_weights(k: int, b: float) -> FloatArray:
    """Tabulate C(u, t) b^t (1 - b)^(u - t) for t <= u <= k [u, t]; entries have signs for b outside [0, 1]."""
    u, t = np.arange(k + 1)[:, None], np.arange(k + 1)[None, :]
    log_factorial = np.array([lgamma(m + 1.0) for m in range(k + 1)])
    inside = t <= u
    rest = np.where(inside, u - t, 0)
    with np.errstate(divide="ignore"):
        magnitude = (
            log_factorial[u]
            - log_factorial[t]
            - log_factorial[rest]
            + np.where(t > 0, t * np.log(abs(b)), 0.0)
            + np.where(rest > 0, rest * np.log(abs(1.0 - b)), 0.0)
        )
    sign = np.sign(b) ** (t % 2) * np.where(1.0 - b < 0, -1.0, 1.0) ** (rest % 2)
    return np.where(inside, sign * np.exp(magnitude), 0.0)


class ExactBackup(StatewiseSweep):
    """Computes E[V(c', .) | s_g, c] for all c, exactly up to rounding.

    Raises:
        ResourceError: rounding errors could grow beyond MAX_AMPLIFICATION.
    """

    name = "exact"

    def __init__(self, P_pi: FloatArray, k: int) -> None:
        """Prepare the backup for local transitions P_pi [s_g, s_l, s_l'] and k robots."""
        self._k, self._L = k, P_pi.shape[1]
        check_growth(log_growth(P_pi), k)
        factorisations = [factorise(P) for P in P_pi]
        self._factors = [[self._prepare(factor) for factor in each.factors] for each in factorisations]
        self._relabelled = [self._prepare_relabelling(each.relabel) for each in factorisations]

    def _prepare(self, factor: Elementary) -> tuple[_Lines, FloatArray, bool]:
        j, i = sorted((factor.source, factor.target))
        return _lines(self._k, self._L, j, i), _binomial_weights(self._k, factor.b), factor.source > factor.target

    def _prepare_relabelling(self, relabel: tuple[int, ...]) -> IntArray | None:
        if relabel == tuple(range(self._L)):
            return None
        return rank_counts(enumerate_counts(self._k, self._L)[:, np.argsort(relabel)])

    def expect(self, s_g: int, V: FloatArray, out: FloatArray) -> None:
        """Write E[V(c', .) | s_g, c] for all c into out; both [rank of c, columns]."""
        out[:] = V
        for lines, weights, reverse in reversed(self._factors[s_g]):
            _apply(out, lines.ranks, lines.tasks, weights.astype(out.dtype), reverse)
        ranks = self._relabelled[s_g]
        if ranks is not None:
            out[:] = out[ranks]


@njit(nogil=True, cache=True, fastmath=True)
def _apply(f, ranks, tasks, weights, reverse):  # type: ignore[no-untyped-def]
    # Works in place: row u of a line needs only rows t <= u, so the rows are computed from the last one down.
    columns = f.shape[1]
    for task in range(tasks.shape[0]):
        offset, lines, length = tasks[task]
        width = lines * columns
        values = np.empty((length, width), dtype=f.dtype)
        total = np.empty(width, dtype=f.dtype)
        for line in range(lines):
            base = offset + line * length
            for u in range(length):
                rank = ranks[base + length - 1 - u] if reverse else ranks[base + u]
                for column in range(columns):
                    values[u, line * columns + column] = f[rank, column]
        for u in range(length - 1, -1, -1):
            w = weights[u, 0]
            for x in range(width):
                total[x] = w * values[u, x]
            for t in range(1, u + 1):
                w = weights[u, t]
                for x in range(width):
                    total[x] += w * values[u - t, x]
            for x in range(width):
                values[u, x] = total[x]
        for line in range(lines):
            base = offset + line * length
            for u in range(length):
                rank = ranks[base + length - 1 - u] if reverse else ranks[base + u]
                for column in range(columns):
                    f[rank, column] = values[u, line * columns + column]
