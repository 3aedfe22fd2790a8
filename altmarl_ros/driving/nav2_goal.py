"""The goal that an external navigator (such as Nav2) drives to: sent once, retried on failure, cancelled on change.

Every attempt has a number, so that answers to an earlier one can be ignored. A goal that is refused or fails is tried again
after a wait that doubles up to a limit, since what bars the way often goes away. While no server is there nothing is sent;
when one appears, the goal is sent at once. The way to a goal is the navigator's: two goals at one place are the same.

A server that was killed stays in the middleware's books for a while, and one that started since does not know the goal. So
when nothing has been heard of a goal for `SILENCE`, its result is asked for again, which such a server answers at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.planar import Pose

FIRST_WAIT = 1.0
"""Wait before the second attempt, and shortest time between two attempts at one goal [s]; it doubles with each further one."""

LONGEST_WAIT = 30.0
"""Longest wait before an attempt [s]."""

ANSWER_TIMEOUT = 5.0
"""Longest time that the navigator may take to accept a goal [s]."""

SILENCE = 3.0
"""Time without a sign of the navigator at work, after which the result is asked for again [s]."""

LONGEST_SILENCE = 15.0
"""Time without a sign of the navigator at work, after which the goal is given up and tried again [s]."""

PUSHED_AWAY = 0.5
"""Distance from where the goal was reached, beyond which the robot has to be driven there again [m]."""

_SAME_PLACE = 1e-3  # m


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
        ask: the attempt whose result has to be asked for again, or None.
    """

    cancel: int | None = None
    send: Goal | None = None
    number: int = 0
    ask: int | None = None


class NavigationGoal:
    """The goal of one robot; times are monotonic [s].

    Attributes:
        phase: of the present attempt.
        wait: time until the next attempt, set when one fails [s].
    """

    def __init__(self) -> None:
        self._goal: Goal | None = None
        self._number = 0
        self._ready = True
        self._failed: Reason | None = None
        self._until = 0.0  # of the present phase: an answer is due, or the next attempt
        self._sent = self._heard = self._asked = -math.inf  # when: the present attempt, a sign of work, the result
        self._feeds_back = False
        self._reached_at: Pose | None = None
        self.phase = Phase.IDLE
        self.wait = FIRST_WAIT

    @property
    def problem(self) -> Reason | None:
        """Why the robot is not driven to its goal; None: it is, or has none."""
        return self._failed if self._ready else Reason.NO_NAVIGATOR

    def want(self, now: float, goal: Goal | None, pose: Pose | None = None, *, ready: bool = True) -> Order:
        """Return what has to be done so that the robot drives to a goal.

        Args:
            now: present time [s].
            goal: where to; None: the robot is not to drive.
            pose: of the robot in the map, if it is known.
            ready: whether there is a server.
        """
        cancel = self._change(goal)
        self._watch_server(now, ready)
        if self.phase is Phase.REACHED and pose is not None:
            self._watch_place(pose)
        if self.phase is Phase.SENT and now >= self._until:
            cancel = self._give_up(now)
        if self.phase is Phase.UNDER_WAY and now >= self._heard + LONGEST_SILENCE:
            cancel = self._give_up(now)
        due = self.phase is Phase.IDLE or (self.phase is Phase.WAITING and now >= self._until)
        if goal is None or not due or not ready:
            return Order(cancel, ask=self._ask(now))
        self._number += 1
        self.phase, self._sent, self._until = Phase.SENT, now, now + ANSWER_TIMEOUT
        return Order(cancel, goal, self._number)

    def accepted(self, now: float, number: int) -> bool:
        """Note that an attempt was accepted; returns False if it is not the present one and must be cancelled."""
        if number != self._number or self.phase is not Phase.SENT:
            return False
        self.phase, self._failed = Phase.UNDER_WAY, None
        self._heard = self._asked = now
        self._feeds_back = False
        return True

    def feedback(self, now: float, number: int) -> None:
        """Note that the navigator told of an attempt; from then on nothing else is a sign that it works on it."""
        if number == self._number and self.phase is Phase.UNDER_WAY:
            self._feeds_back = True
            self._heard = self._asked = now

    def velocity(self, now: float) -> None:
        """Note that a velocity came, which is a sign of work where the navigator gives no feedback."""
        if not self._feeds_back:
            self._heard = self._asked = now

    def ended(self, now: float, number: int, failed: Reason | None) -> bool:
        """Note that an attempt reached its goal (None), or why it did not; returns whether it was the present one."""
        if number != self._number or self.phase not in (Phase.SENT, Phase.UNDER_WAY):
            return False
        if failed is None:
            self.phase, self._failed, self._reached_at = Phase.REACHED, None, None
        else:
            self._fail(now, failed)
        return True

    def _change(self, goal: Goal | None) -> int | None:
        """Take another goal; returns the attempt to cancel."""
        if _same_place(goal, self._goal):
            return None
        cancel = self._number if self.phase in (Phase.SENT, Phase.UNDER_WAY) else None
        self._goal, self._failed, self.wait, self.phase = goal, None, FIRST_WAIT, Phase.IDLE
        self._number += 1  # answers to the attempt before are ignored
        return cancel

    def _watch_server(self, now: float, ready: bool) -> None:
        """Wait for a server that is gone, and try again as soon as it is back."""
        if not ready and self.phase in (Phase.SENT, Phase.UNDER_WAY):
            self._fail(now, Reason.NO_NAVIGATOR)
        if ready and not self._ready and self.phase is Phase.WAITING:
            self._failed, self.wait, self._until = None, FIRST_WAIT, self._sent + FIRST_WAIT
        self._ready = ready

    def _watch_place(self, pose: Pose) -> None:
        """Drive a robot to its goal again that was pushed away from it."""
        if self._reached_at is None:
            self._reached_at = pose
        elif math.hypot(pose.x - self._reached_at.x, pose.y - self._reached_at.y) > PUSHED_AWAY:
            self.phase = Phase.IDLE

    def _ask(self, now: float) -> int | None:
        if self.phase is not Phase.UNDER_WAY or now < self._asked + SILENCE:
            return None
        self._asked = now
        return self._number

    def _give_up(self, now: float) -> int:
        number = self._number
        self._fail(now, Reason.GOAL_UNANSWERED)
        return number

    def _fail(self, now: float, failed: Reason) -> None:
        self.phase, self._failed, self._until = Phase.WAITING, failed, now + self.wait
        self.wait = min(2.0 * self.wait, LONGEST_WAIT)
        self._number += 1


def _same_place(a: Goal | None, b: Goal | None) -> bool:
    if a is None or b is None:
        return a is b
    return math.hypot(a.x - b.x, a.y - b.y) <= _SAME_PLACE
