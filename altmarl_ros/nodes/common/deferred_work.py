"""Work that can wait a few milliseconds, done after the work for which other processes wait.

All robots of a fleet wake up at the same tick, and few of them are polled. The others defer their work, and so leave the
processor to the polled ones, in this process and in others.
"""

from __future__ import annotations

import time
from typing import Callable

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

_LONGEST = 0.02  # s; limits of how long work is deferred ...
_SHORTEST = 0.001  # s
_SHARE = 0.1  # ... which within them is this share of the time since work was deferred last


class DeferredWork:
    """A queue of callables that a timer calls soon, all at once; one for each process."""

    def __init__(self, node: Node) -> None:
        """`node` holds the timer."""
        self._queue: list[Callable[[], None]] = []
        self._timer = node.create_timer(_LONGEST, self._run, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._timer.cancel()
        self._began = time.monotonic()

    def soon(self, work: Callable[[], None]) -> None:
        """Call this after the callbacks of the messages that have arrived."""
        if not self._queue:
            now = time.monotonic()
            self._timer.timer_period_ns = int(1e9 * min(_LONGEST, max(_SHORTEST, _SHARE * (now - self._began))))
            self._began = now
            self._timer.reset()
        self._queue.append(work)

    def _run(self) -> None:
        self._timer.cancel()
        queue, self._queue = self._queue, []
        for work in queue:
            work()
