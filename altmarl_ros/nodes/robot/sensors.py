"""Receives what one robot senses, and observes the topics: for the robot, and for `altmarl check`, which judges by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Mapping

from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import LaserScan

from altmarl_ros.driving.freshness import NEVER
from altmarl_ros.driving.governor_types import Inputs
from altmarl_ros.driving.robot_topics import Stream
from altmarl_ros.driving.scan import Scan
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock, seconds
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.robot import conversions
from altmarl_ros.nodes.robot.laser_place import LaserPlace
from altmarl_ros.nodes.robot.pose_source import Fix, PoseSource
from altmarl_ros.nodes.robot.topic_observation import observe_stream, type_name
from altmarl_ros.nodes.robot.transform_listener import TYPE as TRANSFORMS
from altmarl_ros.nodes.robot.transform_listener import TransformListener

_POSES = {"odometry": Odometry, "pose": PoseStamped, "pose_with_covariance": PoseWithCovarianceStamped}


def sensor_types(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message types of the topics that a robot senses by, by purpose: pose, odometry, scan; TF is none of them."""
    source = values["pose.source"]
    types: dict[str, Any] = {"pose": _POSES[source]} if source in _POSES else {}
    if source in ("pose", "pose_with_covariance") and values["pose.odometry"]:
        types["odometry"] = Odometry
    if values["scan.topic"]:
        types["scan"] = LaserScan
    return types


class Sensors:
    """Receives what one robot senses.

    Subscriptions: those of its `PoseSource`, and `scan.topic` (sensor_msgs/msg/LaserScan).

    Attributes:
        fix: the newest pose, or None.
        scan: the newest laser scan, or None.
        scan_arrived: when it arrived, by the clock of ages [s].
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
        """Subscribe; `transforms` are those of the robot, if it listens to any; `on_fix` is called with every pose.

        Raises:
            AltmarlError: TF is wanted, and its messages are not installed.
        """
        self._node, self._clock, self._on_fix, self._values = node, clock, on_fix, values
        self.fix: Fix | None = None
        self.scan: Scan | None = None
        self.scan_arrived = NEVER
        self._source = PoseSource(node, make, values, clock, self._receive_fix, transforms=transforms)
        self._laser = LaserPlace(node, values, transforms)
        if values["scan.topic"]:
            make.subscription(LaserScan, values["scan.topic"], self._receive_scan, qos.sensor_qos())

    @property
    def laser_source(self) -> str:
        """From where the laser's place on the base is known, in words."""
        return self._laser.source

    def poll(self) -> None:
        """Look up what is not sent; to be called once per control step, before the time is taken."""
        self._source.poll()

    def inputs(self, **others: Any) -> Inputs:
        """Return what the governor knows of the sensors, beside the inputs given by name."""
        fix = self.fix
        return Inputs(
            pose=fix.pose if fix else None,
            pose_arrived=fix.arrived if fix else NEVER,
            pose_delay=fix.delay if fix else 0.0,
            measured=fix.measured if fix else None,
            scan=self.scan,
            scan_arrived=self.scan_arrived,
            **others,
        )

    def streams(self, namespace: str) -> dict[str, Stream]:
        """Return who publishes what the robot of a namespace senses by, and what was refused of it, by purpose."""
        values, node = self._values, self._node
        names = {"pose": (values["pose.topic"] or ("odom" if values["pose.source"] == "odometry" else "pose"), "pose.topic")}
        names |= {"odometry": (values["pose.odometry"], "pose.odometry"), "scan": (values["scan.topic"], "scan.topic")}
        found = {}
        if values["pose.source"] == "tf":
            topic = node.resolve_topic_name(self._source.transforms_topic)
            found["pose"] = observe_stream(node, topic, TRANSFORMS, namespace, "")
        for purpose, message_type in sensor_types(values).items():
            name, parameter = names[purpose]
            found[purpose] = observe_stream(node, node.resolve_topic_name(name), type_name(message_type), namespace, parameter)
        return {purpose: replace(stream, refused=self._source.refused.get(purpose)) for purpose, stream in found.items()}

    def _receive_fix(self, fix: Fix) -> None:
        self.fix = fix
        self._on_fix(fix)

    def _receive_scan(self, message: LaserScan) -> None:
        mount = self._laser.mount(message.header.frame_id)
        if mount is None:
            return
        self.scan = conversions.scan_from_message(message, mount)
        stamp = seconds(message.header.stamp)
        delay = self._clock.ros() - stamp if stamp > 0.0 else 0.0  # some drivers stamp nothing
        self.scan_arrived = self._clock.now() - max(0.0, delay)
