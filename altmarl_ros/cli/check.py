"""`altmarl check`: whether a physical robot may move, before it does."""

import os
from pathlib import Path
from typing import Annotated, Any, Mapping, Optional

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.console import Json, Timeout
from altmarl_ros.cli.ros_imports import import_rclpy
from altmarl_ros.deployment.fleet_file import load_fleet_file
from altmarl_ros.deployment.middleware import discovery_variables
from altmarl_ros.deployment.readiness import RobotSeen, judge
from altmarl_ros.driving.limits import Limits
from altmarl_ros.errors import AltmarlError


def check(
    robot: Annotated[str, typer.Argument(help="The robot's namespace, such as robot_7.")],
    fleet: Annotated[Optional[Path], typer.Option("--fleet", help="Fleet file that the robot should be running by.")] = None,
    duration: Annotated[float, typer.Option(min=0.5, max=600.0, help="How long to listen to it (s).")] = 3.0,
    timeout: Timeout = 10.0,
    as_json: Json = False,
) -> None:
    """Say whether pose, command, tick, clock and limits of a robot are right; exits with 1 where it must not move.

    It only looks and asks: nothing is moved, set or switched on. Run it on the robot, or where the fleet is watched.

    Example: altmarl check robot_7 --fleet my_fleet.yaml
    """
    expected = _expected(robot, fleet) if fleet is not None else {}
    rclpy = import_rclpy()
    from altmarl_ros.nodes.tools.readiness_probe import Inspector

    os.environ.update(discovery_variables())
    rclpy.init(args=[])
    try:
        executor = rclpy.executors.SingleThreadedExecutor()
        inspector = Inspector(robot, executor)
        try:
            seen = inspector.look(duration, timeout, expected)
        finally:
            executor.shutdown(timeout_sec=1.0)
            inspector.destroy_node()
    finally:
        rclpy.try_shutdown()
    console.print_checks(judge(seen, _limits(seen)), as_json)


def _expected(robot: str, path: Path) -> Mapping[str, Any]:
    import_rclpy()
    from altmarl_ros.nodes.tools.real_fleet import robot_plan

    fleet = load_fleet_file(path)
    (member,) = fleet.choose(robot.strip("/"))
    return robot_plan(fleet, member).parameters


def _limits(seen: RobotSeen) -> "Limits | None":
    from altmarl_ros.nodes.robot.parameters import drive_settings

    try:
        return drive_settings(seen.values).limits if seen.values is not None else None
    except AltmarlError:
        return None
