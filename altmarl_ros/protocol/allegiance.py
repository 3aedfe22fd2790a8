"""Which coordinator's ticks count for those who hear several: the one that is known, not the one with the largest number.

    lease     A session is followed until none of its ticks came for a lease, or for two ticks' time where that is longer
              (but no longer than ten leases).
    handover  A coordinator that ends in the open reveals the secret of its pledge (`pledge.py`); any other is then followed.
    order     Within a session only later ticks are new. One that leaps far ahead counts once a later one confirms it, so that
              a single forged number deafens nobody.
    once      No tick is new twice, also when a session is left and followed again.

A forger who goes on speaking in the session's own numbers cannot be told from the coordinator here: that takes DDS-Security.
The coordinator notices it, and begins another session where nobody answers it any more (`standby.py`).
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from enum import Enum

from altmarl_ros.protocol.messages import Tick
from altmarl_ros.protocol.pledge import NO_MARK, is_kept

_SESSIONS_KEPT = 8
_LONGEST_LEAP = 8  # ticks that may be lost in a row without a doubt about the one that comes then
_TICKS_IN_LEASE = 2
_LONGEST_LEASE = 10  # leases
_INTERVALS, _FEWEST_INTERVALS = 4, 3


class Heard(Enum):
    """What a tick message is to its receiver."""

    NEW = "new"
    NEW_SESSION = "new session"
    REPEATED = "repeated"
    OLD = "old"
    FOREIGN = "foreign"


class Allegiance:
    """Follows one session at a time. Times `now` are monotonic seconds.

    Attributes:
        lease: silence of the followed session after which another one is followed [s].
        foreign: number of ticks of sessions that were not followed.
    """

    def __init__(self, lease: float) -> None:
        self.lease = lease
        self.foreign = 0
        self._last: tuple[int, int] | None = None  # session, tick
        self._heard_at = -math.inf
        self._intervals: deque[float] = deque(maxlen=_INTERVALS)  # from tick to tick of the session, the latest [s]
        self._mark = NO_MARK
        self._resigned = False
        self._leapt: int | None = None  # a tick far ahead that nothing has confirmed yet
        self._followed: OrderedDict[int, int] = OrderedDict()  # latest sessions and the last tick that was new in each

    @property
    def session(self) -> int | None:
        """The session that is followed; None before the first tick."""
        return None if self._last is None else self._last[0]

    def tick_age(self, now: float) -> float:
        """Return the time since the last new tick of the followed session [s]; infinite: none came."""
        return now - self._heard_at

    def heard_within(self, seconds: float, now: float) -> bool:
        """Whether a new tick of the followed session came in the last `seconds` [s]."""
        return 0.0 <= self.tick_age(now) <= seconds

    def is_over(self, now: float) -> bool:
        """Whether another session may be followed."""
        known = len(self._intervals) >= _FEWEST_INTERVALS
        ticks = _TICKS_IN_LEASE * min(self._intervals) if known else 0.0
        return self._resigned or not self.heard_within(max(self.lease, min(ticks, _LONGEST_LEASE * self.lease)), now)

    def hear(self, tick: Tick, now: float) -> Heard:
        """Receive any coordinator's tick."""
        if tick.secret:
            self._hear_resignation(tick)
            return Heard.OLD
        heard = self._classify(tick, now)
        if heard in (Heard.NEW, Heard.NEW_SESSION):
            self._follow(tick, now)
        elif heard is Heard.FOREIGN:
            self.foreign += 1
        return heard

    def _classify(self, tick: Tick, now: float) -> Heard:
        if self._last is None:
            return Heard.NEW_SESSION
        session, last = self._last
        if tick.session == session:
            if tick.tick <= last:
                return Heard.REPEATED if tick.tick == last else Heard.OLD
            return Heard.NEW if self._is_next(tick.tick, last) or self.is_over(now) else Heard.OLD
        if tick.tick <= self._followed.get(tick.session, -1):
            return Heard.OLD  # a late copy, from a session to which we return or which returns to us
        return Heard.NEW_SESSION if self.is_over(now) else Heard.FOREIGN

    def _is_next(self, tick: int, last: int) -> bool:
        if tick - last <= _LONGEST_LEAP:
            return True
        leapt, self._leapt = self._leapt, tick
        return leapt is not None and 0 < tick - leapt <= _LONGEST_LEAP

    def _follow(self, tick: Tick, now: float) -> None:
        if self._last is None or tick.session != self._last[0]:
            self._intervals.clear()
            self._mark = tick.mark
        elif now > self._heard_at:
            self._intervals.append((now - self._heard_at) / (tick.tick - self._last[1]))
        self._last, self._heard_at = (tick.session, tick.tick), now
        self._leapt, self._resigned = None, False
        self._followed[tick.session] = tick.tick
        self._followed.move_to_end(tick.session)
        while len(self._followed) > _SESSIONS_KEPT:
            self._followed.popitem(last=False)

    def _hear_resignation(self, tick: Tick) -> None:
        # Without a mark nobody has promised to end in the open.
        if tick.session == self.session and self._mark != NO_MARK and is_kept(self._mark, tick.secret):
            self._resigned = True
