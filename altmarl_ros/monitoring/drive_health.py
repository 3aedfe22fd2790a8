"""Grades how well one robot drives, for `/diagnostics`."""

from __future__ import annotations

from altmarl_ros.driving.governor_types import Command, Reason
from altmarl_ros.monitoring.health import Finding, Level


def drive_finding(
    robot_id: int, command: Command, *, pose_age: float, tick_age: float, emergency_stop: bool, zone: str
) -> Finding:
    """Grade the drive of one robot.

    Args:
        robot_id: the robot's id.
        command: that its governor gave last.
        pose_age: age of the newest pose [s]; infinite: none came.
        tick_age: age of the newest tick [s]; infinite: none came.
        emergency_stop: whether an emergency stop is pressed.
        zone: name of the zone that it is in; empty: none.
    """
    halts = Reason.NOT_ACTIVE not in command.reasons and any(reason.halts for reason in command.reasons)
    level = Level.ERROR if halts else Level.WARN if command.reasons else Level.OK
    reasons = ", ".join(reason.value for reason in command.reasons)
    velocity = command.velocity
    return Finding(
        f"robot {robot_id}",
        level,
        command.state.value + (f": {reasons}" if reasons else ""),
        {
            "zone": zone,
            "state": command.state.value,
            "reasons": reasons or "none",
            "emergency stop": "pressed" if emergency_stop else "released",
            "pose age [s]": pose_age,
            "tick age [s]": tick_age,
            "speed [m/s]": velocity.speed,
            "turn rate [rad/s]": velocity.yaw,
        },
    )
