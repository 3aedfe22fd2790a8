"""Rows of probabilities by what is not zero.

A grid of 400 zones has 400 x 400 x 5 x 400 entries in P_l, of which one in a hundred thousand matters. Rows are kept as their
columns and values, one row after the other, as in scipy's `csr_array`; scipy itself is imported where matrices are multiplied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError, ResourceError
from altmarl_ros.games.array_checks import EXACT, NEGLIGIBLE, ROW_SUM_TOLERANCE, index_text, negative, wrong_sum

if TYPE_CHECKING:
    from altmarl_ros.games.sparse import Sparse

IntArray = NDArray[np.int64]

MOST_DENSE_BYTES = 1 << 30
"""Largest dense kernel [bytes]; a larger one is worked on by what is not zero only."""

_BLOCK = 1 << 17  # entries that are written out at a time


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of numbers by what is not zero; the columns of each row ascend.

    Attributes:
        indptr: row i has the entries indptr[i] up to indptr[i + 1] [rows + 1].
        indices: column of each entry.
        data: value of each entry.
        columns: number of columns.
    """

    indptr: IntArray
    indices: IntArray
    data: FloatArray
    columns: int

    def __post_init__(self) -> None:
        for array in (self.indptr, self.indices, self.data):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @classmethod
    def from_dense(cls, table: FloatArray) -> Rows:
        """Take what is not zero in a table [rows, columns]."""
        row, column = np.nonzero(table)
        return cls(_starts(np.bincount(row, minlength=len(table))), column, table[row, column], table.shape[1])

    @classmethod
    def from_entries(cls, row: ArrayLike, column: ArrayLike, value: ArrayLike, shape: tuple[int, int]) -> Rows:
        """Sum the entries of each place; `row`, `column` and `value` have one axis and the same length.

        Raises:
            GameError: they differ in length, or a place lies outside of `shape` (rows, columns).
        """
        i, j, values = np.asarray(row), np.asarray(column), np.asarray(value, dtype=np.float64)
        if not i.shape == j.shape == values.shape == (i.size,) or not {i.dtype.kind, j.dtype.kind} <= set("iu"):
            raise GameError("entries need whole rows, whole columns and values, of the same number")
        if i.size and (i.min() < 0 or i.max() >= shape[0] or j.min() < 0 or j.max() >= shape[1]):
            raise GameError(f"an entry lies outside of {shape[0]} rows and {shape[1]} columns")
        places, inverse = np.unique(i.astype(np.int64) * shape[1] + j.astype(np.int64), return_inverse=True)
        sums = np.bincount(inverse, weights=values, minlength=len(places))
        kept = sums != 0
        rows, columns = np.divmod(places[kept], shape[1])
        return cls(_starts(np.bincount(rows, minlength=shape[0])), columns, sums[kept], shape[1])

    @classmethod
    def from_matrix(cls, matrix: Sparse) -> Rows:
        """Copy a sparse matrix of scipy."""
        entries = matrix.tocoo()
        return cls.from_entries(entries.row, entries.col, entries.data, matrix.shape)

    @classmethod
    def stacked(cls, parts: Sequence[Rows]) -> Rows:
        """Put the rows of all parts one after the other."""
        lengths = np.concatenate([np.diff(part.indptr) for part in parts])
        indices, data = (np.concatenate([getattr(part, name) for part in parts]) for name in ("indices", "data"))
        return cls(_starts(lengths), indices, data, parts[0].columns)

    def part(self, first: int, last: int) -> Rows:
        """The rows from `first` up to `last`, without it."""
        entries = slice(self.indptr[first], self.indptr[last])
        return Rows(self.indptr[first : last + 1] - self.indptr[first], self.indices[entries], self.data[entries], self.columns)

    def chosen(self, rows: IntArray) -> Rows:
        """The rows of these numbers, in this order."""
        lengths = np.diff(self.indptr)[rows]
        indptr = _starts(lengths)
        entries = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        return Rows(indptr, self.indices[entries], self.data[entries], self.columns)

    def rounded(self, decimals: int) -> Rows:
        """The rows with rounded values; those that become zero are left out."""
        return Rows.from_entries(self.row_of, self.indices, np.round(self.data, decimals), (len(self), self.columns))

    @cached_property
    def likely(self) -> Rows:
        """The rows without what is less than NEGLIGIBLE; tails of Gaussians are most of what a row of them holds."""
        kept = self.data >= NEGLIGIBLE
        lengths = np.bincount(self.row_of[kept], minlength=len(self))
        return Rows(_starts(lengths), self.indices[kept], self.data[kept], self.columns)

    def distance(self, other: Rows) -> float:
        """The largest difference of any two entries of the same place, of as many rows and columns."""
        entries = np.concatenate([self.data, -other.data])
        rows, columns = (np.concatenate([getattr(each, name) for each in (self, other)]) for name in ("row_of", "indices"))
        return float(np.abs(Rows.from_entries(rows, columns, entries, (len(self), self.columns)).data).max(initial=0.0))

    @cached_property
    def row_of(self) -> IntArray:
        """The row of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    @cached_property
    def key(self) -> bytes:
        """Equal for rows that are equal entry by entry."""
        return self.indptr.tobytes() + self.indices.tobytes() + self.data.tobytes()

    @cached_property
    def matrix(self) -> Sparse:
        """The rows as a matrix of scipy [rows, columns]."""
        from altmarl_ros.games.sparse import Sparse

        return Sparse((self.data, self.indices, self.indptr), shape=(len(self), self.columns))

    @cached_property
    def cumulative(self) -> FloatArray:
        """The sum of each entry and those before it in its row; zeros left out, the sums are those of a dense row."""
        return running_sums(self.data.copy(), self.indptr[:-1], np.diff(self.indptr), 1)

    @cached_property
    def share_of_rest(self) -> FloatArray:
        """p_i / (p_i + p_{i+1} + ...) of each entry: its probability for what took none of the entries before.

        It is exactly 1 for the last entry of a row.
        """
        rest = running_sums(self.data.copy(), self.indptr[1:] - 1, np.diff(self.indptr), -1)
        share = self.data / rest
        return np.where(share > 1.0 - 1e-15, 1.0, share)

    def dense(self, first: int = 0, last: int | None = None) -> FloatArray:
        """Write out rows `first` up to `last` [rows, columns]."""
        last = len(self) if last is None else last
        out = np.zeros((last - first, self.columns))
        entries = slice(self.indptr[first], self.indptr[last])
        out[self.row_of[entries] - first, self.indices[entries]] = self.data[entries]
        return out

    def blocks(self) -> Iterator[FloatArray]:
        """Write out all rows, some at a time."""
        step = max(1, _BLOCK // self.columns)
        for first in range(0, len(self), step):
            yield self.dense(first, min(len(self), first + step))

    def draw(self, row: int, u: float) -> int:
        """The column that a uniform number u in [0, 1) draws from a row."""
        first, last = self.indptr[row], self.indptr[row + 1]
        at = int(first + self.cumulative[first:last].searchsorted(u, side="right"))
        return int(self.indices[at]) if at < last else self.columns - 1


def checked_distributions(name: str, rows: Rows, axes: Sequence[str], index_of: Callable[[IntArray], IntArray]) -> Rows:
    """The rows as distributions: renormalised where a sum is not 1 to rounding, in the order of operations of dense arrays.

    Args:
        name: what errors call the array.
        rows: the rows.
        axes: names of the axes of the array, the last one is that of the columns.
        index_of: the index [.., axes - 1] that errors give for rows [..].

    Raises:
        GameError: an entry is not finite or negative, or a row does not sum to 1; the message names the first by index.
    """
    for odd, what in ((~np.isfinite(rows.data), "finite"), (rows.data < 0, "sign")):
        if odd.any():
            at = np.flatnonzero(odd)
            index = np.column_stack([index_of(rows.row_of[at]), rows.indices[at]])
            first = np.lexsort(index.T[::-1])[0]
            where, value = index_text(axes, index[first]), float(rows.data[at[first]])
            raise GameError(f"{name}[{where}] is {value}, must be finite") if what == "finite" else negative(name, where, value)
    sums = np.bincount(rows.row_of, weights=rows.data, minlength=len(rows))
    if (np.abs(sums - 1.0) > 0.1 * EXACT).any() and 8 * len(rows) * rows.columns <= MOST_DENSE_BYTES:
        sums = np.concatenate([block.sum(axis=1) for block in rows.blocks()])
    wrong = np.flatnonzero(np.abs(sums - 1.0) > ROW_SUM_TOLERANCE)
    if len(wrong):
        index = index_of(wrong)
        first = np.lexsort(index.T[::-1])[0]
        raise wrong_sum(name, f"[{index_text(axes[:-1], index[first])}]", float(sums[wrong[first]]))
    if not (np.abs(sums - 1.0) > EXACT).any():
        return rows
    return Rows(rows.indptr, rows.indices, rows.data / sums[rows.row_of], rows.columns)


def check_dense(what: str, shape: tuple[int, ...]) -> None:
    """Raise ResourceError, which tells `what` would be dense, where an array of this shape would fill more than 1 GiB."""
    size = 8 * int(np.prod(shape, dtype=object))
    if size > MOST_DENSE_BYTES:
        raise ResourceError(
            f"{what} would fill {size / 2**20:,.0f} MiB as a dense array, more than {MOST_DENSE_BYTES / 2**20:,.0f}: "
            "what needs it is for smaller games"
        )


def _starts(lengths: ArrayLike) -> IntArray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def running_sums(values: FloatArray, begin: IntArray, lengths: IntArray, direction: int) -> FloatArray:
    """Add to each entry [.., entries] those before it in its row, in place.

    Rows begin at `begin`, have `lengths` and go in `direction`. One entry of every row is handled at a time: numbers are added
    in the order in which numpy's cumsum adds those of one row.
    """
    for place in range(1, int(lengths.max(initial=0))):
        here = begin[lengths > place] + direction * place
        values[..., here] += values[..., here - direction]
    return values
