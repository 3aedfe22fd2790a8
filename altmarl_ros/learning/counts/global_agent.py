"""G-LEARN: finds the best global policy against a fixed local policy.

With k reports the coordinator plays the Markov decision process on (s_g, c), c a count vector of k:

    reward      r_g(s_g, a_g) + (1/k) sum_j c_j r_pi(j, s_g)
    transition  s_g' ~ P_g(. | s_g, a_g);  c' = counts after each of the k robots moved by P_pi(. | ., s_g)

where P_pi and r_pi are the local kernel and reward under pi_l. For k = 0 the coordinator hears no robot, c is empty, and
the process of s_g alone is left.

Value iteration stops on the span seminorm. With D = V_{n+1} - V_n and g = gamma, MacQueen's bounds are
V_{n+1} + g/(1-g) min D <= V* <= V_{n+1} + g/(1-g) max D, and the greedy policy loses at most
g/(1-g) (max D - min D) (Puterman 1994, section 6.6.2). The bounds hold for a sweep from any V. So V may be chosen freely:
it comes from a coarser game or from the last round, and is extrapolated now and then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.backups import GLearnOptions, check_memory, make_backup
from altmarl_ros.learning.counts.bellman import GlobalProcess
from altmarl_ros.learning.counts.sparse_backups import interpolate
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.counts import enumerate_counts, number_of_counts, rank_counts
from altmarl_ros.workers import Workers

_EXTRAPOLATE_EVERY = 4  # sweeps; a jump excites fast modes, which decay before the next one
_COARSE_FROM = 500  # count vectors; with more of them, starting from a solution for k / 2 saves time


@dataclass(frozen=True, eq=False)
class GlobalSolution:
    """The result of G-LEARN for one k.

    Attributes:
        policy: greedy actions [s_g, rank of c].
        V: values [rank of c, s_g], the middle of MacQueen's bounds.
        loss_bound: what `policy` loses at most against the optimum of this surrogate, in which the same k robots report at
            every tick; with `sampled`, of the process of the drawn next states. It is no bound for a fleet of n robots of
            which others report at every tick, which is the certificate's matter.
        above: V + above is nowhere less than the optimum, if the backup is `exact`.
        sweeps: number of Bellman sweeps.
        backup: name of the backup that was used.
        reason: why this backup was used.
    """

    policy: NDArray[np.uint16]
    V: FloatArray
    loss_bound: float
    above: float
    sweeps: int
    backup: str
    reason: str


def g_learn(
    game: TabularGame,
    pi_l: LocalPolicy,
    k: int,
    options: GLearnOptions = GLearnOptions(),
    *,
    V: FloatArray | None = None,
) -> GlobalSolution:
    """Find the best global policy for k reports; value iteration starts from V [rank of c, s_g] if given.

    Raises:
        ResourceError: the memory needed is over the limit, or the backup refuses the kernel.
    """
    check_memory(game, k, options)
    L = game.n_local_states
    if V is None and number_of_counts(k, L) >= _COARSE_FROM:
        coarse = g_learn(game, pi_l, k // 2, options)
        V = interpolate(coarse.V, k // 2, k, L)
    local_reward = enumerate_counts(k, L) @ pi_l.reward(game).T / max(k, 1)  # [rank of c, s_g]
    process = GlobalProcess(game.P_g, game.r_g, local_reward, game.gamma)
    policy = np.zeros(local_reward.shape, dtype=np.uint16)
    bound = span = span_at_jump = np.inf
    middle = 0.0  # of the bounds on V*, from the values
    jumping = True
    sweep = 0
    with Workers(options.threads, local_reward.size) as workers:
        backup, reason = make_backup(game, pi_l.transition(game), k, options)
        values = np.zeros((len(local_reward), _whole_blocks(game.n_global_states, backup.block)))
        values[:, : game.n_global_states] = local_reward if V is None else V
        following = np.zeros_like(values)
        while bound > options.tolerance and sweep < options.max_sweeps:
            change = backup.sweep(process, values, following, policy, workers)
            last_span, span = span, change.span
            values, following = following, values
            sweep += 1
            bound = game.gamma / (1.0 - game.gamma) * span
            middle = game.gamma / (1.0 - game.gamma) * 0.5 * (change.low + change.high)
            if sweep % _EXTRAPOLATE_EVERY or bound <= options.tolerance or not jumping:
                continue
            jumping = 0.0 < span < min(last_span, span_at_jump)  # no more jumps after one that did not reduce the span
            if jumping:
                # The slow modes shrink by about this ratio per sweep; the sum of the geometric series is their limit.
                ratio = min(span / last_span, game.gamma)
                following -= values
                following *= -ratio / (1.0 - ratio)
                values += following
                middle = 0.0
                span_at_jump = span
    name = backup.name
    del backup, following  # frees half of the memory before the results are copied
    V = np.ascontiguousarray(values[:, : game.n_global_states])
    above = game.gamma / (1.0 - game.gamma) * float(change.high) - middle
    V += middle
    return GlobalSolution(np.ascontiguousarray(policy.T), V, float(bound), above, sweep, name, reason)


def _whole_blocks(size: int, block: int) -> int:
    return -(-size // block) * block


def lift(V: FloatArray, k: int, L: int) -> FloatArray:
    """Compute a warm start for k robots from values for k - 1, as the mean over which robot is left out."""
    counts = enumerate_counts(k, L)
    lifted = np.zeros((len(counts), V.shape[1]))
    for j in range(L):
        present = counts[:, j] > 0
        without = counts[present].copy()
        without[:, j] -= 1
        lifted[present] += counts[present, j, None] / k * V[rank_counts(without)]
    return lifted
