"""Sets of robot ids as people write them: `0-9,17`."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from altmarl_ros.errors import AltmarlError

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
