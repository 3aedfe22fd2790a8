"""What a node discovers about one of a robot's topics: who publishes or subscribes, and with which type."""

from __future__ import annotations

from typing import Any, Sequence

from rclpy.node import Node

from altmarl_ros.driving.robot_topics import NAVIGATE_TO_POSE, CommandTopic, NavigatorAction, Stream

_GOAL = "/goal_pose"  # ends the names of topics that carry goals, ours and Nav2's, which are no poses of the robot
_FEEDBACK, _FEEDBACK_TYPE = "/_action/feedback", "_FeedbackMessage"  # what servers of actions publish


def type_name(message_type: Any) -> str:
    """Return the full name of a message type, such as nav_msgs/msg/Odometry."""
    package, _, _ = str(message_type.__module__).partition(".")
    return f"{package}/msg/{message_type.__name__}"


def node_names(infos: Sequence[Any]) -> tuple[str, ...]:
    """Return the full names of the nodes of endpoints, in order."""
    return tuple(sorted({f"{info.node_namespace.rstrip('/')}/{info.node_name}" for info in infos}))


def observe_stream(node: Node, topic: str, wanted: str, namespace: str, parameter: str) -> Stream:
    """Return who publishes a topic, as far as `node` has discovered.

    Args:
        node: that has discovered the robot's surroundings.
        topic: full name.
        wanted: message type that the robot subscribes to.
        namespace: of the robot.
        parameter: of the robot that names the topic; empty: none does.
    """
    infos = node.get_publishers_info_by_topic(topic) if topic.startswith("/") else []
    offered = frozenset(info.topic_type for info in infos)
    elsewhere: tuple[str, ...] = ()
    if parameter and wanted not in offered:
        own = namespace.rstrip("/") + "/"
        elsewhere = tuple(
            name[len(own) :]
            for name, types in node.get_topic_names_and_types()
            if wanted in types
            and name.startswith(own)
            and name != topic
            and not name.endswith(_GOAL)
            and node.count_publishers(name)
        )
    return Stream(topic, wanted, node_names(infos), offered, parameter=parameter, elsewhere=elsewhere)


def observe_command(node: Node, topic: str, wanted: str) -> CommandTopic:
    """Return who sends and who receives velocity commands on a topic, as far as `node` has discovered."""
    subscribers = node.get_subscriptions_info_by_topic(topic)
    return CommandTopic(
        topic=topic,
        type=wanted,
        publishers=node_names(node.get_publishers_info_by_topic(topic)),
        subscribers=node_names(subscribers),
        subscribed_types=frozenset(info.topic_type for info in subscribers),
    )


def observe_navigator(node: Node, action: str, namespace: str) -> NavigatorAction:
    """Return who serves an action of a robot in a namespace, as far as `node` has discovered."""
    own = namespace.rstrip("/") + "/"
    elsewhere = []
    for topic, types in node.get_topic_names_and_types():
        name = topic.removesuffix(_FEEDBACK)
        if name not in (topic, action) and NAVIGATE_TO_POSE + _FEEDBACK_TYPE in types and node.count_publishers(topic):
            elsewhere.append(name.removeprefix(own))
    served = node.get_publishers_info_by_topic(action + _FEEDBACK)
    return NavigatorAction(
        action=action,
        servers=node_names(served),
        types=frozenset(info.topic_type.removesuffix(_FEEDBACK_TYPE) for info in served),
        elsewhere=tuple(elsewhere),
    )
