"""Counts who ran into what: robots, walls and obstacles that touch. MuJoCo keeps them apart.

A contact is the beginning of an encounter, which lasts until the gap is a centimetre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np

from altmarl_ros.arrays import IntArray

WALL, OBSTACLE = -1, -2
"""Partners that are no robot."""

_APART = 0.01  # m; ends an encounter


@dataclass(frozen=True)
class Contact:
    """The beginning of an encounter.

    Attributes:
        time: [s].
        robot: who; of two robots the lesser index.
        partner: the other robot, WALL or OBSTACLE.
        speed: at which they came together [m/s].
    """

    time: float
    robot: int
    partner: int
    speed: float


@dataclass(frozen=True)
class Touch:
    """A robot that touches a partner.

    Attributes:
        robot: who; of two robots the lesser index.
        partner: the other robot, WALL or OBSTACLE.
        speed: at which they come together [m/s].
        shapes: MuJoCo's numbers of the two geoms.
    """

    robot: int
    partner: int
    speed: float
    shapes: tuple[int, int]


class Contacts:
    """Counts the encounters of n robots.

    Attributes:
        log: in order of time.
        counts: contacts that each robot was part of [n].
    """

    def __init__(self, n: int) -> None:
        self.log: list[Contact] = []
        self.counts: IntArray = np.zeros(n, dtype=np.int64)
        self._encounters: dict[tuple[int, int], tuple[int, int]] = {}

    def note(self, time: float, touches: Sequence[Touch], gap: Callable[[tuple[int, int]], float]) -> None:
        """Note who touched in a time step that ends at `time` [s]; `gap` tells the distance of two shapes [m]."""
        ended = [pair for pair, shapes in self._encounters.items() if gap(shapes) > _APART]
        for pair in ended:
            del self._encounters[pair]
        for touch in touches:
            pair = (touch.robot, touch.partner)
            if pair not in self._encounters:
                self.log.append(Contact(time, *pair, touch.speed))
                self.counts[touch.robot] += 1
                if touch.partner >= 0:
                    self.counts[touch.partner] += 1
            self._encounters[pair] = touch.shapes
