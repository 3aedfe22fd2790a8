"""Whether a ROS clock can be believed, by comparison with a steady one.

A simulated clock is restarted, replayed or stopped, and a system clock is set. Data that were stamped before a jump
cannot be told fresh from stale after it, and a clock that stands still makes nothing stale at all.
"""

from __future__ import annotations


class ClockWatch:
    """Looks at a ROS clock from time to time.

    Attributes:
        jumps: how often it went back, or ahead by more than `longest_leap` [s] between two looks.
    """

    def __init__(self, longest_leap: float = 1.0, longest_stop: float = 0.5) -> None:
        """`longest_stop`: time by the steady clock after which a ROS clock that does not move has stopped [s]."""
        self._longest_leap, self._longest_stop = longest_leap, longest_stop
        self._ros: float | None = None
        self._moved = -float("inf")  # when, by the steady clock
        self.jumps = 0

    def look(self, ros: float, steady: float) -> None:
        """The ROS clock says `ros` when the steady one says `steady` [s]; what is no number is not heard."""
        if ros == self._ros or ros != ros:
            return
        if self._ros is not None and not 0.0 <= ros - self._ros <= self._longest_leap:
            self.jumps += 1
        self._ros, self._moved = ros, steady

    def stopped(self, steady: float) -> bool:
        """Whether the ROS clock has not moved for too long at steady time `steady` [s]; also before it ever did."""
        return not steady - self._moved < self._longest_stop
