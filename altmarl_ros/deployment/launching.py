"""Turns plans into actions of the ROS launch system; only launch files import it, since `launch` comes with ROS alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Mapping, Sequence

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
from launch.launch_context import LaunchContext
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from altmarl_ros.deployment.fleet_plan import NodePlan
from altmarl_ros.deployment.launch_arguments import LaunchArguments
from altmarl_ros.deployment.middleware import discovery_variables, range_variables

_RESPAWN_DELAY = 1.0  # s


def declare_arguments(table: dict[str, tuple[Any, str]]) -> list[Any]:
    """Declare a launch file's arguments, from (default, description) by name; without a default (None) one must be given."""
    return [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in table.items()
    ]


def read_arguments(context: LaunchContext, table: Mapping[str, Any]) -> LaunchArguments:
    """Return what was given for the arguments that `declare_arguments` declared."""
    return LaunchArguments({name: LaunchConfiguration(name).perform(context) for name in table})


def discovery_environment(discovery_range: str, simulated: bool) -> list[Any]:
    """Make the actions that say how far the nodes of a launch are found; see `range_variables`."""
    return [SetEnvironmentVariable(name, value) for name, value in range_variables(discovery_range, simulated).items()]


def nodes_of(
    plans: Sequence[NodePlan], log_level: str, *, essential: Sequence[frozenset[str]] = (), respawn: bool = False
) -> list[Any]:
    """Make the actions that start the processes of a plan, with our settings of the middleware's discovery.

    Args:
        plans: the processes.
        log_level: of the nodes.
        essential: groups of names of processes; once all of a group have ended, the launch ends, and every process with it.
        respawn: whether a process that has ended is started again.
    """
    environment = [SetEnvironmentVariable(name, value) for name, value in discovery_variables().items()]
    nodes = {
        plan.name: Node(
            package="altmarl_ros",
            executable=plan.executable,
            name=plan.node_name,
            namespace=plan.namespace,
            output="screen",
            parameters=[*map(str, plan.parameter_files), dict(plan.parameters)],
            remappings=list(plan.remappings.items()),
            ros_arguments=["--log-level", log_level],
            additional_env=dict(plan.environment),
            respawn=respawn,
            respawn_delay=_RESPAWN_DELAY,
        )
        for plan in plans
    }
    ends = [action for group in essential for action in _end_with({name: nodes[name] for name in sorted(group)})]
    return [*environment, *ends, *nodes.values()]


def _end_with(group: Mapping[str, Node]) -> list[Any]:
    """Make the handlers that end the launch once all processes of a group have ended."""
    running = set(group)

    def handler(name: str) -> Any:
        def ended(_event: Any, context: LaunchContext) -> list[Any]:
            running.discard(name)
            if running or context.is_shutdown:
                return []
            return [EmitEvent(event=Shutdown(reason=f"{name} has ended, without which the fleet cannot go on"))]

        return RegisterEventHandler(OnProcessExit(target_action=group[name], on_exit=ended))

    return [handler(name) for name in group]


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
