"""Timers of a simulated clock, in place of rclpy's.

While a timer of ROS time is due, rclpy's events executor calls it once for every message of /clock in its queue, and moves it
a period ahead each time: a busy process sees bursts of calls, and then none until the clock has caught up (observed with
rclpy 9.1). The timers here are called from a subscription to /clock, once when they are due; missed calls are not made up
for.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from rosgraph_msgs.msg import Clock as ClockMessage

_NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)  # as rclpy subscribes to /clock


class ClockTimer:
    """A periodic timer with the methods of rclpy's Timer that this package uses."""

    def __init__(self, timers: ClockTimers, period_ns: int, callback: Callable[[], None]) -> None:
        self.timer_period_ns = period_ns
        self.callback = callback
        self._timers = timers
        self.next_ns = 0
        self._active = False
        self.reset()

    def reset(self) -> None:
        """Call the callback a period from now, and every period after that."""
        self.next_ns = self._timers.now_ns() + self.timer_period_ns
        self._active = True
        self._timers.add(self)

    def cancel(self) -> None:
        """Stop calling the callback."""
        self._active = False
        self._timers.discard(self)

    def is_canceled(self) -> bool:
        """Whether the timer is cancelled."""
        return not self._active

    def call_if_due(self, now_ns: int) -> None:
        """Call the callback if its time has come; a clock that went back delays it by a period at most."""
        if self.next_ns - now_ns > self.timer_period_ns:
            self.next_ns = now_ns + self.timer_period_ns
        if self._active and now_ns >= self.next_ns:
            late = (now_ns - self.next_ns) // max(1, self.timer_period_ns)
            self.next_ns += (late + 1) * self.timer_period_ns
            self.callback()


class ClockTimers:
    """All timers of one node's simulated clock."""

    def __init__(self, node: Node) -> None:
        self._clock: Any = node.get_clock()  # rclpy declares no ROSClock
        self._timers: dict[ClockTimer, None] = {}  # in the order in which they were started
        # Not guarded: a timer that fails is no dropped message.
        Node.create_subscription(node, ClockMessage, "/clock", self._on_clock, _NEWEST)

    def __iter__(self) -> Iterator[ClockTimer]:
        """The timers that are not cancelled."""
        return iter(list(self._timers))

    def create(self, period: float, callback: Callable[[], None]) -> ClockTimer:
        """Make a timer that calls every `period` [s]."""
        return ClockTimer(self, int(1e9 * period), callback)

    def now_ns(self) -> int:
        """Simulated time [ns]."""
        return int(self._clock.now().nanoseconds)

    def add(self, timer: ClockTimer) -> None:
        """Call this timer when it is due."""
        self._timers[timer] = None

    def discard(self, timer: ClockTimer) -> None:
        """Call this timer no more."""
        self._timers.pop(timer, None)

    def _on_clock(self, message: ClockMessage) -> None:
        time = Time.from_msg(message.clock)
        if self._clock.now() < time:  # the node's own subscription has yet to receive it
            self._clock.set_ros_time_override(time)
        now = self.now_ns()
        for timer in self:
            timer.call_if_due(now)
