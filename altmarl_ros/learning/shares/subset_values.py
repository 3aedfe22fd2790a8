"""From above, for every number of robots: the values of k robots themselves.

Let V_k(s, x) be the best value with k robots whose states x = (x_1, .., x_k) are all seen, each earning 1 / k. For n >= k
the reward of n robots is the mean over its k-subsets of theirs, and to a subset the other robots are noise on which the action
may depend, which cannot help it beyond V_k. So

    V_n(s, c) <= E V_k(s, random k of the n),        V_1 >= V_2 >= .. >= V_n:

what k robots could earn bounds what any coordinator, all-seeing or not, earns with n >= k. On tuples of states

    E V(s', x') = P_s applied to every axis of V(s', .),

which is cheap for pairs and triples; where count vectors are few, the exact backup gives larger k. V_k is found by modified
policy iteration (Puterman and Shin 1978): between two sweeps over all choices, cheaper ones keep those that were best.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.errors import ResourceError
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.counts.count_kernel import start_distribution
from altmarl_ros.learning.counts.global_agent import g_learn
from altmarl_ros.learning.shares.bounds import Bound
from altmarl_ros.observation.start_posterior import mean_start
from altmarl_ros.policies.counts import number_of_counts
from altmarl_ros.policies.local_policy import LocalPolicy
from altmarl_ros.policies.shares.process import SharesProcess
from altmarl_ros.workers import available_cores, in_slices

_MOST_SWEEPS = 100_000
_EVALUATIONS = 10  # sweeps of kept choices between two over all, where these take this many times as long
_PRECISION = 1e-6  # width of the bounds on V_k, as a share of the scale of rewards
_ROUGH = 3e-5  # the same for a bound that is told to two digits
_LEAST_TOLERANCE = 1e-300  # where all rewards are the same


def subset_bound(
    process: SharesProcess, start: Start, k: int, *, precision: float = _ROUGH, memory_limit: int = 1 << 30
) -> Bound:
    """E V_k at the start by tuples of states, which no coordinator of n >= k robots exceeds.

    It is within `precision` times the scale of rewards. Where robots have types, k must be 1: which types several robots have
    depends on n.

    Raises:
        ResourceError: the table over tuples does not fit.
    """
    V = tuple_values(process, k, precision=precision, memory_limit=memory_limit)
    assert start.types is None or k == 1
    tuples = tuple_distribution(start, k).ravel() if start.types is None else mean_start(start)
    value = float(start.rho_g @ V.reshape(len(V), -1) @ tuples)
    return Bound(value, _holds_for(k))


def tuple_values(process: SharesProcess, k: int, *, precision: float = _PRECISION, memory_limit: int = 1 << 30) -> FloatArray:
    """V_k [s_g, x_1, .., x_k], from above within `precision` times the scale of rewards.

    Raises:
        ResourceError: the table over tuples does not fit.
    """
    S_g, S_l = process.n_global_states, process.n_local_states
    needed = 8 * S_l**k * (4 * S_g + available_cores() * _most_together(process) + 4)
    if needed > memory_limit:
        raise ResourceError(
            f"values of {k} robots on {S_l} local states need {needed / 2**20:,.0f} MiB, over the limit of "
            f"{memory_limit / 2**20:,.0f} MiB; take fewer robots"
        )
    reward = _means_over_tuples(process.arrays.reward, k)
    # What robots are worth alone is a start from above.
    V = reward.copy() if k == 1 else _means_over_tuples(tuple_values(process, 1, precision=precision), k)
    factor = process.gamma / (1.0 - process.gamma)
    following, kept = np.empty_like(V), np.empty(V.shape, dtype=np.int32)
    sweeps = _Sweeps(process, k, reward, kept)
    for _ in range(_MOST_SWEEPS):
        sweeps.over_all_choices(V, following)
        change = np.subtract(following, V, out=V)
        low, high = float(change.min()), float(change.max())
        V, following = following, V
        if factor * (high - low) <= precision * process.scale:
            break
        for _ in range(sweeps.evaluations):
            sweeps.of_kept_choices(V, following)
            V, following = following, V
    V += factor * high
    return V.reshape((S_g, *(S_l,) * k))


def tuple_distribution(start: Start, k: int) -> FloatArray:
    """Probability of the first states of k robots [x_1, .., x_k], each by the posterior predictive of the Dirichlet."""
    concentrations = np.atleast_2d(start.alpha)
    S_l = concentrations.shape[1]
    total = np.zeros((S_l,) * k)
    for alpha in concentrations:
        joint = np.ones(())
        for m in range(k):
            weight = np.broadcast_to(alpha, (*joint.shape, S_l)).copy()
            for axis in range(m):  # one more for each earlier robot in the same state
                weight += np.eye(S_l).reshape([S_l if i in (axis, m) else 1 for i in range(m + 1)])
            joint = joint[..., None] * weight / (alpha.sum() + m)
        total += joint / len(concentrations)
    return total


def counted_bound(game: TabularGame, pi_l: LocalPolicy, k: int, *, precision: float = _ROUGH) -> Bound:
    """As `subset_bound`, by exact backups over count vectors of k robots, within `precision` times the scale of rewards.

    Raises:
        ResourceError: the exact backup refuses the kernels, or the count vectors do not fit the memory.
    """
    scale = float(np.ptp(pi_l.reward(game)) + np.ptp(game.r_g)) / (1.0 - game.gamma)
    solution = g_learn(game, pi_l, k, GLearnOptions(backup="exact", tolerance=max(precision * scale, _LEAST_TOLERANCE)))
    starts = np.zeros(number_of_counts(k, game.n_local_states))
    concentrations = np.atleast_2d(game.initial.alpha)
    for alpha in concentrations:
        starts += start_distribution(alpha, k) / len(concentrations)
    return Bound(float(starts @ solution.V @ game.initial.rho_g) + solution.above, _holds_for(k))


def _holds_for(k: int) -> str:
    return f"at most, for every coordinator of {k} or more robots, all-seeing or not"


def _means_over_tuples(values: FloatArray, k: int) -> FloatArray:
    """The mean over k robots of what each has by its state [s_g, tuple]."""
    S_g, S_l = values.shape
    means = np.zeros((S_g, *(S_l,) * k))
    for axis in range(k):
        means += values.reshape([S_g, *(S_l if i == axis else 1 for i in range(k))])
    means /= k
    return means.reshape((S_g, -1))


def _most_together(process: SharesProcess) -> int:
    """Largest number of global states that can follow those in which robots move alike."""
    arrays = process.arrays
    kernel = np.repeat(arrays.kernel_of, np.diff(arrays.successor_start))
    pairs = np.unique(kernel * process.n_global_states + arrays.successor)
    return int(np.bincount(pairs // process.n_global_states).max())


class _Sweeps:
    """Sweeps over tables [s_g, tuple]; `kept` are the choices that were best."""

    def __init__(self, process: SharesProcess, k: int, reward: FloatArray, kept: NDArray[np.int32]) -> None:
        self._arrays, self._k, self._reward, self._kept = process.arrays, k, reward, kept
        self._order, self._most = np.argsort(process.arrays.kernel_of, kind="stable"), _most_together(process)
        rows, outcomes = np.diff(process.arrays.indptr), len(process.arrays.outcome_slot)
        self._longest = int(rows.max())
        self._operations = (k * rows.mean() * len(process.arrays.successor) + outcomes) * reward.shape[1]
        self._kept_operations = rows.mean() ** k * outcomes / len(process.state_of_choice) * reward.size
        self.evaluations = _EVALUATIONS if _EVALUATIONS * self._kept_operations <= self._operations else 0

    def over_all_choices(self, V: FloatArray, out: FloatArray) -> None:
        def work(part: slice) -> None:
            sizes = (self._k, part.start, part.stop, self._most)
            _maximise(self._arrays, self._order, sizes, (self._reward, V), (out, self._kept))

        in_slices(work, len(V), self._operations)

    def of_kept_choices(self, V: FloatArray, out: FloatArray) -> None:
        def work(part: slice) -> None:
            _follow(self._arrays, (self._k, part.start, part.stop, self._longest), (self._reward, V), self._kept, out)

        in_slices(work, len(V), self._kept_operations)


@njit(nogil=True, cache=True)
def _maximise(process, order, sizes, tables, written):  # type: ignore[no-untyped-def]
    """Write H V [s_g, tuple] and the best choices, for global states order[first:last] of sizes = (k, first, last, most)."""
    k, first, last, most = sizes
    (reward, V), (out, kept) = tables, written
    S_l, size = process.reward.shape[1], V.shape[1]
    ahead, moved, value = np.empty((most, size)), np.empty(size), np.empty(size)
    row_of, rows, kernel = np.full(len(V), -1), 0, -1
    for place in range(first, last):
        s = order[place]
        if process.kernel_of[s] != kernel:  # robots of the states before move otherwise
            kernel, rows = process.kernel_of[s], 0
            row_of[:] = -1
        begin = process.successor_start[s]
        for x in range(begin, process.successor_start[s + 1]):
            if row_of[process.successor[x]] < 0:
                row_of[process.successor[x]] = rows
                ahead[rows] = V[process.successor[x]]
                for _ in range(k):
                    _move_first_axis(process, kernel * S_l, ahead[rows], moved)
                    ahead[rows] = moved
                rows += 1
        out[s] = -np.inf
        for c in range(process.choice_start[s], process.choice_start[s + 1]):
            value[:] = process.choice_reward[c]
            for o in range(process.outcome_start[c], process.outcome_start[c + 1]):
                weight = process.gamma * process.outcome_probability[o]
                then = ahead[row_of[process.successor[begin + process.outcome_slot[o]]]]
                for i in range(size):
                    value[i] += weight * then[i]
            for i in range(size):
                if reward[s, i] + value[i] > out[s, i]:
                    out[s, i], kept[s, i] = reward[s, i] + value[i], c


@njit(nogil=True, cache=True)
def _follow(process, sizes, tables, kept, out):  # type: ignore[no-untyped-def]
    """Write what the kept choices are worth, for the global states of sizes = (k, first, last, longest row of a kernel)."""
    k, first, last, longest = sizes
    reward, V = tables
    S_l, size = process.reward.shape[1], V.shape[1]
    where, weights = np.zeros(longest**k, dtype=np.int64), np.zeros(longest**k)  # tuples that may follow one
    for s in range(first, last):
        row = process.kernel_of[s] * S_l
        for i in range(size):
            where[0], weights[0], many, rest = 0, 1.0, 1, size
            for _ in range(k):
                rest //= S_l
                begin, end = process.indptr[row + (i // rest) % S_l], process.indptr[row + (i // rest) % S_l + 1]
                for m in range(many - 1, -1, -1):  # from behind, so that none is written over before it is read
                    at, weight = where[m], weights[m]
                    for e in range(end - begin - 1, -1, -1):
                        where[m * (end - begin) + e] = at * S_l + process.indices[begin + e]
                        weights[m * (end - begin) + e] = weight * process.data[begin + e]
                many *= end - begin
            value = reward[s, i] + process.choice_reward[kept[s, i]]
            for o in range(process.outcome_start[kept[s, i]], process.outcome_start[kept[s, i] + 1]):
                then = V[process.successor[process.successor_start[s] + process.outcome_slot[o]]]
                ahead = 0.0
                for m in range(many):
                    ahead += weights[m] * then[where[m]]
                value += process.gamma * process.outcome_probability[o] * ahead
            out[s, i] = value


@njit(nogil=True, cache=True)
def _move_first_axis(process, row, V, out):  # type: ignore[no-untyped-def]
    """Apply the kernel whose rows begin at `row` to the first axis of V [S_l * rest], which becomes the last one."""
    S_l = process.reward.shape[1]
    rest = len(V) // S_l
    of, to = V.reshape((S_l, rest)), out.reshape((rest, S_l))
    total = np.empty(rest)
    for j in range(S_l):
        total[:] = 0.0
        for e in range(process.indptr[row + j], process.indptr[row + j + 1]):
            p, values = process.data[e], of[process.indices[e]]
            for i in range(rest):
                total[i] += p * values[i]
        for i in range(rest):
            to[i, j] = total[i]
