"""A fleet in separate processes, without `ros2 launch`."""

from __future__ import annotations

import json

from altmarl_ros.cli.processes import Child, ProcessGroup
from altmarl_ros.fleet.plan import FleetPlan, NodePlan
from altmarl_ros.resources import executable


def start_fleet(plan: FleetPlan, group: ProcessGroup, log_level: str = "info") -> list[Child]:
    """Start every process of the plan."""
    return [group.start(node.name, command(node, log_level)) for node in plan.nodes()]


def command(node: NodePlan, log_level: str = "info") -> list[str]:
    """The command line of one process."""
    file = ["--params-file", str(node.parameter_file)] if node.parameter_file is not None else []
    # JSON scalars are YAML scalars: strings quoted, numbers and booleans as they are.
    settings = [item for name, value in node.parameters.items() for item in ("-p", f"{name}:={json.dumps(value)}")]
    remappings = [item for topic, other in node.remappings.items() for item in ("-r", f"{topic}:={other}")]
    return [
        str(executable(node.executable)), "--ros-args", "--log-level", log_level, "-r", f"__node:={node.node_name}",
        "-r", f"__ns:={node.namespace}", *remappings, *file, *settings,
    ]  # fmt: skip
