"""The lane of datagrams at a robot's end of a link: asked for over the TLS connection, used while it carries both ways."""

from __future__ import annotations

import math
import threading
import time
from typing import Any, Callable

import zenoh

from altmarl_ros.links.datagram_socket import DatagramSocket
from altmarl_ros.links.sealed_datagrams import Content, Seal, read_grant

_ASK_AGAIN = 5.0  # s until a coordinator's end that has not answered is asked again
_GIVE_UP = 5.0  # s of silence after which a lane is asked for anew
_SETTLE = 3.0  # s that a lane must have carried again before it is used, once it has failed
_PING = 2.0  # s between two signs of life of a robot that says nothing else
_LOST_PINGS = 4
_AGAIN_AFTER = 0.1  # s after which a report is sent once more, whether it has arrived or not

_NO_LANE = b""  # what an end without datagrams answers; it is not asked again on this connection

OnContent = Callable[[Content], None]
"""Takes what is in a datagram, in the lane's thread."""


class FieldLane:
    """Decides which way ticks come and reports go: by datagram, or over the connection.

    While the lane carries, the subscriptions over the connection are withdrawn, so that nothing crosses twice; they are back
    before the coordinator's silence would be noticed.
    """

    def __init__(
        self,
        where: tuple[str, int],
        lease: float,
        ask: Callable[[], bytes | None],
        on_content: OnContent,
    ) -> None:
        """Prepare a lane.

        Args:
            where: host and port of the coordinator's end.
            lease: silence after which the coordinator counts as gone [s].
            ask: asks for a grant over the connection; None: there was no answer.
            on_content: takes what is heard.
        """
        self._where, self._patience, self._ask, self._on_content = where, lease * 2 / 3, ask, on_content
        self._socket: DatagramSocket | None = None
        self._seal: Seal | None = None
        self._opened = self._asked = self._failed = self._heard = self._said = -math.inf  # when [s of time.monotonic]
        self._acknowledged = (0, 0.0)  # newest number that the other side has heard, and when that became known
        self._subscribe: Callable[[], list[zenoh.Subscriber[Any]]] | None = None
        self._subscribers: list[zenoh.Subscriber[Any]] = []
        self._lock = threading.RLock()

    @property
    def carries(self) -> bool:
        """Whether the lane is used."""
        return self._subscribe is not None and not self._subscribers

    def begin(self, subscribe: Callable[[], list[zenoh.Subscriber[Any]]]) -> None:
        """Begin on a new connection, over which `subscribe` subscribes to what otherwise comes by datagram."""
        self.end()
        with self._lock:
            self._subscribe, self._subscribers, self._asked = subscribe, subscribe(), -math.inf

    def tend(self) -> None:
        """Ask for a lane where there is none, or it is silent; waits for the answer."""
        now = time.monotonic()
        silent = now - max(self._heard, self._opened) > _GIVE_UP
        if self._subscribe is None or (self._seal is not None and not silent) or now - self._asked < _ASK_AGAIN:
            return
        answer = self._ask()
        self._asked = time.monotonic() if answer != _NO_LANE else math.inf
        grant = read_grant(answer) if answer is not None else None
        if grant is None:
            return
        self._hang_up()
        seal = Seal(grant.lane, grant.up, grant.down)
        try:
            socket = DatagramSocket(self._where, lambda datagram, _: self._take(seal, datagram), listens=False)
        except OSError:
            return
        self._opened = time.monotonic()
        self._acknowledged = (0, self._opened)
        self._seal, self._socket = seal, socket
        socket.start()

    def choose(self) -> None:
        """Say something where it is time to, and take the way that carries; called often, from any thread."""
        with self._lock:
            self._choose()

    def _choose(self) -> None:
        seal, socket, subscribe, now = self._seal, self._socket, self._subscribe, time.monotonic()
        if subscribe is None:
            return
        if seal is not None and socket is not None and now - self._said >= (_PING if self.carries else _PING / 4):
            self._said = now
            socket.send(seal.seal(Content()))
        well = seal is not None and now - self._heard <= self._patience and self._answered(seal, now)
        if not well:
            self._failed = now if seal is not None and self.carries else self._failed
            if not self._subscribers:
                self._subscribers = subscribe()
        elif self._subscribers and now - self._failed >= _SETTLE:
            withdrawn, self._subscribers = self._subscribers, []
            for subscriber in withdrawn:
                subscriber.undeclare()  # type: ignore[no-untyped-call]

    def send(self, name: str, message: bytes) -> bool:
        """Send a message by datagram, twice; returns whether the lane is used at all."""
        seal, socket = self._seal, self._socket
        if not self.carries or seal is None or socket is None:
            return False
        self._said = time.monotonic()
        socket.send(seal.seal(Content(name, message)), again=(_AGAIN_AFTER,))
        return True

    def end(self) -> None:
        """Withdraw from a connection that has ended."""
        with self._lock:
            self._subscribe, self._subscribers = None, []
        self._hang_up()

    def _hang_up(self) -> None:
        socket, self._socket, self._seal = self._socket, None, None
        if socket is not None:
            socket.close()

    def _take(self, seal: Seal, datagram: bytes) -> None:
        content = seal.open(datagram)
        if content is None or seal is not self._seal:
            return
        self._heard = time.monotonic()
        if content.name:
            self._acknowledge(seal)
            self._on_content(content)

    def _acknowledge(self, seal: Seal) -> None:
        socket, self._said = self._socket, time.monotonic()
        if socket is not None:
            socket.send(seal.seal(Content()))

    def _answered(self, seal: Seal, now: float) -> bool:
        """Whether the other side says that it hears what is sent."""
        if seal.acknowledged > self._acknowledged[0]:
            self._acknowledged = (seal.acknowledged, now)
        return seal.acknowledged > 0 and now - self._acknowledged[1] <= _LOST_PINGS * _PING
