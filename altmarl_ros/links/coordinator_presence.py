"""Whether the coordinator's end of a link is heard, and the coordinator behind it is alive."""

from __future__ import annotations

import math
import threading
import time
from typing import Callable

from altmarl_ros.links.beacon import Beacon, read_beacon


class CoordinatorPresence:
    """Follows the beacons of a coordinator's end; safe to be used by several threads.

    Attributes:
        connected: whether there is a connection that counts.
        beacon: the newest; None: none came yet.
        heard_since: since when the coordinator has been heard without a break [s of time.monotonic]; None: it is not.
    """

    def __init__(self, lease: float, on_heard: Callable[[bool], None]) -> None:
        """Wait for a first beacon.

        Args:
            lease: silence after which the end counts as gone [s].
            on_heard: is called when the coordinator begins or ceases to be heard, by one thread at a time.
        """
        self.beacon: Beacon | None = None
        self.heard_since: float | None = None
        self._lease, self._on_heard = lease, on_heard
        self._lock = threading.RLock()  # `on_heard` may ask
        self.connected = False
        self._beacon_at = -math.inf  # s of time.monotonic

    @property
    def heard(self) -> bool:
        """Whether the coordinator is heard."""
        return self.heard_since is not None

    @property
    def silence(self) -> float:
        """Time since the last beacon of this connection [s]; infinite before the first."""
        return time.monotonic() - self._beacon_at

    @property
    def linked(self) -> bool:
        """Whether the coordinator's end is heard, though the coordinator may not be alive."""
        return self.silence <= self._lease

    def begin(self) -> None:
        """Note that there is a connection."""
        with self._lock:
            self.connected = True

    def end(self) -> None:
        """Take the coordinator for gone; what still comes from a connection that is being closed counts no more."""
        with self._lock:
            self.connected, self._beacon_at = False, -math.inf
            self._set_heard(False)

    def note(self, content: bytes) -> bool:
        """Take a beacon as it came; returns whether it says something new."""
        beacon = read_beacon(content)
        if beacon is None:
            return False
        with self._lock:
            if not self.connected:
                return False
            new = beacon != self.beacon or not self.linked
            self.beacon, self._beacon_at = beacon, time.monotonic()
            self._set_heard(beacon.alive)
        return new

    def check(self) -> None:
        """Tell if the end has fallen silent."""
        with self._lock:
            if self.heard and not self.linked:
                self._set_heard(False)

    def _set_heard(self, heard: bool) -> None:
        if heard != self.heard:
            self.heard_since = time.monotonic() if heard else None
            self._on_heard(heard)
