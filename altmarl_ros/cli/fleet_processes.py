"""A simulated fleet in separate processes, without `ros2 launch`."""

from __future__ import annotations

import json

from altmarl_ros.cli.processes import Child, ProcessGroup
from altmarl_ros.fleet.plan import FleetPlan, NodePlan
from altmarl_ros.resources import executable


def start_fleet(plan: FleetPlan, group: ProcessGroup, log_level: str = "info") -> list[Child]:
    """Start every process of the plan."""
    return [group.start(node.name, command(plan, node, log_level)) for node in plan.nodes()]


def command(plan: FleetPlan, node: NodePlan, log_level: str = "info") -> list[str]:
    """The command line of one process."""
    namespace, _, name = (node.ros_name or f"/{node.name}").rpartition("/")
    # JSON scalars are YAML scalars: strings quoted, numbers and booleans as they are.
    settings = [item for name, value in node.parameters.items() for item in ("-p", f"{name}:={json.dumps(value)}")]
    return [
        str(executable(node.executable)), "--ros-args", "--log-level", log_level, "-r", f"__node:={name}",
        "-r", f"__ns:={namespace or '/'}", "--params-file", str(plan.parameter_file), *settings,
    ]  # fmt: skip
