"""Quality of service of every topic, in one place (see the table in the README)."""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

_BURST = 1000
_RECENT = 200


def tick_qos(period: float | None = None, lease: float | None = None) -> QoSProfile:
    """Broadcast of the newest tick; the publisher gives its period [s] and a stale tick expires.

    `lease`: silence of a publisher's process after which it counts as gone [s]. A reader gets nothing from a publisher that
    offers a longer one than it asks for. The middleware keeps it up once for a process, not for each reader.
    """
    profile = QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )
    if period is not None:
        profile.lifespan = Duration(seconds=period)
        profile.deadline = Duration(seconds=2 * period)
    if lease is not None:
        profile.liveliness = LivelinessPolicy.AUTOMATIC
        profile.liveliness_lease_duration = Duration(seconds=lease)
    return profile


def report_qos(depth: int = 1) -> QoSProfile:
    """Reports: a lost one is cheaper than a late one; the coordinator keeps as many as it may ask for."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=max(1, depth),
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


def latched_qos(depth: int = 1) -> QoSProfile:
    """The last `depth` messages of a publisher, also for those who come later."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def policy_qos() -> QoSProfile:
    """The policy in force and the one that is announced, also for robots that come between the two."""
    return latched_qos(depth=2)


def latched_from_many_qos() -> QoSProfile:
    """Reader of a latched topic with one message from each of many publishers."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_ALL,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def account_qos() -> QoSProfile:
    """Status and truth: nothing may be lost, and an operator who joins late gets the recent past."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=_RECENT,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def plant_action_qos() -> QoSProfile:
    """Decisions for the global plant: none may be lost on the way, and none that is old may move a machine."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)


def command_qos() -> QoSProfile:
    """Commands: nothing may be lost, nobody needs the past."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=_BURST, reliability=ReliabilityPolicy.RELIABLE)


def diagnostics_qos() -> QoSProfile:
    """As the tools that read /diagnostics expect."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE)


def sensor_qos() -> QoSProfile:
    """Newest sensor data; a lost message is cheaper than a late one."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def velocity_qos() -> QoSProfile:
    """Velocities for a base: none may be lost, least of all the last, and an old one may not move it."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)


def simulated_qos() -> QoSProfile:
    """What a simulated driver offers, and /clock: every reader matches."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE)


def markers_qos() -> QoSProfile:
    """What is drawn of a fleet: whoever comes later gets the last picture whole."""
    return latched_qos()
