"""The lanes of datagrams at the coordinator's end of a link: one to each robot that asked for it over its TLS connection."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Sequence

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.datagram_socket import DatagramSocket
from altmarl_ros.links.sealed_datagrams import Content, Grant, Seal, lane_of

_ANSWER_AFTER = 1.0  # s in which nothing was sent to a robot after which its sign of life is answered
_FORGET = 10.0  # s of silence of a robot after which nothing is sent to it

OnContent = Callable[[str, Content], None]
"""Takes the holder's segment of the key, and what it says, in a socket's thread."""


@dataclass
class _Lane:
    holder: str
    seal: Seal
    heard_at: float = 0.0
    told_at: float = 0.0
    way: tuple[DatagramSocket, Any] | None = None  # by which it was heard last, and from where

    def send(self, content: Content, again: Sequence[float] = ()) -> None:
        """Send a content where the holder was heard last."""
        assert self.way is not None
        datagram, (socket, address), number = self.seal.seal(content), self.way, self.seal.sent
        self.told_at = time.monotonic()
        socket.send(datagram, address, again=again, unless=lambda: self.seal.arrived(number))


class CoordinatorLanes:
    """Listens for datagrams at the UDP ports beside the link's own."""

    def __init__(self, endpoints: Sequence[tuple[str, int]], on_content: OnContent) -> None:
        """Bind the ports.

        Raises:
            AltmarlError: one is taken.
        """
        self._on_content, self._lock = on_content, threading.Lock()
        self._lanes: dict[int, _Lane] = {}
        self._by_holder: dict[str, int] = {}
        self._sockets: list[DatagramSocket] = []
        for host, port in endpoints:
            try:
                made = DatagramSocket((host, port), lambda *heard, i=len(self._sockets): self._take(i, *heard), listens=True)
            except OSError as error:
                self.close()
                raise AltmarlError(f"link cannot hear datagrams at {host}:{port}: {error}") from None
            self._sockets.append(made)
        for each in self._sockets:
            each.start()

    def grant(self, holder: str) -> bytes:
        """Begin a lane, which takes the place of the holder's former one; returns the packed grant."""
        with self._lock:
            self._lanes.pop(self._by_holder.get(holder, -1), None)
            number = secrets.randbits(32)
            while number in self._lanes:
                number = secrets.randbits(32)
            grant = Grant.new(number)
            self._lanes[number] = _Lane(holder, Seal(number, grant.down, grant.up))
            self._by_holder[holder] = number
        return grant.to_bytes()

    def send(self, content: Content, *, holder: str = "", again: Sequence[float] = ()) -> int:
        """Send a content to a holder, empty: to all.

        Args:
            content: what is sent.
            holder: to whom.
            again: times after which it is sent again to those who have not said that they heard it [s].

        Returns:
            To how many it was sent.
        """
        with self._lock:
            numbers = [self._by_holder[holder]] if holder in self._by_holder else [] if holder else list(self._lanes)
            alive = time.monotonic() - _FORGET
            lanes = [lane for lane in map(self._lanes.__getitem__, numbers) if lane.way is not None and lane.heard_at >= alive]
            for lane in lanes:
                lane.send(content, again)
            return len(lanes)

    def clear(self) -> None:
        """Forget all lanes: whoever still may ask for one has to."""
        with self._lock:
            self._lanes.clear()
            self._by_holder.clear()

    def close(self) -> None:
        """Hear and send nothing any more."""
        self.clear()
        for each in self._sockets:
            each.close()

    def _take(self, i: int, datagram: bytes, address: Any) -> None:
        lane = self._lanes.get(lane_of(datagram) or 0)
        content = lane.seal.open(datagram) if lane is not None else None
        if lane is None or content is None:
            return
        now, lane.way = time.monotonic(), (self._sockets[i], address)
        with self._lock:
            lane.heard_at = now
            if now - lane.told_at >= _ANSWER_AFTER:
                lane.send(Content())
        if content.name:
            self._on_content(lane.holder, content)
