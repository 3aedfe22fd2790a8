"""The border of a link: bounds on size and rate of what each sender says, and counts of what passed and what did not."""

from __future__ import annotations

import threading
from collections import Counter

from altmarl_ros.links.table import Flow

_MOST_REASONS = 1000


class Border:
    """Admits messages within the bounds of the table; may be used from several threads.

    Attributes:
        messages: number of messages that passed, by flow and direction ("in" or "out").
        bytes: their serialised bytes, likewise.
        refused: number of messages that were refused, by who sent them and why.
    """

    def __init__(self) -> None:
        self.messages: Counter[tuple[str, str]] = Counter()
        self.bytes: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}  # tokens, and when they were counted [s]

    def admit(self, flow: Flow, who: str, size: int, now: float) -> bool:
        """Whether a message of `size` bytes may pass at time `now` [s]; counts it."""
        with self._lock:
            reason = ""
            if size > flow.most_bytes:
                reason = f"{flow.name} of {size} bytes, at most {flow.most_bytes} may cross"
            elif not self._spend(flow, who, now):
                reason = f"more than {flow.rate:g} {flow.name} messages per second"
            if reason:
                self._refuse(who, reason)
                return False
            self._count(flow.name, "in", size)
            return True

    def sent(self, name: str, size: int) -> None:
        """Count a message that was sent."""
        with self._lock:
            self._count(name, "out", size)

    def refuse(self, who: str, reason: str) -> None:
        """Count a message that is refused for another reason."""
        with self._lock:
            self._refuse(who, reason)

    def _refuse(self, who: str, reason: str) -> None:
        if len(self.refused) < _MOST_REASONS or (who, reason) in self.refused:
            self.refused[who, reason] += 1

    def _count(self, name: str, direction: str, size: int) -> None:
        self.messages[name, direction] += 1
        self.bytes[name, direction] += size

    def _spend(self, flow: Flow, who: str, now: float) -> bool:
        tokens, counted = self._buckets.get((flow.name, who), (float(flow.burst), now))
        tokens = min(float(flow.burst), tokens + flow.rate * max(0.0, now - counted))
        self._buckets[flow.name, who] = (tokens - 1.0 if tokens >= 1.0 else tokens, now)
        return tokens >= 1.0
