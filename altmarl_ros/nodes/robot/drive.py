"""What moves a robot: a drive that plans its motion, and a base that carries it out.

A drive returns the velocity that it wants; the governor decides on the velocity that goes to the base.
"""

from __future__ import annotations

from typing import Any, Mapping, Protocol

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.duration import Duration
from rclpy.node import Node

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving import Pose, Velocity
from altmarl_ros.driving.freshness import NEVER, is_fresh
from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.robot_topics import TWIST, TWIST_STAMPED, CommandTopic, Fault, command_fault
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.robot import conversions
from altmarl_ros.nodes.robot.parameters import DriveSettings, frame_names
from altmarl_ros.nodes.robot.topic_observation import observe_command

_LOOK = 0.5  # s between two looks at who subscribes, while nobody does with the right type


class Drive(Protocol):
    """Plans the motion of one robot to its goal."""

    @property
    def arrived(self) -> bool:
        """Whether the robot stands at its goal."""
        ...

    @property
    def problem(self) -> Reason | None:
        """Why the drive wants no motion though it has a goal, could have none, or turns away from it; None: it is well."""
        ...

    @property
    def fault(self) -> Fault | None:
        """What is behind the problem, and what to do about it; None: nothing more is known."""
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

    def __init__(self, node: Node, make: Endpoints, values: Mapping[str, Any], clock: AgeClock) -> None:
        self._node, self._clock, self._stamped = node, clock, bool(values["drive.stamped"])
        self._frame = frame_names(values).full_base
        self._type = TWIST_STAMPED if self._stamped else TWIST
        self._topic = node.resolve_topic_name(values["drive.topic"])
        self._publisher = make.publisher(TwistStamped if self._stamped else Twist, values["drive.topic"], qos.velocity_qos())
        self._seen: Reason | None = None
        self._looked = NEVER

    @property
    def problem(self) -> Reason | None:
        """Why nobody carries out the commands; None: somebody subscribes to them."""
        if int(self._publisher.get_subscription_count()) > 0:
            self._seen = None
        elif self._seen is None or not is_fresh(self._clock.now(), self._looked, _LOOK):
            self._looked = self._clock.now()
            fault = command_fault(self._observed())
            self._seen = Reason.DRIVER_TYPE if fault is not None and "drive.stamped" in fault.remedy else Reason.NO_DRIVER
        return self._seen

    @property
    def fault(self) -> Fault | None:
        """What is wrong with who subscribes to the commands, and what to do about it."""
        return command_fault(self._observed())

    def _observed(self) -> CommandTopic:
        return observe_command(self._node, self._topic, self._type)

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
