"""Receives a robot's pose from odometry, from a localisation on a topic, or from TF (REP-105).

A pose in another frame than the parameters name is refused; the robot then stops for want of a fresh one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, Mapping

from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.timer import Timer

from altmarl_ros.driving import Pose, Velocity
from altmarl_ros.driving.localisation import Localiser
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock, seconds
from altmarl_ros.nodes.common.endpoints import Endpoints, hear_latched, is_latched
from altmarl_ros.nodes.robot import conversions
from altmarl_ros.nodes.robot.parameters import base_frame, odom_frame, pose_of

_THROTTLE = 5.0  # s
_SEEK = 0.2  # s


@dataclass(frozen=True, slots=True)
class Fix:
    """A pose of the robot.

    Attributes:
        pose: of the base in the map.
        arrived: when it arrived, by the clock of ages [s].
        delay: its age when it arrived, by its stamp [s].
        measured: velocity, if it comes from odometry.
    """

    pose: Pose
    arrived: float
    delay: float
    measured: Velocity | None


class PoseSource:
    """Receives the poses of one robot, and hands on each as a Fix.

    Subscriptions by `pose.source`: odom (nav_msgs/msg/Odometry), pose (geometry_msgs/msg/PoseStamped or
    PoseWithCovarianceStamped), or TF; and `pose.odometry` (nav_msgs/msg/Odometry).
    """

    def __init__(
        self, node: Node, make: Endpoints, values: Mapping[str, Any], clock: AgeClock, on_fix: Callable[[Fix], None]
    ) -> None:
        """Raises AltmarlError where TF is wanted and tf2_ros is not installed."""
        self._node, self._clock, self._on_fix = node, clock, on_fix
        self._map, self._odom, self._base = values["frames.map"], odom_frame(values), base_frame(values)
        source, topic = values["pose.source"], values["pose.topic"]
        odometry = values["pose.odometry"]
        self._transforms: _Transforms | None = None
        self._localiser: Localiser | None = None
        self._seeker: Timer | None = None  # of a latched pose, since AMCL is silent while the robot stands
        if source == "odometry":
            self._localiser = Localiser(pose_of(values, "pose.start"))
            make.subscription(Odometry, topic or "odom", self._on_odometry, qos.sensor_qos())
        elif source == "tf":
            self._transforms = _Transforms(node, self._map, self._base)
        else:
            message_type = PoseStamped if source == "pose" else PoseWithCovarianceStamped
            make.subscription(message_type, topic or "pose", self._on_pose, qos.sensor_qos())
            if odometry:
                self._localiser = Localiser()
                self._topic, self._type = node.resolve_topic_name(topic or "pose"), message_type
                self._seeker = node.create_timer(_SEEK, self._seek_latched, clock=Clock(clock_type=ClockType.STEADY_TIME))
                make.subscription(Odometry, odometry, self._on_odometry, qos.sensor_qos())

    def poll(self) -> None:
        """Look up the pose where none is sent, in TF; to be called once per control step."""
        if self._transforms is not None:
            found = self._transforms.newest()
            if found is not None:
                self._hand_on(*found, None)

    def _on_odometry(self, message: Odometry) -> None:
        if not self._in_frame(message.header.frame_id, self._odom, "odometry"):
            return
        if message.child_frame_id and not self._in_frame(message.child_frame_id, self._base, "odometry of"):
            return
        assert self._localiser is not None
        stamp = seconds(message.header.stamp)
        pose = self._localiser.odometry(stamp, conversions.pose_from_message(message.pose.pose))
        if pose is not None:
            self._hand_on(stamp, pose, conversions.velocity_from_message(message.twist.twist))

    def _seek_latched(self) -> None:
        if is_latched(self._node, self._topic):
            hear_latched(self._node, self._type, self._topic, self._on_pose)
            self._stop_seeking()

    def _stop_seeking(self) -> None:
        if self._seeker is not None:
            self._seeker.cancel()
            self._seeker = None

    def _on_pose(self, message: Any) -> None:
        if not self._in_frame(message.header.frame_id, self._map, "a pose"):
            return
        given = message.pose.pose if isinstance(message, PoseWithCovarianceStamped) else message.pose
        stamp, pose = seconds(message.header.stamp), conversions.pose_from_message(given)
        if self._localiser is None:
            self._hand_on(stamp, pose, None)
        else:
            self._stop_seeking()
            self._localiser.correct(stamp, pose)

    def _in_frame(self, frame: str, expected: str, what: str) -> bool:
        if frame == expected:
            return True
        self._node.get_logger().error(
            f"refused: {what} in frame {frame[:80]!r}, expected {expected!r}", throttle_duration_sec=_THROTTLE
        )
        return False

    def _hand_on(self, stamp: float, pose: Pose, measured: Velocity | None) -> None:
        delay = self._clock.ros() - stamp if stamp > 0.0 else math.inf  # a stamp of zero tells nothing
        self._on_fix(Fix(pose, self._clock.now(), delay, measured))


class _Transforms:
    """Looks up transforms from the map to the base, where tf2_ros is installed."""

    def __init__(self, node: Node, map_frame: str, base_frame: str) -> None:
        try:
            import tf2_ros
            from rclpy.time import Time
        except ImportError:
            raise AltmarlError("pose.source is 'tf', but the package tf2_ros is not installed") from None
        self._frames, self._latest = (map_frame, base_frame), Time()
        self._error = tf2_ros.TransformException
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)
        self._stamp = 0.0

    def newest(self) -> tuple[float, Pose] | None:
        """Return stamp [s] and pose of the newest transform; None while there is no newer one."""
        try:
            found = self._buffer.lookup_transform(*self._frames, self._latest)
        except self._error:
            return None
        stamp = seconds(found.header.stamp)
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        return stamp, conversions.pose_from_transform(found.transform)
