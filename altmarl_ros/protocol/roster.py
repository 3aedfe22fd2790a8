"""The robots of a fleet: which have joined, which of them answer, and which are polled next."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Iterable, Sequence

import numpy as np

from altmarl_ros.protocol.age import AgeOfInformation, AgeSummary

_CHANCE = 1e-3  # of a robot in reach to be suspended
_NEWEST = 0.02  # weight of the newest answer in the mean


@dataclass
class _Member:
    name: str
    misses: int = 0


class Roster:
    """The robots that have joined, and the live ones among them, from which each tick draws.

    A robot that leaves `max_misses` polls in a row unanswered is suspended: it leaves the draw until it reports again. On a
    lossy network so many misses are common. The number is then raised until a robot in reach has so many with probability
    0.001 only. That is judged by the misses before the answers that come, so that robots out of reach do not count. Every
    `probe_interval` draws one suspended robot is polled in place of a live one, so that a robot that never noticed its absence
    comes back too.

    A draw is the start of a Fisher-Yates shuffle of the list of live robots, in place: it takes O(k), and is uniform whatever
    order earlier draws, joins and leaves left behind. Ages are counted in draws.

    Attributes:
        max_misses: polls in a row that a robot may miss before it is suspended.
        probe_interval: draws between two polls of a suspended robot.
    """

    def __init__(self, max_misses: int = 3, probe_interval: int = 10) -> None:
        self._members: dict[int, _Member] = {}
        self._live: list[int] = []
        self._position: dict[int, int] = {}
        self._suspended: OrderedDict[int, None] = OrderedDict()  # the next one to probe comes first
        self._age = AgeOfInformation()  # of the live ones
        self.max_misses = max_misses
        self.probe_interval = probe_interval
        self._draws = 0
        self._run = 0.0  # mean number of misses before an answer

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, robot_id: int) -> bool:
        return robot_id in self._members

    @property
    def live(self) -> int:
        """Number of robots in the draw."""
        return len(self._live)

    @property
    def ages(self) -> AgeSummary:
        """Ages of the robots in the draw: draws since they were last heard; a hello counts as hearing."""
        return self._age.summary(self._draws)

    def join(self, robot_id: int, name: str) -> bool:
        """Add a robot that says hello to the draw; whether it was unknown before."""
        known = robot_id in self._members
        self._members[robot_id] = _Member(name)
        self._revive(robot_id)
        return not known

    def leave(self, robot_id: int) -> bool:
        """Remove a robot that says goodbye; whether it was known."""
        if self._members.pop(robot_id, None) is None:
            return False
        self._remove_live(robot_id)
        self._suspended.pop(robot_id, None)
        return True

    def heard(self, robot_id: int) -> None:
        """Note that a known robot answered."""
        member = self._members[robot_id]
        self._run += _NEWEST * (member.misses - self._run)
        member.misses = 0
        self._revive(robot_id)

    @property
    def patience(self) -> int:
        """Number of misses in a row that suspend a robot, at least `max_misses`."""
        if self._run == 0.0:
            return self.max_misses
        miss = self._run / (1.0 + self._run)  # the mean of a geometric number of misses is miss / (1 - miss)
        return max(self.max_misses, math.ceil(math.log(_CHANCE) / math.log(miss)))

    def missed(self, robot_id: int) -> bool:
        """Note that a polled robot stayed silent; whether that suspends it now."""
        member = self._members.get(robot_id)
        if member is None:
            return False
        member.misses += 1
        if member.misses < self.patience or robot_id not in self._position:
            return False
        self._remove_live(robot_id)
        self._suspended[robot_id] = None
        return True

    def draw(self, k: int, rng: np.random.Generator, keep: Sequence[int] = ()) -> tuple[int, ...]:
        """Draw min(k, available) distinct robots for a new tick.

        They are the robots of `keep` that are live, others drawn uniformly among the live ones, and now and then a suspended
        robot in place of one of them.
        """
        self._draws += 1
        probe = self._next_probe() if k > 0 and (not self._live or self._draws % self.probe_interval == 0) else None
        room = min(k - (probe is not None), len(self._live))
        kept = [robot_id for robot_id in keep if robot_id in self._position][:room]
        drawn = (*kept, *self._shuffle(room - len(kept), kept, rng))
        return drawn if probe is None else (*drawn, probe)

    def draw_others(self, count: int, rng: np.random.Generator, polled: Iterable[int]) -> tuple[int, ...]:
        """Draw min(count, available) live robots for the present tick, uniformly among those not polled yet."""
        return self._shuffle(count, [robot_id for robot_id in polled if robot_id in self._position], rng)

    def _shuffle(self, count: int, apart: Sequence[int], rng: np.random.Generator) -> tuple[int, ...]:
        for place, robot_id in enumerate(apart):
            self._swap(place, self._position[robot_id])
        first, n = len(apart), len(self._live)
        last = min(first + max(count, 0), n)
        if first == last:
            return ()
        for place, other in enumerate(rng.integers(np.arange(first, last), n).tolist(), start=first):
            self._swap(place, other)
        return tuple(self._live[first:last])

    def _swap(self, place: int, other: int) -> None:
        live = self._live
        live[place], live[other] = live[other], live[place]
        self._position[live[place]], self._position[live[other]] = place, other

    def _next_probe(self) -> int | None:
        robot_id = next(iter(self._suspended), None)
        if robot_id is not None:
            self._suspended.move_to_end(robot_id)
        return robot_id

    def _revive(self, robot_id: int) -> None:
        self._age.heard(robot_id, self._draws)
        self._suspended.pop(robot_id, None)
        if robot_id not in self._position:
            self._position[robot_id] = len(self._live)
            self._live.append(robot_id)

    def _remove_live(self, robot_id: int) -> None:
        self._age.forget(robot_id)
        place = self._position.pop(robot_id, None)
        if place is not None:
            last = self._live.pop()
            if last != robot_id:
                self._live[place] = last
                self._position[last] = place
