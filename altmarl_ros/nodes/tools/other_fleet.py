"""Looks for the coordinator of another fleet, so that nobody comes second to its prefix."""

from __future__ import annotations

import time
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from altmarl_ros.msg import FleetConfiguration
from altmarl_ros.nodes.common import conversions, qos

_POLL = 0.05  # s
_SETTLE = 1.0  # s to hear its configuration


def find_coordinator(node: Node, prefix: str, seconds: float) -> str | None:
    """Look for a publisher of ticks for so many seconds; describe it by node, machine and session, as far as they are known.

    Args:
        node: whose context is used; it is not in an executor yet.
        prefix: of the fleet-wide topics.
        seconds: how long to look [s].
    """
    heard: list[FleetConfiguration] = []
    subscription = node.create_subscription(FleetConfiguration, f"{prefix}/configuration", heard.append, qos.account_qos())
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=_POLL)
            found = node.get_publishers_info_by_topic(f"{prefix}/tick")
            if not found:
                continue
            end = time.monotonic() + _SETTLE
            while not heard and time.monotonic() < end:
                executor.spin_once(timeout_sec=_POLL)
            return _describe(found, heard)
        return None
    finally:
        executor.remove_node(node)
        executor.shutdown()
        node.destroy_subscription(subscription)


def _describe(publishers: list[Any], heard: list[FleetConfiguration]) -> str:
    names = sorted({f"{info.node_namespace.rstrip('/')}/{info.node_name}" for info in publishers})
    if not heard:
        return f"coordinator {' and '.join(names)}"
    configuration = conversions.configuration_from_message(heard[-1])
    host = configuration.parameters.get("host", "an unknown machine")
    return f"coordinator {' and '.join(names)} on {host}, session {configuration.session},"
