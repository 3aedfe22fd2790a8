"""Notices robots of a physical floor that stand though they have a goal and say no reason."""

from __future__ import annotations

import numpy as np

from altmarl_ros.arrays import FloatArray

PATIENCE = 60.0
"""How long a robot may stand so [s]."""

_MOVED = 0.1  # m


class StandingWatch:
    """Watches n robots.

    Attributes:
        counts: how often each has stood for so long [n].
    """

    def __init__(self, n: int) -> None:
        self._wants = np.zeros(n, dtype=np.bool_)
        self._since, self._anchors = np.zeros(n), np.full((n, 2), np.inf)
        self.counts = np.zeros(n, dtype=np.int64)

    def hear(self, robot: int, *, wants_to_move: bool) -> None:
        """Note whether a robot has a goal where it is not, and says nothing that keeps it from going there."""
        self._wants[robot] = wants_to_move

    def step(self, now: float, places: FloatArray) -> list[int]:
        """Note where robots are at time `now` [s; n, xy; m]; returns those that have stood for too long, each once a time."""
        away = np.hypot(*(places - self._anchors).T) > _MOVED
        begins = away | ~self._wants
        self._since[begins], self._anchors[begins] = now, places[begins]
        found = np.flatnonzero(now - self._since >= PATIENCE)
        self._since[found] = now
        self.counts[found] += 1
        return [int(robot) for robot in found]
