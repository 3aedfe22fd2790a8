"""Publishers and subscriptions whose quality of service a user can override, and whose events are counted."""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable, Sequence

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
_UNKNOWN_NAME = "_NODE_NAME_UNKNOWN_"  # of rmw, for endpoints that are discovered before their nodes

UNKNOWN = "unknown"
"""Name of a node that has not been discovered yet."""

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

    Attributes:
        node: the node.
        events: number of events of the middleware, by topic and event.
    """

    def __init__(self, node: Node, quiet: bool = False, overridable: bool = True) -> None:
        """Make endpoints of this node.

        Args:
            node: the node.
            quiet: without event handlers; for the many nodes of one process, which are all alike, so that one which is not
                quiet reports for all.
            overridable: with parameters that override the quality of service.
        """
        self.node = node
        self._quiet = quiet
        self._options = QoSOverridingOptions(POLICY_KINDS if overridable else ())
        self.events: Counter[tuple[str, str]] = Counter()
        self._reported: Counter[tuple[str, str]] = Counter()

    def publisher(self, message_type: Any, topic: str, profile: QoSProfile) -> Publisher:
        """Make a publisher.

        Raises:
            AltmarlError: a parameter that overrides the quality of service is no such policy.
        """

        def create(**options: Any) -> Publisher:
            return self.node.create_publisher(message_type, topic, profile, qos_overriding_options=self._options, **options)

        callbacks = PublisherEventCallbacks(
            deadline=self._count(topic, _DEADLINE),
            liveliness=self._count(topic, "liveliness lost"),
            incompatible_qos=self._incompatible(topic, "subscription"),
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
        """Make a subscription.

        `count_writers` is called with the number of publishers that are alive and of those that have fallen silent, whenever
        that changes.

        Raises:
            AltmarlError: a parameter that overrides the quality of service is no such policy.
        """

        def create(**options: Any) -> Subscription:
            return self.node.create_subscription(
                message_type, topic, callback, profile, qos_overriding_options=self._options, **options
            )

        callbacks = SubscriptionEventCallbacks(
            deadline=self._count(topic, _DEADLINE),
            liveliness=self._liveliness_changed(topic, count_writers),
            message_lost=self._count(topic, "message lost"),
            incompatible_qos=self._incompatible(topic, "publisher"),
        )
        liveliness = self._liveliness_changed(topic, count_writers) if count_writers else None
        without = SubscriptionEventCallbacks(liveliness=liveliness, use_default_callbacks=not self._quiet)
        return self._create(create, topic, callbacks, without)

    def finding(self, deadlines: bool = True) -> Finding:
        """A finding for /diagnostics: the middleware's events since the last call.

        `deadlines`: whether topics are meant to keep theirs; without, a missed one is no reason to warn.
        """
        excused = {"liveliness changed"} if deadlines else {"liveliness changed", _DEADLINE}
        complaints = {key: count for key, count in self.events.items() if key[1] not in excused}
        new = {key: count - self._reported[key] for key, count in complaints.items() if count > self._reported[key]}
        self._reported = Counter(self.events)
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
            why = " (a publisher's lease must be at most its subscription's)" if policy == QoSPolicyKind.LIVELINESS.name else ""
            self.node.get_logger().warning(f"{topic}: a {other} with an incompatible {policy}{why} gets nothing through")

        return count


def subscribe_latched(node: Node, message_type: Any, topic: str, callback: Callable[..., None]) -> None:
    """Subscribe to what latched publishers sent before, beside a subscription that receives from all publishers.

    A publisher that does not latch is incompatible with it, which is no reason to warn.
    """
    quiet = SubscriptionEventCallbacks(use_default_callbacks=False)
    node.create_subscription(message_type, topic, callback, qos.latched_qos(), event_callbacks=quiet)


def is_latched(node: Node, topic: str) -> bool:
    """Whether a publisher of the topic that `node` has discovered latches its messages."""
    infos = node.get_publishers_info_by_topic(topic)
    return any(info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for info in infos)


def participants_publishing(node: Node, topic: str) -> dict[bytes, str]:
    """Return the participants that publish a topic, as far as `node` has discovered, and the name of a node of each."""
    infos = node.get_publishers_info_by_topic(topic)
    return {bytes(info.endpoint_gid[:_PARTICIPANT]): _full_name(info) for info in infos}


def nodes_publishing(node: Node, topic: str) -> list[str]:
    """Return the full names of the nodes that publish a topic, as often as they do; `UNKNOWN` for one not yet discovered."""
    return [_full_name(info) for info in node.get_publishers_info_by_topic(topic)]


def _full_name(info: Any) -> str:
    return UNKNOWN if info.node_name == _UNKNOWN_NAME else f"{info.node_namespace.rstrip('/')}/{info.node_name}"


def all_subscribe(node: Node, published: str, subscribed: Sequence[str]) -> bool:
    """Whether every process that publishes a topic subscribes to one of the others, as far as `node` has discovered."""
    subscriptions = (info for topic in subscribed for info in node.get_subscriptions_info_by_topic(topic))
    publishers, subscribers = (
        {bytes(info.endpoint_gid[:_PARTICIPANT]) for info in infos}
        for infos in (node.get_publishers_info_by_topic(published), subscriptions)
    )
    if not publishers & subscribers:  # a middleware whose ids do not name participants
        return bool(subscribers)
    return publishers <= subscribers
