"""Writes the messages of a fleet into a bag, byte for byte."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message

from altmarl_ros.msg import (
    CoordinatorStatus,
    DriveState,
    FleetConfiguration,
    FleetTick,
    FleetTruth,
    FloorTruth,
    GlobalAction,
    GlobalState,
    LocalPolicy,
    RobotHello,
    RobotReport,
)
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.tools.drive_topics import DriveTopics
from altmarl_ros.records.bag import BagWriter, Topic
from altmarl_ros.records.bag_storage import BagError
from altmarl_ros.records.message_definitions import message_definition, type_hash

_DEPTH = 10_000  # messages that wait while the recorder is slow
_FLUSH_PERIOD = 0.5  # s between two looks whether to write to the disk
_LOOK_PERIOD = 1.0  # s between two looks at which robots drive
_ACTED = slice(12, 28)  # of a DriveState in CDR, behind its header and stamp: robot, session, tick, s_l and a_l

TOPICS = {
    "tick": (FleetTick, qos.tick_qos(), qos.report_qos(_DEPTH)),
    "report": (RobotReport, qos.report_qos(), qos.report_qos(_DEPTH)),
    "hello": (RobotHello, qos.latched_qos(), qos.latched_from_many_qos()),
    "policy": (LocalPolicy, qos.policy_qos(), qos.latched_from_many_qos()),
    "configuration": (FleetConfiguration, qos.account_qos(), qos.latched_from_many_qos()),
    "status": (CoordinatorStatus, qos.account_qos(), qos.latched_from_many_qos()),
    "global_action": (GlobalAction, qos.plant_action_qos(), qos.command_qos()),
    "global_state": (GlobalState, qos.report_qos(), qos.report_qos(_DEPTH)),
    "truth": (FleetTruth, qos.account_qos(), qos.latched_from_many_qos()),
}
"""Topics below the fleet's prefix: message type, quality of service of their publishers, and of the recorder's subscription."""

WORLD_TOPICS = {"floor": (FloorTruth, qos.account_qos(), qos.latched_from_many_qos())}
"""Topics below a simulated world's prefix, as in TOPICS."""


def type_name(message_type: Any) -> str:
    """Return the name of a message type, such as `altmarl_ros/msg/FleetTick`."""
    return f"{message_type.__module__.split('.')[0]}/msg/{message_type.__name__}"


class Recorder(GuardedNode):
    """Records the topics of TOPICS and WORLD_TOPICS, and what each robot that drives says of how it acts.

    Robots that drive tell more often than they act: of each robot and tick the first message is kept.

    Subscriptions: <fleet_prefix>/tick, report, hello, policy, configuration, status, global_action, global_state, truth;
    <world_prefix>/floor; the drive topics of the fleet's robots, such as /robot_1/robot/drive.

    Attributes:
        failure: why nothing can be written any more; None while all is well.
    """

    def __init__(self, writer: BagWriter, fleet_prefix: str = "/fleet", world_prefix: str = "/world") -> None:
        super().__init__("recorder", start_parameter_services=False)
        self._writer = writer
        self._drives = DriveTopics(self)
        self._acted: dict[str, bytes] = {}  # the last of each drive topic
        self.failure: BagError | None = None
        topics = {f"{fleet_prefix}/{suffix}": topic for suffix, topic in TOPICS.items()}
        topics |= {f"{world_prefix}/{suffix}": topic for suffix, topic in WORLD_TOPICS.items()}
        hellos = f"{fleet_prefix}/hello"
        for name, (message_type, offered, asked) in topics.items():
            self._add_topic(name, message_type, offered)
            hear = self._on_hello if name == hellos else self._on_message
            self.create_subscription(message_type, name, partial(hear, name), asked, raw=True)
        self.create_timer(_FLUSH_PERIOD, self._flush)
        self.create_timer(_LOOK_PERIOD, self._look)

    def _add_topic(self, name: str, message_type: Any, offered: QoSProfile) -> None:
        of_type = type_name(message_type)
        self._writer.add_topic(Topic(name, of_type, message_definition(of_type), type_hash(of_type), qos_entry(offered)))

    def _look(self) -> None:
        """Record the drive topics that have appeared."""
        try:
            for name in self._drives.appeared() if self.failure is None else ():
                self._add_topic(name, DriveState, qos.latched_qos())
                hear = partial(self._on_drive, name)
                self.create_subscription(DriveState, name, hear, qos.latched_from_many_qos(), raw=True)
        except BagError as error:
            self.failure = error

    def _on_drive(self, topic: str, data: bytes, info: Any) -> None:
        acted = data[_ACTED]
        if self._acted.get(topic) != acted:
            self._acted[topic] = acted
            self._on_message(topic, data, info)

    def _on_hello(self, topic: str, data: bytes, info: Any) -> None:
        self._on_message(topic, data, info)
        self._drives.hear(deserialize_message(data, RobotHello))

    def _on_message(self, topic: str, data: bytes, info: Any) -> None:
        if self.failure is None:
            received = info["received_timestamp"] or time.time_ns()
            try:
                self._writer.write(topic, data, received, info["source_timestamp"] or received)
            except BagError as error:
                self.failure = error

    @property
    def messages(self) -> int:
        """Number of messages that were written."""
        return self._writer.messages

    def finish(self) -> None:
        """Complete the bag."""
        try:
            self._writer.close()
        except BagError as error:
            self.failure = self.failure or error

    def _flush(self) -> None:
        if self.failure is None:
            try:
                self._writer.flush_if_due()
            except BagError as error:
                self.failure = error


def qos_entry(profile: QoSProfile) -> dict[str, Any]:
    """Convert a quality of service into the form of rosbag2's metadata."""

    def period(duration: Any) -> dict[str, int]:
        return dict(zip(("sec", "nsec"), divmod(duration.nanoseconds, 10**9), strict=True))

    return {
        "history": profile.history.name.lower(),
        "depth": profile.depth,
        "reliability": profile.reliability.name.lower(),
        "durability": profile.durability.name.lower(),
        "deadline": period(profile.deadline),
        "lifespan": period(profile.lifespan),
        "liveliness": profile.liveliness.name.lower(),
        "liveliness_lease_duration": period(profile.liveliness_lease_duration),
        "avoid_ros_namespace_conventions": profile.avoid_ros_namespace_conventions,
    }
