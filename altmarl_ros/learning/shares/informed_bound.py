"""From above, for the mean field only: the fast informed bound (Hauskrecht 2000).

It lets the coordinator see the hidden state of a representative robot one tick late,

    alpha_c(j) = r_s(j) + r_g(s, c) + gamma sum_s' P_g(s' | s, c) ahead(s, s', j),
    ahead(s, s', j) = max_c' sum_j' P_s(j' | j) alpha_c'(j'),        U(s, mu) = max_c alpha_c . mu.

That is a Markov decision problem, solved by modified policy iteration (Puterman and Shin 1978): between two sweeps over all
choices, as many as a hundred, cheap ones keep the choices that were best. Robots move alike in many global states, and
`ahead` is the same in these.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.learning.shares.successors_by_kernel import SuccessorsByKernel
from altmarl_ros.policies.shares.process import SharesProcess
from altmarl_ros.workers import in_slices

_MOST_SWEEPS = 100_000
_EVALUATIONS = 20  # sweeps of kept choices between two over all


def fast_informed_vectors(process: SharesProcess, precision: float = 1e-6) -> FloatArray:
    """alpha_c of every choice [choices, S_l], from above within `precision` times the scale of rewards."""
    arrays, sweeps = process.arrays, _Sweeps(process)
    alpha = arrays.reward[process.state_of_choice] + arrays.choice_reward[:, None]
    factor = process.gamma / (1.0 - process.gamma)
    for _ in range(_MOST_SWEEPS):
        following = sweeps.over_all_choices(alpha)
        change = following - alpha
        low, high = float(change.min()), float(change.max())
        alpha = following
        if factor * (high - low) <= precision * process.scale:
            break
        for _ in range(_EVALUATIONS):
            alpha = sweeps.of_kept_choices(alpha)
    return np.asarray(alpha + factor * high)


def sweep_operations(process: SharesProcess) -> float:
    """Number of multiplications of one sweep over all choices."""
    pairs = SuccessorsByKernel(process)
    choices = np.diff(process.arrays.choice_start)[pairs.then]
    entries = np.diff(process.arrays.indptr[:: process.n_local_states])[pairs.kernel]
    return float((choices * entries).sum())


class _Sweeps:
    def __init__(self, process: SharesProcess) -> None:
        self._process, pairs = process, SuccessorsByKernel(process)
        self._rows, self._then, self._pair_of = pairs.kernel * process.n_local_states, pairs.then, pairs.pair_of
        self._ahead = np.empty((len(self._then), process.n_local_states))
        self._kept = np.empty(self._ahead.shape, dtype=np.int64)
        self._operations = sweep_operations(process)

    def over_all_choices(self, alpha: FloatArray) -> FloatArray:
        def work(part: slice) -> None:
            _look_ahead(self._process.arrays, (self._rows[part], self._then[part]), alpha, self._ahead[part], self._kept[part])

        in_slices(work, len(self._then), self._operations)
        return self._combined(alpha)

    def of_kept_choices(self, alpha: FloatArray) -> FloatArray:
        _follow(self._process.arrays, self._rows, alpha, self._kept, self._ahead)
        return self._combined(alpha)

    def _combined(self, alpha: FloatArray) -> FloatArray:
        out = np.empty_like(alpha)
        _combine(self._process.arrays, self._pair_of, self._ahead, out)
        return out


@njit(nogil=True, cache=True)
def _look_ahead(process, pairs, alpha, ahead, kept):  # type: ignore[no-untyped-def]
    """Write what robots in each state and the best choice of a following global state are worth, and that choice."""
    rows, thens = pairs
    S_l = process.reward.shape[1]
    for i in range(len(rows)):
        row, then = rows[i], thens[i]
        ahead[i] = -np.inf
        for c in range(process.choice_start[then], process.choice_start[then + 1]):
            for j in range(S_l):
                total = 0.0
                for e in range(process.indptr[row + j], process.indptr[row + j + 1]):
                    total += process.data[e] * alpha[c, process.indices[e]]
                if total > ahead[i, j]:
                    ahead[i, j], kept[i, j] = total, c


@njit(nogil=True, cache=True)
def _follow(process, rows, alpha, kept, ahead):  # type: ignore[no-untyped-def]
    """The same for the choices that were kept."""
    for i in range(len(rows)):
        for j in range(ahead.shape[1]):
            total, c = 0.0, kept[i, j]
            for e in range(process.indptr[rows[i] + j], process.indptr[rows[i] + j + 1]):
                total += process.data[e] * alpha[c, process.indices[e]]
            ahead[i, j] = total


@njit(nogil=True, cache=True)
def _combine(process, pair_of, ahead, out):  # type: ignore[no-untyped-def]
    S_g, S_l = process.reward.shape
    for s in range(S_g):
        first = process.successor_start[s]
        for c in range(process.choice_start[s], process.choice_start[s + 1]):
            for j in range(S_l):
                future = 0.0
                for o in range(process.outcome_start[c], process.outcome_start[c + 1]):
                    future += process.outcome_probability[o] * ahead[pair_of[first + process.outcome_slot[o]], j]
                out[c, j] = process.reward[s, j] + process.choice_reward[c] + process.gamma * future
