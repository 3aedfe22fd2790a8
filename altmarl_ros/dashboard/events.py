"""The operator's log: one line for everything that happened, the newest last."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

_MOST = 300
_LONGEST = 300  # characters

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
    """

    number: int
    time: float
    level: str
    kind: str
    text: str


class EventLog:
    """Keeps the newest events."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=_MOST)
        self.count = 0

    def add(self, level: str, kind: str, text: str) -> None:
        """Add an event that happened now."""
        self.count += 1
        self._events.append(Event(self.count, time.time(), level, kind, text[:_LONGEST]))

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the kept events after the one with this number."""
        return [asdict(event) for event in self._events if event.number > number]


def listed(ids: list[int]) -> str:
    """Name robots in a sentence; of many only their number."""
    if len(ids) > 8:
        return f"{len(ids)} robots"
    return ("robot " if len(ids) == 1 else "robots ") + ", ".join(map(str, ids))
