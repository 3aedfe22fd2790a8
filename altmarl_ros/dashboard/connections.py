"""Limits on connections: how many there are, how long one may take, how much it may send before it is a WebSocket.

aiohttp waits for ever for a request's head, and for a reader of its answer. Here a connection that has not become a WebSocket
in time is cut, whatever it is doing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Callable

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits of one server.

    Attributes:
        connections: at a time.
        of_one_address: of these.
        seconds: that a connection lasts which is no WebSocket.
        request_bytes: that it may send.
    """

    connections: int = 128
    of_one_address: int = 64
    seconds: float = 20.0
    request_bytes: int = 1 << 16


class Gate(asyncio.Protocol):
    """Stands before aiohttp's protocol and passes on what keeps to the limits."""

    def __init__(self, inner: asyncio.Protocol, limits: ConnectionLimits, there: Counter[str]) -> None:
        """`there`: how many connections there are, by address; shared by all gates of a server."""
        self._inner, self._limits, self._there = inner, limits, there
        self._transport: asyncio.Transport | None = None  # None: refused, or over
        self._address = ""
        self._timer: asyncio.TimerHandle | None = None
        self._received = 0

    def keep(self) -> None:
        """This is a WebSocket now: it may last, and has limits of its own."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)
        self._address = str((transport.get_extra_info("peername") or ("?",))[0])
        if self._there.total() >= self._limits.connections or self._there[self._address] >= self._limits.of_one_address:
            transport.abort()
            return
        self._there[self._address] += 1
        self._transport = transport
        self._timer = asyncio.get_running_loop().call_later(self._limits.seconds, transport.abort)
        self._inner.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._transport is None:
            return
        self._transport = None
        self._there[self._address] -= 1
        if not self._there[self._address]:
            del self._there[self._address]
        self.keep()
        self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._transport is None:
            return
        self._received += len(data)
        if self._timer is not None and self._received > self._limits.request_bytes:
            if not self._transport.is_closing():
                self._transport.write(_TOO_LARGE)
                self._transport.close()
            return
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """See asyncio.Protocol."""
        return self._inner.eof_received() if self._transport is not None else None

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._inner.resume_writing()


def gated(make_protocol: Callable[[], asyncio.Protocol], limits: ConnectionLimits) -> Callable[[], Gate]:
    """A factory of protocols behind a gate, for asyncio's `create_server`."""
    there: Counter[str] = Counter()
    return lambda: Gate(make_protocol(), limits, there)
