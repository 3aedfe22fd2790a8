"""Keeps what came on one topic: when, how old, and the last message."""

from __future__ import annotations

import math
import time
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.node import Node

from altmarl_ros.nodes.common.clock import seconds

_NO_STAMP = Time()


class Heard:
    """The messages that came on one topic.

    Attributes:
        arrivals: when they came, monotonic [s].
        ages: by their stamps [s].
        last: message.
    """

    def __init__(self, node: Node) -> None:
        """`node` has the clock with which stamps are compared."""
        self._clock = node.get_clock()
        self.arrivals: list[float] = []
        self.ages: list[float] = []
        self.last: Any = None

    @property
    def ahead(self) -> float:
        """How far the sender's clock is ahead [s], from the message with the least delay; NaN without messages."""
        return -min(self.ages, default=math.nan)

    def take(self, message: Any) -> None:
        """Take a message, unless it is the last one again, which came through a second subscription."""
        if message == self.last:
            return
        self.arrivals.append(time.monotonic())
        self.last = message
        header = getattr(message, "header", None)
        stamp = seconds(header.stamp if header is not None else getattr(message, "stamp", _NO_STAMP))
        if stamp > 0.0:
            self.ages.append(1e-9 * float(self._clock.now().nanoseconds) - stamp)
