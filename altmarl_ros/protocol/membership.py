"""When a robot says hello again: it hears from ticks that it is not counted, or that another robot has its id."""

from __future__ import annotations

import math
from typing import Callable

from altmarl_ros.protocol.roster_page import Counted, RosterPage

_FIRST_WAIT, _LONGEST_WAIT = 2.0, 16.0  # s from one hello to the next, doubled each time while it does not help
_ALARM = 40.0  # s for which another robot's hello is remembered


class Membership:
    """One robot's, or one crowd's, place on the coordinator's roster. Times `now` are monotonic seconds.

    A robot that is refused goes on asking, ever more seldom, so that the topic of hellos stays quiet.
    """

    def __init__(self) -> None:
        self._said_at = -math.inf
        self._wait = _FIRST_WAIT
        self._doubled_at = -math.inf

    def said_hello(self, now: float) -> None:
        """Note that the robot said hello; what is told of the roster right after that is not yet an answer."""
        self._said_at = now

    def must_repeat(self, page: RosterPage, find: Callable[[RosterPage], Counted], now: float) -> bool:
        """Whether to say hello again, after `page` was received and `find` looked the robot up in it."""
        counted = find(page)
        if counted is Counted.NOT_TOLD:
            return False
        if counted is Counted.YES:
            self._wait = _FIRST_WAIT
            return False
        if 0.0 <= now - self._said_at < self._wait:
            return False
        if counted is Counted.AS_ANOTHER:
            self._doubled_at = now
        self._wait = min(2.0 * self._wait, _LONGEST_WAIT)
        return True

    def may_repeat(self, now: float) -> bool:
        """Whether the last hello is long enough ago for a robot to say it again that was polled for want of it."""
        return not 0.0 <= now - self._said_at < _FIRST_WAIT

    def is_doubled(self, now: float) -> bool:
        """Whether another robot said hello under this robot's id lately."""
        return 0.0 <= now - self._doubled_at <= _ALARM
