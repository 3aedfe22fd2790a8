"""Where one frame is in another, from /tf and /tf_static: by tf2's buffer where it is installed, else by our own.

Both names are absolute, as everywhere in ROS; a robot whose drivers publish on `/robot_1/tf` remaps `/tf` to `tf` and
`/tf_static` to `tf_static` in its namespace.
"""

from __future__ import annotations

import math
from functools import partial
from importlib.util import find_spec
from typing import Any, Mapping, Protocol

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from altmarl_ros.driving.transforms import HISTORY, MOST_FRAMES, StampedTransform, TransformBuffer, TransformError
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.clock import seconds
from altmarl_ros.nodes.robot import conversions as vehicle_conversions
from altmarl_ros.nodes.robot.parameters import MOUNT_SOURCE

TYPE = "tf2_msgs/msg/TFMessage"
"""What both topics carry."""

TOPICS = ("/tf", "/tf_static")

_DEPTH = 100
_TOLD = 3  # frames that a text names
_THROTTLE = 5.0  # s


class Buffer(Protocol):
    """Collects transforms and answers where a frame is."""

    @property
    def frames(self) -> list[str]:
        """All frames that are known."""
        ...

    def add(self, message: Any, *, static: bool) -> None:
        """Take a geometry_msgs/TransformStamped; `static`: it holds at all times.

        Raises:
            TransformError: it is no transform between two frames.
        """
        ...

    def newest(self, target: str, source: str) -> StampedTransform:
        """Where the frame `source` is in `target`, at the newest time that all links between them know.

        Raises:
            TransformError: it is not known, with the reason.
        """
        ...


class OwnBuffer:
    """See Buffer; our own, which needs no package but the messages."""

    def __init__(self) -> None:
        self._buffer = TransformBuffer()

    @property
    def frames(self) -> list[str]:
        """See Buffer."""
        return self._buffer.frames

    def add(self, message: Any, *, static: bool) -> None:
        """See Buffer."""
        stamp, transform = seconds(message.header.stamp), vehicle_conversions.transform_from_message(message.transform)
        self._buffer.add(message.header.frame_id, message.child_frame_id, stamp, transform, static=static)

    def newest(self, target: str, source: str) -> StampedTransform:
        """See Buffer."""
        try:
            return self._buffer.newest(target, source)
        except TransformError as error:
            frames = self._buffer.frames
            heard = ", ".join(frames[:_TOLD]) + (f" and {len(frames) - _TOLD} others" if len(frames) > _TOLD else "")
            raise TransformError(f"{error}; frames that were heard: {heard or 'none'}") from None


class Tf2Buffer:
    """See Buffer; tf2's."""

    def __init__(self) -> None:
        """Raises ImportError where tf2_ros is not installed."""
        import tf2_ros
        from rclpy.time import Time

        self._buffer, self._error, self._latest = tf2_ros.Buffer(), tf2_ros.TransformException, Time()
        self._newest = -math.inf
        self._frames: set[str] = set()

    @property
    def frames(self) -> list[str]:
        """See Buffer."""
        return sorted(self._frames)

    def add(self, message: Any, *, static: bool) -> None:
        """See Buffer; tf2 itself refuses and logs what is no transform."""
        if len(self._frames) < MOST_FRAMES:
            self._frames |= {message.header.frame_id, message.child_frame_id}
        if static:
            self._buffer.set_transform_static(message, "tf_static")
            return
        stamp = seconds(message.header.stamp)
        if stamp < self._newest - HISTORY:  # tf2 would refuse all that a clock says that went back
            self._buffer.clear()
            self._newest = -math.inf
        self._newest = max(self._newest, stamp)
        self._buffer.set_transform(message, "tf")

    def newest(self, target: str, source: str) -> StampedTransform:
        """See Buffer."""
        try:
            found = self._buffer.lookup_transform(target, source, self._latest)
        except self._error as error:
            raise TransformError(str(error)) from None
        stamp = seconds(found.header.stamp)  # 0 where all links are static
        return StampedTransform(stamp or math.inf, vehicle_conversions.transform_from_message(found.transform))


class TransformListener:
    """Hears the transforms of two topics, the moving and the static ones.

    Attributes:
        topic: of the moving ones.
        static_topic: of the static ones.
    """

    def __init__(
        self, node: Node, topics: tuple[str, str] = TOPICS, buffer: Buffer | None = None, *, moving: bool = True
    ) -> None:
        """Subscribe.

        Args:
            node: that hears them.
            topics: of the moving and of the static transforms.
            buffer: to use; None: tf2's where it is installed, else our own.
            moving: whether the moving transforms are wanted.

        Raises:
            AltmarlError: the package tf2_msgs is not installed.
        """
        try:
            from tf2_msgs.msg import TFMessage
        except ImportError:
            raise AltmarlError(
                "pose.source is 'tf', but the package tf2_msgs is not installed: source the ROS installation that has it, "
                "or set pose.source to 'pose_with_covariance' or another topic's"
            ) from None
        self._node, self._buffer = node, buffer or make_buffer()
        self.topic, self.static_topic = topics
        for topic, static in list(zip(topics, (False, True), strict=True))[not moving :]:
            node.create_subscription(TFMessage, topic, partial(self._hear, static=static), tf_qos(static=static))

    @property
    def frames(self) -> list[str]:
        """See Buffer."""
        return self._buffer.frames

    def newest(self, target: str, source: str) -> StampedTransform:
        """See Buffer."""
        return self._buffer.newest(target, source)

    def _hear(self, message: Any, *, static: bool) -> None:
        for transform in message.transforms:
            try:
                self._buffer.add(transform, static=static)
            except TransformError as error:
                self._node.get_logger().warning(f"refused: {error}", throttle_duration_sec=_THROTTLE)


def listen_for(node: Node, values: Mapping[str, Any]) -> TransformListener | None:
    """Return the listener that robots with these parameters need; None: they need none, or only for a place that is known.

    Raises:
        AltmarlError: their poses come from TF, and the package tf2_msgs is not installed.
    """
    if values["pose.source"] == "tf":
        return TransformListener(node)
    if not values["scan.topic"] or values[MOUNT_SOURCE] != "auto" or find_spec("tf2_msgs") is None:
        return None
    return TransformListener(node, moving=False)


def make_buffer() -> Buffer:
    """tf2's buffer where it is installed, else our own."""
    try:
        return Tf2Buffer()
    except ImportError:
        return OwnBuffer()


def tf_qos(*, static: bool) -> QoSProfile:
    """Quality of service of /tf and /tf_static, as tf2 has it."""
    durability = DurabilityPolicy.TRANSIENT_LOCAL if static else DurabilityPolicy.VOLATILE
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=_DEPTH, reliability=ReliabilityPolicy.RELIABLE, durability=durability
    )
