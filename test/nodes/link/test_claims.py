"""A message may not name another robot than the key under which it came."""

import pytest
from rclpy.serialization import serialize_message

from altmarl_ros.msg import BodyCommand, RobotHello, RobotReport
from altmarl_ros.nodes.link.claims import false_claim


@pytest.mark.parametrize(
    ("name", "message", "reason"),
    [
        ("report", RobotReport(robot_id=3), ""),
        ("report", RobotReport(robot_id=4), "report of robot 4"),
        ("hello", RobotHello(robot_id=3, count=1), ""),
        ("hello", RobotHello(robot_id=3, count=0), ""),
        ("hello", RobotHello(robot_id=3, count=2), "hello of robot 4"),
        ("hello", RobotHello(robot_id=3, count=2**32 - 1), "hello of robot 4"),
        ("hello", RobotHello(robot_id=4), "hello of robot 4"),
        ("command", BodyCommand(body_topic="/b", robot_id=[3], local_action=[0]), ""),
        ("command", BodyCommand(body_topic="/b", robot_id=[3, 5], local_action=[0, 0]), "command of robot 5"),
    ],
)
def test_what_a_message_claims_is_compared_with_its_key(name, message, reason):
    assert false_claim(name, "3", serialize_message(message)) == reason


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x00\x00", b"\x00\x01\x00\x00" + b"\xff" * 10, b"\xff" * 60])
def test_bytes_that_are_no_message_are_refused(content):
    assert "no message" in false_claim("hello", "3", content)


def test_an_operator_cannot_claim_a_robot():
    assert false_claim("report", "operator.3", serialize_message(RobotReport(robot_id=3))) == "report of robot 3"
