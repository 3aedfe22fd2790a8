"""The robots in the draw, by type, and uniform draws among those of each type.

A draw is the start of a Fisher-Yates shuffle of the list of a type's robots, in place: it takes O(k), and is uniform whatever
order earlier draws, joins and leaves left behind. Where there are several types, the number of robots that are drawn of each is
itself drawn (`observation.allocated`), so that every robot is drawn with the same probability.
"""

from __future__ import annotations

from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.observation import allocated


class LiveRobots:
    """The robots in the draw; without types all are of type 0."""

    def __init__(self) -> None:
        self._of_type: dict[int, list[int]] = {}
        self._place: dict[int, tuple[int, int]] = {}  # type, and position in its list

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, robot_id: int) -> bool:
        return robot_id in self._place

    def numbers(self, types: int) -> NDArray[np.int64]:
        """The number of robots of each of so many types."""
        return np.array([len(self._of_type.get(t, ())) for t in range(types)], dtype=np.int64)

    def add(self, robot_id: int, robot_type: int) -> None:
        """Add a robot that may be here already, of another type even."""
        if robot_id in self._place:
            if self._place[robot_id][0] == robot_type:
                return
            self.remove(robot_id)
        robots = self._of_type.setdefault(robot_type, [])
        self._place[robot_id] = robot_type, len(robots)
        robots.append(robot_id)

    def remove(self, robot_id: int) -> None:
        """Take a robot out, if it is here."""
        robot_type, place = self._place.pop(robot_id, (0, -1))
        if place >= 0:
            robots = self._of_type[robot_type]
            last = robots.pop()
            if last != robot_id:
                robots[place] = last
                self._place[last] = robot_type, place

    def draw(self, count: int, apart: Sequence[int], rng: np.random.Generator) -> tuple[int, ...]:
        """Draw so many robots that are not among `apart`, which are here, or all others; uniformly, and by type."""
        here = sorted(t for t, robots in self._of_type.items() if robots)
        if len(here) < 2:
            return self._draw(here[0], count, apart, rng) if here else ()
        others = self.numbers(here[-1] + 1)
        for robot_id in apart:
            others[self._place[robot_id][0]] -= 1
        n = int(others.sum())
        if n == 0:
            return ()
        wanted = allocated(min(max(count, 0), n), others, rng.integers(n, size=()))
        return tuple(i for t in here for i in self._draw(t, int(wanted[t]), self._of(apart, t), rng))

    def draw_in_kind(
        self, count: int, silent: Sequence[int], apart: Sequence[int], rng: np.random.Generator
    ) -> tuple[int, ...]:
        """Draw other robots than `apart`, of the same types as the first `count` of the silent ones that are here."""
        types = [self._place[robot_id][0] for robot_id in silent if robot_id in self._place][: max(count, 0)]
        drawn = (self._draw(t, types.count(t), self._of(apart, t), rng) for t in sorted(set(types)))
        return tuple(i for robots in drawn for i in robots)

    def _of(self, robot_ids: Sequence[int], robot_type: int) -> list[int]:
        return [robot_id for robot_id in robot_ids if self._place[robot_id][0] == robot_type]

    def _draw(self, robot_type: int, count: int, apart: Sequence[int], rng: np.random.Generator) -> tuple[int, ...]:
        robots = self._of_type[robot_type]
        for place, robot_id in enumerate(apart):
            self._swap(robots, place, self._place[robot_id][1])
        first, n = len(apart), len(robots)
        last = min(first + max(count, 0), n)
        if first == last:
            return ()
        for place, other in enumerate(rng.integers(np.arange(first, last), n).tolist(), start=first):
            self._swap(robots, place, other)
        return tuple(robots[first:last])

    def _swap(self, robots: list[int], place: int, other: int) -> None:
        robots[place], robots[other] = robots[other], robots[place]
        for at in (place, other):
            self._place[robots[at]] = self._place[robots[at]][0], at
