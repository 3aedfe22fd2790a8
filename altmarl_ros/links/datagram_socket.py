"""A UDP socket with a thread that reads it, and sends again what has not arrived."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import select
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Sequence

_LARGEST = 1 << 16
_CLOSING = 2.0  # s
_MOST_WAITING = 100_000

OnDatagram = Callable[[bytes, Any], None]
"""Takes a datagram and the address that it came from, in the socket's thread."""


@dataclass(frozen=True)
class _Repetition:
    datagram: bytes
    address: Any
    unless: Callable[[], bool] | None


class DatagramSocket:
    """Sends from any thread, and hears in its own."""

    def __init__(self, where: tuple[str, int], on_datagram: OnDatagram, *, listens: bool) -> None:
        """Bind to an address, or send to it; `start` begins to hear.

        Raises:
            OSError: the host is unknown, or the address is taken.
        """
        family, kind, protocol, _, address = socket.getaddrinfo(*where, type=socket.SOCK_DGRAM)[0]
        self._socket, self._on_datagram = socket.socket(family, kind, protocol), on_datagram
        self._default: Any = None if listens else address
        if listens:
            self._socket.bind(address)
        self._socket.setblocking(False)
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._lock, self._order = threading.Lock(), itertools.count()
        self._again: list[tuple[float, int, _Repetition]] = []  # when [s]
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="datagrams", daemon=True)

    def start(self) -> None:
        """Begin to hear."""
        self._thread.start()

    def send(
        self, datagram: bytes, address: Any = None, *, again: Sequence[float] = (), unless: Callable[[], bool] | None = None
    ) -> None:
        """Send a datagram, and the same again so many seconds later unless it has arrived by then. What does not go is lost."""
        with contextlib.suppress(OSError):  # the network is down, or its queue full
            self._socket.sendto(datagram, address or self._default)
        if again:
            repetition, now = _Repetition(datagram, address, unless), time.monotonic()
            with self._lock:
                for after in again:
                    if len(self._again) < _MOST_WAITING:
                        heapq.heappush(self._again, (now + after, next(self._order), repetition))
            with contextlib.suppress(OSError):  # it is woken already, or ends
                self._waker.send(b"\0")

    def close(self) -> None:
        """Hear and send nothing any more."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(_CLOSING)
        for each in (self._socket, self._woken, self._waker):
            each.close()

    def _run(self) -> None:
        while not self._stopping:
            wait = self._send_due()
            try:
                ready, _, _ = select.select([self._socket, self._woken], [], [], wait)
                if self._woken in ready:
                    self._woken.recv(_LARGEST)
                if self._socket in ready:
                    datagram, address = self._socket.recvfrom(_LARGEST)
                    if not self._stopping:
                        self._on_datagram(datagram, address)
            except (OSError, ValueError):  # an ICMP error, or closed meanwhile
                continue

    def _send_due(self) -> float | None:
        """Send what is due; returns the time until the next is [s]."""
        while True:
            with self._lock:
                now = time.monotonic()
                if not self._again or self._again[0][0] > now:
                    return self._again[0][0] - now if self._again else None
                _, _, repetition = heapq.heappop(self._again)
            if repetition.unless is None or not repetition.unless():
                self.send(repetition.datagram, repetition.address)
