"""The clock by which ages and silences are measured: the steady clock, or with `use_sim_time` the simulated one."""

from __future__ import annotations

import time
from typing import Any, Callable

from builtin_interfaces.msg import Time
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.timer import Timer

from altmarl_ros.driving.clock_watch import ClockWatch

_LOOK = 0.1  # s of steady time between two readings of a simulated clock


class AgeClock:
    """The clock of one process, shared by all its robots; every reading also checks whether the ROS clock jumped.

    Attributes:
        simulated: whether it is the simulated clock.
    """

    def __init__(self, node: Node) -> None:
        """`node` provides the ROS clock and holds the timer that watches it."""
        self.simulated = bool(node.get_parameter("use_sim_time").value)
        self._node, self._ros = node, node.get_clock()
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._watch = ClockWatch()
        self._stops: list[Callable[[], None]] = []
        if self.simulated:
            node.create_timer(_LOOK, self._look, clock=self._steady)

    @property
    def jumps(self) -> int:
        """Number of jumps of the ROS clock."""
        return self._watch.jumps

    @property
    def stopped(self) -> bool:
        """Whether a simulated clock stands still, so that nothing may move by it."""
        return self.simulated and self._watch.stopped(time.monotonic())

    def now(self) -> float:
        """Present time [s]."""
        ros, steady = self.ros(), time.monotonic()
        return ros if self.simulated else steady

    def ros(self) -> float:
        """ROS time, with which stamps of messages are compared [s]."""
        ros = 1e-9 * float(self._ros.now().nanoseconds)
        self._watch.look(ros, time.monotonic())
        return ros

    def stamp(self) -> Time:
        """The stamp of a message that is sent now."""
        return self._ros.now().to_msg()

    def start_timer(self, period: float, callback: Callable[[], None]) -> Timer:
        """Make a timer of this clock, whichever robot it is for; `period` in [s]."""
        # Made by the clock's own node: the EventsExecutor does not wake others for a simulated clock (observed).
        return self._node.create_timer(period, callback, clock=self._ros if self.simulated else self._steady)

    def end_timer(self, timer: Timer) -> None:
        """Destroy a timer that `start_timer` made."""
        self._node.destroy_timer(timer)

    def when_stopped(self, callback: Callable[[], None]) -> None:
        """Call this ten times a second while a simulated clock stands still."""
        self._stops.append(callback)

    def _look(self) -> None:
        self.ros()
        if self.stopped:
            for callback in self._stops:
                callback()


def seconds(stamp: Any) -> float:
    """Convert a builtin_interfaces/Time to seconds."""
    return float(stamp.sec) + 1e-9 * float(stamp.nanosec)
