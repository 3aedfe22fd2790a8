"""One goal at a time for somebody else who drives, such as Nav2: sent until it is reached, cancelled when it changes.

Every attempt has a number; what is said of an earlier one is no longer of interest. A goal that is refused or fails is
tried again after a while that doubles up to a limit, since what bars the way often goes away.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from altmarl_ros.driving.local_planner import Goal


class Phase(Enum):
    """Of the present attempt."""

    IDLE = "idle"
    SENT = "sent"  # no answer yet
    UNDER_WAY = "under way"
    REACHED = "reached"
    WAITING = "waiting"  # to try again


@dataclass(frozen=True, slots=True)
class Order:
    """What to do now.

    Attributes:
        cancel: the attempt to call off, or None.
        send: the goal to send, or None.
        number: of the attempt that `send` begins.
    """

    cancel: int | None = None
    send: Goal | None = None
    number: int = 0


class NavigationGoal:
    """Of one robot; times are monotonic [s]."""

    def __init__(self, first_wait: float = 1.0, longest_wait: float = 30.0, patience: float = 5.0) -> None:
        """Waits before the second attempt and later ones [s]; `patience` for an answer to a goal [s]."""
        self._first_wait, self._longest_wait, self._patience = first_wait, longest_wait, patience
        self._goal: Goal | None = None
        self._number = 0
        self._wait = first_wait
        self._until = 0.0
        self.phase = Phase.IDLE

    @property
    def number(self) -> int:
        """Of the present attempt."""
        return self._number

    def want(self, now: float, goal: Goal | None) -> Order:
        """What to do for a goal to be reached; None: for nobody to drive."""
        cancel = None
        if goal != self._goal:
            cancel = self._number if self.phase in (Phase.SENT, Phase.UNDER_WAY) else None
            self._goal, self._wait, self.phase = goal, self._first_wait, Phase.IDLE
            self._number += 1  # nothing that is said of what was is of interest
        if self.phase is Phase.SENT and now >= self._until:
            cancel = self._number
            self._fail(now)
        due = self.phase is Phase.IDLE or (self.phase is Phase.WAITING and now >= self._until)
        if goal is None or not due:
            return Order(cancel)
        self._number += 1
        self.phase, self._until = Phase.SENT, now + self._patience
        return Order(cancel, goal, self._number)

    def accepted(self, number: int) -> bool:
        """An attempt was accepted; False if it is not the present one and must be cancelled."""
        if number != self._number or self.phase is not Phase.SENT:
            return False
        self.phase = Phase.UNDER_WAY
        return True

    def ended(self, now: float, number: int, reached: bool) -> None:
        """An attempt was refused, reached its goal, or failed."""
        if number != self._number or self.phase not in (Phase.SENT, Phase.UNDER_WAY):
            return
        if reached:
            self.phase = Phase.REACHED
        else:
            self._fail(now)

    def _fail(self, now: float) -> None:
        self.phase, self._until = Phase.WAITING, now + self._wait
        self._wait = min(2.0 * self._wait, self._longest_wait)
        self._number += 1
