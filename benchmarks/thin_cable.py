"""A thin and lossy link between two network namespaces, on machines without netem: two TUN devices and a relay between them.

Whoever sends waits for one bucket that both directions share, as on one radio channel; then a packet is lost or comes after the
delay. What would have to wait for longer than the buffer is dropped. Losses follow from the seed and the order of the packets.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test" / "ros"))
from namespaces import Cable

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x1, 0x1000
_MTU = 1500
_WATCH, _STALL = 0.02, 0.2  # s


@dataclass(frozen=True)
class Channel:
    """What the relay does to packets.

    Attributes:
        rate: of both directions together [bytes per second]; 0: no limit.
        delay: from one side to the other [s].
        loss: share of the packets that are lost, in either direction.
        buffer: longest wait for the channel [s].
        seed: of the losses.
    """

    rate: float = 0.0
    delay: float = 0.0
    loss: float = 0.0
    buffer: float = 1.0
    seed: int = 0


class ThinCable(Cable):
    """Sides "a" and "b" as of a `Cable`, joined by a relay in a process of its own. Needs root and /dev/net/tun."""

    def __init__(self, channel: Channel, folder: Path) -> None:
        super().__init__()
        self._counts = folder / "channel.json"
        self.ip("a", "link", "del", self.device["a"])  # and so the other end of the pair
        tuns = []
        for side in "ab":
            device = f"thin_{side}"
            with self.at(side):
                tuns.append(os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK))
                fcntl.ioctl(tuns[-1], _TUNSETIFF, struct.pack("16sH22x", device.encode(), _IFF_TUN | _IFF_NO_PI))
            self.device[side] = device
            self.ip(side, "addr", "add", f"{self.address[side]}/24", "dev", device)
            self.ip(side, "link", "set", device, "mtu", str(_MTU), "multicast", "on", "up")
        told = json.dumps({"tuns": tuns, "counts": str(self._counts), "channel": asdict(channel)})
        self._relay = subprocess.Popen([sys.executable, __file__, told], pass_fds=tuns, stdin=subprocess.PIPE)
        for tun in tuns:
            os.close(tun)
        while not self.counts():  # a process takes a moment to start
            time.sleep(0.05)

    def counts(self) -> dict[str, Any]:
        """What the relay counted until a moment ago: bytes sent, packets sent, lost and dropped, and stalls of the relay."""
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(self._counts.read_text()))
        return {}

    def remove(self) -> None:
        """End the relay and take both sides away."""
        self._relay.terminate()
        self._relay.wait(10)
        super().remove()


def watch_stalls(tell: Callable[[float, float], Any]) -> None:
    """Tell, from a thread, from when to when this process was kept from running [s of time.monotonic]."""

    def watch() -> None:
        began = time.monotonic()
        while True:
            time.sleep(_WATCH)
            began, before = time.monotonic(), began
            if began - before > _WATCH + _STALL:
                tell(before, began)

    threading.Thread(target=watch, daemon=True).start()


def relay(tuns: list[int], counts_file: Path, channel: Channel) -> None:
    """Carry packets between two TUN devices until the process is ended."""
    rng = random.Random(channel.seed)
    other = dict(zip(tuns, reversed(tuns), strict=True))
    waiting: list[tuple[float, int, int, bytes]] = []  # when a packet comes out, its number, where, and what
    counts = {"bytes": 0, "packets": 0, "lost": 0, "dropped": 0}
    stalls: list[tuple[float, float]] = []
    watch_stalls(lambda *stall: stalls.append(stall))
    free_at, told = time.monotonic(), 0.0
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, tun, packet = heapq.heappop(waiting)
            with contextlib.suppress(OSError):
                os.write(tun, packet)
        if now - told >= 0.25:
            told = now
            written = counts_file.with_suffix(".new")
            written.write_text(json.dumps({**counts, "stalls": stalls}))
            written.replace(counts_file)
        ready, _, _ = select.select(tuns, [], [], min(0.25, max(0.0, waiting[0][0] - now)) if waiting else 0.25)
        for tun in ready:
            packet = os.read(tun, 1 << 16)
            now = time.monotonic()
            counts["packets"] += 1
            counts["bytes"] += len(packet)
            begins = max(free_at, now)
            if channel.rate:
                if begins - now > channel.buffer:
                    counts["dropped"] += 1
                    continue
                free_at = begins + len(packet) / channel.rate
                begins = free_at
            if rng.random() < channel.loss:
                counts["lost"] += 1
                continue
            heapq.heappush(waiting, (begins + channel.delay, counts["packets"], other[tun], packet))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    relay(given["tuns"], Path(given["counts"]), Channel(**given["channel"]))
