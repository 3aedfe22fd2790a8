"""A part of the coordinator's roster, told with a tick, by which robots notice that they are not counted.

The parts take turns, so a tick stays small however many robots there are. Successive ids of one sender, such as the robots of
a process or a crowd, are one run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MOST_RUNS = 100
"""Most runs of one part: 12 bytes each, so that a tick still fits into one packet of an Ethernet."""

_MAX_ID = 2**32 - 1


class Counted(Enum):
    """What a part of the roster says of a robot."""

    YES = "yes"
    NO = "no"
    AS_ANOTHER = "as another"
    NOT_TOLD = "not told"


@dataclass(frozen=True)
class Run:
    """Robots with successive ids.

    Attributes:
        first: id of the first robot.
        count: number of robots.
        tag: `tag_of` the mark of their sender's pledge.
    """

    first: int
    count: int
    tag: int


@dataclass(frozen=True)
class RosterPage:
    """All robots on the roster with ids from `first` to `last`, both included, in increasing order."""

    first: int
    last: int
    runs: tuple[Run, ...] = ()

    def find(self, robot_id: int, mark: int) -> Counted:
        """Say whether a robot is counted that pledged with this mark."""
        if not self.first <= robot_id <= self.last:
            return Counted.NOT_TOLD
        for run in self.runs:
            if run.first <= robot_id < run.first + run.count:
                return Counted.YES if run.tag == tag_of(mark) else Counted.AS_ANOTHER
        return Counted.NO

    def find_range(self, ids: range, mark: int) -> Counted:
        """Say whether all of a crowd's robots that are in this part are counted; the gravest is returned where they differ."""
        low, high = max(ids.start, self.first), min(ids.stop - 1, self.last)
        if low > high:
            return Counted.NOT_TOLD
        missing = high - low + 1
        for run in self.runs:
            overlap = min(high, run.first + run.count - 1) - max(low, run.first) + 1
            if overlap > 0:
                missing -= overlap
                if run.tag != tag_of(mark):
                    return Counted.AS_ANOTHER
        return Counted.NO if missing > 0 else Counted.YES


def tag_of(mark: int) -> int:
    """32 bits of a mark, enough to tell the senders of a fleet apart."""
    return mark & 0xFFFFFFFF


def split(runs: list[Run]) -> list[RosterPage]:
    """Split a whole roster, in increasing order of ids, into parts that together cover all ids."""
    pages = []
    first = 0
    for place in range(0, max(1, len(runs)), MOST_RUNS):
        part = tuple(runs[place : place + MOST_RUNS])
        is_last = place + MOST_RUNS >= len(runs)
        last = _MAX_ID if is_last else runs[place + MOST_RUNS].first - 1
        pages.append(RosterPage(first, last, part))
        first = last + 1
    return pages
