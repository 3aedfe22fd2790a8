"""Tests whether multicast passes between two machines, with plain sockets and without DDS.

DDS finds its participants by IPv4 multicast unless it is configured otherwise. The listener answers, by unicast and with
its host name, every probe that arrives at a multicast group of our own.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from dataclasses import dataclass

GROUP, PORT = "239.255.77.77", 17_977
_PROBE, _ANSWER = b"altmarl netcheck?", b"altmarl netcheck: "
_INTERVAL = 0.2  # s


@dataclass(frozen=True)
class MulticastAnswer:
    """An answer to a probe: host name, address, and delay [s]."""

    host: str
    address: str
    delay: float


class MulticastListener:
    """Answers probes on every interface, one at each call of `poll`."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("", PORT))
        self._socket.setblocking(False)
        for index, _ in socket.if_nameindex():
            with contextlib.suppress(OSError):  # an interface without IPv4
                self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, _membership(index))

    def poll(self) -> str | None:
        """Answer one waiting probe and return the address that it came from; None: there is none."""
        try:
            data, sender = self._socket.recvfrom(256)
            if data != _PROBE:
                return None
            self._socket.sendto(_ANSWER + socket.gethostname().encode()[:200], sender)
        except OSError:
            return None
        return str(sender[0])

    def close(self) -> None:
        """Leave the group."""
        self._socket.close()


def probe(seconds: float) -> MulticastAnswer | None:
    """Send probes through every interface until one is answered, for at most `seconds`; None: no answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            for index, _ in socket.if_nameindex():
                with contextlib.suppress(OSError):
                    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _membership(index))
                    sender.sendto(_PROBE, (GROUP, PORT))
            while select.select([sender], [], [], max(0.0, began + _INTERVAL - time.monotonic()))[0]:
                data, address = sender.recvfrom(256)
                if data.startswith(_ANSWER):
                    host = data[len(_ANSWER) :].decode(errors="replace")
                    return MulticastAnswer(host, str(address[0]), time.monotonic() - began)
    return None


def _membership(interface: int) -> bytes:
    return struct.pack("4s4si", socket.inet_aton(GROUP), socket.inet_aton("0.0.0.0"), interface)
