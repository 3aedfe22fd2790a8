"""Who speaks for which robot id: the pledge in the hello that counts, and the one that it took the place of.

A robot that starts anew says hello with another pledge than before, and so does a second robot that was given the same id.
They differ in what follows. The first robot's old pledge is never heard again, whereas two live robots both go on saying hello,
since each hears from ticks that it is not counted (`membership.py`). Whoever reveals a pledge's secret takes back this pledge
alone: the other robot stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from altmarl_ros.protocol.pledge import NO_MARK, is_kept
from altmarl_ros.protocol.roster_page import RosterPage, Run, split, tag_of

_ALARM = 40.0  # s for which a doubled id is reported after the last sign of it
_GRACE = 30.0  # s for which a claim that has been replaced is given back if the newer one is withdrawn
_MOST_DOUBLED = 1000


@dataclass(frozen=True)
class Claim:
    """A hello's claim to an id.

    Attributes:
        mark: of the sender's pledge.
        name: of its node.
        at: when it was made, or replaced [s].
    """

    mark: int
    name: str
    at: float

    def is_by(self, mark: int, name: str) -> bool:
        """Whether the sender with this mark made it; without a mark, the sender is told by its name."""
        return self.mark == mark and (mark != NO_MARK or self.name == name)


@dataclass(frozen=True)
class Doubled:
    """An id that two robots claim.

    Attributes:
        robot_id: the id.
        names: of their nodes.
        at: when that was seen last [s].
    """

    robot_id: int
    names: tuple[str, str]
    at: float


class Claims:
    """The claims to all ids of a roster. Times `now` are monotonic seconds."""

    def __init__(self) -> None:
        self._present: dict[int, Claim] = {}
        self._replaced: dict[int, Claim] = {}
        self._doubled: dict[int, Doubled] = {}
        self._pages: list[RosterPage] | None = None  # None: the roster has changed since they were made
        self._next_page = 0

    def claim(self, robot_id: int, mark: int, name: str, now: float) -> None:
        """Receive a hello."""
        claim, present, replaced = Claim(mark, name, now), self._present.get(robot_id), self._replaced.get(robot_id)
        self._present[robot_id] = claim
        if present is None:
            self._pages = None
        elif not present.is_by(mark, name):
            self._pages = None
            self._replaced[robot_id] = Claim(present.mark, present.name, now)
            if replaced is not None and replaced.is_by(mark, name):  # it lives, although another one has spoken for its id
                self._doubled[robot_id] = Doubled(robot_id, (present.name, name), now)
                while len(self._doubled) > _MOST_DOUBLED:
                    del self._doubled[next(iter(self._doubled))]

    def withdraw(self, robot_id: int, secret: int, now: float) -> bool:
        """Receive a goodbye; whether nobody claims the id any more. One from somebody else changes nothing."""
        present, replaced = self._present.get(robot_id), self._replaced.get(robot_id)
        if present is None:
            return False
        if not is_kept(present.mark, secret):
            if replaced is not None and is_kept(replaced.mark, secret):
                del self._replaced[robot_id]
            return False
        self.forget(robot_id)
        if replaced is None or replaced.is_by(present.mark, present.name):
            return True
        if robot_id not in self._recently_doubled(now) and now - replaced.at > _GRACE:
            return True
        self._present[robot_id] = replaced
        return False

    def forget(self, robot_id: int) -> None:
        """Drop all claims to an id."""
        self._present.pop(robot_id, None)
        self._replaced.pop(robot_id, None)
        self._pages = None

    def doubled(self, now: float) -> list[Doubled]:
        """Return the ids that two robots claimed lately."""
        return list(self._recently_doubled(now).values())

    def next_page(self) -> RosterPage:
        """Return the part of the roster whose turn it is."""
        if self._pages is None:
            self._pages = split(self._runs())
        self._next_page = (self._next_page + 1) % len(self._pages)
        return self._pages[self._next_page]

    def _recently_doubled(self, now: float) -> dict[int, Doubled]:
        self._doubled = {key: each for key, each in self._doubled.items() if 0.0 <= now - each.at <= _ALARM}
        return self._doubled

    def _runs(self) -> list[Run]:
        runs: list[Run] = []
        first = count = tag = 0
        for robot_id in sorted(self._present):
            own = tag_of(self._present[robot_id].mark)
            if count and robot_id == first + count and own == tag:
                count += 1
                continue
            if count:
                runs.append(Run(first, count, tag))
            first, count, tag = robot_id, 1, own
        if count:
            runs.append(Run(first, count, tag))
        return runs
