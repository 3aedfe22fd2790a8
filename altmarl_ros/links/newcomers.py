"""Limits how many connections that come to nothing reach zenoh's listener, which each of them holds up by a tenth of a second.

A connection costs a token of its address, and one of all strangers unless its address has been known before. It gets them back
once its certificate has been accepted. Others come back with time: so who fails again and again waits, and nobody else does.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

_ADDRESS_BURST, _ADDRESS_RATE = 20.0, 1.0  # tokens, and tokens per second
_STRANGERS_BURST, _STRANGERS_RATE = 20.0, 2.0
_MOST_ADDRESSES = 10_000
_MOST_SILENT, _MOST_SILENT_EACH = 500, 100  # connections that have not said anything yet


@dataclass
class _Bucket:
    tokens: float
    counted: float  # s

    def fill(self, burst: float, rate: float, now: float) -> None:
        self.tokens = min(burst, self.tokens + rate * max(0.0, now - self.counted))
        self.counted = now


class Newcomers:
    """Decides which connections go on to zenoh; addresses are texts, times are those of one clock [s]."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._strangers = _Bucket(_STRANGERS_BURST, 0.0)
        self._known: OrderedDict[str, None] = OrderedDict()
        self._silent: Counter[str] = Counter()

    def arrive(self, address: str) -> bool:
        """Whether a connection may stay open until it says something; `spoke` or `left` ends that."""
        if self._silent[address] >= _MOST_SILENT_EACH or self._silent.total() >= _MOST_SILENT:
            return False
        self._silent[address] += 1
        return True

    def spoke(self, address: str) -> None:
        """Count a connection of this address as silent no more."""
        self._silent[address] -= 1
        if self._silent[address] <= 0:
            del self._silent[address]

    def pay(self, address: str, now: float) -> bool:
        """Whether a connection may go on to zenoh; takes its tokens."""
        bucket = self._bucket(address, now)
        self._strangers.fill(_STRANGERS_BURST, _STRANGERS_RATE, now)
        strange = address not in self._known
        if bucket.tokens < 1.0 or (strange and self._strangers.tokens < 1.0):
            return False
        bucket.tokens -= 1.0
        self._strangers.tokens -= float(strange)
        return True

    def prove(self, address: str, now: float) -> None:
        """Give the tokens of a connection back whose certificate was accepted, and know its address from now on."""
        bucket = self._bucket(address, now)
        bucket.tokens = min(_ADDRESS_BURST, bucket.tokens + 1.0)
        if address not in self._known:
            self._strangers.tokens = min(_STRANGERS_BURST, self._strangers.tokens + 1.0)
        self._known[address] = None
        self._known.move_to_end(address)
        while len(self._known) > _MOST_ADDRESSES:
            self._known.popitem(last=False)

    def _bucket(self, address: str, now: float) -> _Bucket:
        bucket = self._buckets.setdefault(address, _Bucket(_ADDRESS_BURST, now))
        self._buckets.move_to_end(address)
        while len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        bucket.fill(_ADDRESS_BURST, _ADDRESS_RATE, now)
        return bucket
