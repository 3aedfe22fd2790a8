"""What was seen on one of a robot's topics, what is wrong with it, and which parameter to set to what.

The running robot says it when it stands for want of a datum, and `altmarl check` says the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

TWIST = "geometry_msgs/msg/Twist"
TWIST_STAMPED = "geometry_msgs/msg/TwistStamped"
TWISTS = (TWIST, TWIST_STAMPED)

NAVIGATE_TO_POSE = "nav2_msgs/action/NavigateToPose"

_SOURCES = {
    "nav_msgs/msg/Odometry": "odometry",
    "geometry_msgs/msg/PoseStamped": "pose",
    "geometry_msgs/msg/PoseWithCovarianceStamped": "pose_with_covariance",
    "tf2_msgs/msg/TFMessage": "tf",
}
_TOLD = 3  # topics that a text names


@dataclass(frozen=True)
class Fault:
    """Something that keeps a robot from driving.

    Attributes:
        detail: what it is.
        remedy: what to do about it; names the parameter and its value where one mends it.
    """

    detail: str
    remedy: str

    def __str__(self) -> str:
        """Both in one line."""
        return f"{self.detail}: {self.remedy}"


@dataclass(frozen=True)
class Stream:
    """What was observed on one of the topics that a robot subscribes to.

    Attributes:
        topic: full name.
        wanted: message type that the robot subscribes to.
        publishers: names of the nodes that publish it, maybe with another type.
        offered: message types that they publish.
        messages: number of messages that came.
        intervals: times between them [s].
        age: median age by their stamps [s]; NaN where no message came or none is stamped.
        refused: what is wrong with the newest message, such as its frame; None: nothing.
        parameter: of the robot that names the topic.
        elsewhere: other topics in the robot's namespace on which the wanted type comes, as the parameter would name them.
    """

    topic: str
    wanted: str
    publishers: tuple[str, ...] = ()
    offered: frozenset[str] = frozenset()
    messages: int = 0
    intervals: tuple[float, ...] = ()
    age: float = math.nan
    refused: Fault | None = None
    parameter: str = ""
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommandTopic:
    """What was observed on the topic of the base's velocity commands.

    Attributes:
        topic: full name.
        type: message type that the robot publishes.
        publishers: names of the nodes that publish it.
        subscribers: names of the nodes that subscribe to it.
        subscribed_types: message types that they subscribe to.
    """

    topic: str
    type: str
    publishers: tuple[str, ...] = ()
    subscribers: tuple[str, ...] = ()
    subscribed_types: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NavigatorAction:
    """What was observed of the action to which a robot's goals are sent.

    Attributes:
        action: full name.
        servers: names of the nodes that serve it, maybe with another type.
        types: action types that they serve.
        elsewhere: other actions of the wanted type, as `drive.action` would name them.
    """

    action: str
    servers: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    elsewhere: tuple[str, ...] = ()


def navigator_fault(seen: NavigatorAction) -> Fault | None:
    """Return why nobody takes the robot's goals; None: as far as is seen here, somebody does."""
    if seen.servers and (NAVIGATE_TO_POSE in seen.types or not seen.types):
        return None
    remedy = "start Nav2's bt_navigator in the robot's namespace, or set drive.action to the action that it serves"
    if seen.elsewhere:
        remedy = f"set drive.action to {' or '.join(map(repr, seen.elsewhere[:_TOLD]))}, or start what serves {seen.action}"
    if not seen.servers:
        return Fault(f"no navigate_to_pose server: nobody serves {seen.action}", remedy)
    return Fault(
        f"no navigate_to_pose server: {', '.join(seen.servers)} serves {', '.join(sorted(seen.types))} on {seen.action}", remedy
    )


def stream_fault(stream: Stream) -> Fault | None:
    """Return why nothing that the robot accepts comes on a topic; None: as far as is seen here, something does."""
    if not stream.publishers:
        return Fault(f"nobody publishes {stream.topic}", _no_publisher(stream))
    who = ", ".join(stream.publishers)
    if stream.offered and stream.wanted not in stream.offered:
        offered = ", ".join(sorted(stream.offered))
        detail = f"{who} publishes {offered} on {stream.topic}, the robot subscribes to {stream.wanted}"
        return Fault(detail, _another_type(stream))
    if stream.refused is not None:
        return Fault(f"{stream.topic}: {stream.refused.detail}", stream.refused.remedy)
    return None


def command_fault(command: CommandTopic) -> Fault | None:
    """Return why nobody carries out the robot's velocity commands; None: as far as is seen here, somebody does."""
    if not command.subscribers:
        return Fault(
            f"nobody subscribes to {command.topic}",
            "start the base's driver, or set drive.topic to the topic to which it subscribes, or remap it",
        )
    if command.type not in command.subscribed_types:
        others = ", ".join(sorted(command.subscribed_types))
        detail = f"{', '.join(command.subscribers)} expects {others} on {command.topic}, the robot publishes {command.type}"
        if command.subscribed_types & set(TWISTS):
            return Fault(detail, f"set drive.stamped to {str(TWIST_STAMPED in command.subscribed_types).lower()}")
        return Fault(detail, "set drive.topic to the topic of the base's driver, or remap it")
    return None


def _no_publisher(stream: Stream) -> str:
    if stream.elsewhere:
        several = " or ".join(repr(topic) for topic in stream.elsewhere[:_TOLD])
        return f"set {stream.parameter} to {several}, where {stream.wanted} comes, or start what publishes {stream.topic}"
    named = f", or set {stream.parameter} to the topic on which it comes" if stream.parameter else ", or remap the topic"
    return f"start what publishes {stream.wanted}{named}"


def _another_type(stream: Stream) -> str:
    if stream.parameter == "pose.topic":
        sources = sorted(_SOURCES[offered] for offered in stream.offered if offered in _SOURCES)
        if sources:
            return f"set pose.source to {' or '.join(map(repr, sources))}"
    if stream.wanted in TWISTS and stream.offered & set(TWISTS):
        return f"set drive.stamped to {str(stream.wanted == TWIST).lower()}, or let it publish {stream.wanted}"
    if stream.elsewhere:
        return f"set {stream.parameter} to {' or '.join(repr(topic) for topic in stream.elsewhere[:_TOLD])}"
    return f"set {stream.parameter} to a topic of {stream.wanted}" if stream.parameter else "remap the topic"
