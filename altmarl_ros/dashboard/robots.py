"""What is known of each robot, in columns with one entry for every robot that was ever heard of."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.simulation.vectorised_fleet import MOST_LISTED

UNKNOWN = 0xFFFF
"""State of a robot whose state is not known."""

NEVER = 0xFFFFFFFF
"""Age of a robot that has never reported."""

POLLED, HEARD, SUSPENDED, GONE, TRUE = 1, 2, 4, 8, 16
"""Bits of a robot's mark: polled in this tick, answered, out of the draw, has left, its state is the true one."""

LOW, RECOVERED, EMPTY = 0.2, 0.25, 0.0
"""Shares of a battery's charge at which it is low, no longer low, and empty."""

Slots = NDArray[np.intp]

_EMPTY: Mapping[str, Any] = {
    "state": np.uint16(UNKNOWN),
    "mark": np.uint8(0),
    "heard_at": np.int64(-1),
    "asked": np.uint32(0),
    "answered": np.uint32(0),
    "misses": np.uint16(0),
    "x": np.float32(np.nan),
    "y": np.float32(np.nan),
    "yaw": np.float32(np.nan),
    "charge": np.float32(np.nan),
}

_LONGEST_TEXT = 200  # characters of what a robot says of its motion
_SILENCE = 5.0  # s without a diagnosis, or three times the pause between two
_SILENT = (2, "silent: no diagnosis comes")
_LONGEST_NAME = 255  # characters of a node's name that the middleware allows


