"""Receives a robot's pose from odometry, from a localisation on a topic, or from TF (REP-105).

A pose in another frame than the parameters name is refused, and the refusal says what to set (`driving.frame_names`); the
robot then stops for want of a fresh one.
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
from altmarl_ros.driving.frame_names import odometry_refusal, pose_refusal, transform_remedy
from altmarl_ros.driving.localisation import Localiser
from altmarl_ros.driving.robot_topics import Fault
from altmarl_ros.driving.transforms import TransformError
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock, seconds
from altmarl_ros.nodes.common.endpoints import Endpoints, is_latched, subscribe_latched
from altmarl_ros.nodes.robot import conversions
from altmarl_ros.nodes.robot.parameters import frame_names, pose_of
from altmarl_ros.nodes.robot.transform_listener import TransformListener

_THROTTLE = 5.0  # s
_SEEK = 0.2  # s
_PATIENCE = 2.0  # s without a transform, before it is said


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

    Attributes:
        refused: what is wrong with the newest pose, odometry or transform, by purpose; none: it is accepted.

    Subscriptions by `pose.source`: odom (nav_msgs/msg/Odometry), pose (geometry_msgs/msg/PoseStamped or
    PoseWithCovarianceStamped), or TF; and `pose.odometry` (nav_msgs/msg/Odometry).
    """

    def __init__(
        self,
        node: Node,
        make: Endpoints,
        values: Mapping[str, Any],
        clock: AgeClock,
        on_fix: Callable[[Fix], None],
        *,
        transforms: TransformListener | None = None,
    ) -> None:
        """Subscribe; `transforms` is where poses are looked up if TF is wanted, by default those of /tf, as remapped.

        Raises:
            AltmarlError: TF is wanted, and its messages are not installed.
        """
        self._node, self._clock, self._on_fix = node, clock, on_fix
        self._names = frame_names(values)
        source, topic = values["pose.source"], values["pose.topic"]
        odometry = values["pose.odometry"]
        self._odometry_purpose = "pose" if source == "odometry" else "odometry"
        self._transforms: TransformListener | None = None
        self._transform_stamp, self._transform_at = math.nan, clock.now()  # of the last transform that was handed on
        self.refused: dict[str, Fault] = {}
        self._localiser: Localiser | None = None
        self._seeker: Timer | None = None  # of a latched pose, since AMCL is silent while the robot stands
        if source == "odometry":
            self._localiser = Localiser(pose_of(values, "pose.start"))
            make.subscription(Odometry, topic or "odom", self._on_odometry, qos.sensor_qos())
        elif source == "tf":
            self._transforms = transforms or TransformListener(node)
        else:
            message_type = PoseStamped if source == "pose" else PoseWithCovarianceStamped
            make.subscription(message_type, topic or "pose", self._on_pose, qos.sensor_qos())
            if odometry:
                self._localiser = Localiser()
                self._topic, self._type = node.resolve_topic_name(topic or "pose"), message_type
                self._seeker = node.create_timer(_SEEK, self._seek_latched, clock=Clock(clock_type=ClockType.STEADY_TIME))
                make.subscription(Odometry, odometry, self._on_odometry, qos.sensor_qos())

    @property
    def transforms_topic(self) -> str:
        """Topic of the moving transforms; empty: none are wanted."""
        return self._transforms.topic if self._transforms is not None else ""

    def poll(self) -> None:
        """Look up the pose where none is sent, in TF; to be called once per control step."""
        if self._transforms is None:
            return
        try:
            found = self._transforms.newest(self._names.map, self._names.full_base)
        except TransformError as error:
            self._complain(str(error))
            return
        if math.isinf(found.stamp):
            self._complain("all transforms on the way are static, so that nothing says how old they are")
            return
        self.refused.pop("pose", None)
        if found.stamp != self._transform_stamp:
            self._transform_stamp, self._transform_at = found.stamp, self._clock.now()
            self._hand_on(found.stamp, conversions.pose_from_transform(found.transform), None)

    def _complain(self, why: str) -> None:
        assert self._transforms is not None
        names = self._names
        way = f"no transform from frames.map {names.map!r} to frames.base {names.full_base!r} (with frame_prefix)"
        remedy = transform_remedy(names, self._transforms.frames) or self._look_elsewhere()
        self.refused["pose"] = Fault(f"{way}: {why}", remedy)
        if not 0.0 <= self._clock.now() - self._transform_at <= _PATIENCE:
            self._node.get_logger().warning(str(self.refused["pose"]), throttle_duration_sec=_THROTTLE)

    def _look_elsewhere(self) -> str:
        """Return what to do where the transforms that are heard do not help."""
        assert self._transforms is not None
        if not self._transforms.frames and self._node.count_publishers(f"{self._node.get_namespace().rstrip('/')}/tf"):
            return "remap /tf to tf and /tf_static to tf_static, where this robot's transforms come"
        return "start what publishes it, or set frames.map, frames.base and frame_prefix to frames that there are"

    def _on_odometry(self, message: Odometry) -> None:
        refusal = odometry_refusal(self._names, message.header.frame_id, message.child_frame_id)
        if not self._accepts(self._odometry_purpose, refusal):
            return
        assert self._localiser is not None
        stamp = seconds(message.header.stamp)
        pose = self._localiser.odometry(stamp, conversions.pose_from_message(message.pose.pose))
        if pose is not None:
            self._hand_on(stamp, pose, conversions.velocity_from_message(message.twist.twist))

    def _seek_latched(self) -> None:
        if is_latched(self._node, self._topic):
            subscribe_latched(self._node, self._type, self._topic, self._on_pose)
            self._stop_seeking()

    def _stop_seeking(self) -> None:
        if self._seeker is not None:
            self._seeker.cancel()
            self._seeker = None

    def _on_pose(self, message: Any) -> None:
        if not self._accepts("pose", pose_refusal(self._names, message.header.frame_id)):
            return
        given = message.pose.pose if isinstance(message, PoseWithCovarianceStamped) else message.pose
        stamp, pose = seconds(message.header.stamp), conversions.pose_from_message(given)
        if self._localiser is None:
            self._hand_on(stamp, pose, None)
        else:
            self._stop_seeking()
            self._localiser.correct(stamp, pose)

    def _accepts(self, purpose: str, refusal: Fault | None) -> bool:
        if refusal is None:
            self.refused.pop(purpose, None)
            return True
        self.refused[purpose] = refusal
        self._node.get_logger().error(f"refused: {refusal}", throttle_duration_sec=_THROTTLE)
        return False

    def _hand_on(self, stamp: float, pose: Pose, measured: Velocity | None) -> None:
        delay = self._clock.ros() - stamp if stamp > 0.0 else math.inf  # a stamp of zero tells nothing
        self._on_fix(Fix(pose, self._clock.now(), delay, measured))
