"""Quality of service of every topic, in one place (docs/reference/topics.md has the table)."""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

_BURST = 1000
_RECENT = 200


def tick_qos(period: float | None = None, lease: float | None = None) -> QoSProfile:
    """Ticks: a subscription gets the newest one only.

    Args:
        period: given by a publisher [s]; a tick expires after one, and silence for two is a missed deadline.
        lease: silence of a publisher's process after which it counts as gone [s]. A subscription gets nothing from a
            publisher that offers a longer one than it asks for. The middleware renews it once for a process, not once for
            each subscription.
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
    """Reports: a lost one costs less than a late one; the coordinator keeps as many as it may ask for."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=max(1, depth),
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


def latched_qos(depth: int = 1) -> QoSProfile:
    """A topic whose last `depth` messages a late subscription gets too."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def policy_qos() -> QoSProfile:
    """Policies: the one in force and the one that is announced, also for robots that start between the two."""
    return latched_qos(depth=2)


def latched_from_many_qos() -> QoSProfile:
    """Subscription to a latched topic with one message from each of many publishers."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_ALL,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def account_qos() -> QoSProfile:
    """Status, configuration and truth: nothing may be lost, and an operator who joins late gets the recent past."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=_RECENT,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def plant_action_qos() -> QoSProfile:
    """Decisions for the global plant: none may be lost, and an old one may not move the machine."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)


def command_qos() -> QoSProfile:
    """Commands: none may be lost, and late subscriptions need no earlier one."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=_BURST, reliability=ReliabilityPolicy.RELIABLE)


def diagnostics_qos() -> QoSProfile:
    """Messages on /diagnostics, as the tools that read them expect."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE)


def sensor_qos() -> QoSProfile:
    """Sensor data: the newest only, since a lost message costs less than a late one."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def velocity_qos() -> QoSProfile:
    """Velocity commands: none may be lost, least of all the last, and an old one may not move the base."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)


def simulated_qos() -> QoSProfile:
    """Topics of a simulated driver, and /clock: compatible with every subscription."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE)


def markers_qos() -> QoSProfile:
    """Markers of a fleet: a late subscription gets the last picture as a whole."""
    return latched_qos()
