"""Timers by a simulated clock.

rclpy's events executor calls a timer of ROS time once for every message of /clock that waits in its queue while the timer is
due, each time a period ahead: a busy process has bursts of calls, and then none until the clock has caught up (observed with
rclpy 9.1). These timers are called from a subscription of /clock instead, once when they are due; missed calls are not made
up for.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from rosgraph_msgs.msg import Clock as ClockMessage

_NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)  # as rclpy listens


class ClockTimer:
    """As much of rclpy's Timer as is used."""

    def __init__(self, timers: ClockTimers, period_ns: int, callback: Callable[[], None]) -> None:
        self.timer_period_ns = period_ns
        self.callback = callback
        self._timers = timers
        self.next_ns = 0
        self._active = False
        self.reset()

    def reset(self) -> None:
        """Call it a period from now, and so on."""
        self.next_ns = self._timers.now_ns() + self.timer_period_ns
        self._active = True
        self._timers.add(self)

    def cancel(self) -> None:
        """Call it no more."""
        self._active = False
        self._timers.discard(self)

    def is_canceled(self) -> bool:
        """Whether it is not called."""
        return not self._active

    def call_if_due(self, now_ns: int) -> None:
        """Call it if its time has come; a clock that went back does not keep it waiting for longer than a period."""
        if self.next_ns - now_ns > self.timer_period_ns:
            self.next_ns = now_ns + self.timer_period_ns
        if self._active and now_ns >= self.next_ns:
            late = (now_ns - self.next_ns) // max(1, self.timer_period_ns)
            self.next_ns += (late + 1) * self.timer_period_ns
            self.callback()


class ClockTimers:
    """All timers by one node's simulated clock."""

    def __init__(self, node: Node) -> None:
        self._clock: Any = node.get_clock()  # rclpy declares no ROSClock
        self._timers: dict[ClockTimer, None] = {}  # in the order in which they began
        Node.create_subscription(node, ClockMessage, "/clock", self._hear, _NEWEST)  # a timer that fails is no message dropped

    def __iter__(self) -> Iterator[ClockTimer]:
        """Timers that are called."""
        return iter(list(self._timers))

    def create(self, period: float, callback: Callable[[], None]) -> ClockTimer:
        """A timer that calls every `period` [s]."""
        return ClockTimer(self, int(1e9 * period), callback)

    def now_ns(self) -> int:
        """Simulated time [ns]."""
        return int(self._clock.now().nanoseconds)

    def add(self, timer: ClockTimer) -> None:
        """Call this one when it is due."""
        self._timers[timer] = None

    def discard(self, timer: ClockTimer) -> None:
        """Call this one no more."""
        self._timers.pop(timer, None)

    def _hear(self, message: ClockMessage) -> None:
        time = Time.from_msg(message.clock)
        if self._clock.now() < time:  # the node's own subscription has yet to hear it
            self._clock.set_ros_time_override(time)
        now = self.now_ns()
        for timer in self:
            timer.call_if_due(now)
