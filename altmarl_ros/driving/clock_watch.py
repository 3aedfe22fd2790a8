"""Detects jumps and stops of a ROS clock by comparing it with a steady one.

A simulated clock is restarted, replayed or stopped, and a system clock is set. After a jump, data that were stamped before
cannot be told fresh from stale; while a clock stands still, nothing becomes stale at all.
"""

from __future__ import annotations

LONGEST_LEAP = 1.0
"""Longest advance of the ROS clock between two readings that is no jump [s]."""

LONGEST_STOP = 0.5
"""Steady time after which a ROS clock that has not moved counts as stopped [s]."""


class ClockWatch:
    """Watches one ROS clock, which has to be read again and again.

    Attributes:
        jumps: how often the clock went back, or ahead by more than `LONGEST_LEAP` between two readings.
    """

    def __init__(self) -> None:
        self._ros: float | None = None
        self._moved = -float("inf")  # when, by the steady clock
        self.jumps = 0

    def look(self, ros: float, steady: float) -> None:
        """Take a reading: the ROS clock says `ros` when the steady one says `steady` [s]; NaN is ignored."""
        if ros == self._ros or ros != ros:
            return
        if self._ros is not None and not 0.0 <= ros - self._ros <= LONGEST_LEAP:
            self.jumps += 1
        self._ros, self._moved = ros, steady

    def stopped(self, steady: float) -> bool:
        """Return whether the clock had stood still for too long at steady time `steady` [s], or was never read."""
        return not steady - self._moved < LONGEST_STOP
