"""A message may not name another robot than the key under which it came."""

import pytest
from rclpy.serialization import serialize_message
from std_msgs.msg import Bool, String

from altmarl_ros.msg import BodyCommand, RobotHello, RobotReport
from altmarl_ros.nodes.link.claims import false_claim
from altmarl_ros.nodes.link.work_queue import WorkQueue


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


@pytest.mark.parametrize("name", ["hello", "report", "command", "second_word"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x00\x00", b"\x00\x01\x00\x00" + b"\xff" * 10, b"\xff" * 60])
def test_bytes_that_are_no_message_are_refused(name, content):
    assert false_claim(name, "3", content)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x00\x00"])
def test_too_few_bytes_stop_nobody(content):
    assert "no message" in false_claim("press", "3", content)


def test_words_that_stop_and_release_are_read():
    assert false_claim("press", "3", serialize_message(Bool(data=True))) == ""
    assert false_claim("second_word", "operator.anna", serialize_message(String(data="/link"))) == ""


def test_work_that_fails_keeps_nothing_else_from_being_done():
    told, done = [], []
    queue = WorkQueue(told.append)
    queue.put(lambda: 1 / 0)
    queue.put(lambda: done.append(1))
    queue.run()
    assert done == [1]
    assert len(told) == 1
    assert "ZeroDivisionError" in told[0]
