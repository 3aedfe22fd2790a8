"""The share vectors at which a solution is improved: few, far apart, and where play really goes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Sequence

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.policies.shares.lookahead import predict
from altmarl_ros.policies.shares.process import IntArray, SharesProcess


@dataclass(frozen=True, eq=False)
class Points:
    """Global states s [B], ascending, and shares mu [B, S_l] of a process."""

    process: SharesProcess
    s: IntArray
    shares: FloatArray

    @cached_property
    def predicted(self) -> FloatArray:
        """P_s^T mu [B, S_l]."""
        return predict(self.process, self.s, self.shares)

    @cached_property
    def local_reward(self) -> FloatArray:
        """What the robots earn at once, mu . r_s [B]."""
        return np.asarray((self.shares * self.process.arrays.reward[self.s]).sum(axis=1))

    def __len__(self) -> int:
        return len(self.s)


def spread(
    process: SharesProcess,
    drawn: Sequence[tuple[IntArray, FloatArray]],
    per_state: int,
    distance: float,
    fixed: int = 0,
) -> Points:
    """Choose at each global state the points that are farthest from each other.

    Candidates may be many: they are read where they are, those of one global state at a time.

    Args:
        process: the process that the points are of.
        drawn: candidates, several times global states [B] in any order and shares [B, S_l].
        per_state: most points to keep at one global state.
        distance: least distance between kept points, in total variation.
        fixed: so many candidates at the head of each state are kept whatever happens.
    """
    states = np.arange(process.n_global_states + 1)
    orders = [np.argsort(s, kind="stable") for s, _ in drawn]
    edges = [np.searchsorted(s, states, sorter=order) for (s, _), order in zip(drawn, orders, strict=True)]
    kept = []
    for s in states[:-1]:
        places = [order[edge[s] : edge[s + 1]] for order, edge in zip(orders, edges, strict=True)]
        here = np.concatenate([shares[place] for (_, shares), place in zip(drawn, places, strict=True)])
        kept.append(here[np.sort(_far_apart(here, per_state, distance, fixed))])
    return Points(process, np.repeat(states[:-1], [len(each) for each in kept]), np.concatenate(kept))


def _far_apart(shares: FloatArray, most: int, distance: float, fixed: int) -> IntArray:
    # Farthest-point sampling (Gonzalez 1985): each next point is the one farthest from those that are kept.
    begun = min(max(fixed, 1), len(shares))
    kept = np.arange(max(begun, min(most, len(shares))))
    return kept[: _keep_farthest(shares, distance, begun, kept)]


@njit(nogil=True, cache=True)
def _keep_farthest(shares, distance, begun, kept):  # type: ignore[no-untyped-def]
    """Write points that are farther than `distance` from all before into kept [most] after the first `begun`; return how many.

    Distances are total variations, each summed in the order of the states and only as far as it may still be the nearest.
    """
    points, S_l = shares.shape
    nearest = np.full(points, np.inf)  # twice the total variation from the nearest point that is kept
    count = 0
    while count < len(kept):
        if count >= begun:
            farthest = np.argmax(nearest)
            if nearest[farthest] <= 2.0 * distance:
                break
            kept[count] = farthest
        one = shares[kept[count]]
        count += 1
        for b in range(points):
            total, other, j = 0.0, shares[b], 0
            while j < S_l and total < nearest[b]:
                total += abs(other[j] - one[j])
                j += 1
            nearest[b] = min(nearest[b], total)
    return count
