"""Publishes ticks that come over links, for each link while its coordinator is heard, so that its silence is noticed."""

from __future__ import annotations

import threading
from typing import Callable, Sequence

from rclpy.publisher import Publisher

from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.link.topics import LinkTopic


class TickPublishers:
    """Makes and destroys the publishers in the node's thread; ticks are published by the links' threads."""

    def __init__(self, topic: LinkTopic, nodes_of: Callable[[int], Sequence[GuardedNode]]) -> None:
        """Begin with no publisher.

        Args:
            topic: of ticks.
            nodes_of: returns the nodes that are to have a publisher for a link: at a robot the link's own, at an operator
                those that stand for the coordinators.
        """
        self._topic, self._nodes_of = topic, nodes_of
        self._lock = threading.Lock()
        self._heard: set[int] = set()
        self._made: dict[int, list[tuple[GuardedNode, Publisher]]] = {}
        self._newest = b""

    def set_heard(self, i: int, heard: bool) -> None:
        """Make the publishers of a link, or destroy them."""
        (self._heard.add if heard else self._heard.discard)(i)
        self._update(i)

    def update(self) -> None:
        """Let other nodes have the publishers, where `nodes_of` returns others by now."""
        for i in set(self._heard):
            self._update(i)

    def publish(self, i: int, message: bytes) -> None:
        """Publish a tick, unless another link has brought it already: two may carry the same coordinator's."""
        with self._lock:
            if self._made.get(i) and message != self._newest:
                self._newest = message
                self._made[i][0][1].publish(message)

    def _update(self, i: int) -> None:
        nodes = list(self._nodes_of(i)) if i in self._heard else []
        with self._lock:
            before = self._made.get(i, [])
            kept = {id(node): publisher for node, publisher in before if node in nodes}
            self._made[i] = [(node, kept.get(id(node)) or self._make(node)) for node in nodes]
            for node, publisher in before:
                if node not in nodes:
                    node.destroy_publisher(publisher)

    def _make(self, node: GuardedNode) -> Publisher:
        return node.create_publisher(self._topic.type, self._topic.name, self._topic.offered)
