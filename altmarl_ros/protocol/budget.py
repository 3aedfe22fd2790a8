"""What reports cost on the wire, and how many of them fit a bandwidth limit.

One RobotReport, as Fast DDS sends it to one reader over UDP and IPv4, is an Ethernet frame of
`REPORT_WIRE_BYTES` (frame check sequence, preamble and gap not counted, as at an interface's counters):

    14 Ethernet, 20 IPv4, 8 UDP, 20 RTPS header, 16 INFO_DST, 12 INFO_TS,
    44 DATA (24 of header, 20 of payload with its CDR header), 60 Fast DDS's own submessage for statistics,

which `python benchmarks/report_bytes.py` captures from a real report and compares. Every further subscription to the topic, and
every further address at which a subscription can be reached, costs as much again; robots on the coordinator's own machine may
use shared memory and cost nothing.
"""

from __future__ import annotations

import math
from collections import deque

REPORT_PAYLOAD_BYTES = 20
"""Serialised RobotReport: 16 bytes of fields and 4 of CDR header [B]."""

REPORT_WIRE_BYTES = 194
"""One report as an Ethernet frame [B]."""

NO_LIMIT = 2**31 - 1
"""Number of robots that may be polled where there is no limit."""

WINDOW = 5.0
"""Length of the time windows over which the limit holds [s]."""


class BandwidthBudget:
    """Says how many robots may be polled at a tick so that their reports stay within the limit.

    Over any window of WINDOW seconds the reports cost at most limit * WINDOW: polls are remembered for that long and for
    `delay` more, by which a report may lag behind its poll. Within that each tick gets an even share. What is left of it, at
    most one report, goes to the next tick, so that a limit of less than one report per tick still lets one through now and
    then. A poll counts whether or not the robot answers.

    Attributes:
        limit: what reports may cost [B/s]; 0: no limit.
    """

    def __init__(self, limit: float, period: float, delay: float) -> None:
        """`limit` [B/s], 0: none; `period` between ticks [s]; `delay` of reports [s], at most a period."""
        self.limit = limit
        self._period = period
        self._memory = WINDOW + delay
        self._polls: deque[tuple[float, int]] = deque()  # monotonic time [s], number
        self._polled = 0  # sum over self._polls
        self._credit = 0.0  # reports that this tick may still ask for

    def keep_pace(self, period: float, delay: float) -> None:
        """Adjust the share of a tick: ticks come every `period` [s] from now on, and reports lag by at most `delay` [s]."""
        self._period = period
        self._memory = max(self._memory, WINDOW + delay)  # reports that are under way lag as before

    @property
    def reports_per_tick(self) -> float:
        """The share of a tick, in reports; infinite without a limit."""
        if self.limit <= 0:
            return math.inf
        ticks = int(self._memory / self._period) + 1
        return self.limit * WINDOW / ticks / REPORT_WIRE_BYTES

    def begin(self, now: float) -> None:
        """Give a new tick its share, at monotonic time `now` [s]."""
        self._forget(now)
        if self.limit > 0:
            self._credit = self.reports_per_tick + min(max(self._credit, 0.0), 1.0)

    def room(self, now: float) -> int:
        """The number of robots that may be polled now."""
        if self.limit <= 0:
            return NO_LIMIT
        self._forget(now)
        room = int(self.limit * WINDOW / REPORT_WIRE_BYTES) - self._polled
        return max(0, min(room, int(self._credit + 1e-9)))

    def spend(self, polled: int, now: float) -> None:
        """Count so many robots as polled now."""
        self._forget(now)
        self._credit -= polled
        if polled:
            self._polls.append((now, polled))
            self._polled += polled

    def _forget(self, now: float) -> None:
        while self._polls and self._polls[0][0] <= now - self._memory:
            self._polled -= self._polls.popleft()[1]
