"""When the next tick of the coordinator is due, so that silence is an alarm only once a tick is missing.

A coordinator tells its period, and for how long it holds its first tick, in its configuration. Ticks may come twice a second
or once in two minutes, so no fixed time of silence is right for all fleets.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import Any, Mapping

SILENT_PERIODS = 3
"""Tick periods without a tick after which the coordinator counts as silent."""

_SETTLE = 2.0  # s that a coordinator takes from a complete roster to its first tick, and some more
_LONGEST = 3600.0  # s, of what a coordinator may tell
_SESSIONS_KEPT = 8


class Standing(Enum):
    """How a process stands with the coordinator."""

    WAITING = "the first tick is not due yet"
    PAUSED = "the coordinator is paused"
    HEARD = "ticks come in time"
    SILENT = "a tick is overdue"


@dataclass(frozen=True)
class _Told:
    """What a coordinator told of one session: when [s], its period and the longest wait for the first tick [s], and whether
    it is paused.
    """

    at: float
    period: float
    hold: float
    paused: bool


class TickExpectation:
    """Knows by when a tick is due, from what the coordinator told and from the ticks that came.

    All times are of one monotonic clock [s].

    Attributes:
        least: silence that is never an alarm [s].
        grace: time after the start in which no coordinator need be there, nor anything else [s].
    """

    def __init__(self, *, least: float, grace: float) -> None:
        """Begin without ticks; the start is when the standing is asked for first, since a simulated clock may begin late."""
        self.least, self.grace = least, grace
        self._began: float | None = None
        self._told: OrderedDict[int, _Told] = OrderedDict()  # by session, the one told last at the end
        self._tick: tuple[int, float] | None = None  # session, and when it came

    def tell(self, session: int, parameters: Mapping[str, Any], now: float) -> None:
        """Take what a coordinator tells of a session: its parameters, which are data from outside."""
        period = _seconds(parameters.get("tick.period"))
        if period is None:
            return
        gated = parameters.get("start.robots") not in (0, None)
        hold = (_seconds(parameters.get("start.timeout")) or 0.0) if gated else 0.0
        paused = parameters.get("paused") is True
        before = self._told.pop(session, None)
        # A repetition does not put off what is due; another period or the end of a pause does.
        same = before is not None and (before.period, before.paused) == (period, paused)
        self._told[session] = before if before is not None and same else _Told(now, period, hold, paused)
        while len(self._told) > _SESSIONS_KEPT:
            self._told.popitem(last=False)

    def tick(self, session: int, now: float) -> None:
        """Note that a tick of a session came."""
        self._tick = session, now

    @property
    def period(self) -> float | None:
        """Tick period of the coordinator that is followed, or that told last while none is [s]; None: not known."""
        told = self._present()
        return None if told is None else told.period

    @property
    def longest_silence(self) -> float:
        """Time without a tick after which the coordinator is silent [s]."""
        return max(self.least, SILENT_PERIODS * (self.period or 0.0))

    def standing(self, now: float) -> Standing:
        """Return how this process stands with the coordinator."""
        self._began = now if self._began is None else self._began
        told = self._present()
        if told is not None and told.paused:
            return Standing.PAUSED
        if now <= self._due(told, self._began + self.grace):
            return Standing.WAITING if self._tick is None else Standing.HEARD
        return Standing.SILENT

    def overdue(self, tick_age: float, now: float) -> bool:
        """Whether somebody misses a tick who got the last one `tick_age` [s] ago (infinite: none)."""
        standing = self.standing(now)
        if standing in (Standing.WAITING, Standing.PAUSED):
            return False
        told = self._present()
        since = tick_age if told is None else min(tick_age, now - told.at)
        return standing is Standing.SILENT or since > self.longest_silence

    def _present(self) -> _Told | None:
        if self._tick is not None:
            return self._told.get(self._tick[0])
        return next(reversed(self._told.values())) if self._told else None

    def _due(self, told: _Told | None, graced: float) -> float:
        """By when the next tick must have come, the first one not before `graced` [s]."""
        if self._tick is not None:
            since = self._tick[1] if told is None else max(self._tick[1], told.at)
            return since + self.longest_silence
        return graced if told is None else max(graced, told.at + told.hold + _SETTLE + self.longest_silence)


def _seconds(value: Any) -> float | None:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0.0 < value <= _LONGEST
    return float(value) if usable else None
