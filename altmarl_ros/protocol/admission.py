"""Who may join a fleet: anyone can send a hello, so whatever its receiver remembers of it has a bound."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Iterable

from altmarl_ros.errors import AltmarlError

DEFAULT_CAPACITY = 100_000
"""Default bound of the robots on a roster or in a world."""

NAME_LENGTH = 255
"""Most characters of a node name, as many as a DDS topic name may have."""


@dataclass(frozen=True)
class Admission:
    """The rule by which robots are admitted.

    Attributes:
        game_hash: content hash of the game that a robot must play.
        capacity: most robots in the fleet.
        types: names of the types of robots; empty in a game without types.
    """

    game_hash: str
    capacity: int
    types: tuple[str, ...] = ()

    def type_number(self, robot_type: str) -> int:
        """The number of a type that `refusal` did not refuse; 0 in a game without types."""
        return self.types.index(robot_type) if self.types else 0

    def refusal(self, name: str, game_hash: str, known: bool, members: int, *, robot_type: str = "") -> str | None:
        """The reason why a robot may not join, None if it may.

        Args:
            name: name of its node.
            game_hash: content hash of the game that it was set up for; empty: any game.
            known: whether it is in the fleet already.
            members: number of robots in the fleet.
            robot_type: name of its type; empty: none.
        """
        if game_hash not in ("", self.game_hash):
            return f"it plays game {game_hash[:16]!r}, this fleet {self.game_hash}"
        if self.types and robot_type not in self.types:
            return f"its type is {robot_type[:32]!r}; types of this game are {', '.join(self.types)}"
        if robot_type and not self.types:
            return f"its type is {robot_type[:32]!r}, and the game of this fleet has no types"
        if len(name) > NAME_LENGTH:
            return f"its name has {len(name)} characters, more than {NAME_LENGTH}"
        if not known and members >= self.capacity:
            return f"there are {members} robots already, as many as `roster.capacity` allows"
        return None


class HelloBudget:
    """Bounds how many robots hellos for many may name, since handling one costs as much as handling thousands of single ones.

    At first so many as the fleet can hold, and `_NAMED_PER_SECOND` more in each second. A crowd whose hello is left out says it
    again, since it hears that it is not counted.
    """

    def __init__(self, capacity: int, now: float) -> None:
        """`now` is the monotonic time [s]."""
        self._capacity, self._room, self._at = float(capacity), float(capacity), now

    def spend(self, robots: int, now: float) -> bool:
        """Whether a hello for so many robots may be handled at time `now` [s]; one for a single robot always may."""
        self._room = min(self._capacity, self._room + _NAMED_PER_SECOND * max(0.0, now - self._at))
        self._at = now
        if robots <= 1:
            return True
        if robots > self._room:
            return False
        self._room -= robots
        return True


_NAMED_PER_SECOND = 5000.0
_ITEM = re.compile(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?")
_MAX_ID = 2**32 - 1


@dataclass(frozen=True)
class IdRanges:
    """A set of robot ids; `robot_id in ranges` takes O(log ranges).

    Attributes:
        ranges: disjoint ranges in rising order, both ends included.
    """

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> IdRanges:
        """Read ids and ranges separated by commas.

        Raises:
            AltmarlError: naming the item that is neither.
        """
        merged: list[tuple[int, int]] = []
        for low, high in sorted(_parse_item(item) for item in text.split(",")):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return cls(tuple(merged))

    @classmethod
    def of(cls, robot_ids: Iterable[int]) -> IdRanges:
        """Collect single ids."""
        return cls.parse(",".join(map(str, robot_ids)))

    def __contains__(self, robot_id: int) -> bool:
        place = bisect_right(self.ranges, (robot_id, _MAX_ID)) - 1
        return place >= 0 and robot_id <= self.ranges[place][1]

    def __str__(self) -> str:
        return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in self.ranges)


def _parse_item(item: str) -> tuple[int, int]:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise AltmarlError(f"{item.strip()[:40]!r} is neither a robot id nor a range of them such as 0-9")
    low = int(match[1])
    high = int(match[2]) if match[2] else low
    if not low <= high <= _MAX_ID:
        raise AltmarlError(f"{item.strip()!r} is not a range of robot ids: they go from 0 to {_MAX_ID}, the lesser first")
    return low, high
