"""How long robots were in s_l while the coordinator took a_g at s_g, for the pairs (s_g, a_g) that occurred."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games.rows import check_dense

_FIRST_ROOM = 64  # pairs


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Discounted weight of (s_g, s_l, a_g), summed over robots and runs.

    Attributes:
        s_g: global state of each pair that occurred [V].
        a_g: global action of each pair [V].
        weight: by local state [V, S_l].
        shape: (S_g, S_l, A_g).
    """

    s_g: NDArray[np.int64]
    a_g: NDArray[np.int64]
    weight: FloatArray
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, occupancy: FloatArray | Occupancy) -> Occupancy:
        """The occupancy itself, or that of a dense array [s_g, s_l, a_g]."""
        if isinstance(occupancy, Occupancy):
            return occupancy
        S_g, S_l, A_g = occupancy.shape
        s_g, a_g = (each.ravel() for each in np.indices((S_g, A_g)))
        return cls(s_g, a_g, occupancy.transpose(0, 2, 1).reshape(-1, S_l), (S_g, S_l, A_g))

    @classmethod
    def sum_of(cls, parts: Sequence[Occupancy]) -> Occupancy:
        """The occupancy of several sets of runs together."""
        shape = parts[0].shape
        pairs, place = np.unique(np.concatenate([part.s_g * shape[2] + part.a_g for part in parts]), return_inverse=True)
        weight = np.zeros((len(pairs), shape[1]))
        _add_rows(weight, place.ravel(), np.concatenate([part.weight for part in parts]))
        return cls(*np.divmod(pairs, shape[2]), weight, shape)

    @cached_property
    def dense(self) -> FloatArray:
        """The weights as an array [s_g, s_l, a_g].

        Raises:
            ResourceError: it would fill more than 1 GiB.
        """
        check_dense("an occupancy of (s_g, s_l, a_g)", self.shape)
        table = np.zeros(self.shape)
        table[self.s_g, :, self.a_g] = self.weight
        return table

    def by_action(self) -> FloatArray:
        """The weight of each global action, over all states [A_g]."""
        return np.asarray(np.bincount(self.a_g, self.weight.sum(axis=1), self.shape[2]), dtype=np.float64)

    def by_state(self) -> FloatArray:
        """The weight of each pair of states, over all actions [S_g, S_l]."""
        return np.stack([table.sum(axis=1) for table in self.by_global_state()])

    def by_global_state(self) -> Iterator[FloatArray]:
        """The weights [s_l, a_g] at one s_g after the other."""
        S_g, S_l, A_g = self.shape
        order = np.argsort(self.s_g, kind="stable")
        for pairs in np.split(order, np.searchsorted(self.s_g[order], np.arange(1, S_g))):
            table = np.zeros((A_g, S_l))
            table[self.a_g[pairs]] = self.weight[pairs]
            yield table.T

    def pooled(self) -> Occupancy:
        """The same, but as if robots were spread over all s_l alike: it then says nothing of a single robot."""
        return Occupancy(
            self.s_g, self.a_g, np.broadcast_to(self.weight.sum(axis=1, keepdims=True), self.weight.shape), self.shape
        )


class OccupancySum:
    """Adds up an occupancy, tick by tick."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._place = np.full(shape[0] * shape[2], -1, dtype=np.int64)  # row of each pair, -1 for one that did not occur
        self._pairs = 0
        self._weight = np.zeros((_FIRST_ROOM, shape[1]))

    def add(self, s_g: NDArray[np.int64], a_g: NDArray[np.int64], weight: FloatArray) -> None:
        """Add the weights [R, S_l] of runs at s_g [R] with a_g [R], one after the other."""
        pairs = s_g * self._shape[2] + a_g
        new = np.unique(pairs[self._place[pairs] < 0])
        if len(new):
            self._place[new] = self._pairs + np.arange(len(new))
            self._pairs += len(new)
        if self._pairs > len(self._weight):
            more = max(self._pairs, 2 * len(self._weight)) - len(self._weight)
            self._weight = np.concatenate([self._weight, np.zeros((more, self._shape[1]))])
        _add_rows(self._weight, self._place[pairs], weight)

    def result(self) -> Occupancy:
        """What was added."""
        pairs = np.flatnonzero(self._place >= 0)
        s_g, a_g = np.divmod(pairs, self._shape[2])
        return Occupancy(s_g, a_g, self._weight[self._place[pairs]], self._shape)


@njit(nogil=True, cache=True)
def _add_rows(table, rows, values):  # type: ignore[no-untyped-def]
    for r in range(len(rows)):
        row = table[rows[r]]
        for j in range(len(row)):
            row[j] += values[r, j]
