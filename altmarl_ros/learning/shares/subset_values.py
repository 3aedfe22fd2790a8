"""From above, for every number of robots: the values of k robots themselves.

Let V_k(s, x) be the best value with k robots whose states x = (x_1, .., x_k) are all seen, each earning 1 / k. For n >= k
the reward of n robots is the mean over its k-subsets of theirs, and to a subset the other robots are noise on which the action
may depend, which cannot help it beyond V_k. So

    V_n(s, c) <= E V_k(s, random k of the n),        V_1 >= V_2 >= .. >= V_n:

what k robots could earn bounds what any coordinator, all-seeing or not, earns with n >= k. On tuples of states

    E V(s', x') = P_s applied to every axis of V(s', .),

which is cheap for pairs and triples; where count vectors are few, the exact backup gives larger k.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.errors import ResourceError
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.counts.count_kernel import start_distribution
from altmarl_ros.learning.counts.global_agent import g_learn
from altmarl_ros.learning.shares.bounds import Bound
from altmarl_ros.learning.shares.successors_by_kernel import SuccessorsByKernel
from altmarl_ros.observation.start_posterior import mean_start
from altmarl_ros.policies.counts import number_of_counts
from altmarl_ros.policies.local_policy import LocalPolicy
from altmarl_ros.policies.shares.process import SharesProcess
from altmarl_ros.workers import available_cores, in_slices

_MOST_SWEEPS = 100_000
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
    most = SuccessorsByKernel(process).most
    needed = 8 * S_l**k * (3 * S_g + available_cores() * most + 4)
    if needed > memory_limit:
        raise ResourceError(
            f"values of {k} robots on {S_l} local states need {needed / 2**20:,.0f} MiB, over the limit of "
            f"{memory_limit / 2**20:,.0f} MiB; take fewer robots"
        )
    reward = _means_over_tuples(process.arrays.reward, k)
    # What robots are worth alone is a start from above.
    V = reward.copy() if k == 1 else _means_over_tuples(tuple_values(process, 1, precision=precision), k)
    factor = process.gamma / (1.0 - process.gamma)
    following = np.empty_like(V)
    order = np.argsort(process.arrays.kernel_of, kind="stable")
    operations = k * np.diff(process.arrays.indptr).mean() * reward.shape[1] * len(process.arrays.successor)

    def sweep(part: slice) -> None:
        _sweep(process.arrays, order, (k, part.start, part.stop, most), (reward, V), following)

    for _ in range(_MOST_SWEEPS):
        in_slices(sweep, S_g, operations)
        change = np.subtract(following, V, out=V)
        low, high = float(change.min()), float(change.max())
        V, following = following, V
        if factor * (high - low) <= precision * process.scale:
            break
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


@njit(nogil=True, cache=True)
def _sweep(process, order, sizes, tables, out):  # type: ignore[no-untyped-def]
    """Write H V [s_g, tuple] for the global states order[first:last] of sizes = (k, first, last, most)."""
    k, first, last, most = sizes
    reward, V = tables
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
                out[s, i] = max(out[s, i], reward[s, i] + value[i])


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
