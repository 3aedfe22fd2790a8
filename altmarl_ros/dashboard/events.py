"""The operator's log: one line for everything that happened, the newest last."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, Sequence

_MOST = 300
_LONGEST = 300  # characters
_MOST_ROBOTS = 100  # that one event names

INFO, WARNING, ERROR = "info", "warning", "error"


@dataclass(frozen=True)
class Event:
    """One line of the log.

    Attributes:
        number: counts all events from 1.
        time: when it was added [s since 1970].
        level: info, warning or error.
        kind: what it is about: session, policy, robot, parameter, diagnosis, stop, trainer or control.
        text: what happened.
        robots: ids of the robots that it is about.
    """

    number: int
    time: float
    level: str
    kind: str
    text: str
    robots: tuple[int, ...] = ()


class EventLog:
    """Keeps the newest events.

    Attributes:
        count: number of events so far.
        acknowledged: number of the newest event that an operator has taken note of, with all before it.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=_MOST)
        self.count = 0
        self.acknowledged = 0

    def add(self, level: str, kind: str, text: str, robots: Sequence[int] = ()) -> None:
        """Add an event that happened now; `robots`: ids of those that it is about."""
        self.count += 1
        self._events.append(Event(self.count, time.time(), level, kind, text[:_LONGEST], tuple(robots[:_MOST_ROBOTS])))

    def acknowledge(self, number: int) -> int:
        """Note that an operator knows of all events up to this number; returns how many warnings and errors were new."""
        known, self.acknowledged = self.acknowledged, max(self.acknowledged, min(number, self.count))
        return sum(known < event.number <= self.acknowledged and event.level != INFO for event in self._events)

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the kept events after the one with this number."""
        return [asdict(event) for event in self._events if event.number > number]


def listed(ids: list[int]) -> str:
    """Name robots in a sentence; of many only their number."""
    if len(ids) > 8:
        return f"{len(ids)} robots"
    return ("robot " if len(ids) == 1 else "robots ") + ", ".join(map(str, ids))
