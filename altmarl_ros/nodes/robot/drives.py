"""What moves a robot to its goal, behind one protocol: this node's own planner, Nav2, or nobody.

A drive says which velocity it wants; the governor says which it gets, and the drive hands that to the base.
"""

from __future__ import annotations

from typing import Any, Mapping, Protocol

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.duration import Duration
from rclpy.node import Node

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.local_planner import Goal, LocalPlanner
from altmarl_ros.driving.planar import Pose, Velocity
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.robot import conversions as vehicle_conversions
from altmarl_ros.nodes.robot.parameters import DriveSettings


class Drive(Protocol):
    """Of one robot."""

    @property
    def arrived(self) -> bool:
        """Whether the robot stands at its goal."""
        ...

    def steer(self, now: float, pose: Pose, goal: Goal, velocity: Velocity, points: FloatArray) -> Velocity:
        """The velocity that it wants; see fleet.steering.Steering."""
        ...

    def rest(self) -> None:
        """Nothing is wanted for now: something halts the robot, or it has no goal."""
        ...

    def command(self, velocity: Velocity) -> None:
        """The governor's word, to the base."""
        ...

    def adjust(self, settings: DriveSettings) -> None:
        """Other limits hold from now on."""
        ...

    def drain(self, timeout: float) -> None:
        """Wait until the last command has arrived, at most `timeout` [s]."""
        ...

    def close(self) -> None:
        """Let go of what the node does not destroy by itself."""
        ...


class Base:
    """The topic of the base's driver."""

    def __init__(self, make: Endpoints, values: Mapping[str, Any], clock: AgeClock, frame: str) -> None:
        self._clock, self._frame, self._stamped = clock, frame, bool(values["drive.stamped"])
        message_type = TwistStamped if self._stamped else Twist
        self._publisher = make.publisher(message_type, values["drive.topic"], qos.velocity_qos())

    def command(self, velocity: Velocity) -> None:
        """Send a velocity."""
        twist = vehicle_conversions.velocity_to_message(velocity)
        if not self._stamped:
            self._publisher.publish(twist)
            return
        message = TwistStamped(twist=twist)
        message.header.stamp, message.header.frame_id = self._clock.stamp(), self._frame
        self._publisher.publish(message)

    def drain(self, timeout: float) -> None:
        """Wait until the driver has heard the last, at most `timeout` [s]."""
        self._publisher.wait_for_all_acked(Duration(seconds=timeout))


class PlannerDrive:
    """The local planner of `fleet.steering`; without a base it only says what it would do."""

    def __init__(self, settings: DriveSettings, robot_id: int, base: Base | None) -> None:
        self._planner = LocalPlanner(settings.limits, settings.steering, robot_id)
        self._id, self._base = robot_id, base

    @property
    def arrived(self) -> bool:
        """See Drive."""
        return self._planner.arrived

    def steer(self, now: float, pose: Pose, goal: Goal, velocity: Velocity, points: FloatArray) -> Velocity:
        """See Drive."""
        return self._planner.steer(now, pose, goal, velocity, points)

    def rest(self) -> None:
        """See Drive."""
        self._planner.forget()

    def command(self, velocity: Velocity) -> None:
        """See Drive."""
        if self._base is not None:
            self._base.command(velocity)

    def adjust(self, settings: DriveSettings) -> None:
        """See Drive."""
        self._planner = LocalPlanner(settings.limits, settings.steering, self._id)

    def drain(self, timeout: float) -> None:
        """See Drive."""
        if self._base is not None:
            self._base.drain(timeout)

    def close(self) -> None:
        """See Drive."""


def make_drive(
    node: Node, make: Endpoints, values: Mapping[str, Any], settings: DriveSettings, robot_id: int, clock: AgeClock, frame: str
) -> Drive:
    """The drive that the parameters name; `frame` is the base's.

    Raises:
        AltmarlError: it needs a package that is not installed.
    """
    kind = values["drive.kind"]
    if kind == "none":
        return PlannerDrive(settings, robot_id, None)
    base = Base(make, values, clock, frame)
    if kind == "cmd_vel":
        return PlannerDrive(settings, robot_id, base)
    from altmarl_ros.nodes.robot.nav2_drive import Nav2Drive, navigate_to_pose

    return Nav2Drive(node, make, values, clock, base, navigate_to_pose())
