"""Slows down guesses of the token, across connections: so many wrong ones from an address, then one in a while.

Each wrong token raises the address's debt by one; the debt falls by one every `PAUSE` seconds. Below `FREE` the next token is
looked at, otherwise it is refused unseen, the right one too: who could tell them apart at once could guess in parallel.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Callable

FREE = 5
"""Wrong tokens that an address may give without waiting."""

PAUSE = 2.0
"""Then time for each further one [s]."""

_MOST_ADDRESSES = 1024
_OTHERS = "others"  # share one account while there are too many


class GuessLimiter:
    """Counts wrong tokens by the address that they came from; neighbours in an IPv6 network count as one."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._debts: dict[str, tuple[float, float]] = {}  # debt, and when it was that

    def wait(self, address: str) -> float:
        """Time until a token from there is looked at [s]; 0: now."""
        return max(0.0, PAUSE * (self._debt(self._account(address)) - (FREE - 1)))

    def wrong(self, address: str) -> None:
        """A token from there was wrong."""
        account = self._account(address)
        self._debts[account] = self._debt(account) + 1.0, self._now()

    def _debt(self, account: str) -> float:
        debt, since = self._debts.get(account, (0.0, 0.0))
        return max(0.0, debt - (self._now() - since) / PAUSE)

    def _account(self, address: str) -> str:
        account = _network(address)
        if account not in self._debts and len(self._debts) >= _MOST_ADDRESSES:
            self._debts = {other: entry for other, entry in self._debts.items() if other == _OTHERS or self._debt(other) > 0.0}
            if len(self._debts) >= _MOST_ADDRESSES:
                return _OTHERS
        return account


def _network(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return _OTHERS
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
