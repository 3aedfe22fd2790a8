"""Turns plans into actions of the ROS launch system; only launch files import it, since `launch` comes with ROS alone."""

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
    """Declare a launch file's arguments, from (default, description) by name; without a default (None) one must be given."""
    return [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in table.items()
    ]


def is_true(text: str) -> bool:
    """Tell whether a launch argument means yes."""
    return text.strip().lower() in ("true", "1")


def nodes_of(plans: Sequence[NodePlan], log_level: str) -> list[Any]:
    """Make the actions that start the processes of a plan, with our settings of the middleware's discovery."""
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
    """Make the actions that train a policy for the game unless the file `policy` exists, and then do `actions`."""
    training = ExecuteProcess(
        cmd=[sys.executable, "-m", "altmarl_ros.cli.main", "train", "--if-missing", "--game", game, "--out", str(policy)],
        output="screen",
    )

    def trained(event: Any, _context: Any) -> list[Any]:
        if event.returncode == 0:
            return list(actions)
        return [LogInfo(msg="training failed"), EmitEvent(event=Shutdown(reason="training failed"))]

    return [RegisterEventHandler(OnProcessExit(target_action=training, on_exit=trained)), training]
