"""Other coordinators that a deciding coordinator hears, and how many robots answer each: what one packet says decides nothing.

A rival is steady once it has ticked onward for a while. Robots keep to the coordinator that they know (`allegiance.py`), so a
rival that only shouts is answered by few or none.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from altmarl_ros.protocol.messages import Tick

_MOST = 8  # rivals, and sessions whose reports are counted
_STEADY_TICKS = 3


@dataclass
class Rival:
    """Another coordinator.

    Attributes:
        session: its session.
        mark: of its pledge.
        since: when its first tick came [s].
        heard_at: when its last tick came [s].
        tick: its last tick.
        ticks: number of its ticks, each later than the one before.
    """

    session: int
    mark: int
    since: float
    heard_at: float
    tick: int
    ticks: int = 1

    @property
    def is_steady(self) -> bool:
        """Whether more than a stray packet or two came from it."""
        return self.ticks >= _STEADY_TICKS


@dataclass
class Rivals:
    """The other coordinators, and the robots that answer. Times `now` are monotonic seconds.

    Attributes:
        window: how long a rival is remembered, and an answer counts [s].
    """

    window: float
    _rivals: OrderedDict[tuple[int, int], Rival] = field(default_factory=OrderedDict)
    _answered: OrderedDict[int, dict[int, float]] = field(default_factory=OrderedDict)  # session: robot: when

    def hear(self, tick: Tick, now: float) -> Rival:
        """Receive a rival's tick."""
        key = (tick.session, tick.mark)
        rival = self._rivals.get(key)
        if rival is None or not 0.0 <= now - rival.heard_at <= self.window:
            rival = self._rivals[key] = Rival(*key, now, now, tick.tick)
        elif tick.tick > rival.tick:
            rival.tick, rival.heard_at, rival.ticks = tick.tick, now, rival.ticks + 1
        self._rivals.move_to_end(key)
        while len(self._rivals) > _MOST:  # the one that ticked least goes, so that ever new names hide none
            del self._rivals[min(self._rivals, key=lambda other: self._rivals[other].ticks)]
        return rival

    def heard_report(self, session: int, robot_id: int, now: float) -> None:
        """Note that a robot of the roster answered in a session, ours or a rival's."""
        answered = self._answered.get(session)
        if answered is None:
            answered = self._answered[session] = {}
            while len(self._answered) > _MOST:
                del self._answered[min(self._answered, key=lambda other: len(self._answered[other]))]
        answered[robot_id] = now

    def followers(self, session: int, now: float) -> int:
        """Number of robots that answered in a session within the window."""
        answered = self._answered.get(session, {})
        for robot_id in [robot_id for robot_id, at in answered.items() if not 0.0 <= now - at <= self.window]:
            del answered[robot_id]
        return len(answered)

    def newest(self, now: float) -> Rival | None:
        """The steady rival that was heard last within the window; None: there is none."""
        steady = [rival for rival in self._rivals.values() if rival.is_steady and 0.0 <= now - rival.heard_at <= self.window]
        return max(steady, key=lambda rival: rival.heard_at, default=None)
