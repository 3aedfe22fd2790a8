"""The ROS topics of a link's flows: their names, types and quality of service."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Mapping

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.qos import QoSProfile
from std_msgs.msg import Bool, String

from altmarl_ros.msg import (
    BodyCommand,
    BodyState,
    CoordinatorStatus,
    DriveState,
    FleetConfiguration,
    FleetTick,
    FleetTruth,
    FloorTruth,
    LocalPolicy,
    RobotHello,
    RobotReport,
    TrainingProgress,
)
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.robot.emergency_stop import RELEASE_TOPIC, TOPIC

_DEPTH = 1000  # reports that wait while the link is slow

POLL = 0.02
"""Time between two looks at what the link's threads have left to do [s]."""

THROTTLE = 5.0
"""Time between two complaints about what others send [s]."""


@dataclass(frozen=True)
class LinkTopic:
    """One ROS topic.

    Attributes:
        name: full name.
        type: of its messages.
        offered: quality of service of a link's publisher, like that of the node whose messages it carries.
        asked: quality of service of a link's subscription.
    """

    name: str
    type: Any
    offered: QoSProfile
    asked: QoSProfile


def link_topics(values: Mapping[str, Any]) -> dict[str, LinkTopic]:
    """Return the topics by the names of their flows, for a link's parameters."""
    prefix, lease = values["fleet_prefix"], float(values["lease"])
    stop = LinkTopic(f"{prefix}/{TOPIC}", Bool, qos.latched_qos(), qos.sensor_qos())
    diagnostics = LinkTopic("/diagnostics", DiagnosticArray, qos.diagnostics_qos(), qos.diagnostics_qos())
    several = qos.latched_from_many_qos()
    return {
        "tick": LinkTopic(f"{prefix}/tick", FleetTick, qos.tick_qos(lease=lease), qos.tick_qos(lease=lease)),
        "poll": LinkTopic(f"{prefix}/tick", FleetTick, qos.tick_qos(lease=lease), qos.tick_qos(lease=lease)),
        "policy": LinkTopic(f"{prefix}/policy", LocalPolicy, qos.policy_qos(), qos.policy_qos()),
        "configuration": LinkTopic(f"{prefix}/configuration", FleetConfiguration, qos.account_qos(), qos.latched_qos()),
        "emergency_stop": stop,
        "press": stop,
        "second_word": LinkTopic(f"{prefix}/{RELEASE_TOPIC}", String, qos.report_qos(), qos.report_qos()),
        "report": LinkTopic(f"{prefix}/report", RobotReport, qos.report_qos(), qos.report_qos(_DEPTH)),
        "hello": LinkTopic(f"{prefix}/hello", RobotHello, qos.latched_qos(), several),
        "robot_hello": LinkTopic(f"{prefix}/hello", RobotHello, qos.latched_qos(), several),
        "progress": LinkTopic("/trainer/progress", TrainingProgress, qos.latched_qos(), qos.latched_qos()),
        "floor": LinkTopic(f"{values['world_prefix']}/floor", FloorTruth, qos.account_qos(), qos.account_qos()),
        "status": LinkTopic(f"{prefix}/status", CoordinatorStatus, qos.account_qos(), qos.account_qos()),
        "diagnostics": diagnostics,
        "health": diagnostics,
        "drive": LinkTopic(values["drive_topic"], DriveState, qos.latched_qos(), qos.latched_qos()),
        "truth": LinkTopic(f"{prefix}/truth", FleetTruth, qos.account_qos(), qos.account_qos()),
        "command": LinkTopic(f"{values['world_prefix']}/command", BodyCommand, qos.command_qos(), qos.command_qos()),
        "body": LinkTopic("", BodyState, qos.command_qos(), qos.command_qos()),  # which commands name
    }


def state_topic(topics: Mapping[str, LinkTopic], name: str) -> LinkTopic:
    """Return the topic of a state by its name, which may be that of the policy of a type of robots, as `policy/type_0`."""
    if name in topics:
        return topics[name]
    policy = topics["policy"]
    return replace(policy, name=policy.name + name[len("policy") :])


def real_time() -> Clock:
    """Return the clock of a link's timers: a network takes the same time in every simulated one."""
    return Clock(clock_type=ClockType.STEADY_TIME)