class Robots:
    """Columns by slot, in the order in which the robots were heard of first; at most `most` robots are followed.

    Attributes:
        ids: of the robots, by slot.
        names: that the robots gave when they joined, by id.
        version: changes when robots or names come to it.
        drives: level and text of what each robot that drives says of its motion, by id.
        driven: changes when one of these does.
        moved: changes when robots move on a floor.
        low: ids of the robots whose battery is low.
    """

    def __init__(self, most: int = MOST_LISTED) -> None:
        self.ids: list[int] = []
        self.names: dict[int, str] = {}
        self.version = self.moved = self.driven = 0
        self.drives: dict[int, tuple[int, str]] = {}
        self._drive_heard: dict[int, tuple[float, float]] = {}  # when, and how long after the time before [s]
        self.low: set[int] = set()
        self._most = most
        self._slot: dict[int, int] = {}
        self._told: tuple[bytes, Slots] = b"", np.empty(0, dtype=np.intp)  # the last list of ids of a simulation, and its slots
        self._columns: dict[str, NDArray[Any]] = {name: np.empty(0, value.dtype) for name, value in _EMPTY.items()}

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of all robots by slot; a view, not a copy."""
        return self._columns[name][: len(self.ids)]

    def ages(self, now: int) -> NDArray[np.uint32]:
        """Return the ticks since each robot was heard, at the `now`-th tick; NEVER for a robot that was not."""
        heard_at = self.column("heard_at")
        return np.where(heard_at < 0, NEVER, np.minimum(now - heard_at, NEVER - 1)).astype(np.uint32)

    def join(self, first: int, count: int, name: str) -> None:
        """Note that the robots first..first + count - 1 joined."""
        slots = self._slots(range(first, first + min(count, self._most)))
        self._columns["mark"][slots] &= ~np.uint8(GONE)
        name = name[:_LONGEST_NAME]
        if count == 1 and self.names.get(first) != name and first in self._slot:
            self.names[first] = name
            self.version += 1

    def leave(self, first: int, count: int) -> None:
        """Note that the robots first..first + count - 1 left."""
        known = [self._slot[i] for i in range(first, first + min(count, self._most)) if i in self._slot]
        self._columns["mark"][known] |= GONE

    def drive(self, robot_id: int, level: int, text: str, now: float) -> None:
        """Note what a robot says of its motion at monotonic time `now` [s]; `level` is that of a diagnosis."""
        if robot_id not in self._drive_heard and len(self._drive_heard) >= self._most:
            return
        before, _ = self._drive_heard.get(robot_id, (now, 0.0))
        self._drive_heard[robot_id] = now, now - before
        self._show_drive(robot_id, level, text[:_LONGEST_TEXT])

    def forget_drives(self, now: float) -> None:
        """Note at monotonic time `now` [s] which robots have fallen silent about their motion."""
        for robot_id, (heard, pause) in self._drive_heard.items():
            if now - heard > max(_SILENCE, 3.0 * pause):
                self._show_drive(robot_id, *_SILENT)

    def _show_drive(self, robot_id: int, level: int, text: str) -> None:
        if self.drives.get(robot_id) != (level, text):
            self.drives[robot_id] = level, text
            self.driven += 1

    def poll(self, polled: Iterable[int], afresh: bool) -> None:
        """Note that robots are polled; `afresh`: in a new tick."""
        slots = self._slots(polled)
        if afresh:
            self._columns["mark"] &= ~np.uint8(POLLED | HEARD)
        self._columns["mark"][slots] |= POLLED

    def account(self, now: int, polled: Iterable[int], answers: Mapping[int, int], truth_known: bool) -> None:
        """Note the result of a tick.

        Args:
            now: number of ticks so far.
            polled: ids of the robots that were polled.
            answers: reported states by id.
            truth_known: whether a simulation tells the true states, which then stay.
        """
        columns = self._columns
        asked, heard = self._slots(polled), self._slots(answers)
        columns["asked"][asked] += 1
        columns["misses"][asked] = np.minimum(columns["misses"][asked] + np.uint16(1), UNKNOWN - 1)
        columns["misses"][heard] = 0
        columns["answered"][heard] += 1
        columns["heard_at"][heard] = now
        columns["mark"][heard] = (columns["mark"][heard] | HEARD) & ~np.uint8(GONE)
        if not truth_known:
            states = [state for robot_id, state in answers.items() if robot_id in self._slot]
            columns["state"][heard] = np.minimum(states, UNKNOWN)
            columns["mark"] &= ~np.uint8(TRUE)

    def suspend(self, count: int, misses: int) -> tuple[list[int], list[int]]:
        """Mark `count` robots as out of the draw: those that missed most polls in a row, at least `misses`.

        The coordinator says how many are out, and not which. Returns the ids of the robots that left the draw, and of those
        that came back.
        """
        missed, mark = self.column("misses"), self.column("mark")
        candidates = np.flatnonzero((missed >= misses) & (mark & GONE == 0))
        out = candidates[np.argsort(-missed[candidates].astype(np.int64), kind="stable")][: max(count, 0)]
        was = mark & SUSPENDED > 0
        now = np.zeros(len(self), dtype=bool)
        now[out] = True
        mark[:] = np.where(now, mark | SUSPENDED, mark & ~np.uint8(SUSPENDED))
        return [self.ids[i] for i in np.flatnonzero(now & ~was)], [self.ids[i] for i in np.flatnonzero(was & ~now)]

    def true_states(self, ids: NDArray[np.uint32], states: NDArray[np.uint16]) -> None:
        """Note the true states of robots."""
        slots, followed = self._many(ids)
        self._columns["state"][slots] = states[followed]
        self._columns["mark"][slots] |= TRUE

    def poses(self, ids: NDArray[np.uint32], **columns: ArrayLike) -> None:
        """Note where robots are on a floor, by columns: x, y [m], yaw [rad], and charge (0..1)."""
        slots, followed = self._many(ids)
        for name, values in columns.items():
            self._columns[name][slots] = np.asarray(values)[followed]
        self.moved += 1

    def forget(self) -> None:
        """Forget where robots were and what was heard of them; ids and names stay."""
        for name, empty in _EMPTY.items():
            self.column(name)[:] = empty

    def update_low(self) -> tuple[list[int], list[int]]:
        """Note whose battery is low; returns the ids of the robots that came to it, and of those of them that are empty.

        A battery is low at LOW, and no longer above RECOVERED; it is empty at EMPTY.
        """
        charge = self.column("charge")
        new = [self.ids[i] for i in np.flatnonzero(charge <= LOW) if self.ids[i] not in self.low]
        self.low.update(new)
        self.low.difference_update([self.ids[i] for i in np.flatnonzero(charge > RECOVERED)])
        return new, [i for i in new if charge[self._slot[i]] <= EMPTY]

    def _many(self, ids: NDArray[np.uint32]) -> tuple[Slots, Slots]:
        """Return the slots of the robots that are followed, and their places in the list."""
        key = ids.tobytes()
        if key != self._told[0]:
            self._told = key, self._slots(ids.tolist())
        slots = self._told[1]
        if len(slots) == len(ids):
            return slots, np.arange(len(ids))
        return slots, np.array([place for place, i in enumerate(ids.tolist()) if i in self._slot], dtype=np.intp)

    def _slots(self, ids: Iterable[int]) -> Slots:
        """Return the slots of the robots that are followed; new robots get one while there is room."""
        listed: Sequence[int] = list(ids)
        new = [i for i in dict.fromkeys(listed) if i not in self._slot][: self._most - len(self.ids)]
        if new:
            self._grow(len(self.ids) + len(new))
            self._slot.update(zip(new, range(len(self.ids), len(self.ids) + len(new)), strict=True))
            self.ids += new
            self.version += 1
        return np.array([self._slot[i] for i in listed if i in self._slot], dtype=np.intp)

    def _grow(self, size: int) -> None:
        for name, column in self._columns.items():
            if size > len(column):
                larger = np.full(max(size, 2 * len(column)), _EMPTY[name], dtype=column.dtype)
                larger[: len(column)] = column
                self._columns[name] = larger
