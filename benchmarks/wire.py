"""Counts the RTPS packets of one ROS domain on the loopback interface, by what they carry.

The capture needs CAP_NET_RAW, and FASTDDS_BUILTIN_TRANSPORTS=UDPv4 in the processes that are watched.
"""

from __future__ import annotations

import collections
import selectors
import socket
import struct
import threading

_ALL_PROTOCOLS, _OUTGOING = 3, 4
_DATA = 0x15


class Capture:
    """Counts IP bytes by kind while it runs: `reports`, `ticks`, and `all` user and discovery traffic.

    A DATA submessage is a report if its payload has the size of a RobotReport and begins with the session,
    and a tick if it comes from the writer whose payload begins so and carries the polled ids.
    """

    def __init__(self, domain: int, session: int, report_size: int, tick_size: int) -> None:
        self._ports = range(7400 + 250 * domain, 7400 + 250 * (domain + 1))
        self._session = struct.pack("<I", session)
        self._sizes = {report_size: "reports", tick_size: "ticks"}
        self.bytes: collections.Counter[str] = collections.Counter()
        self.packets: collections.Counter[str] = collections.Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Capture:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        self._socket.bind(("lo", 0))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        selector = selectors.DefaultSelector()
        selector.register(self._socket, selectors.EVENT_READ)
        while not self._stop.is_set():
            if selector.select(timeout=0.1):
                frame, address = self._socket.recvfrom(65535)
                if address[2] != _OUTGOING:  # each packet on loopback is seen twice
                    self._count(frame[14:])

    def _count(self, packet: bytes) -> None:
        if len(packet) < 28 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_UDP:
            return
        header = 4 * (packet[0] & 15)
        total = struct.unpack_from(">H", packet, 2)[0]
        if struct.unpack_from(">H", packet, header + 2)[0] not in self._ports:
            return
        rtps = packet[header + 8 : total]
        kinds = {self._sizes[len(payload)] for payload in payloads(rtps) if self._is_ours(payload)}
        for kind in (*kinds, "all"):
            self.bytes[kind] += total
            self.packets[kind] += 1

    def _is_ours(self, payload: bytes) -> bool:
        return len(payload) in self._sizes and payload[4:8] == self._session


def payloads(rtps: bytes) -> list[bytes]:
    """Return the serialised data of the DATA submessages of an RTPS message, with their encapsulation headers."""
    found = []
    if rtps[:4] != b"RTPS":
        return found
    place = 20
    while place + 4 <= len(rtps):
        kind, flags = rtps[place], rtps[place + 1]
        order = "<" if flags & 1 else ">"
        size = struct.unpack_from(f"{order}H", rtps, place + 2)[0] or len(rtps) - place - 4
        if kind == _DATA and flags & 4:
            start = place + 8 + struct.unpack_from(f"{order}H", rtps, place + 6)[0]
            end = place + 4 + size
            if flags & 2:  # inline QoS
                while start + 4 <= end:
                    parameter, length = struct.unpack_from(f"{order}HH", rtps, start)
                    start += 4 + (length if parameter != 1 else 0)
                    if parameter == 1:
                        break
            found.append(rtps[start:end])
        place += 4 + size
    return found
