"""Datagrams that nobody else can read, forge or repeat: of one lane between a robot's end of a link and the coordinator's.

The keys of a lane, one for each direction, are new with each lane and cross over the link's TLS connection alone. A datagram is
the lane's number (4 bytes), the datagram's own (8 bytes), and what ChaCha20-Poly1305 makes of the content; the two numbers are
its nonce and are never used twice with one key. What comes again, or much later than others, is not opened. Each datagram tells
which of the other side's have come.
"""

from __future__ import annotations

import secrets
import struct
import threading
import zlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from altmarl_ros.links.table import BEACON, TABLE

_HEADER = struct.Struct("<IQ")
_INNER = struct.Struct("<QHBB")  # newest number heard, which of the 16 up to it, which flow, bytes of the attachment
_DEFLATED = 0x80  # of the byte that says which flow
_MOST_BYTES = 1 << 16  # of a message
_KEY_BYTES = 32
_WINDOW = 64  # datagrams that may come out of order
_TOLD = 16  # of them, whose arrival is told

OVERHEAD = _HEADER.size + 16 + _INNER.size
"""Bytes that a datagram has beside message and attachment."""

BY_DATAGRAM = (BEACON, *(flow.name for flow in TABLE if flow.urgent and flow.droppable))
"""What crosses by datagram where there is a lane: signs of life, ticks, their repetition and reports."""

_NAMES = ("", *BY_DATAGRAM)


@dataclass(frozen=True)
class Grant:
    """What the coordinator's end tells a robot's of a new lane.

    Attributes:
        lane: its number.
        down: key of what the coordinator's end sends, 32 bytes.
        up: key of what the robot's sends.
    """

    lane: int
    down: bytes
    up: bytes

    @classmethod
    def new(cls, lane: int) -> Grant:
        """Make keys for a lane."""
        return cls(lane, secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_KEY_BYTES))

    def to_bytes(self) -> bytes:
        """Pack it."""
        return struct.pack("<I", self.lane) + self.down + self.up


def read_grant(content: bytes) -> Grant | None:
    """Unpack a grant; None where the content is none."""
    if len(content) != 4 + 2 * _KEY_BYTES:
        return None
    return Grant(int.from_bytes(content[:4], "little"), content[4 : 4 + _KEY_BYTES], content[4 + _KEY_BYTES :])


@dataclass(frozen=True)
class Content:
    """What is in a datagram.

    Attributes:
        name: one of `BY_DATAGRAM`, or empty: a sign of life of the lane alone.
        message: serialised.
        attachment: what goes with it.
    """

    name: str = ""
    message: bytes = b""
    attachment: bytes = b""


class Seal:
    """Seals what one side of a lane sends, and opens what it receives; may be used from several threads.

    Attributes:
        sent: number of the newest datagram that was sealed.
        acknowledged: of those, the newest that the other side says it has heard.
    """

    def __init__(self, lane: int, out: bytes, back: bytes) -> None:
        """Begin a lane with the keys of what is sent and of what comes back."""
        self.sent = self.acknowledged = 0
        self._arrived = 0  # bits of the acknowledged one and those before it
        self._lane, self._out, self._back = lane, ChaCha20Poly1305(out), ChaCha20Poly1305(back)
        self._newest, self._seen = 0, 0  # number heard, and bits of those before it
        self._lock = threading.Lock()

    def seal(self, content: Content) -> bytes:
        """Return the next datagram."""
        with self._lock:
            self.sent += 1
            header = _HEADER.pack(self._lane, self.sent)
            heard = self._newest, self._seen & ((1 << _TOLD) - 1)
        short, index = _deflate(content.message), _NAMES.index(content.name)
        message, index = (short, index | _DEFLATED) if len(short) < len(content.message) else (content.message, index)
        inner = _INNER.pack(*heard, index, len(content.attachment))
        return header + self._out.encrypt(header, inner + content.attachment + message, header)

    def arrived(self, number: int) -> bool:
        """Whether the other side says that it has heard this datagram."""
        with self._lock:
            behind = self.acknowledged - number
            return 0 <= behind < _TOLD and bool(self._arrived >> behind & 1)

    def open(self, datagram: bytes) -> Content | None:
        """Return what is in a datagram; None: it is none of this lane's, or was opened before."""
        if lane_of(datagram) != self._lane:
            return None
        header, number = datagram[: _HEADER.size], _HEADER.unpack_from(datagram)[1]
        with self._lock:
            if not self._fresh(number):
                return None
            try:
                inner = self._back.decrypt(header, datagram[_HEADER.size :], header)
            except InvalidTag:
                return None
            self._note(number)
            heard, arrived, index, size = _INNER.unpack_from(inner)
            self._acknowledge(heard, arrived)
        attachment, message = inner[_INNER.size : _INNER.size + size], inner[_INNER.size + size :]
        try:
            return Content(_NAMES[index & ~_DEFLATED], _inflate(message) if index & _DEFLATED else message, attachment)
        except (IndexError, zlib.error):  # of a version that this one does not know
            return None

    def _acknowledge(self, heard: int, arrived: int) -> None:
        if heard > self.sent or heard < self.acknowledged - _TOLD:
            return
        ahead = heard - self.acknowledged
        both = self._arrived << ahead | arrived if ahead > 0 else self._arrived | arrived << -ahead
        self.acknowledged, self._arrived = max(heard, self.acknowledged), both & ((1 << _TOLD) - 1)

    def _fresh(self, number: int) -> bool:
        behind = self._newest - number
        return behind < 0 or (behind < _WINDOW and not self._seen >> behind & 1)

    def _note(self, number: int) -> None:
        ahead = number - self._newest
        if ahead > 0:
            self._seen = (self._seen << min(ahead, _WINDOW) | 1) & ((1 << _WINDOW) - 1)
            self._newest = number
        else:
            self._seen |= 1 << -ahead


def _deflate(message: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(message) + packer.flush()


def _inflate(packed: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _MOST_BYTES)


def lane_of(datagram: bytes) -> int | None:
    """Return the number of the lane that a datagram says; None: it is too short to be one."""
    return int(_HEADER.unpack_from(datagram)[0]) if len(datagram) >= OVERHEAD else None
