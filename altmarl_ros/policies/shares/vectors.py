"""Value vectors over shares, and the plan behind each: a finite-state controller.

    V_Gamma(s, mu) = max over alpha in Gamma_s of alpha . mu

Every vector is what one plan earns. A plan is a node: it takes a choice at s and, for every s' that can follow, goes on as
another node of s'. It needs to see s_g and no report at all. Since reward and movement are linear in mu, the node earns
exactly alpha . (N / n) for a team of any n robots with counts N, and alpha . mu for the mean field.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import BundleError
from altmarl_ros.policies.shares.process import IntArray, SharesProcess


class VectorArrays(NamedTuple):
    """Vectors as plain arrays, for compiled loops; see ValueVectors."""

    alpha: FloatArray
    start: IntArray
    state: IntArray
    choice: IntArray
    following: IntArray
    following_start: IntArray
    transposed: FloatArray  # of each global state [S_l, its nodes], one after the other


@dataclass(frozen=True, eq=False)
class ValueVectors:
    """Nodes of a finite-state controller and their values; immutable.

    Attributes:
        alpha: value vectors [node, S_l], discounted team reward.
        start: the nodes of global state s are start[s] up to start[s + 1] [S_g + 1].
        choice: choice of every node, of its state in the process [node].
        following: node that each outcome of a node's choice goes on with, as they come in the process [all outcomes].
        following_start: where a node's outcomes begin in `following` [node + 1].

    Raises:
        BundleError: what does not fit together.
    """

    alpha: FloatArray
    start: IntArray
    choice: IntArray
    following: IntArray
    following_start: IntArray

    def __post_init__(self) -> None:
        nodes = len(self.alpha)
        if self.alpha.ndim != 2 or not np.isfinite(self.alpha).all():
            raise BundleError("value vectors must be a table of finite numbers")
        if self.start[0] != 0 or self.start[-1] != nodes or (np.diff(self.start) < 1).any():
            raise BundleError("every global state must have a value vector")
        if self.choice.shape != (nodes,) or self.following_start.shape != (nodes + 1,):
            raise BundleError(f"choices and successors are not those of {nodes} value vectors")
        if len(self.following) != self.following_start[-1]:
            raise BundleError(f"there are {len(self.following)} successors, must be {self.following_start[-1]}")

    @cached_property
    def arrays(self) -> VectorArrays:
        """Plain arrays for compiled loops."""
        parts = np.split(self.alpha, self.start[1:-1])
        transposed = np.concatenate([part.T.ravel() for part in parts])
        return VectorArrays(self.alpha, self.start, self.state, self.choice, self.following, self.following_start, transposed)

    def __len__(self) -> int:
        return len(self.alpha)

    @cached_property
    def state(self) -> IntArray:
        """Global state of every node [node]."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @property
    def span(self) -> float:
        """Largest difference between two entries of one vector, sp(alpha): what an error of 1 in the shares costs at most."""
        return float(np.ptp(self.alpha, axis=1).max())

    def check(self, process: SharesProcess) -> None:
        """Raise BundleError unless these are nodes of that process, every successor where it has to be."""
        arrays = process.arrays
        if self.alpha.shape[1] != process.n_local_states or len(self.start) != process.n_global_states + 1:
            raise BundleError(f"value vectors of shape {self.alpha.shape} do not fit {process.n_local_states} local states")
        if not 0 <= self.choice.min() <= self.choice.max() < len(arrays.choice_reward):
            raise BundleError(f"a value vector has a choice that is none of the {len(arrays.choice_reward)}")
        if not 0 <= self.following.min() <= self.following.max() < len(self):
            raise BundleError(f"a value vector goes on with one that is none of the {len(self)}")
        if not np.array_equal(process.state_of_choice[self.choice], self.state):
            raise BundleError("a value vector has a choice of another global state")
        lengths = np.diff(arrays.outcome_start)[self.choice]
        if not np.array_equal(lengths, np.diff(self.following_start)):
            raise BundleError("a value vector does not have one successor per outcome of its choice")
        if not np.array_equal(self.state[self.following], process.outcome_successor[outcomes_of(process, self.choice)]):
            raise BundleError("a value vector goes on with a node of another global state")

    def follow(self, process: SharesProcess, node: int, s: int) -> int:
        """The node that a plan goes on with after `node` when s_g has become s.

        Raises:
            BundleError: s cannot follow.
        """
        outcomes = slice(process.arrays.outcome_start[self.choice[node]], process.arrays.outcome_start[self.choice[node] + 1])
        place = np.flatnonzero(process.outcome_successor[outcomes] == s)
        if len(place) == 0:
            raise BundleError(f"global state {s} cannot follow node {node}")
        return int(self.following[self.following_start[node] + place[0]])

    def value(self, s: IntArray, shares: FloatArray) -> FloatArray:
        """V_Gamma [B] for global states [B] and shares [B, S_l]; for reports and bounds, not for decisions."""
        values = np.empty(len(s))
        for state in np.unique(s):
            here = np.flatnonzero(s == state)
            values[here] = (shares[here] @ self.alpha[self.start[state] : self.start[state + 1]].T).max(axis=1)
        return values


def outcomes_of(process: SharesProcess, choice: IntArray) -> IntArray:
    """Indices of all outcomes of these choices, one choice after the other."""
    return entries_of(process.arrays.outcome_start, choice)


def entries_of(start: IntArray, rows: IntArray) -> IntArray:
    """Indices start[r] up to start[r + 1] for these rows r, one row after the other."""
    first = start[rows]
    lengths = start[rows + 1] - first
    ends = np.cumsum(lengths)
    return np.asarray(np.arange(lengths.sum()) + np.repeat(first - (ends - lengths), lengths))
