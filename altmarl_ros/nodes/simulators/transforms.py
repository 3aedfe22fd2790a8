"""Publishes the frames of simulated robots on /tf and /tf_static, and their description, as a robot's own drivers do.

    map -> <robot>/odom -> <robot>/base_link     with every odometry, /tf; the first as localisation has it, where it is wanted
    <robot>/base_link -> <robot>/laser           once, /tf_static

The description is latched on <robot>/robot_description (std_msgs/msg/String). Its links have no prefix; RViz and
robot_state_publisher take one.
"""

from __future__ import annotations

from math import cos, sin
from typing import Any, Sequence

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from std_msgs.msg import String

from altmarl_ros.driving import Pose
from altmarl_ros.driving.localisation import compose, inverse
from altmarl_ros.nodes.common.qos import latched_qos
from altmarl_ros.nodes.robot.transform_listener import TOPICS, tf_qos
from altmarl_ros.nodes.simulators.sensor_topics import to_time
from altmarl_ros.simulation.physical.config import LaserConfig


class Transforms:
    """Publishes transforms, of all robots in one message."""

    def __init__(self, node: Node, frames: Sequence[str], laser: LaserConfig, *, localised: bool) -> None:
        """Publish the static ones.

        Args:
            node: that publishes.
            frames: prefix of each robot's frames, such as robot_3.
            laser: where it is mounted.
            localised: whether map -> odom is published; else a SLAM or localisation does.

        Raises:
            ImportError: tf2_msgs is not installed.
        """
        from tf2_msgs.msg import TFMessage

        self._message, self._frames, self._localised = TFMessage, tuple(frames), localised
        self._odometry: dict[int, Sequence[float]] = {}
        self._pending: list[Any] = []
        self._moving = node.create_publisher(TFMessage, TOPICS[0], tf_qos(static=False))
        self._static = node.create_publisher(TFMessage, TOPICS[1], tf_qos(static=True))
        if laser.rate > 0.0:
            mount = (laser.x, laser.y, laser.yaw)
            links = [_link(f"{frame}/base_link", f"{frame}/laser", 0.0, mount, laser.z) for frame in frames]
            self._static.publish(TFMessage(transforms=links))

    def odometry(self, robot: int, stamp: float, pose: Sequence[float]) -> None:
        """Take a pose of base_link in odom [m, m, rad] at a time [s]."""
        self._odometry[robot] = pose
        frame = self._frames[robot]
        self._pending.append(_link(f"{frame}/odom", f"{frame}/base_link", stamp, pose))

    def localisation(self, robot: int, stamp: float, pose: Sequence[float]) -> None:
        """Take a pose of base_link in map [m, m, rad] at a time [s]."""
        if self._localised and robot in self._odometry:
            origin = compose(Pose(*pose), inverse(Pose(*self._odometry[robot])))
            self._pending.append(_link("map", f"{self._frames[robot]}/odom", stamp, (origin.x, origin.y, origin.yaw)))

    def publish(self) -> None:
        """Publish what was taken."""
        if self._pending:
            self._moving.publish(self._message(transforms=self._pending))
            self._pending = []


def publish_descriptions(node: Node, namespaces: Sequence[str], description: str) -> None:
    """Latch the URDF description of every robot."""
    for namespace in namespaces:
        node.create_publisher(String, f"{namespace}/robot_description", latched_qos()).publish(String(data=description))


def _link(parent: str, child: str, stamp: float, pose: Sequence[float], z: float = 0.0) -> Any:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id, message.header.stamp = parent, to_time(stamp)
    place, turn = message.transform.translation, message.transform.rotation
    place.x, place.y, place.z = float(pose[0]), float(pose[1]), z
    turn.z, turn.w = sin(0.5 * pose[2]), cos(0.5 * pose[2])
    return message
