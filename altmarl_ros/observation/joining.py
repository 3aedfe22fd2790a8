"""Brings robots into an estimate whose local states are known when they join, such as those that an operator gives back.

With x the shares of n robots and c the counts of k others, the shares of all n + k are x' = (n x + c) / (n + k). The map is
linear, so mean and covariance of an estimate follow exactly: m' = w m + c / (n + k), S' = w^2 S, with w = n / (n + k).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.observation.model import Counts


@dataclass(frozen=True, eq=False)
class Joining:
    """Robots that join R estimates at one tick, each by its known state.

    Attributes:
        before: number n of robots that were estimated.
        kept: w, the share of them among all [R].
        added: c / (n + k) [R, S_l].
    """

    before: int
    kept: FloatArray
    added: FloatArray

    @classmethod
    def of(cls, counts: Counts, n: int) -> Joining:
        """Join robots with the counts [R, S_l] of their states, the same number k in each run; `n` counts them already."""
        k = int(counts[0].sum())
        before = max(n - k, 0)
        return cls(before, np.full(len(counts), before / (before + k)), counts / (before + k))


def moved(joining: Joining | None, n: int) -> int:
    """Return how many of n robots moved by the policy to the present tick: all but those that join at it."""
    return n if joining is None else joining.before
