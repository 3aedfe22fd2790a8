"""Impairs the network link of a simulated robot: a layer between its callbacks and DDS, absent where the link is perfect.

It touches what crosses the link in every tick: the tick on its way to the robot and the report on its way back. DDS repeats
messages on the reliable topics until they arrive, and what the robot acts through is no network.
"""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import fields
from typing import Any, Callable, Mapping

import numpy as np
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.serialization import serialize_message

from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.protocol.link_model import RANGES, Channels, Direction, Network

_DESCRIPTIONS = {
    "loss": ("Probability that a tick or report of a simulated robot is lost.", ""),
    "duplicate": ("Probability that it arrives twice.", ""),
    "reorder": ("Probability that it overtakes those that are delayed.", ""),
    "delay": ("Delay of every tick and report.", "s"),
    "jitter": ("Largest additional delay, uniform.", "s"),
    "bandwidth": ("Rate of the robot's link per direction, of serialised payload; 0: unlimited.", "B/s"),
    "queue": ("Longest wait behind other messages for bandwidth.", "s"),
    "dropout": ("Share of the time in which the robot is cut off.", ""),
    "dropout_time": ("Mean length of such an interval.", "s"),
}

NETWORK_PARAMETERS = tuple(
    Parameter(f"network.{field.name}", float(field.default), text, *RANGES[field.name], unit=unit)  # type: ignore[arg-type]
    for field in fields(Network)
    for text, unit in [_DESCRIPTIONS[field.name]]
)

Callback = Callable[..., None]  # of a message, and of what is known of it
_SOON = 1e-4  # s; a message due within this goes at once


def network_of(values: Mapping[str, Any]) -> Network:
    """Return the network that a node's parameter values describe."""
    return Network(**{field.name: float(values[f"network.{field.name}"]) for field in fields(Network)})


class ImpairedLink:
    """Loses, delays, copies and reorders the ticks and reports of one robot."""

    def __init__(self, node: Node, network: Network, seed: int, robot_id: int) -> None:
        self._network = network
        self._late: list[tuple[float, int, Callback, tuple[Any, ...]]] = []  # a heap
        self._order = itertools.count()
        if not network.perfect:
            self._channels = {way: Channels(network, seed, [robot_id], way) for way in Direction}
            self._timer = node.create_timer(3600.0, self._deliver, clock=Clock(clock_type=ClockType.STEADY_TIME))
            self._timer.cancel()

    def to_robot(self, callback: Callback) -> Callback:
        """Return a subscription's callback behind the link; the callback itself where the link is perfect."""
        return self._through(Direction.TO_ROBOT, callback)

    def from_robot(self, publish: Callback) -> Callback:
        """Return a publisher's `publish` in front of the link; itself where the link is perfect."""
        return self._through(Direction.FROM_ROBOT, publish)

    def _through(self, way: Direction, receive: Callback) -> Callback:
        if self._network.perfect:
            return receive
        channel, only = self._channels[way], np.zeros(1, dtype=np.int64)

        def send(*message: Any) -> None:
            now = time.monotonic()
            size = len(serialize_message(message[0])) if self._network.bandwidth else 0
            for arrival in channel.send(only, now, size)[0]:
                if arrival <= now + _SOON:
                    receive(*message)
                elif arrival < np.inf:
                    heapq.heappush(self._late, (float(arrival), next(self._order), receive, message))
            self._set_timer()

        return send

    def _deliver(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic() + _SOON:
            _, _, receive, message = heapq.heappop(self._late)
            receive(*message)
        self._set_timer()

    def _set_timer(self) -> None:
        self._timer.cancel()
        if self._late:
            self._timer.timer_period_ns = max(1, int(1e9 * (self._late[0][0] - time.monotonic())))
            self._timer.reset()
