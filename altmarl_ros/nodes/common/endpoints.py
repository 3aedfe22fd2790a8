"""Publishers and subscriptions whose quality of service a user can override, and whose events are counted."""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSPolicyKind, QoSProfile, qos_policy_name_from_kind
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions
from rclpy.subscription import Subscription

from altmarl_ros.errors import AltmarlError
from altmarl_ros.monitoring.health import Finding, Level
from altmarl_ros.nodes.common import qos

_PARTICIPANT = 12  # bytes of an endpoint's id that name its participant (DDSI-RTPS 2.5, 9.3.1)
_DEADLINE = "deadline missed"

POLICY_KINDS = (
    QoSPolicyKind.DEADLINE,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.DURABILITY,
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.LIFESPAN,
    QoSPolicyKind.LIVELINESS,
    QoSPolicyKind.LIVELINESS_LEASE_DURATION,
    QoSPolicyKind.RELIABILITY,
)


class Endpoints:
    """Makes the publishers and subscriptions of one node.

    Each profile can be overridden by the parameters `qos_overrides.<topic>.<publisher|subscription>.<policy>`.
    `quiet` makes endpoints without event handlers and parameters, for the many nodes of one process, which
    are all alike: one of them that is not quiet speaks for all.
    """

    def __init__(self, node: Node, quiet: bool = False, overridable: bool = True) -> None:
        self._node = node
        self._quiet = quiet
        self._options = QoSOverridingOptions(POLICY_KINDS if overridable else ())
        self.events: Counter[tuple[str, str]] = Counter()  # by topic and event
        self._told: Counter[tuple[str, str]] = Counter()

    def publisher(self, message_type: Any, topic: str, profile: QoSProfile) -> Publisher:
        """A publisher; raises AltmarlError where an override is no policy."""

        def create(**options: Any) -> Publisher:
            return self._node.create_publisher(message_type, topic, profile, qos_overriding_options=self._options, **options)

        callbacks = PublisherEventCallbacks(
            deadline=self._count(topic, _DEADLINE),
            liveliness=self._count(topic, "liveliness lost"),
            incompatible_qos=self._incompatible(topic, "reader"),
        )
        return self._create(create, topic, callbacks, PublisherEventCallbacks(use_default_callbacks=not self._quiet))

    def subscription(
        self,
        message_type: Any,
        topic: str,
        callback: Callable[..., None],
        profile: QoSProfile,
        count_writers: Callable[[int, int], None] | None = None,
    ) -> Subscription:
        """A subscription; raises AltmarlError where an override is no policy.

        `count_writers` is told how many writers are alive, and how many have fallen silent, when that changes.
        """

        def create(**options: Any) -> Subscription:
            return self._node.create_subscription(
                message_type, topic, callback, profile, qos_overriding_options=self._options, **options
            )

        callbacks = SubscriptionEventCallbacks(
            deadline=self._count(topic, _DEADLINE),
            liveliness=self._liveliness_changed(topic, count_writers),
            message_lost=self._count(topic, "message lost"),
            incompatible_qos=self._incompatible(topic, "writer"),
        )
        liveliness = self._liveliness_changed(topic, count_writers) if count_writers else None
        without = SubscriptionEventCallbacks(liveliness=liveliness, use_default_callbacks=not self._quiet)
        return self._create(create, topic, callbacks, without)

    def finding(self, deadlines: bool = True) -> Finding:
        """What the middleware complained of, compared with the last call; `deadlines`: whether they are meant to be kept."""
        excused = {"liveliness changed"} if deadlines else {"liveliness changed", _DEADLINE}
        complaints = {key: count for key, count in self.events.items() if key[1] not in excused}
        new = {key: count - self._told[key] for key, count in complaints.items() if count > self._told[key]}
        self._told = Counter(self.events)
        message = ", ".join(f"{count} {event} on {topic}" for (topic, event), count in new.items())
        values = {f"{topic} {event}": count for (topic, event), count in sorted(self.events.items())}
        return Finding("quality of service", Level.WARN if new else Level.OK, message or "kept", values)

    def _create(self, create: Callable[..., Any], topic: str, callbacks: Any, without: Any) -> Any:
        try:
            if self._quiet:
                return create(event_callbacks=without)
            try:
                return create(event_callbacks=callbacks)
            except UnsupportedEventTypeError:  # the middleware has only some of them
                return create(event_callbacks=without)
        except (InvalidQosOverridesError, ParameterException, RuntimeError, ValueError) as error:
            raise AltmarlError(f"quality of service of {topic}: {error}") from None

    def _count(self, topic: str, event: str) -> Callable[[Any], None]:
        counted = 0

        def count(info: Any) -> None:
            # Not info.total_count_change: rmw_fastrtps clears it when an executor takes over.
            nonlocal counted
            self.events[topic, event] += max(0, info.total_count - counted)
            counted = info.total_count

        return count

    def _liveliness_changed(self, topic: str, count_writers: Callable[[int, int], None] | None) -> Callable[[Any], None]:
        def count(info: Any) -> None:
            self.events[topic, "liveliness changed"] += 1
            self.events[topic, "liveliness lost"] += max(0, info.not_alive_count_change)
            if count_writers is not None:
                count_writers(info.alive_count, info.not_alive_count)

        return count

    def _incompatible(self, topic: str, other: str) -> Callable[[Any], None]:
        counted = self._count(topic, "incompatible quality of service")

        def count(info: Any) -> None:
            counted(info)
            policy = qos_policy_name_from_kind(info.last_policy_kind)
            why = " (a writer's lease must be at most its reader's)" if policy == QoSPolicyKind.LIVELINESS.name else ""
            self._node.get_logger().warning(f"{topic}: a {other} with an incompatible {policy}{why} gets nothing through")

        return count


def hear_latched(node: Node, message_type: Any, topic: str, callback: Callable[..., None]) -> None:
    """Hear what latched writers said before, beside a reader that hears all writers; others not matching is no complaint."""
    quiet = SubscriptionEventCallbacks(use_default_callbacks=False)
    node.create_subscription(message_type, topic, callback, qos.latched_qos(), event_callbacks=quiet)


def is_latched(node: Node, topic: str) -> bool:
    """Whether somebody who is discovered latches the topic."""
    infos = node.get_publishers_info_by_topic(topic)
    return any(info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for info in infos)


def all_hear(node: Node, speak_on: str, hear_on: str) -> bool:
    """Whether every process that writes one topic reads another, as far as `node` has discovered."""
    speakers, hearers = (
        {bytes(info.endpoint_gid[:_PARTICIPANT]) for info in infos(topic)}
        for infos, topic in ((node.get_publishers_info_by_topic, speak_on), (node.get_subscriptions_info_by_topic, hear_on))
    )
    if not speakers & hearers:  # a middleware whose ids do not name participants
        return bool(hearers)
    return speakers <= hearers
