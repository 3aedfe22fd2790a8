"""`altmarl check`: whether a physical robot is ready to move."""

import os
from pathlib import Path
from typing import Annotated, Any, Mapping, Optional

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.optional_imports import import_rclpy
from altmarl_ros.cli.options import Json, Timeout
from altmarl_ros.deployment import RobotObservations, check_readiness, discovery_variables, load_fleet_file
from altmarl_ros.driving.limits import Limits
from altmarl_ros.errors import AltmarlError


def check(
    robot: Annotated[str, typer.Argument(help="The robot's namespace, such as robot_7.")],
    *,
    fleet: Annotated[
        Optional[Path], typer.Option("--fleet", help="Fleet file from which the robot should have its parameters.")
    ] = None,
    duration: Annotated[float, typer.Option(min=0.5, max=600.0, help="How long to listen to the robot (s).")] = 3.0,
    timeout: Timeout = 10.0,
    as_json: Json = False,
) -> None:
    """Check pose, scan, command, ticks, clock and limits of a robot; exits with 1 if the robot must not move.

    It only listens and asks: it moves, sets and switches nothing. Run it on the robot, or where you watch the fleet; a robot at
    the other end of a thin link checks itself, and its link tells the result.

    Example: altmarl check robot_7 --fleet my_fleet.yaml
    """
    expected = _expected(robot, fleet) if fleet is not None else {}
    rclpy = import_rclpy()
    from altmarl_ros.nodes.tools.readiness_probe import ReadinessProbe

    os.environ.update(discovery_variables())
    rclpy.init(args=[])
    try:
        executor = rclpy.executors.SingleThreadedExecutor()
        probe = ReadinessProbe(robot, executor)
        try:
            told = probe.over_link(timeout, expected)
            seen = probe.observe(duration, timeout, expected) if told is None else None
        finally:
            executor.shutdown(timeout_sec=1.0)
            probe.destroy_node()
    finally:
        rclpy.try_shutdown()
    checks = told if told is not None else []
    console.print_checks(checks if seen is None else check_readiness(seen, _limits(seen)), as_json)


def _expected(robot: str, path: Path) -> Mapping[str, Any]:
    import_rclpy()
    from altmarl_ros.nodes.tools.real_fleet import robot_plan

    fleet = load_fleet_file(path)
    (member,) = fleet.choose(robot.strip("/"))
    return robot_plan(fleet, member).parameters


def _limits(seen: RobotObservations) -> Optional[Limits]:
    from altmarl_ros.nodes.robot.parameters import drive_settings

    try:
        return drive_settings(seen.values).limits if seen.values is not None else None
    except AltmarlError:
        return None
