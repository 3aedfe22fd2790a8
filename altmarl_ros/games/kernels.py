"""The kernels of a game by what is not zero: P_g by (s_g, a_g), and P_l once for all global states where robots move alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.array_checks import check_axes, check_finite, distributions, real_numbers
from altmarl_ros.games.rows import IntArray, Rows, check_dense, checked_distributions

if TYPE_CHECKING:
    from altmarl_ros.games.sparse import Sparse

SAME = 1e-12
"""Largest difference of probabilities that count as the same."""

GLOBAL_AXES = ("s_g", "a_g", "s_g'")
LOCAL_AXES = ("s_l", "s_g", "a_l", "s_l'")


@dataclass(frozen=True, eq=False)
class GlobalKernel:
    """The transitions P_g(s_g' | s_g, a_g).

    Attributes:
        rows: the distribution of s_g' at row s_g * A_g + a_g.
        n_actions: A_g.

    Raises:
        GameError: a row is no distribution over as many states as there are; the message names it.
    """

    rows: Rows
    n_actions: int

    def __post_init__(self) -> None:
        if len(self.rows) == 0 or len(self.rows) != self.rows.columns * self.n_actions:
            raise GameError(f"P_g has {len(self.rows)} rows of {self.rows.columns} states, must have one per state and action")
        rows = checked_distributions("P_g", self.rows, GLOBAL_AXES, self._index_of)
        object.__setattr__(self, "rows", rows)

    def _index_of(self, rows: IntArray) -> IntArray:
        return np.stack(np.divmod(rows, self.n_actions), axis=-1)

    @classmethod
    def from_dense(cls, P_g: FloatArray) -> GlobalKernel:
        """The kernel of a table [s_g, a_g, s_g']."""
        S_g, A_g, _ = P_g.shape
        return cls(Rows.from_dense(distributions("P_g", P_g, GLOBAL_AXES).reshape(S_g * A_g, -1)), A_g)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of the dense table (S_g, A_g, S_g)."""
        return self.rows.columns, self.n_actions, self.rows.columns

    def row(self, s_g: int, a_g: int) -> FloatArray:
        """P_g(. | s_g, a_g) [S_g]."""
        at = s_g * self.n_actions + a_g
        return np.asarray(self.rows.dense(at, at + 1)[0])

    def of_action(self, a_g: int) -> Rows:
        """P_g(. | s_g, a_g) by s_g [s_g, s_g']."""
        return self.rows.chosen(np.arange(a_g, len(self.rows), self.n_actions))

    @cached_property
    def successors(self) -> Rows:
        """The states that can follow each s_g, in order, and in how many actions [s_g, s_g']."""
        return self._successors(self.rows)

    @cached_property
    def likely_successors(self) -> Rows:
        """As `successors`, without states that no action leads to but by a negligible chance."""
        return self._successors(self.rows.likely)

    def _successors(self, rows: Rows) -> Rows:
        state, one = rows.row_of // self.n_actions, np.ones(len(rows.indices))
        return Rows.from_entries(state, rows.indices, one, (rows.columns, rows.columns))

    def blocks(self) -> Iterator[FloatArray]:
        """Write out the dense table, some entries at a time, in its order."""
        return self.rows.blocks()


@dataclass(frozen=True, eq=False)
class LocalKernel:
    """The transitions P_l(s_l' | s_l, s_g, a_l).

    Attributes:
        rows: the distribution of s_l' at row (kind * A_l + a_l) * S_l + s_l, by kind of movement.
        moves_at: which kind of movement robots follow at each global state [S_g]; kinds are numbered as they first occur.
        n_actions: A_l.
    """

    rows: Rows
    moves_at: IntArray
    n_actions: int

    @classmethod
    def from_moves(cls, moves: Sequence[Sequence[Rows | Sparse]], moves_at: ArrayLike) -> LocalKernel:
        """Build it from moves[kind][a_l] [s_l, s_l'] and the kind at every s_g; kinds that are alike become one.

        Raises:
            GameError: the parts do not fit together, or a row is no distribution; the message names it.
        """
        kinds = [[part if isinstance(part, Rows) else Rows.from_matrix(part) for part in by_action] for by_action in moves]
        if not kinds or not kinds[0]:
            raise GameError("moves must have a kind of movement and a local action")
        A_l, S_l = len(kinds[0]), kinds[0][0].columns
        for m, by_action in enumerate(kinds):
            if len(by_action) != A_l:
                raise GameError(f"moves[{m}] has {len(by_action)} local actions, must have {A_l}")
            for a_l, part in enumerate(by_action):
                if (len(part), part.columns) != (S_l, S_l):
                    raise GameError(f"moves[{m}][{a_l}] has shape {(len(part), part.columns)}, must be {(S_l, S_l)}")
        at = np.asarray(moves_at)
        if at.ndim != 1 or at.size == 0 or at.dtype.kind not in "iu" or not 0 <= at.min() <= at.max() < len(kinds):
            raise GameError(f"moves_at must hold a number below {len(kinds)} for every global state")
        return cls._merged([Rows.stacked(by_action) for by_action in kinds], at.astype(np.int64), A_l)

    @classmethod
    def from_dense(cls, P_l: FloatArray) -> LocalKernel:
        """The kernel of a table [s_l, s_g, a_l, s_l'], whose second axis may be broadcast.

        Raises:
            GameError: a row is no distribution; the message names it.
        """
        S_l, S_g, A_l, _ = P_l.shape
        one = P_l.strides[1] == 0
        table = distributions("P_l", P_l[:, :1] if one else P_l, LOCAL_AXES)
        kinds = [Rows.from_dense(table[:, g].transpose(1, 0, 2).reshape(A_l * S_l, S_l)) for g in range(table.shape[1])]
        return cls._merged(kinds, np.zeros(S_g, dtype=np.int64) if one else np.arange(S_g), A_l)

    @classmethod
    def _merged(cls, kinds: Sequence[Rows], moves_at: IntArray, A_l: int) -> LocalKernel:
        number: dict[bytes, int] = {}
        used: list[Rows] = []
        numbered = np.empty(len(moves_at), dtype=np.int64)
        for s_g, kind in enumerate(moves_at):
            key = kinds[kind].key
            if key not in number:
                number[key] = len(used)
                used.append(kinds[kind])
            numbered[s_g] = number[key]
        S_l, first_at = used[0].columns, np.unique(numbered, return_index=True)[1]

        def index_of(rows: IntArray) -> IntArray:
            kind, rest = np.divmod(rows, A_l * S_l)
            return np.stack([rest % S_l, first_at[kind], rest // S_l], axis=-1)

        rows = checked_distributions("P_l", Rows.stacked(used), LOCAL_AXES, index_of)
        numbered.setflags(write=False)
        return cls(rows, numbered, A_l)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of the dense table (S_l, S_g, A_l, S_l)."""
        return self.rows.columns, len(self.moves_at), self.n_actions, self.rows.columns

    @property
    def n_kinds(self) -> int:
        """The number of kinds of movement; 1 where robots move alike whatever s_g is."""
        return len(self.rows) // (self.n_actions * self.rows.columns)

    def row_at(self, s_l: int, s_g: int, a_l: int) -> int:
        """The number of the row P_l(. | s_l, s_g, a_l)."""
        return int((self.moves_at[s_g] * self.n_actions + a_l) * self.rows.columns + s_l)

    def of_kind(self, kind: int) -> Rows:
        """The rows of all actions by a kind of movement [a_l * S_l + s_l, s_l']."""
        size = self.n_actions * self.rows.columns
        return self.rows.part(kind * size, (kind + 1) * size)

    def of_action(self, a_l: int) -> Rows:
        """P_l(. | s_l, s_g, a_l) by kind of movement [kind * S_l + s_l, s_l']."""
        S_l = self.rows.columns
        first = np.arange(a_l * S_l, len(self.rows), self.n_actions * S_l)
        return self.rows.chosen((first[:, None] + np.arange(S_l)).ravel())

    @property
    def feels_global_state(self) -> bool:
        """Whether robots move differently at any two s_g."""
        first = self.of_kind(0)
        return any(first.distance(self.of_kind(kind)) > SAME for kind in range(1, self.n_kinds))

    def shared_table(self) -> FloatArray:
        """The dense table of the first global state, which is that of all where robots move alike [s_l, 1, a_l, s_l']."""
        S_l, A_l = self.rows.columns, self.n_actions
        check_dense("P_l of one global state", (S_l, A_l, S_l))
        return np.ascontiguousarray(self.of_kind(0).dense().reshape(A_l, S_l, S_l).transpose(1, 0, 2)[:, None])

    @cached_property
    def moves(self) -> tuple[tuple[Sparse, ...], ...]:
        """The transitions of every action a_l by kind of movement: moves[kind][a_l] is [s_l, s_l']."""
        S_l, A_l = self.rows.columns, self.n_actions
        parts = [self.rows.part(first, first + S_l).matrix for first in range(0, len(self.rows), S_l)]
        return tuple(tuple(parts[kind : kind + A_l]) for kind in range(0, len(parts), A_l))

    def blocks(self) -> Iterator[FloatArray]:
        """Write out the dense table, one local state at a time, in its order [S_g, A_l, S_l]."""
        S_l, A_l = self.rows.columns, self.n_actions
        moved, s_l = np.divmod(self.rows.row_of, S_l)  # moved = kind * A_l + a_l
        order = np.argsort(s_l, kind="stable")
        for entries in np.split(order, np.searchsorted(s_l[order], np.arange(1, S_l))):
            table = np.zeros((self.n_kinds * A_l, S_l))
            table[moved[entries], self.rows.indices[entries]] = self.rows.data[entries]
            yield table.reshape(-1, A_l, S_l)[self.moves_at]


def global_kernel(given: ArrayLike | GlobalKernel) -> FloatArray | GlobalKernel:
    """A kernel as it is, or a table of finite numbers [s_g, a_g, s_g']; see `local_kernel`."""
    if isinstance(given, GlobalKernel):
        return given
    return _finite("P_g", real_numbers("P_g", given), GLOBAL_AXES)


def local_kernel(given: ArrayLike | LocalKernel) -> FloatArray | LocalKernel:
    """A kernel as it is, or a table of finite numbers [s_l, s_g, a_l, s_l'], broadcast over s_g where it was.

    Raises:
        GameError: the table holds no numbers, has other axes or an entry that is not finite; the message names it.
    """
    if isinstance(given, LocalKernel):
        return given
    table = real_numbers("P_l", given)
    check_axes("P_l", table, LOCAL_AXES)
    if table.strides[1] != 0:
        return _finite("P_l", table, LOCAL_AXES)
    return np.broadcast_to(_finite("P_l", table[:, :1], LOCAL_AXES), table.shape)


def _finite(name: str, table: NDArray[np.generic], axes: tuple[str, ...]) -> FloatArray:
    check_axes(name, table, axes)
    numbers = np.ascontiguousarray(table, dtype=np.float64)
    check_finite(name, numbers, axes)
    return numbers
