"""Who may join: a hello is data from outside, and everything that its hearer remembers of it has a bound."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from altmarl_ros.errors import AltmarlError

DEFAULT_CAPACITY = 100_000
"""Robots on a roster or in a world where nobody sets another bound."""

NAME_LENGTH = 255
"""Characters of the longest node name, as of a DDS topic name."""


@dataclass(frozen=True)
class Admission:
    """Whoever plays the game of that content hash may join, up to `capacity` robots."""

    game_hash: str
    capacity: int

    def refusal(self, name: str, game_hash: str, known: bool, members: int) -> str | None:
        """Why a robot may not join, None if it may.

        Args:
            name: of its node.
            game_hash: of the game that it was set up for; empty: any.
            known: whether it is one of those present.
            members: how many those are.
        """
        if game_hash not in ("", self.game_hash):
            return f"it plays game {game_hash[:16]!r}, this fleet {self.game_hash}"
        if len(name) > NAME_LENGTH:
            return f"its name has {len(name)} characters, more than {NAME_LENGTH}"
        if not known and members >= self.capacity:
            return f"there are {members} robots already, as many as `roster.capacity` allows"
        return None


_ITEM = re.compile(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?")
_MAX_ID = 2**32 - 1


@dataclass(frozen=True)
class IdRanges:
    """Disjoint ranges in rising order, ends included; `robot_id in ranges` is O(log ranges)."""

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
