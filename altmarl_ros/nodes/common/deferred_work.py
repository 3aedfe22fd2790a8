"""Work that nobody waits for, put off until what others wait for is done.

All robots of a fleet wake up at the same tick, and few of them are polled. Those that are not leave the processor to those
that are, in this process and in others.
"""

from __future__ import annotations

import time
from typing import Callable

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

_LONGEST = 0.02  # s; that work is put off ...
_SHORTEST = 0.001  # s
_SHARE = 0.1  # ... and at most this share of the time since it was put off last


class DeferredWork:
    """Of one process."""

    def __init__(self, node: Node) -> None:
        """`node` that holds the timer."""
        self._put_off: list[Callable[[], None]] = []
        self._timer = node.create_timer(_LONGEST, self._take, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._timer.cancel()
        self._began = time.monotonic()

    def soon(self, work: Callable[[], None]) -> None:
        """Do this when the messages that have come are dealt with."""
        if not self._put_off:
            now = time.monotonic()
            self._timer.timer_period_ns = int(1e9 * min(_LONGEST, max(_SHORTEST, _SHARE * (now - self._began))))
            self._began = now
            self._timer.reset()
        self._put_off.append(work)

    def _take(self) -> None:
        self._timer.cancel()
        works, self._put_off = self._put_off, []
        for work in works:
            work()
