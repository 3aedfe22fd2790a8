"""The robots of a fleet: which have joined, which of them answer, and which are polled next."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.protocol.age import AgeOfInformation, AgeSummary
from altmarl_ros.protocol.candidates import Candidates
from altmarl_ros.protocol.claims import Claims
from altmarl_ros.protocol.live_robots import LiveRobots
from altmarl_ros.protocol.operated import Operated, OperatedRobots
from altmarl_ros.protocol.pledge import NO_MARK

_CHANCE = 1e-3  # of a robot in reach to be suspended
_NEWEST = 0.02  # weight of the newest answer in the mean
_MOST_VAIN = 20  # polls in a row of robots that never answered ...
_FEW = 50  # ... after which more of them than this leave the draw
_MOST_SENDERS = 1000  # among which the one with the most robots is looked for


@dataclass
class _Member:
    sender: Hashable
    misses: int = 0
    robot_type: int = 0


class Roster:
    """The robots that have joined, and the live ones among them, from which each tick draws.

    A robot that leaves `max_misses` polls in a row unanswered is suspended: it leaves the draw until it reports again. On a
    lossy network so many misses are common. The number is then raised until a robot in reach has so many with probability
    0.001 only. That is judged by the misses before the answers that come, so that robots out of reach do not count. Every
    `probe_interval` draws one suspended robot is polled in place of a live one, so that a robot that never noticed its absence
    comes back too.

    A hello costs nothing, so robots that never answered must not crowd out those that did. They are in the draw as all others
    are, until many polls of them in a row were in vain: then they are `Candidates`, which get half of the polls at most.

    A robot in an operator's hand is a member that is neither drawn nor counted among the live ones (`operated.py`). Robots of
    several types are drawn by type (`live_robots.py`). Ages are counted in draws.

    Attributes:
        max_misses: polls in a row that a robot may miss before it is suspended.
        probe_interval: draws between two polls of a suspended robot.
        claims: who speaks for each robot on the roster.
        operated: the robots in an operator's hand.
    """

    def __init__(self, max_misses: int = 3, probe_interval: int = 10) -> None:
        self._members: dict[int, _Member] = {}
        self._live = LiveRobots()
        self._suspended: OrderedDict[int, None] = OrderedDict()  # the next one to probe comes first
        self._never_heard: dict[int, None] = {}
        self._senders: Counter[Hashable] = Counter()  # of those that were never heard
        self._silent: OrderedDict[int, None] = OrderedDict()  # never heard and suspended, the next one to probe comes first
        self._candidates = Candidates()
        self._vain = 0
        self._probed_silent = False
        self.claims = Claims()
        self.operated = OperatedRobots()
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

    def live_by_type(self, types: int) -> NDArray[np.int64]:
        """Number of robots in the draw of each of so many types."""
        return self._live.numbers(types)

    def type_of(self, robot_id: int) -> int:
        """The number of a known robot's type; 0 in a fleet without types."""
        return self._members[robot_id].robot_type

    def join(
        self,
        robot_id: int,
        name: str,
        mark: int = NO_MARK,
        now: float = 0.0,
        *,
        robot_type: int = 0,
        operated: Operated | None = None,
        local_state: int | None = None,
    ) -> bool:
        """Add a robot that says hello to the draw, unless an operator has it; whether it was unknown before.

        Args:
            robot_id: its id.
            name: name of its node.
            mark: of the pledge in its hello.
            now: monotonic time [s].
            robot_type: number of its type.
            operated: what an operator has it do; None: it acts by its policy.
            local_state: s_l of a robot that an operator gave back; None: not told.
        """
        self.claims.claim(robot_id, mark, name, now)
        new = self._admit(robot_id, _Member(mark if mark != NO_MARK else name, robot_type=robot_type))
        if operated is None:
            self.operated.give_back(robot_id, local_state)
        else:
            self.operated.take(robot_id, operated)
            self._candidates.remove(robot_id)
            self._remove_live(robot_id)
            self._suspended.pop(robot_id, None)
            self._silent.pop(robot_id, None)
        return new

    def _admit(self, robot_id: int, member: _Member) -> bool:
        known = robot_id in self._members
        if known and robot_id not in self._never_heard:
            self._members[robot_id] = member
            self._revive(robot_id)
            return False
        if known:
            self._forget_candidacy(robot_id)
        waits = len(self._candidates) > 0 and robot_id not in self._live
        self._members[robot_id] = member
        self._never_heard[robot_id] = None
        self._senders[member.sender] += 1
        if waits:
            self._silent.pop(robot_id, None)
            self._candidates.add(robot_id, member.sender)
        else:
            self._revive(robot_id)
        return not known

    def leave(self, robot_id: int, secret: int = 0, now: float = 0.0, operated: Operated | None = None) -> bool:
        """Remove a robot that says goodbye, `operated` if an operator removed it; whether it is gone.

        It is not if the secret is not that of the pledge in its hello, or if another robot claims the id too.
        """
        if robot_id not in self._members or not self.claims.withdraw(robot_id, secret, now):
            return False
        self._drop(robot_id)
        self.operated.leave(robot_id, operated)
        return True

    def heard(self, robot_id: int) -> None:
        """Note that a known robot answered."""
        member = self._members[robot_id]
        if robot_id in self.operated:
            return
        self._run += _NEWEST * (member.misses - self._run)
        member.misses = 0
        if robot_id in self._never_heard:
            self._vain = 0
            believed = self._candidates.answered(robot_id) if robot_id in self._candidates else []
            self._forget_candidacy(robot_id)
            for other in believed:
                self._revive(other)
        self._revive(robot_id)

    def make_room(self, capacity: int, count: int, mark: int, name: str) -> None:
        """Drop robots that never answered, as far as `count` others of this sender need it to stay within the capacity.

        Those go that left the draw, then those of the sender that named more than this one.
        """
        sender: Hashable = mark if mark != NO_MARK else name
        while len(self._members) + count > capacity:
            victim = next(iter(self._silent), None)
            if victim is None and len(self._senders) <= _MOST_SENDERS:
                largest = max(self._senders, key=self._senders.__getitem__, default=None)
                if largest is not None and largest != sender and self._senders[largest] > self._senders[sender] + count:
                    victim = next(robot_id for robot_id in self._never_heard if self._members[robot_id].sender == largest)
            if victim is None:
                return
            self._drop(victim)

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
        if member is None or robot_id in self.operated:
            return False
        if robot_id in self._candidates:
            for forgotten in self._candidates.missed(robot_id):
                self._drop(forgotten)
            return False
        member.misses += 1
        if robot_id in self._never_heard:
            self._vain += 1
            if self._vain >= _MOST_VAIN and self._withhold():
                return False
        if member.misses < self.patience or robot_id not in self._live:
            return False
        self._remove_live(robot_id)
        (self._silent if robot_id in self._never_heard else self._suspended)[robot_id] = None
        return True

    def draw(self, k: int, rng: np.random.Generator, keep: Sequence[int] = ()) -> tuple[int, ...]:
        """Draw min(k, available) distinct robots for a new tick.

        They are the robots of `keep` that are live, others drawn uniformly among the live ones, and now and then a suspended
        robot in place of one of them. Candidates get half of the polls, or all while no robot is live.
        """
        self._draws += 1
        its_turn = self._draws % self.probe_interval == 0
        candidates = self._candidates.probes(k if not self._live else k // 2 if k > 1 else int(its_turn))[:k]
        k -= len(candidates)
        probe = self._next_probe() if k > 0 and (not self._live or its_turn) else None
        room = min(k - (probe is not None), len(self._live))
        kept = [robot_id for robot_id in keep if robot_id in self._live][:room]
        drawn = (*kept, *self._live.draw(room - len(kept), kept, rng))
        return (*drawn, *candidates) if probe is None else (*drawn, *candidates, probe)

    def draw_others(
        self, count: int, rng: np.random.Generator, polled: Iterable[int], silent: Sequence[int] | None = None
    ) -> tuple[int, ...]:
        """Draw min(count, available) live robots for the present tick, uniformly among those not polled yet.

        Where robots have types, `silent` are those in whose place they are drawn: one of the same type for each.
        """
        here = [robot_id for robot_id in polled if robot_id in self._live]
        if silent is not None:
            return self._live.draw_in_kind(count, silent, here, rng)
        return self._live.draw(count, here, rng)

    def _next_probe(self) -> int | None:
        """Return the next suspended robot to probe; one that never answered only every other time, if there are others."""
        self._probed_silent = bool(self._silent) and not (self._suspended and self._probed_silent)
        queue = self._silent if self._probed_silent else self._suspended
        robot_id = next(iter(queue), None)
        if robot_id is not None:
            queue.move_to_end(robot_id)
        return robot_id

    def _revive(self, robot_id: int) -> None:
        self._age.heard(robot_id, self._draws)
        self._suspended.pop(robot_id, None)
        self._silent.pop(robot_id, None)
        self._live.add(robot_id, self._members[robot_id].robot_type)

    def _withhold(self) -> bool:
        """Take the robots that never answered out of the draw; whether there were more than a few."""
        self._vain = 0
        doubtful = [robot_id for robot_id in self._never_heard if robot_id in self._live]
        if len(doubtful) <= _FEW:
            return False
        for robot_id in (*doubtful, *self._silent):
            self._remove_live(robot_id)
            self._candidates.add(robot_id, self._members[robot_id].sender)
        self._silent.clear()
        return True

    def _drop(self, robot_id: int) -> None:
        self._forget_candidacy(robot_id)
        del self._members[robot_id]
        self._remove_live(robot_id)
        self._suspended.pop(robot_id, None)
        self._silent.pop(robot_id, None)
        self.operated.leave(robot_id, None)
        self.claims.forget(robot_id)

    def _forget_candidacy(self, robot_id: int) -> None:
        self._candidates.remove(robot_id)
        if robot_id in self._never_heard:
            del self._never_heard[robot_id]
            sender = self._members[robot_id].sender
            self._senders[sender] -= 1
            if not self._senders[sender]:
                del self._senders[sender]

    def _remove_live(self, robot_id: int) -> None:
        self._age.forget(robot_id)
        self._live.remove(robot_id)
