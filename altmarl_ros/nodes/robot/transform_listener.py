"""Where one frame is in another, from /tf and /tf_static: by tf2's buffer where it is installed, else by our own.

Both names are absolute, as everywhere in ROS; a robot whose drivers publish on `/robot_1/tf` remaps `/tf` to `tf` and
`/tf_static` to `tf_static` in its namespace.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Protocol

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from altmarl_ros.driving.transforms import StampedTransform, TransformBuffer, TransformError
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.clock import seconds
from altmarl_ros.nodes.robot import conversions as vehicle_conversions

_DEPTH = 100
_TOLD = 3  # frames that a text names
_THROTTLE = 5.0  # s


class TransformListener(Protocol):
    """Hears transforms and answers where a frame is."""

    def newest(self, target: str, source: str) -> StampedTransform:
        """Where the frame `source` is in `target`, at the newest time that all links between them know.

        Raises:
            TransformError: it is not known, with the reason.
        """
        ...


def make_transform_listener(node: Node) -> TransformListener:
    """A listener on the topics /tf and /tf_static.

    Raises:
        AltmarlError: neither tf2_ros nor tf2_msgs is installed.
    """
    try:
        return Tf2Listener(node)
    except ImportError:
        pass
    try:
        return BufferListener(node)
    except ImportError:
        raise AltmarlError(
            "pose.source is 'tf', but neither tf2_ros nor tf2_msgs is installed (sudo apt install ros-$ROS_DISTRO-tf2-ros-py)"
        ) from None


class Tf2Listener:
    """See TransformListener; by tf2's buffer."""

    def __init__(self, node: Node) -> None:
        """Raises ImportError where tf2_ros is not installed."""
        import tf2_ros
        from rclpy.time import Time

        self._latest, self._error = Time(), tf2_ros.TransformException
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def newest(self, target: str, source: str) -> StampedTransform:
        """See TransformListener."""
        try:
            found = self._buffer.lookup_transform(target, source, self._latest)
        except self._error as error:
            raise TransformError(str(error)) from None
        stamp = seconds(found.header.stamp)  # 0 where all links are static
        return StampedTransform(stamp or math.inf, vehicle_conversions.transform_from_message(found.transform))


class BufferListener:
    """See TransformListener; by our own buffer, from messages alone."""

    def __init__(self, node: Node) -> None:
        """Raises ImportError where tf2_msgs is not installed."""
        from tf2_msgs.msg import TFMessage

        self._node, self._buffer = node, TransformBuffer()
        self._subscriptions = [
            node.create_subscription(TFMessage, topic, partial(self._hear, static=static), tf_qos(static=static))
            for topic, static in (("/tf", False), ("/tf_static", True))
        ]

    def newest(self, target: str, source: str) -> StampedTransform:
        """See TransformListener."""
        try:
            return self._buffer.newest(target, source)
        except TransformError as error:
            frames = self._buffer.frames
            heard = ", ".join(frames[:_TOLD]) + (f" and {len(frames) - _TOLD} others" if len(frames) > _TOLD else "")
            raise TransformError(f"{error}; heard on {self._topic}: {heard or 'nothing'}") from None

    @property
    def _topic(self) -> str:
        return str(self._subscriptions[0].topic_name)

    def _hear(self, message: Any, *, static: bool) -> None:
        for given in message.transforms:
            try:
                self._buffer.add(
                    given.header.frame_id,
                    given.child_frame_id,
                    seconds(given.header.stamp),
                    vehicle_conversions.transform_from_message(given.transform),
                    static=static,
                )
            except TransformError as error:
                self._node.get_logger().warning(f"refused on {self._topic}: {error}", throttle_duration_sec=_THROTTLE)


def tf_qos(*, static: bool) -> QoSProfile:
    """Quality of service of /tf and /tf_static, as tf2 has it."""
    durability = DurabilityPolicy.TRANSIENT_LOCAL if static else DurabilityPolicy.VOLATILE
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=_DEPTH, reliability=ReliabilityPolicy.RELIABLE, durability=durability
    )
