"""Robots that said hello and have never answered, once many of them do not: probed on the side, sender by sender.

A hello costs its sender nothing, and one may name thousands of ids. So each sender gets the same share of the probes, however
many ids it names. One that answers is believed twice as many robots at a time; one whose robots do not answer is forgotten as
a whole. Robots that live say hello again when they hear that they are not counted (`membership.py`).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Hashable, Iterator

_VAIN_PROBES = 8  # of a sender without any answer, after which it is forgotten


@dataclass
class _Sender:
    waiting: OrderedDict[int, None] = field(default_factory=OrderedDict)
    vain: int = 0
    answered: int = 0


class Candidates:
    """Robots that wait for a probe, by sender."""

    def __init__(self) -> None:
        self._senders: OrderedDict[Hashable, _Sender] = OrderedDict()  # whose turn it is comes first
        self._sender_of: dict[int, Hashable] = {}

    def __len__(self) -> int:
        return len(self._sender_of)

    def __contains__(self, robot_id: int) -> bool:
        return robot_id in self._sender_of

    def add(self, robot_id: int, sender: Hashable) -> None:
        """Let a robot wait."""
        self.remove(robot_id)
        self._senders.setdefault(sender, _Sender()).waiting[robot_id] = None
        self._sender_of[robot_id] = sender

    def remove(self, robot_id: int) -> None:
        """Take a robot out, if it is here."""
        name = self._sender_of.pop(robot_id, None)
        sender = self._senders.get(name)
        if sender is not None:
            sender.waiting.pop(robot_id, None)
            if not sender.waiting:
                del self._senders[name]

    def probes(self, count: int) -> tuple[int, ...]:
        """Return up to so many robots to poll, of one sender after the other."""
        return tuple(self._turns(count))

    def answered(self, robot_id: int) -> list[int]:
        """Take out a robot that answered, and with it others of its sender, twice as many each time; these are returned."""
        name = self._sender_of[robot_id]
        sender = self._senders[name]
        sender.vain, sender.answered = 0, sender.answered + 1
        self.remove(robot_id)
        believed = list(sender.waiting)[: 2 * sender.answered]
        for other in believed:
            self.remove(other)
        return believed

    def missed(self, robot_id: int) -> list[int]:
        """Note a probe in vain; returns the robots of a sender that is forgotten by it."""
        name = self._sender_of[robot_id]
        sender = self._senders[name]
        sender.vain += 1
        if sender.vain < _VAIN_PROBES:
            return []
        forgotten = list(sender.waiting)
        for other in forgotten:
            self.remove(other)
        return forgotten

    def _turns(self, count: int) -> Iterator[int]:
        chosen: set[int] = set()
        for _ in range(min(count, len(self))):
            name = next(iter(self._senders))
            sender = self._senders[name]
            self._senders.move_to_end(name)
            robot_id = next(iter(sender.waiting))
            sender.waiting.move_to_end(robot_id)
            if robot_id in chosen:
                continue
            chosen.add(robot_id)
            yield robot_id
