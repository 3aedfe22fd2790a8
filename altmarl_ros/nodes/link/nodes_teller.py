"""Tells operators which nodes of this machine they may call, while there are operators who listen."""

from __future__ import annotations

import math
import time
from typing import Callable, Mapping

from altmarl_ros.links.services import OfferedNode, pack_nodes

PERIOD = 5.0
"""Time between two messages that tell the same [s]."""

LOOK = 0.5
"""Time between two looks at which nodes there are [s]."""


class NodesTeller:
    """Tells of nodes at once when they change or an operator comes, and else once per period.

    Attributes:
        nodes: the nodes, as they were at the last look.
    """

    def __init__(self, find: Callable[[], Mapping[str, OfferedNode]]) -> None:
        """`find` looks which nodes there are."""
        self._find = find
        self._told_at, self._packed, self._heard = -math.inf, b"", False
        self.nodes: Mapping[str, OfferedNode] = {}

    def look(self, wanted: bool) -> bytes | None:
        """Return what is to be told now, None: nothing; `wanted` says whether an operator listens."""
        came, self._heard = wanted and not self._heard, wanted
        if not wanted:
            return None
        self.nodes = self._find()
        packed, now = pack_nodes(self.nodes), time.monotonic()
        if packed == self._packed and not came and now - self._told_at < PERIOD:
            return None
        self._told_at, self._packed = now, packed
        return packed
