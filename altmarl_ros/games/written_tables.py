"""Reads the tables of a game as a person writes them: line by line, what is not zero.

    tables:
      global_states: [line, chargers]               # names, or a number of states
      local_states: [charged, low, empty]
      global_actions: [run the line, power the chargers]
      local_actions: [work, rest]
      P_g:                                          # [s_g, a_g, {s_g': probability}]
        - ["*", run the line, {line: 1}]
        - ["*", power the chargers, {chargers: 1}]
      P_l:                                          # [s_l, s_g, a_l, {s_l': probability}]
        - [charged, line, work, {same: 0.8, low: 0.2}]
        - [low, line, work, {same: 0.8, empty: 0.2}]
        - [[empty, low], chargers, rest, {same: 0.5, charged: 0.5}]
      r_g: [[line, power the chargers, -0.5]]       # [s_g, a_g, reward]
      r_l: [[charged, line, work, 1.0]]             # [s_l, s_g, a_l, reward]
      rho_g: {line: 1}                              # optional: first s_g
      alpha: {charged: 0.9, low: 0.1, empty: 0.1}   # optional: Dirichlet parameters of the first s_l, or one number

A state or an action is a name, an index from 0, a list of these, or "*" for all. A later line takes the place of an earlier
one. Where no line says anything, the state stays the same and the reward is 0; `same` among the next states means the present
one. With a hidden state (module hidden) the lines of P_l and r_l name it first:

      hidden_states: [east, west]                   # names, or a number of states
      P_d: [["*", {same: 0.99, east: 0.005, west: 0.005}]]             # [d, {d': probability}]
      P_l: [["*", dock, "*", load, {same: 0.9, loaded: 0.1}],          # [d, s_l, s_g, a_l, {s_l': probability}]
            [east, dock, "*", load, {same: 0.5, loaded: 0.5}]]
      r_l: [["*", loaded, "*", drop, 1.0]]                             # [d, s_l, s_g, a_l, reward]
      rho_d: {east: 1}                              # optional: first d; else its long-run shares
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Union

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.kernels import GlobalKernel, LocalKernel
from altmarl_ros.games.rows import IntArray, Rows
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import MAX_STATES, TabularGame

EVERY = "*"
SAME = "same"

_MOST_ENTRIES = 1 << 26  # of r_l and of the rows of P_g and P_l: 512 MiB as numbers


class WrittenTables(BaseModel, extra="forbid"):
    """The keys of `tables`; annotations as in spec."""

    global_states: Union[int, List[str]]
    local_states: Union[int, List[str]]
    global_actions: Union[int, List[str]]
    local_actions: Union[int, List[str]]
    P_g: List[Any] = []
    P_l: List[Any] = []
    r_g: List[Any] = []
    r_l: List[Any] = []
    rho_g: Optional[Dict[Any, Any]] = None
    alpha: Union[float, Dict[Any, Any]] = 1.0
    hidden_states: Optional[Union[int, List[str]]] = None
    P_d: List[Any] = []
    rho_d: Optional[Dict[Any, Any]] = None


def written_game(name: str, tables: WrittenTables, gamma: float) -> TabularGame:
    """The game that the tables say.

    Raises:
        GameError: a line breaks a rule; the message names the table, the line from 0 and the rule.
    """
    axes = _Axes(
        _Axis.of("local_states", "local state", tables.local_states, "zone "),
        _Axis.of("global_states", "global state", tables.global_states, "state "),
        _Axis.of("local_actions", "local action", tables.local_actions, "action "),
        _Axis.of("global_actions", "global action", tables.global_actions, "target "),
    )
    hidden = (
        None if tables.hidden_states is None else _Axis.of("hidden_states", "hidden state", tables.hidden_states, "hidden ")
    )
    if hidden is None and (tables.P_d or tables.rho_d is not None):
        raise GameError(f"tables.{'P_d' if tables.P_d else 'rho_d'} is for a game with hidden_states")
    sizes = [len(axis.names) for axis in axes]
    regimes = sizes[1] * (1 if hidden is None else len(hidden.names))
    if max(sizes[0] * regimes * sizes[2], sizes[1] * sizes[3]) > _MOST_ENTRIES:
        raise GameError(f"tables: {sizes[0]} x {sizes[1]} states and {sizes[2]} x {sizes[3]} actions are too many")
    alpha = tables.alpha
    start = Start(
        np.full(sizes[1], 1.0 / sizes[1]) if tables.rho_g is None else _vector("rho_g", tables.rho_g, axes.s_g),
        np.full(sizes[0], float(alpha)) if not isinstance(alpha, dict) else _vector("alpha", alpha, axes.s_l),
    )
    local = axes.s_l, axes.s_g, axes.a_l
    P_l = r_l = state = None
    if hidden is None:
        P_l, r_l = _local_kernel(tables.P_l, local), _rewards("r_l", tables.r_l, local)
    else:
        state = _hidden_state(tables, hidden, local)
    return TabularGame(
        name,
        _global_kernel(tables.P_g, axes),
        P_l,
        _rewards("r_g", tables.r_g, (axes.s_g, axes.a_g)),
        () if r_l is None else r_l,
        gamma=gamma,
        hidden=state,
        start=start,
        local_state_names=axes.s_l.names,
        global_action_names=axes.a_g.names,
        local_action_names=axes.a_l.names,
    )


@dataclass(frozen=True)
class _Axis:
    """The states or actions that one place of a line names."""

    what: str
    names: tuple[str, ...]
    index: dict[str, int]

    @classmethod
    def of(cls, key: str, what: str, given: int | list[str], prefix: str) -> _Axis:
        size = given if isinstance(given, int) else len(given)
        if not 1 <= size <= MAX_STATES:
            raise GameError(f"tables.{key} are {size}, must be 1 to {MAX_STATES}")
        names = tuple(f"{prefix}{i}" for i in range(size)) if isinstance(given, int) else tuple(given)
        index = {name: i for i, name in enumerate(names)}
        if len(index) != size or EVERY in index or not all(name.isprintable() for name in names):
            raise GameError(f"tables.{key} must be distinct printable names, none of them {EVERY!r}")
        return cls(what, names, index)

    def one(self, where: str, given: Any) -> int:
        if isinstance(given, str) and given in self.index:
            return self.index[given]
        if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < len(self.names):
            return given
        shown = ", ".join(self.names[:5]) + (" .." if len(self.names) > 5 else "")
        raise GameError(f"{where}: {str(given)[:40]!r} is no {self.what}; there are {len(self.names)}: {shown}")

    def some(self, where: str, given: Any) -> IntArray:
        if given == EVERY:
            return np.arange(len(self.names))
        return np.array([self.one(where, each) for each in (given if isinstance(given, list) else [given])], dtype=np.int64)


class _Axes(NamedTuple):
    s_l: _Axis
    s_g: _Axis
    a_l: _Axis
    a_g: _Axis


class _Line(NamedTuple):
    """What a row becomes: `same` is the probability of the present state, the others come on top of it."""

    same: float
    states: IntArray
    probabilities: FloatArray


_STAYS = _Line(1.0, np.empty(0, dtype=np.int64), np.empty(0))


def _global_kernel(given: list[Any], axes: _Axes) -> GlobalKernel:
    line_of, lines = _lines("P_g", given, (axes.s_g, axes.a_g), axes.s_g)
    S_g, A_g = line_of.shape
    return GlobalKernel(_rows(line_of.ravel(), np.repeat(np.arange(S_g), A_g), lines, S_g), A_g)


def _hidden_state(tables: WrittenTables, hidden: _Axis, local: Sequence[_Axis]) -> HiddenState:
    line_of, lines = _lines("P_d", tables.P_d, (hidden,), hidden)
    P_d = _rows(line_of, np.arange(len(hidden.names)), lines, len(hidden.names)).dense()
    axes = hidden, *local
    return HiddenState(
        P_d,
        _local_kernel(tables.P_l, axes),
        _rewards("r_l", tables.r_l, axes),
        rho_d=None if tables.rho_d is None else _vector("rho_d", tables.rho_d, hidden),
        names=hidden.names,
    )


def _local_kernel(given: list[Any], axes: Sequence[_Axis]) -> LocalKernel:
    """The kernel of lines on (s_l, s_g, a_l), or of lines on (d, s_l, s_g, a_l) over regimes."""
    states = axes[-3]
    line_of, lines = _lines("P_l", given, axes, states)
    S_l = len(states.names)
    kinds: dict[bytes, int] = {}
    moves: list[list[Rows]] = []
    moves_at: list[int] = []
    by_regime = np.moveaxis(line_of, -3, -1).reshape(-1, line_of.shape[-1], S_l)  # [(d,) s_g, a_l, s_l]
    for at in np.ascontiguousarray(by_regime):
        if at.tobytes() not in kinds:
            kinds[at.tobytes()] = len(moves)
            moves.append([_rows(by_state, np.arange(S_l), lines, S_l) for by_state in at])
        moves_at.append(kinds[at.tobytes()])
    return LocalKernel.from_moves(moves, np.array(moves_at))


def _lines(name: str, given: list[Any], axes: Sequence[_Axis], states: _Axis) -> tuple[NDArray[np.int32], list[_Line]]:
    """The number of the line that each row follows, and what the lines say; line 0 stays."""
    line_of = np.zeros([len(axis.names) for axis in axes], dtype=np.int32)
    lines = [_STAYS]
    for where, places, row in _entries(name, given, axes):
        if not isinstance(row, dict) or not row:
            raise GameError(f"{where} must end with a mapping from next states to probabilities")
        line_of[np.ix_(*places)] = len(lines)
        same = _number(where, row[SAME]) if SAME in row and SAME not in states.index else 0.0
        others = {key: p for key, p in row.items() if key != SAME or SAME in states.index}
        columns = np.array([states.one(where, key) for key in others], dtype=np.int64)
        probabilities = np.array([_number(where, p) for p in others.values()], dtype=np.float64)
        total = same + probabilities.sum()
        if abs(total - 1.0) > 1e-6 or min(same, *probabilities, 0.0) < 0.0:
            raise GameError(f"{where}: the probabilities must not be negative and sum to 1, they sum to {total:.9g}")
        lines.append(_Line(same, columns, probabilities))
    return line_of, lines


def _rows(line_of: NDArray[np.int32], state_of: IntArray, lines: list[_Line], columns: int) -> Rows:
    starts = np.cumsum([0, *(len(line.states) for line in lines)])
    lengths = np.diff(starts)[line_of]
    entry = np.arange(lengths.sum()) + np.repeat(starts[line_of] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    every = np.arange(len(line_of))
    same = np.array([line.same for line in lines])[line_of]
    states, probabilities = (np.concatenate([getattr(line, key) for line in lines]) for key in ("states", "probabilities"))
    return Rows.from_entries(
        np.concatenate([every, np.repeat(every, lengths)]),
        np.concatenate([state_of, states[entry]]),
        np.concatenate([same, probabilities[entry]]),
        (len(line_of), columns),
    )


def _rewards(name: str, given: list[Any], axes: Sequence[_Axis]) -> FloatArray:
    table = np.zeros([len(axis.names) for axis in axes])
    for where, places, reward in _entries(name, given, axes):
        table[np.ix_(*places)] = _number(where, reward)
    return table


def _entries(name: str, given: list[Any], axes: Sequence[_Axis]) -> list[tuple[str, list[IntArray], Any]]:
    entries = []
    for number, line in enumerate(given):
        where = f"tables.{name}[{number}]"
        if not isinstance(line, list) or len(line) != len(axes) + 1:
            what = ", ".join(axis.what for axis in axes)
            raise GameError(f"{where} must be a list of {what} and {'a reward' if name[0] == 'r' else 'next states'}")
        entries.append((where, [axis.some(where, each) for axis, each in zip(axes, line, strict=False)], line[-1]))
    return entries


def _vector(name: str, given: dict[Any, Any], axis: _Axis) -> FloatArray:
    values = np.zeros(len(axis.names))
    for key, value in given.items():
        values[axis.some(f"tables.{name}", key)] = _number(f"tables.{name}.{key}", value)
    return values


def _number(where: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not np.isfinite(given):
        raise GameError(f"{where}: {str(given)[:40]!r} is no finite number")
    return float(given)
