"""Plans as actions of the launch system, which comes with a ROS installation: for the launch files alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Sequence

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    LogInfo,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch_ros.actions import Node

from altmarl_ros.deployment.fleet_plan import NodePlan
from altmarl_ros.deployment.middleware import discovery_variables


def declare_arguments(table: dict[str, tuple[Any, str]]) -> list[Any]:
    """Arguments of a launch file, from (default, description) by name; a default of None: it must be given."""
    return [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in table.items()
    ]


def is_true(text: str) -> bool:
    """Whether a launch argument says yes."""
    return text.strip().lower() in ("true", "1")


def nodes_of(plans: Sequence[NodePlan], log_level: str) -> list[Any]:
    """The processes of a plan, with prompt discovery."""
    environment = [SetEnvironmentVariable(name, value) for name, value in discovery_variables().items()]
    return environment + [
        Node(
            package="altmarl_ros",
            executable=plan.executable,
            name=plan.node_name,
            namespace=plan.namespace,
            output="screen",
            parameters=[*([str(plan.parameter_file)] if plan.parameter_file else []), dict(plan.parameters)],
            remappings=list(plan.remappings.items()),
            ros_arguments=["--log-level", log_level],
        )
        for plan in plans
    ]


def after_training(game: str, policy: Path, actions: Sequence[Any]) -> list[Any]:
    """Learn a policy for the game unless `policy` is kept from an earlier start, then act."""
    training = ExecuteProcess(
        cmd=[sys.executable, "-m", "altmarl_ros.cli.main", "train", "--if-missing", "--game", game, "--out", str(policy)],
        output="screen",
    )

    def trained(event: Any, _context: Any) -> list[Any]:
        if event.returncode == 0:
            return list(actions)
        return [LogInfo(msg="training failed"), EmitEvent(event=Shutdown(reason="training failed"))]

    return [RegisterEventHandler(OnProcessExit(target_action=training, on_exit=trained)), training]
