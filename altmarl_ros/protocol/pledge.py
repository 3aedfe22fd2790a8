"""Pledges, by which a node that spoke first can be told from one that only repeats what it has read.

A sender draws a secret and sends `mark = H(secret)` with everything that it says. At the end, when it leaves the fleet or gives
its session up, it sends the secret itself. Whoever has heard the mark can check that both come from the same sender, although
everybody reads the mark. H is BLAKE2b with 8 bytes, so that finding another secret takes 2^64 trials; the secret works once.
This binds a sender to its own words and says nothing of who it is, which only DDS-Security does.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import blake2b

NO_MARK = 0
"""The mark of a sender that pledges nothing, for which then anybody can speak."""


@dataclass(frozen=True)
class Pledge:
    """A secret number of 64 bits, and the mark that commits to it."""

    secret: int

    @classmethod
    def draw(cls) -> Pledge:
        """Draw a new secret."""
        return cls(1 + secrets.randbelow(2**64 - 1))

    @property
    def mark(self) -> int:
        """The commitment to the secret, which everybody may know."""
        return _hash(self.secret)


def is_kept(mark: int, secret: int) -> bool:
    """Whether who reveals this secret is who gave that mark; without a mark, anybody is."""
    return mark == NO_MARK or (0 <= secret < 2**64 and _hash(secret) == mark)


def _hash(secret: int) -> int:
    return int.from_bytes(blake2b(secret.to_bytes(8, "big"), digest_size=8).digest(), "big")
