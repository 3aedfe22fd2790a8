"""A front before zenoh's listener: keeps off connections that are no TLS, and those of addresses that fail again and again.

It ends no TLS and knows no key: it looks at the first record, and then passes bytes on to zenoh, which listens on the loopback
interface and judges the certificates as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Coroutine, Sequence

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.client_hello import MOST_RECORD, RECORD_HEADER, begins_with_client_hello
from altmarl_ros.links.newcomers import Newcomers

_HELLO_TIMEOUT = 3.0  # s
_LOOK = 0.5  # s between two looks at connections that say nothing
_AT_ONCE = 64  # connections that are taken before others are served again
_WITHOUT_FILES = 0.2  # s of waiting where the process has no file left
_CHUNK = 1 << 14
_SMALL = 1 << 14  # bytes; a full link's ticks are to be dropped by zenoh, and not to wait here
_BACKLOG = 1024
_STARTING = 5.0  # s

Address = tuple[str, int]


@dataclass(eq=False)
class _Silent:
    """A connection whose first record has not come yet."""

    socket: socket.socket
    peer: Address
    until: float  # s of time.monotonic
    received: bytes = b""


class TlsFront:
    """Listens in zenoh's place, in a thread of its own.

    Attributes:
        target: where zenoh listens now; None: nowhere, and connections are hung up on.
        refused: number of connections that were hung up on, by reason.
    """

    def __init__(self, addresses: Sequence[Address]) -> None:
        """Listen at these addresses (host and port).

        Raises:
            AltmarlError: an address is taken, or none of this machine's.
        """
        self.target: Address | None = None
        self.refused: Counter[str] = Counter()
        self._newcomers = Newcomers()
        self._peers: dict[int, Address] = {}  # by the port from which zenoh sees them
        self._proven: set[int] = set()
        self._sockets = [_listen(address) for address in addresses]
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._silent: set[_Silent] = set()
        self._thread = threading.Thread(target=self._run, name="link front", daemon=True)
        self._thread.start()

    def peer(self, port: int) -> str | None:
        """Return from where a connection comes that zenoh sees at this port of the loopback interface; None: not known."""
        found = self._peers.get(port)
        return f"{found[0]}:{found[1]}" if found is not None else None

    def prove(self, ports: Sequence[int]) -> None:
        """Tell of the connections, by the ports at which zenoh sees them, whose certificates zenoh has accepted."""
        with contextlib.suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(self._prove, tuple(ports))

    def close(self) -> None:
        """Hang up on everybody and stop listening."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STARTING)

    def _prove(self, ports: Sequence[int]) -> None:
        for port in ports:
            if port in self._peers and port not in self._proven:
                self._proven.add(port)
                self._newcomers.prove(self._peers[port][0], time.monotonic())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        for each in self._sockets:
            each.setblocking(False)
            self._loop.add_reader(each, self._accept, each)
        self._loop.call_soon(self._look)
        self._loop.run_forever()
        for each in self._sockets:
            self._loop.remove_reader(each)
            each.close()
        for silent in list(self._silent):
            self._drop(silent, "")
        for task in list(self._tasks):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.close()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no file is left: asking again at once would be all that this thread does
                self._loop.remove_reader(listener)
                self._loop.call_later(_WITHOUT_FILES, self._loop.add_reader, listener, self._accept, listener)
                return
            connection.setblocking(False)
            peer: Address = (address[0], address[1])
            if not self._newcomers.arrive(peer[0]):
                self.refused["too many connections that say nothing"] += 1
                connection.close()
                continue
            silent = _Silent(connection, peer, time.monotonic() + _HELLO_TIMEOUT)
            self._silent.add(silent)
            self._loop.add_reader(connection, self._read, silent)
            self._read(silent)

    def _read(self, silent: _Silent) -> None:
        """Read what has come of the first record, and begin or refuse the connection once that can be told."""
        try:
            content = silent.socket.recv(RECORD_HEADER + MOST_RECORD - len(silent.received))
        except BlockingIOError:
            return
        except OSError:
            content = b""
        silent.received += content
        found = begins_with_client_hello(silent.received) if content else False
        if found is None:
            return
        if not found:
            self._drop(silent, "no TLS" if silent.received else "")
        elif self.target is None:
            self._drop(silent, "no listener")
        elif not self._newcomers.pay(silent.peer[0], time.monotonic()):
            self._drop(silent, "too many connections that came to nothing")
        else:
            self._forget(silent)
            task = self._loop.create_task(self._carry(silent, self.target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _look(self) -> None:
        now = time.monotonic()
        for silent in [each for each in self._silent if each.until < now]:
            self._drop(silent, "says nothing")
        self._loop.call_later(_LOOK, self._look)

    def _forget(self, silent: _Silent) -> None:
        self._silent.discard(silent)
        self._newcomers.spoke(silent.peer[0])
        self._loop.remove_reader(silent.socket)

    def _drop(self, silent: _Silent, reason: str) -> None:
        self._forget(silent)
        silent.socket.close()
        if reason:
            self.refused[reason] += 1

    async def _carry(self, silent: _Silent, target: Address) -> None:
        """Carry a connection to zenoh, to its end."""
        inner = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        port = 0
        try:
            for each in (silent.socket, inner):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            inner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
            inner.setblocking(False)
            await self._loop.sock_connect(inner, target)
            port = inner.getsockname()[1]
            self._peers[port] = silent.peer
            await self._loop.sock_sendall(inner, silent.received)
            await _first_of(self._pass_on(silent.socket, inner), self._pass_on(inner, silent.socket))
        except OSError:
            pass  # one side hung up on the other
        finally:
            self._peers.pop(port, None)
            self._proven.discard(port)
            silent.socket.close()
            inner.close()

    async def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        while content := await self._loop.sock_recv(source, _CHUNK):
            await self._loop.sock_sendall(sink, content)


async def _first_of(*ways: Coroutine[None, None, None]) -> None:
    """Run several coroutines until one of them ends, and end the others."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    try:
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise AltmarlError(f"link cannot listen at {address[0]}:{address[1]}: {error.strerror or error}") from None
