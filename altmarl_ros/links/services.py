"""The table of services that operators call over links, and the list by which machines tell which of them their nodes offer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Mapping

CHECK, NETCHECK = "check", "netcheck"
"""Services that a robot's link offers itself, in the name of its robot's node."""

_MOST_NODES, _MOST_NAME = 64, 256
_NODE = re.compile(r"(/[A-Za-z_][A-Za-z0-9_]*)+")
_TICKS = "tick"  # among the services of a node


@dataclass(frozen=True)
class ServiceRow:
    """One row of the table of services that operators may call.

    Attributes:
        name: last part of the service's name, after its node's.
        type: full name of its type.
        changes: whether a call changes something, so that the machine that carries it out writes it into its log.
        timeout: longest wait for the response [s].
    """

    name: str
    type: str
    changes: bool = False
    timeout: float = 5.0


SERVICES: tuple[ServiceRow, ...] = (
    ServiceRow("list_parameters", "rcl_interfaces/srv/ListParameters"),
    ServiceRow("describe_parameters", "rcl_interfaces/srv/DescribeParameters"),
    ServiceRow("get_parameters", "rcl_interfaces/srv/GetParameters"),
    ServiceRow("get_parameter_types", "rcl_interfaces/srv/GetParameterTypes"),
    ServiceRow("set_parameters", "rcl_interfaces/srv/SetParameters", changes=True, timeout=15.0),
    ServiceRow("set_parameters_atomically", "rcl_interfaces/srv/SetParametersAtomically", changes=True, timeout=15.0),
    ServiceRow("get_state", "lifecycle_msgs/srv/GetState"),
    ServiceRow("operate", "altmarl_ros/srv/OperateRobot", changes=True),
    ServiceRow("train", "std_srvs/srv/Trigger", changes=True),
    ServiceRow("cancel", "std_srvs/srv/Trigger", changes=True),
    ServiceRow("deploy", "std_srvs/srv/Trigger", changes=True, timeout=15.0),
    ServiceRow("rollback", "std_srvs/srv/Trigger", changes=True, timeout=15.0),
    ServiceRow(CHECK, "std_srvs/srv/Trigger", timeout=60.0),
    ServiceRow(NETCHECK, "std_srvs/srv/Trigger", timeout=30.0),
)
"""All services that are called over links, with an operator's certificate alone: parameters, a robot's state of life and the
operator's commands, those of the trainer, and the checks of a robot and of its link."""

BY_SERVICE = {row.name: row for row in SERVICES}
"""The rows by name."""


@dataclass(frozen=True)
class OfferedNode:
    """A node of another machine.

    Attributes:
        rows: the services that it offers.
        ticks: whether it is a coordinator.
    """

    rows: tuple[ServiceRow, ...]
    ticks: bool = False


def is_node_name(text: str) -> bool:
    """Whether a text can be the full name of a node."""
    return len(text) <= _MOST_NAME and _NODE.fullmatch(text) is not None


def pack_nodes(nodes: Mapping[str, OfferedNode]) -> bytes:
    """Pack which services the nodes of this machine offer, by their full names."""
    listed = {name: [*(row.name for row in node.rows), *([_TICKS] if node.ticks else [])] for name, node in nodes.items()}
    return json.dumps(dict(list(listed.items())[:_MOST_NODES]), separators=(",", ":")).encode()


def read_nodes(packed: bytes) -> dict[str, OfferedNode]:
    """Unpack which services the nodes of another machine offer; services that are not in the table are left out.

    Raises:
        ValueError: with what is wrong.
    """
    try:
        document: Any = json.loads(packed)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(document, dict) or len(document) > _MOST_NODES:
        raise ValueError("is no list of nodes")
    nodes = {}
    for name, services in document.items():
        if not is_node_name(name) or not isinstance(services, list):
            raise ValueError(f"names {name[:40]!r}, which is no node with services")
        nodes[name] = OfferedNode(tuple(row for row in SERVICES if row.name in services), _TICKS in services)
    return nodes
