"""A robot whose way Nav2 plans, over DDS, with a real action server: what becomes of goals, and of a server that goes away."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from action_msgs.srv import CancelGoal
from lifecycle_msgs.msg import State, Transition
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from stage import BRAKING, LAG, ROBOT, TIMEOUT

pytestmark = pytest.mark.ros

pytest.importorskip("nav2_msgs.action", reason="nav2_msgs is not built: python test/interfaces/build.py")

OWN = f"/robot_{ROBOT}"
SPEED = 0.3  # m/s, of the navigator
STEP = 0.05  # s


class Navigation:
    """The robot's navigation stack in a process of its own, and what it says of its goals."""

    def __init__(self, scene):
        self.scene, self.processes, self.goals, self.clients = scene, [], [], []
        latched = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        scene.stage.create_subscription(String, f"{OWN}/goals", lambda message: self.goals.append(message.data), latched)

    def start(self, mode, **parameters):
        settings = [item for name, value in {"mode": mode, **parameters}.items() for item in ("-p", f"{name}:={value}")]
        command = [sys.executable, str(Path(__file__).with_name("navigator.py")), "--ros-args", "-r", f"__ns:={OWN}", *settings]
        with (self.scene.folder / f"navigator_{len(self.processes)}.log").open("w") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def set_mode(self, mode):
        client = self.scene.stage.create_client(SetParameters, f"{OWN}/navigator/set_parameters")
        self.scene.wait_until(client.service_is_ready, 20, "the navigator's parameters")
        future = client.call_async(SetParameters.Request(parameters=[Parameter("mode", value=mode).to_parameter_msg()]))
        self.scene.wait_until(future.done, 20, "the navigator's mode")
        self.scene.stage.destroy_client(client)

    def end(self, number=signal.SIGKILL):
        os.kill(self.processes[-1].pid, number)
        self.processes[-1].wait()

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def navigation(scene):
    navigation = Navigation(scene)
    yield navigation
    navigation.close()


def until(scene, reason, timeout):
    return scene.wait_until(lambda: reason in scene.stage.reasons, timeout, reason)


def until_driven(scene, timeout=20):
    scene.wait_until(lambda: scene.stage.command[0] >= 0.95 * SPEED, timeout, "motion by Nav2")


def until_well(scene):
    scene.wait_until(lambda: scene.stage.reasons == [], 5, "a robot that nothing holds")


def pause(scene, seconds):
    end = scene.stage.get_clock().now().nanoseconds + 1e9 * seconds
    scene.wait_until(lambda: scene.stage.get_clock().now().nanoseconds >= end, seconds + 5.0, "a pause")


def test_one_goal_is_followed_over_many_ticks_and_cancelled_when_the_robot_halts(scene, navigation):
    stage = scene.stage
    navigation.start("drive")
    scene.start(drive__kind="nav2")
    until_driven(scene, 60)
    tick, x = stage.tick, stage.x
    scene.wait_until(lambda: stage.tick >= tick + 20, 10, "ticks")  # of which each names the same place again
    assert stage.x > x + 0.3  # so that the way there begins elsewhere each time
    assert navigation.goals == ["accepted 29"]
    assert stage.states[-1].state == 3
    until_well(scene)
    for halt, resume in (
        (lambda: setattr(stage, "ticks", False), lambda: setattr(stage, "ticks", True)),
        (lambda: press(scene), lambda: release(scene)),
    ):
        before = len(navigation.goals)
        halt()
        scene.wait_until(lambda: stage.rests, TIMEOUT + SPEED / BRAKING + LAG, "rest")
        scene.wait_until(lambda before=before: navigation.goals[before:] == ["cancelled 29"], 2, "cancellation")
        resume()
        until_driven(scene)
        assert navigation.goals[before:] == ["cancelled 29", "accepted 29"]
    stage.goal = 0
    scene.wait_until(lambda: navigation.goals[-1] == "accepted 1.5", 5, "the other place")
    scene.wait_until(lambda: navigation.goals.count("cancelled 29") == 3, 5, "the first goal's end")
    navigation.set_mode("reach")
    scene.wait_until(lambda: stage.states[-1].arrived, 5, "arrival")
    pause(scene, 1.0)
    assert navigation.goals.count("accepted 1.5") == 1
    assert stage.rests


def press(scene):
    assert scene.call(SetBool, "emergency_stop", SetBool.Request(data=True)).success


def release(scene):
    """Both words."""
    scene.call(SetBool, "emergency_stop", SetBool.Request(data=False))
    assert scene.call(Trigger, "release", Trigger.Request()).success


