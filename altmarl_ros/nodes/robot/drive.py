"""What moves a robot: a drive that plans its motion, and a base that carries it out.

A drive returns the velocity that it wants; the governor decides on the velocity that goes to the base.
"""

from __future__ import annotations

from typing import Any, Mapping, Protocol

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.duration import Duration

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving import Pose, Velocity
from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.robot import conversions
from altmarl_ros.nodes.robot.parameters import DriveSettings


class Drive(Protocol):
    """Plans the motion of one robot to its goal."""

    @property
    def arrived(self) -> bool:
        """Whether the robot stands at its goal."""
        ...

    def steer(self, now: float, pose: Pose, goal: Goal, velocity: Velocity, points: FloatArray) -> Velocity:
        """Return the velocity that the drive wants; see `LocalPlanner.steer`."""
        ...

    def rest(self) -> None:
        """Plan no motion for now: something halts the robot, or it has no goal."""
        ...

    def adjust(self, settings: DriveSettings) -> None:
        """Plan by other limits and settings from now on."""
        ...

    def close(self) -> None:
        """Release what the node does not destroy by itself."""
        ...


class Base:
    """Sends velocity commands to the driver of one robot's base, as Twist or TwistStamped (`drive.stamped`)."""

    def __init__(self, make: Endpoints, values: Mapping[str, Any], clock: AgeClock, frame: str) -> None:
        """`frame` is the base's, for the header."""
        self._clock, self._frame, self._stamped = clock, frame, bool(values["drive.stamped"])
        message_type = TwistStamped if self._stamped else Twist
        self._publisher = make.publisher(message_type, values["drive.topic"], qos.velocity_qos())

    @property
    def has_driver(self) -> bool:
        """Whether anybody subscribes to the commands."""
        return int(self._publisher.get_subscription_count()) > 0

    def command(self, velocity: Velocity) -> None:
        """Send a velocity."""
        twist = conversions.velocity_to_message(velocity)
        if not self._stamped:
            self._publisher.publish(twist)
            return
        message = TwistStamped(twist=twist)
        message.header.stamp, message.header.frame_id = self._clock.stamp(), self._frame
        self._publisher.publish(message)

    def drain(self, timeout: float) -> None:
        """Wait until the driver has received the last command, at most `timeout` [s]."""
        self._publisher.wait_for_all_acked(Duration(seconds=timeout))
