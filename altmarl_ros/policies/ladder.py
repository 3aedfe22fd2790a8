"""Defines the ladder: the coordinator's policies pi_g(s_g, c), one rung for every number of reports k' = 0..K."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import BundleError
from altmarl_ros.policies.counts import by_group, number_of_counts, rank_counts, scale_counts

ActionTable = NDArray[np.uint16]

_LARGEST = float(np.finfo(np.float32).max)  # value, as the ladder holds it; false for NaN and infinity


@dataclass(frozen=True, eq=False)
class Ladder:
    """Greedy global policies, one for every number of reports.

    Attributes:
        rungs: rungs[k'] holds a_g [s_g, rank of c] for the count vectors c of k' reports.
        n_local_states: S_l.
        n_global_actions: A_g; all entries are below it.
        groups: group of each local state [S_l] if c counts robots by group (`TabularGame.groups`), else None.
        values: V of the top rung [rank of c, s_g], the discounted team reward; None if unknown.

    Raises:
        BundleError: a rung has a wrong shape or action, or groups or values do not fit; the message says which.
    """

    rungs: tuple[ActionTable, ...]
    n_local_states: int
    n_global_actions: int
    groups: NDArray[np.int64] | None = None
    values: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.groups is not None:
            groups = np.array(self.groups)
            size = self.n_local_states
            if groups.shape != (size,) or groups.dtype.kind not in "iu" or not 0 <= groups.min() <= groups.max() < size:
                raise BundleError(f"groups has shape {groups.shape} of {groups.dtype}, must be {size} integers below {size}")
            object.__setattr__(self, "groups", groups.astype(np.int64))
        if not self.rungs:
            raise BundleError("the ladder has no rung")
        S_g = np.shape(self.rungs[0])[0] if np.ndim(self.rungs[0]) == 2 else 0
        if np.shape(self.rungs[0])[:1] == (0,):
            raise BundleError("the ladder has no global state")
        frozen = []
        for k, rung in enumerate(self.rungs):
            expected = (S_g, number_of_counts(k, self.n_groups))
            if np.shape(rung) != expected or np.asarray(rung).dtype.kind not in "ui":
                given = f"{np.shape(rung)} of {np.asarray(rung).dtype}"
                raise BundleError(f"rung {k} has shape {given}, must be {expected} of integers")
            if np.min(rung) < 0 or np.max(rung) >= self.n_global_actions:
                raise BundleError(f"rung {k} has action {np.max(rung)}, must be below {self.n_global_actions}")
            frozen.append(_frozen(rung, np.uint16))
        object.__setattr__(self, "rungs", tuple(frozen))
        if self.values is not None:
            V, expected = np.asarray(self.values), (number_of_counts(self.K, self.n_groups), S_g)
            if V.shape != expected or V.dtype.kind != "f" or not (np.abs(V) <= _LARGEST).all():
                raise BundleError(f"values have shape {V.shape} of {V.dtype}, must be {expected} of finite numbers")
            object.__setattr__(self, "values", _frozen(V, np.float32))

    @classmethod
    def with_top(
        cls, K: int, rung: ActionTable, n_local_states: int, n_global_actions: int, groups: NDArray[np.int64] | None
    ) -> Ladder:
        """Make a ladder for plays in which K reports come in at every tick; the lower rungs, all 0, are never used."""
        sizes = n_local_states if groups is None else int(groups.max()) + 1
        lower = [np.zeros((len(rung), number_of_counts(k, sizes)), np.uint16) for k in range(K)]
        return cls((*lower, rung), n_local_states, n_global_actions, groups)

    @property
    def K(self) -> int:
        """The number of reports of the top rung."""
        return len(self.rungs) - 1

    @property
    def most_reports(self) -> int:
        """See GlobalPolicy: K."""
        return self.K

    @property
    def n_global_states(self) -> int:
        """S_g, number of global states."""
        return int(self.rungs[0].shape[0])

    @property
    def n_groups(self) -> int:
        """The number of groups by which count vectors count robots; S_l without groups."""
        return self.n_local_states if self.groups is None else int(self.groups.max()) + 1

    def act(self, s_g: NDArray[np.integer], counts: NDArray[np.integer]) -> NDArray[np.int64]:
        """Look up actions [...] for global states [...] and counts by local state [..., S_l] with a common sum k'.

        Rung k' decides. If there are more reports than K, they are scaled to K robots and the top rung decides.
        """
        counts = np.asarray(counts)
        k = int(counts.reshape(-1, self.n_local_states)[0].sum())
        if k > self.K:
            return self.act_on_shares(s_g, counts / k)
        return self._look_up(s_g, by_group(counts, self.groups))

    def act_on_shares(self, s_g: NDArray[np.integer], shares: FloatArray) -> NDArray[np.int64]:
        """Look up actions of the top rung [R] for global states [R] and shares by local state [R, S_l].

        Shares are rounded to counts of K robots.
        """
        return self._look_up(s_g, scale_counts(by_group(shares, self.groups), self.K))

    def _look_up(self, s_g: NDArray[np.integer], counts: NDArray[np.integer]) -> NDArray[np.int64]:
        k = int(counts.reshape(-1, self.n_groups)[0].sum())
        return np.asarray(self.rungs[k][s_g, rank_counts(counts)], dtype=np.int64)


def _frozen(values: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """A read-only array of that type; the one that is given, if it is such an array already, since ladders are large."""
    given = np.asarray(values)
    if given.dtype == dtype and given.flags.c_contiguous and given.flags.owndata and not given.flags.writeable:
        return given
    array = np.array(given, dtype=dtype, order="C")
    array.setflags(write=False)
    return array
