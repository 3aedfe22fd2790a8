"""The goal that an external navigator (such as Nav2) drives to: sent once, retried on failure, cancelled on change.

Every attempt has a number, so that answers to an earlier one can be ignored. A goal that is refused or fails is tried again
after a wait that doubles up to a limit, since what bars the way often goes away.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from altmarl_ros.driving.local_planner import Goal

FIRST_WAIT = 1.0
"""Wait before the second attempt [s]; it doubles with each further one."""

LONGEST_WAIT = 30.0
"""Longest wait before an attempt [s]."""

ANSWER_TIMEOUT = 5.0
"""Longest time that the navigator may take to accept a goal [s]."""


class Phase(Enum):
    """Phase of the present attempt."""

    IDLE = "idle"
    SENT = "sent"  # no answer yet
    UNDER_WAY = "under way"
    REACHED = "reached"
    WAITING = "waiting"  # to try again


@dataclass(frozen=True, slots=True)
class Order:
    """What has to be done now.

    Attributes:
        cancel: the attempt to cancel, or None.
        send: the goal to send, or None.
        number: of the attempt that `send` begins.
    """

    cancel: int | None = None
    send: Goal | None = None
    number: int = 0


class NavigationGoal:
    """The goal of one robot; times are monotonic [s].

    Attributes:
        phase: of the present attempt.
    """

    def __init__(self) -> None:
        self._goal: Goal | None = None
        self._number = 0
        self._wait = FIRST_WAIT
        self._until = 0.0
        self.phase = Phase.IDLE

    def want(self, now: float, goal: Goal | None) -> Order:
        """Return what has to be done so that the robot drives to a goal; None: so that it does not drive."""
        cancel = None
        if goal != self._goal:
            cancel = self._number if self.phase in (Phase.SENT, Phase.UNDER_WAY) else None
            self._goal, self._wait, self.phase = goal, FIRST_WAIT, Phase.IDLE
            self._number += 1  # answers to the attempt before are ignored
        if self.phase is Phase.SENT and now >= self._until:
            cancel = self._number
            self._fail(now)
        due = self.phase is Phase.IDLE or (self.phase is Phase.WAITING and now >= self._until)
        if goal is None or not due:
            return Order(cancel)
        self._number += 1
        self.phase, self._until = Phase.SENT, now + ANSWER_TIMEOUT
        return Order(cancel, goal, self._number)

    def accepted(self, number: int) -> bool:
        """Note that an attempt was accepted; returns False if it is not the present one and must be cancelled."""
        if number != self._number or self.phase is not Phase.SENT:
            return False
        self.phase = Phase.UNDER_WAY
        return True

    def ended(self, now: float, number: int, reached: bool) -> None:
        """Note that an attempt reached its goal, or was refused or failed."""
        if number != self._number or self.phase not in (Phase.SENT, Phase.UNDER_WAY):
            return
        if reached:
            self.phase = Phase.REACHED
        else:
            self._fail(now)

    def _fail(self, now: float) -> None:
        self.phase, self._until = Phase.WAITING, now + self._wait
        self._wait = min(2.0 * self._wait, LONGEST_WAIT)
        self._number += 1
