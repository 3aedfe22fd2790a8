"""Listens to what one robot senses, wherever its topics were remapped to, and judges it by the robot's own code."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from itertools import pairwise
from typing import Any, Mapping

from rclpy.node import Node

from altmarl_ros.driving.governor_types import GovernorSettings, Reason
from altmarl_ros.driving.protective_field import nearest
from altmarl_ros.driving.robot_topics import TWIST, TWIST_STAMPED, Fault, Stream
from altmarl_ros.driving.sensor_health import POSE_REASONS, SCAN_REASONS, lasting, sensor_reasons
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock
from altmarl_ros.nodes.common.endpoints import Endpoints, is_latched, subscribe_latched
from altmarl_ros.nodes.robot.parameters import drive_settings
from altmarl_ros.nodes.robot.pose_source import Fix
from altmarl_ros.nodes.robot.sensors import Sensors, sensor_types
from altmarl_ros.nodes.robot.topic_observation import observe_stream, type_name
from altmarl_ros.nodes.robot.transform_listener import TYPE as TRANSFORMS
from altmarl_ros.nodes.robot.transform_listener import TransformListener
from altmarl_ros.nodes.tools.heard import Heard

_PARAMETERS = {"pose": "pose.topic", "odometry": "pose.odometry", "scan": "scan.topic"}


def types_read(values: Mapping[str, Any]) -> list[str]:
    """Return the message types of what a robot with these parameters senses by."""
    types = [type_name(message_type) for message_type in sensor_types(values).values()]
    return [*types, TRANSFORMS] if values["pose.source"] == "tf" else types


def topics_read(node: Node, namespace: str, wanted: str) -> list[str]:
    """Return the topics of a type that the robot in a namespace subscribes to, wherever they were remapped to."""
    read = node.get_subscriber_names_and_types_by_node("robot", namespace)
    return [str(topic) for topic, types in read if wanted in types]


class SensorProbe:
    """Hears what one robot senses, from outside.

    Subscriptions: the robot's pose, odometry and scan topics, or its transforms.

    Attributes:
        fixes: the poses that came.
    """

    def __init__(self, node: Node, namespace: str, values: Mapping[str, Any]) -> None:
        """Subscribe; `values` are the parameters of the robot in `namespace`."""
        self._node, self._namespace, self._values = node, namespace, values
        self.fixes: list[Fix] = []
        self._heard: dict[str, Heard] = {}
        self._absent: dict[str, Stream] = {}  # topics that the robot should subscribe to, and does not
        self._judged: list[list[Reason]] = []
        located, types = dict(values), sensor_types(values)
        for purpose, message_type in types.items():
            topic = self._topic(type_name(message_type))
            located[_PARAMETERS[purpose]] = topic
            if not topic:
                self._absent[purpose] = self._unread(type_name(message_type))
                continue
            heard = self._heard[purpose] = Heard(node)
            node.create_subscription(message_type, topic, heard.take, qos.sensor_qos())
            if purpose == "pose" and "odometry" in types and is_latched(node, topic):
                subscribe_latched(node, message_type, topic, heard.take)
        transforms = self._transforms()
        if values["pose.source"] == "tf" and transforms is None:
            self._absent["pose"] = self._unread(TRANSFORMS)
        self._clock, self._settings = AgeClock(node), _settings(values)
        self._sensors: Sensors | None = None
        if not self._absent:
            make = Endpoints(node, overridable=False)
            self._sensors = Sensors(node, make, located, self._clock, self.fixes.append, transforms=transforms)

    @property
    def nearest(self) -> float:
        """Distance of the nearest obstacle from the centre of the base [m]; infinite: none is seen."""
        scan = self._sensors.scan if self._sensors is not None else None
        return nearest(scan.points) if scan is not None else math.inf

    @property
    def laser_source(self) -> str:
        """From where the laser's place on the base is known, in words."""
        return self._sensors.laser_source if self._sensors is not None else "scan.mount"

    @property
    def reasons(self) -> frozenset[Reason]:
        """What the robot's own code finds missing of what is received here."""
        return POSE_REASONS | SCAN_REASONS if self._absent else lasting(self._judged)

    def judge(self) -> None:
        """Judge what was received until now; to be called about as often as the robot judges."""
        if self._sensors is not None and self._settings is not None:
            self._sensors.poll()
            self._judged.append(sensor_reasons(self._clock.now(), self._sensors.inputs(), self._settings))

    def streams(self) -> dict[str, Stream]:
        """Return what was seen of the robot's topics, and received on them, by purpose."""
        seen = dict(self._absent)
        for purpose, stream in (self._sensors.streams(self._namespace) if self._sensors is not None else {}).items():
            heard = self._heard.get(purpose)
            arrivals = heard.arrivals if heard is not None else [fix.arrived for fix in self.fixes]
            ages = heard.ages if heard is not None else [fix.delay for fix in self.fixes]
            seen[purpose] = replace(
                stream,
                messages=len(arrivals),
                intervals=tuple(later - earlier for earlier, later in pairwise(arrivals)),
                age=statistics.median(ages) if ages else math.nan,
            )
        if self._values["drive.kind"] == "nav2":
            wanted = TWIST_STAMPED if self._values["drive.stamped"] else TWIST
            topic = self._topic(wanted)
            observed = observe_stream(self._node, topic, wanted, self._namespace, "")
            seen["velocity"] = observed if topic else self._unread(wanted)
        return seen

    def _topic(self, wanted: str) -> str:
        return next(iter(topics_read(self._node, self._namespace, wanted)), "")

    def _unread(self, wanted: str) -> Stream:
        fault = Fault(f"{self._namespace}/robot subscribes to no {wanted}", "configure it")
        return Stream(f"(no {wanted})", wanted, ("nobody",), frozenset({wanted}), refused=fault)

    def _transforms(self) -> TransformListener | None:
        """Return a listener to the transforms that the robot subscribes to; None: it subscribes to none."""
        topics = topics_read(self._node, self._namespace, TRANSFORMS)
        static = [topic for topic in topics if topic.endswith("_static")]
        moving = [topic for topic in topics if topic not in static]
        wanted = self._values["pose.source"] == "tf"
        if not static or (wanted and not moving):
            return None
        return TransformListener(self._node, ((moving or [""])[0], static[0]), moving=wanted)


def _settings(values: Mapping[str, Any]) -> GovernorSettings | None:
    try:
        return drive_settings(values).governor
    except AltmarlError:
        return None
