"""Compares what a message says of its sender with the key under which it came, which is what the certificate allows."""

from __future__ import annotations

from typing import Any, Callable

from rclpy.serialization import deserialize_message
from std_msgs.msg import Bool, String

from altmarl_ros.msg import BodyCommand, RobotHello, RobotReport

_LEAST_BYTES = 5  # an encapsulation header and something


def _report(message: Any) -> list[int]:
    return [message.robot_id]


def _hello(message: Any) -> list[int]:
    return [message.robot_id + i for i in range(max(1, min(message.count, RobotHello.MAX_COUNT)))]


def _command(message: Any) -> list[int]:
    return list(message.robot_id)


def _nobody(_message: Any) -> list[int]:
    return []


_CLAIMS: dict[str, tuple[Any, Callable[[Any], list[int]]]] = {
    "report": (RobotReport, _report),
    "hello": (RobotHello, _hello),
    "robot_hello": (RobotHello, _hello),
    "command": (BodyCommand, _command),
    "press": (Bool, _nobody),
    "second_word": (String, _nobody),
}


def false_claim(name: str, holder: str, message: bytes) -> str:
    """Return why a message may not come from this holder; empty: it may.

    Args:
        name: of the flow.
        holder: segment of the key that names who speaks.
        message: serialised.
    """
    if len(message) < _LEAST_BYTES:
        return f"{name} of {len(message)} bytes is no message"
    if name not in _CLAIMS:
        return ""
    message_type, ids = _CLAIMS[name]
    try:
        claimed = ids(deserialize_message(message, message_type))
    except Exception as error:  # whatever the middleware raises for what is no message
        return f"{name} is no message: {type(error).__name__}"
    false = next((robot_id for robot_id in claimed if str(robot_id) != holder), None)
    return f"{name} of robot {false}" if false is not None else ""
