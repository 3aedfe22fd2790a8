"""Age of information: how many ticks ago each robot was last heard.

The number of robots last heard at each tick is kept. The q-quantile of the ages is found by walking from the tick where it was
the last time. Since it moves by about one tick per tick, `heard` and `summary` take O(1) on average, whatever the number of
robots is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class AgeSummary:
    """Statistics of the ages of all robots that are followed [ticks]; all 0 where there is none."""

    mean: float = 0.0
    median: int = 0
    p95: int = 0
    maximum: int = 0


class AgeOfInformation:
    """The tick at which each followed robot was last heard."""

    def __init__(self) -> None:
        self._heard: dict[int, int] = {}  # robot -> tick
        self._robots_at: dict[int, int] = {}  # tick -> robots last heard then
        self._sum = 0
        self._quantiles = tuple(_Quantile(q) for q in (0.5, 0.95, 1.0))

    def __len__(self) -> int:
        return len(self._heard)

    def heard(self, robot_id: int, tick: int) -> None:
        """Note that a robot, new or known, was heard at `tick`."""
        self.forget(robot_id)
        self._heard[robot_id] = tick
        self._count(tick, 1)

    def forget(self, robot_id: int) -> None:
        """Stop following a robot."""
        tick = self._heard.pop(robot_id, None)
        if tick is not None:
            self._count(tick, -1)

    def summary(self, now: int) -> AgeSummary:
        """Mean, median, 95 % quantile and maximum at tick `now`."""
        n = len(self._heard)
        if n == 0:
            return AgeSummary()
        median, p95, maximum = (now - quantile.find(self._robots_at, n) for quantile in self._quantiles)
        return AgeSummary(now - self._sum / n, median, p95, maximum)

    def _count(self, tick: int, change: int) -> None:
        left = self._robots_at.get(tick, 0) + change
        if left:
            self._robots_at[tick] = left
        else:
            del self._robots_at[tick]
        self._sum += change * tick
        for quantile in self._quantiles:
            quantile.count(tick, change)


class _Quantile:
    """The latest tick since which at least a share q of the robots was heard."""

    def __init__(self, q: float) -> None:
        self._q = q
        self._tick = 0
        self._since = 0  # robots last heard at self._tick or later

    def count(self, tick: int, change: int) -> None:
        if tick >= self._tick:
            self._since += change

    def find(self, robots_at: dict[int, int], n: int) -> int:
        need = math.ceil(self._q * n)
        while self._since < need:
            self._tick -= 1
            self._since += robots_at.get(self._tick, 0)
        while self._since - robots_at.get(self._tick, 0) >= need:
            self._since -= robots_at.get(self._tick, 0)
            self._tick += 1
        return self._tick
