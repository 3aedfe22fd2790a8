"""Finds which nodes of this machine operators may call over a link: the robot's, or coordinators and trainer."""

from __future__ import annotations

from contextlib import suppress
from typing import Iterable

from rclpy.node import Node, NodeNameNonExistentError

from altmarl_ros.links.services import BY_SERVICE, CHECK, NETCHECK, SERVICES, OfferedNode

_OWN = (BY_SERVICE[CHECK], BY_SERVICE[NETCHECK])


def robot_nodes(node: Node) -> dict[str, OfferedNode]:
    """Return the nodes of this ROS domain that have robots, with the services that the link adds in their names."""
    hosts = [name.rpartition("/")[0] for name, types in node.get_service_names_and_types() if _is(name, types, "operate")]
    return {name: OfferedNode((*found.rows, *_OWN)) for name, found in _offered(node, hosts).items()}


def coordinator_nodes(node: Node, tick_topic: str) -> dict[str, OfferedNode]:
    """Return the coordinators and trainers of this ROS domain."""
    coordinators = sorted(
        {
            f"{info.node_namespace.rstrip('/')}/{info.node_name}"
            for info in node.get_publishers_info_by_topic(tick_topic)
            if not info.node_name.startswith("_")
        }
    )
    trainers = [name.rpartition("/")[0] for name, types in node.get_service_names_and_types() if _is(name, types, "train")]
    ticking = {name: OfferedNode(found.rows, ticks=True) for name, found in _offered(node, coordinators).items()}
    return {**_offered(node, trainers), **ticking}


def _is(service: str, types: Iterable[str], name: str) -> bool:
    row = BY_SERVICE[name]
    return service.rpartition("/")[2] == row.name and row.type in types


def _offered(node: Node, names: Iterable[str]) -> dict[str, OfferedNode]:
    found = {}
    for full in sorted(set(names)):
        namespace, _, name = full.rpartition("/")
        with suppress(NodeNameNonExistentError):  # gone meanwhile
            services = dict(node.get_service_names_and_types_by_node(name, namespace or "/"))
            rows = tuple(row for row in SERVICES if row.type in services.get(f"{full}/{row.name}", ()) and row not in _OWN)
            if rows:
                found[full] = OfferedNode(rows)
    return found