def test_the_goal_is_cancelled_by_deactivation_and_by_a_signal(scene, navigation):
    navigation.start("drive")
    process = scene.start(drive__kind="nav2")
    until_driven(scene, 60)
    assert scene.change_state(Transition.TRANSITION_DEACTIVATE)
    scene.wait_until(lambda: navigation.goals == ["accepted 29", "cancelled 29"], 2, "cancellation")
    there = (Transition.TRANSITION_CLEANUP, Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
    for step in there:
        assert scene.change_state(step)
    for _ in range(4):  # words of the navigator come at any moment of it
        until_driven(scene)
        for step in (Transition.TRANSITION_DEACTIVATE, *there):
            assert scene.change_state(step)
    assert scene.state() == State.PRIMARY_STATE_ACTIVE
    until_driven(scene)
    process.send_signal(signal.SIGTERM)
    scene.wait_until(lambda: process.poll() is not None, 5, "end")
    assert process.returncode == 0, scene.log()
    scene.wait_until(lambda: navigation.goals == ["accepted 29", "cancelled 29"] * 6, 2, "cancellation")


def test_without_a_server_the_robot_stands_and_says_so_until_there_is_one(scene, navigation):
    stage = scene.stage
    stage.ticks = False
    scene.start(drive__kind="nav2", drive__action="nav/to_pose")
    until(scene, "no navigate_to_pose server", 60)  # before any tick
    assert f"nobody serves {OWN}/nav/to_pose: start Nav2" in scene.log()
    assert "set drive.action" in scene.log()
    stage.ticks = True
    pause(scene, 1.0)
    assert stage.reasons == ["no navigate_to_pose server"]
    assert all(command == (0.0, 0.0, 0.0) for command in stage.commands)
    navigation.start("drive", action="go")
    scene.wait_until(lambda: stage.count_publishers(f"{OWN}/go/_action/feedback"), 20, "another action")
    assert "set drive.action to 'go'" in scene.check()["navigator"]["remedy"]
    navigation.end()
    navigation.start("drive", action="nav/to_pose")
    until_driven(scene)
    until_well(scene)


@pytest.mark.parametrize(("mode", "reason"), [("reject", "goal rejected"), ("abort", "goal aborted")])
def test_a_goal_that_fails_is_said_and_tried_again_less_and_less_often(scene, navigation, mode, reason):
    stage = scene.stage
    navigation.start(mode)
    scene.start(drive__kind="nav2")
    until(scene, reason, 60)
    scene.wait_until(lambda: sum(goal.startswith(("reject", "abort")) for goal in navigation.goals) == 3, 20, "three attempts")
    pause(scene, 3.0)  # of the four until the next one
    assert sum(goal.startswith(("reject", "abort")) for goal in navigation.goals) == 3
    assert stage.reasons == [reason]
    assert all(command == (0.0, 0.0, 0.0) for command in stage.commands)
    assert reason in scene.log()
    navigation.set_mode("drive")
    until_driven(scene)
    until_well(scene)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ends", "is killed"])
def test_a_server_that_goes_in_the_middle_stops_the_robot_and_one_that_comes_back_drives_it_on(scene, navigation, number):
    stage = scene.stage
    navigation.start("drive")
    scene.start(drive__kind="nav2")
    until_driven(scene, 60)
    navigation.end(number)
    scene.wait_until(lambda: stage.rests, 0.5 + SPEED / BRAKING + LAG, "rest without velocities")
    # What was killed says no goodbye: then it shows by its silence first, and the middleware notices later.
    until(scene, "no navigate_to_pose server" if number == signal.SIGTERM else "no velocity from the navigator", 2)
    navigation.start("drive")
    until_driven(scene, 25)
    until_well(scene)
    scene.wait_until(lambda: navigation.goals == ["accepted 29"] * 2, 5, "the word of the second goal")


def test_a_goal_that_others_cancel_is_said_and_sent_again(scene, navigation):
    stage = scene.stage
    navigation.start("drive")
    scene.start(drive__kind="nav2")
    until_driven(scene, 60)
    client = stage.create_client(CancelGoal, f"{OWN}/navigate_to_pose/_action/cancel_goal")
    scene.wait_until(client.service_is_ready, 10, "the service that cancels")
    client.call_async(CancelGoal.Request())  # all goals
    until(scene, "goal cancelled by others", 5)
    scene.wait_until(lambda: stage.rests, SPEED / BRAKING + LAG, "rest")
    until_driven(scene, 5)
    until_well(scene)
    assert navigation.goals == ["accepted 29", "cancelled 29", "accepted 29"]


def test_a_server_that_hangs_is_said_and_what_it_answers_too_late_is_cancelled(scene, navigation):
    stage = scene.stage
    stage.ticks = False
    navigation.start("drive")
    scene.start(drive__kind="nav2")
    scene.wait_until(lambda: stage.reasons == ["no tick from the coordinator"], 60, "a robot with a navigator")
    os.kill(navigation.processes[-1].pid, signal.SIGSTOP)
    stage.ticks = True
    until(scene, "goal not answered", 10)
    os.kill(navigation.processes[-1].pid, signal.SIGCONT)
    until_driven(scene)
    until_well(scene)
    assert navigation.goals.count("accepted 29") == navigation.goals.count("cancelled 29") + 1


def test_a_goal_under_way_without_velocities_is_said_and_another_type_of_them_too(scene, navigation):
    navigation.start("drive", stamped=True)
    scene.start(drive__kind="nav2")
    until(scene, "no velocity from the navigator", 60)
    pause(scene, 1.0)
    assert all(command == (0.0, 0.0, 0.0) for command in scene.stage.commands)
    assert navigation.goals == ["accepted 29"]
    says = f"/robot_{ROBOT}/navigator publishes geometry_msgs/msg/TwistStamped on {OWN}/cmd_vel_nav"
    scene.wait_until(lambda: says in scene.log(), 5, "the log")
    assert "set drive.stamped to true" in scene.log()
    assert math.dist((scene.stage.x, scene.stage.y), (1.0, 1.0)) < 1e-6
