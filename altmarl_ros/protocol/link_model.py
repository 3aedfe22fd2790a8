"""Models an imperfect network between coordinator and robots: which copies of a message arrive, and when.

Every robot has one channel per direction. A message of b bytes, sent at time t over a channel, meets in this order:

    dropout     the channel alternates between on and off, a two-state Markov chain in continuous time (Gilbert,
                "Capacity of a burst-noise channel", 1960): off for exponential times of mean `dropout_time`, and for
                the share `dropout` of all time. What is sent meanwhile is gone.
    bandwidth   a serialising link: it leaves at d = max(t, when the last one left) + b / bandwidth, and is refused
                if that means waiting longer than `queue` behind others.
    loss        gone with probability `loss`, independently.
    delay       arrives at d + delay + U, U uniform in [0, jitter], but not before what was sent before it.
    reorder     with probability `reorder` it skips delay, jitter and that order.
    duplicate   with probability `duplicate` a copy follows, with a jitter of its own.

Every channel has a random stream of its own by (seed, direction, robot id), and every message takes the same number of
draws from it, so that a channel does the same whatever the others do. 100 000 channels are a few arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.random_streams import draw_some, make_streams


class Direction(IntEnum):
    """Which way a channel leads."""

    TO_ROBOT = 0
    FROM_ROBOT = 1


_PURPOSES = {Direction.TO_ROBOT: 30, Direction.FROM_ROBOT: 31}  # of random streams
_DRAWS = 6  # per message


@dataclass(frozen=True)
class Network:
    """Impairments of every channel, the same in both directions; none by default.

    Attributes:
        loss: probability that a message is lost.
        duplicate: probability that a message that arrives does so twice.
        reorder: probability that a message overtakes those that are delayed.
        delay: of every message [s].
        jitter: largest additional delay [s].
        bandwidth: of one channel [B/s]; 0: unlimited.
        queue: longest wait behind other messages for bandwidth [s].
        dropout: share of the time in which a channel is off.
        dropout_time: mean length of such an interval [s].
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    bandwidth: float = 0.0
    queue: float = 1.0
    dropout: float = 0.0
    dropout_time: float = 2.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), RANGES.get(field.name, (0.0, np.inf))
            if not low <= value <= high or not np.isfinite(value):
                raise AltmarlError(f"network: {field.name} is {value:g}, must be in {low:g}..{high:g}")

    @property
    def perfect(self) -> bool:
        """Whether every message arrives once and at once."""
        return not any((self.loss, self.duplicate, self.delay, self.jitter, self.bandwidth, self.dropout))

    def __str__(self) -> str:
        given = [f"{field.name}={getattr(self, field.name):g}" for field in fields(self) if self._given(field.name)]
        return ",".join(given) or "perfect"

    def _given(self, name: str) -> bool:
        return bool(getattr(self, name) != getattr(Network, name))


RANGES = {  # of each setting
    "loss": (0.0, 1.0),
    "duplicate": (0.0, 1.0),
    "reorder": (0.0, 1.0),
    "dropout": (0.0, 0.99),
    "dropout_time": (1e-3, 1e6),
    "delay": (0.0, 60.0),
    "jitter": (0.0, 60.0),
    "queue": (0.0, 60.0),
    "bandwidth": (0.0, 1e12),
}


def parse_network(text: str) -> Network:
    """The network that `text` describes, such as `loss=0.3,duplicate=0.2,jitter=0.2`; empty or `perfect`: none.

    Raises:
        AltmarlError: naming the setting that is unknown, given twice, not a number or out of range.
    """
    known = [field.name for field in fields(Network)]
    values: dict[str, float] = {}
    for setting in filter(None, (part.strip() for part in text.split(","))):
        if setting == "perfect":
            continue
        name, _, value = (part.strip() for part in setting.partition("="))
        if name not in known:
            raise AltmarlError(f"network: {name!r} is unknown; known are {', '.join(known)}")
        if name in values:
            raise AltmarlError(f"network: {name} is given twice")
        try:
            values[name] = float(value)
        except ValueError:
            raise AltmarlError(f"network: {name} is {value!r}, must be a number, as in {name}=0.2") from None
    return Network(**values)


class Channels:
    """The channels of some robots in one direction. Times are seconds on any clock that does not run backwards."""

    def __init__(self, network: Network, seed: int, robot_ids: Sequence[int] | IntArray, direction: Direction) -> None:
        self.network = network
        ids = np.asarray(robot_ids)
        self._streams = make_streams(seed, _PURPOSES[direction], ids)
        self._free = np.full(len(ids), -np.inf)  # when the link has sent all it took
        self._last = np.full(len(ids), -np.inf)  # arrival of the last message that keeps the order
        self._seen = np.full(len(ids), -np.inf)  # when `_off` was the channel's state
        self._off = np.zeros(len(ids), dtype=bool)

    def send(self, channels: IntArray, now: float, size: int) -> FloatArray:
        """Send one message of `size` bytes over each of some distinct channels (positions in `robot_ids`).

        Returns:
            When the message and its copy arrive [len(channels), 2]; infinity for what does not.
        """
        net, at = self.network, np.asarray(channels)
        u = draw_some(self._streams, at, _DRAWS).T
        through = ~self._dropped(at, now, u[0])
        departure = np.full(len(at), now)
        if net.bandwidth:
            start = np.maximum(now, self._free[at])
            through &= start - now <= net.queue
            departure = start + size / net.bandwidth
            self._free[at[through]] = departure[through]
        through &= u[1] >= net.loss
        held = np.maximum(departure + net.delay + net.jitter * u[2], self._last[at])
        overtakes = u[3] < net.reorder
        first = np.where(overtakes, departure, held)
        copy = np.maximum(departure + net.delay + net.jitter * u[5], first)
        copied = through & (u[4] < net.duplicate)
        in_order = through & ~overtakes
        self._last[at[in_order]] = np.where(copied, copy, first)[in_order]
        return np.stack([np.where(through, first, np.inf), np.where(copied, copy, np.inf)], axis=1)

    def _dropped(self, at: IntArray, now: float, u: FloatArray) -> NDArray[np.bool_]:
        net = self.network
        if not net.dropout:
            return np.zeros(len(at), dtype=bool)
        # P(off at t + s | off or on at t) = dropout + (1 or 0 - dropout) exp(-s / tau), 1/tau the sum of both rates.
        tau = net.dropout_time * (1.0 - net.dropout)
        memory = np.exp(-(now - self._seen[at]) / tau)
        self._off[at] = u < net.dropout + (self._off[at] - net.dropout) * memory
        self._seen[at] = now
        return self._off[at]
