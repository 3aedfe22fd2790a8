"""Writes what is said in a fleet into a bag, byte for byte."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from rclpy.qos import QoSProfile

from altmarl_ros.msg import (
    CoordinatorStatus,
    FleetConfiguration,
    FleetTick,
    FleetTruth,
    GlobalAction,
    GlobalState,
    LocalPolicy,
    RobotHello,
    RobotReport,
)
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.records.bag import BagWriter, Topic
from altmarl_ros.records.bag_storage import BagError
from altmarl_ros.records.message_definitions import message_definition, type_hash

_DEPTH = 10_000  # a recorder may be slow for a while
_FLUSH_POLL = 0.5  # s

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
"""Of each topic below the fleet's prefix: type, quality of service as offered, and as asked for by the recorder."""


def type_name(message_type: Any) -> str:
    """E.g. `altmarl_ros/msg/FleetTick`."""
    return f"{message_type.__module__.split('.')[0]}/msg/{message_type.__name__}"


class Recorder(GuardedNode):
    """Only listens. `failure` is why nothing can be written any more, None while all is well."""

    def __init__(self, writer: BagWriter, fleet_prefix: str = "/fleet") -> None:
        super().__init__("recorder", start_parameter_services=False)
        self._writer = writer
        self.failure: BagError | None = None
        for suffix, (message_type, offered, asked) in TOPICS.items():
            name, of_type = f"{fleet_prefix}/{suffix}", type_name(message_type)
            writer.add_topic(Topic(name, of_type, message_definition(of_type), type_hash(of_type), qos_entry(offered)))
            self.create_subscription(message_type, name, partial(self._hear, name), asked, raw=True)
        self.create_timer(_FLUSH_POLL, self._flush)

    def _hear(self, topic: str, data: bytes, info: Any) -> None:
        if self.failure is None:
            received = info["received_timestamp"] or time.time_ns()
            try:
                self._writer.write(topic, data, received, info["source_timestamp"] or received)
            except BagError as error:
                self.failure = error

    @property
    def messages(self) -> int:
        """How many were written."""
        return self._writer.messages

    def finish(self) -> None:
        """Make the bag whole."""
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
    """A profile as rosbag2's metadata has it."""

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
