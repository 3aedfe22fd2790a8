"""The interfaces of TF and Nav2 speak between two processes, whether they are the real ones or those of the tests."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import rclpy
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

HOW = "is not built: python test/interfaces/build.py"
tf2_msgs = pytest.importorskip("tf2_msgs.msg", reason=f"tf2_msgs {HOW}")
nav2_msgs = pytest.importorskip("nav2_msgs.action", reason=f"nav2_msgs {HOW}")


@pytest.fixture
def ask(tmp_path):
    """A node of this process, and a wait for what a navigator in another one says."""
    with (tmp_path / "navigator.log").open("w") as log:
        process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("navigator.py"))], stdout=log, stderr=log)
    rclpy.init(args=[])
    node, executor = rclpy.create_node("asker"), SingleThreadedExecutor()
    executor.add_node(node)

    def wait(condition, what):
        end = time.monotonic() + 30.0
        while not condition():
            executor.spin_once(timeout_sec=0.05)
            assert process.poll() is None, (tmp_path / "navigator.log").read_text()
            assert time.monotonic() < end, f"no {what}"

    yield node, wait
    process.kill()
    process.wait()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()


def test_a_transform_is_heard(ask):
    node, wait = ask
    heard = []
    node.create_subscription(tf2_msgs.TFMessage, "/tf", heard.append, 100)
    wait(lambda: heard, "transform")
    (place,) = heard[0].transforms
    assert (place.header.frame_id, place.child_frame_id, place.transform.translation.x) == ("map", "odom", 2.5)


def test_a_goal_is_accepted_followed_and_reached_and_another_one_rejected(ask):
    node, wait = ask
    client = ActionClient(node, nav2_msgs.NavigateToPose, "navigate_to_pose")
    wait(client.server_is_ready, "action server")
    goal, feedback = nav2_msgs.NavigateToPose.Goal(), []
    goal.pose.header.frame_id, goal.pose.pose.position.x = "map", 3.0
    sent = client.send_goal_async(goal, feedback_callback=feedback.append)
    wait(sent.done, "answer")
    assert sent.result().accepted
    result = sent.result().get_result_async()
    wait(lambda: result.done() and feedback, "result and feedback")
    assert result.result().status == GoalStatus.STATUS_SUCCEEDED
    assert result.result().result.error_code == nav2_msgs.NavigateToPose.Result.NONE
    assert feedback[0].feedback.current_pose.pose.position.x == 3.0
    goal.pose.pose.position.x = -1.0
    refused = client.send_goal_async(goal)
    wait(refused.done, "refusal")
    assert not refused.result().accepted
    client.destroy()
