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
from altmarl_ros.errors import ResourceError
from altmarl_ros.games.sparse import Sparse
from altmarl_ros.games.tabular import Start, TabularGame
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.counts.count_kernel import start_distribution
from altmarl_ros.learning.counts.global_agent import g_learn
from altmarl_ros.learning.shares.bounds import Bound
from altmarl_ros.policies.counts import number_of_counts
from altmarl_ros.policies.local_policy import LocalPolicy
from altmarl_ros.policies.shares.process import SharesProcess

_MOST_SWEEPS = 100_000
_PRECISION = 1e-6  # width of the bounds on V_k, as a share of the scale of rewards
_ROUGH = 3e-5  # the same where sweeps are expensive
_LEAST_TOLERANCE = 1e-300  # where all rewards are the same


def subset_bound(process: SharesProcess, start: Start, k: int, *, memory_limit: int = 1 << 30) -> Bound:
    """E V_k at the start by tuples of states, which no coordinator of n >= k robots exceeds.

    Raises:
        ResourceError: the table over tuples does not fit.
    """
    V = tuple_values(process, k, memory_limit=memory_limit)
    value = float(start.rho_g @ V.reshape(len(V), -1) @ tuple_distribution(start, k).ravel())
    return Bound(value, _holds_for(k))


def tuple_values(process: SharesProcess, k: int, *, precision: float = _PRECISION, memory_limit: int = 1 << 30) -> FloatArray:
    """V_k [s_g, x_1, .., x_k], from above within `precision` times the scale of rewards.

    Raises:
        ResourceError: the table over tuples does not fit.
    """
    S_g, S_l = process.n_global_states, process.n_local_states
    needed = 8 * S_l**k * (2 * S_g + process.most_successors + 4)
    if needed > memory_limit:
        raise ResourceError(
            f"values of {k} robots on {S_l} local states need {needed / 2**20:,.0f} MiB, over the limit of "
            f"{memory_limit / 2**20:,.0f} MiB; take fewer robots"
        )
    V = np.stack([_mean_over_tuple(r, k) for r in process.arrays.reward])
    reward = V.copy()
    factor = process.gamma / (1.0 - process.gamma)
    for _ in range(_MOST_SWEEPS):
        low, high = np.inf, -np.inf
        following = np.empty_like(V)
        for s in range(S_g):
            P = process.kernels[process.arrays.kernel_of[s]]
            ahead = [_moved(P, V[t]) for t in process.successors(s)]
            following[s] = reward[s] + _best(process, s, ahead)
            change = following[s] - V[s]
            low, high = min(low, float(change.min())), max(high, float(change.max()))
        V = following
        if factor * (high - low) <= precision * process.scale:
            break
    V += factor * high
    return V


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


def _mean_over_tuple(reward: FloatArray, k: int) -> FloatArray:
    S_l = len(reward)
    shapes = [[S_l if i == axis else 1 for i in range(k)] for axis in range(k)]
    return np.asarray(sum(np.broadcast_to(reward.reshape(shape), (S_l,) * k) for shape in shapes) / k)


def _moved(P: Sparse, V: FloatArray) -> FloatArray:
    # P on every axis: on the first, which then goes to the end, as often as there are axes.
    S_l, shape = len(V), V.shape
    moved = V
    for _ in range(V.ndim):
        moved = np.ascontiguousarray((P @ moved.reshape(S_l, -1)).T)
    return moved.reshape(shape)


def _best(process: SharesProcess, s: int, ahead: list[FloatArray]) -> FloatArray:
    arrays = process.arrays
    best = None
    for c in range(arrays.choice_start[s], arrays.choice_start[s + 1]):
        value = np.full(ahead[0].shape, arrays.choice_reward[c])
        for o in range(arrays.outcome_start[c], arrays.outcome_start[c + 1]):
            value += process.gamma * arrays.outcome_probability[o] * ahead[arrays.outcome_slot[o]]
        best = value if best is None else np.maximum(best, value, out=best)
    assert best is not None
    return best
