"""Looks for the coordinator of another fleet, so that nobody comes second to its prefix."""

from __future__ import annotations

import time

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from altmarl_ros.msg import FleetConfiguration
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.endpoints import UNKNOWN, nodes_publishing

_POLL = 0.05  # s
_SETTLE = 2.0  # s to hear its name and its configuration


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
            if nodes_publishing(node, f"{prefix}/tick"):
                break
        else:
            return None
        end = time.monotonic() + _SETTLE
        while (names := nodes_publishing(node, f"{prefix}/tick")) and time.monotonic() < end:
            if heard and UNKNOWN not in names:
                break
            executor.spin_once(timeout_sec=_POLL)
        return _describe(names or [UNKNOWN], heard)
    finally:
        executor.remove_node(node)
        executor.shutdown()
        node.destroy_subscription(subscription)


def _describe(publishers: list[str], heard: list[FleetConfiguration]) -> str:
    names = sorted(set(publishers))
    if not heard:
        return f"coordinator {' and '.join(names)}"
    configuration = conversions.configuration_from_message(heard[-1])
    host = configuration.parameters.get("host", "an unknown machine")
    return f"coordinator {' and '.join(names)} on {host}, session {configuration.session},"
