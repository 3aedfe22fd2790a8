"""A robot that drives, over DDS: a stand-in for the hardware integrates its commands, another one ticks."""

import math
import os
import signal
import time
from itertools import pairwise

import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped, TwistStamped
from lifecycle_msgs.msg import State, Transition
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger

from altmarl_ros.nodes.common import qos
from stage import BRAKING, LAG, ROBOT, SPEED, TIMEOUT

pytestmark = pytest.mark.ros

QUIET = PublisherEventCallbacks(use_default_callbacks=False)  # of readers that it does not match


def test_drives_to_its_slot_in_the_zone_that_the_policy_names_and_reports_its_zone(scene):
    stage = scene.stage
    stage.x, stage.goal = 3.6, 0
    scene.start()
    scene.wait_until(lambda: stage.reports, 30, "report")
    assert (stage.reports[0].robot_id, stage.reports[0].local_state) == (ROBOT, 1)
    scene.wait_until(lambda: stage.states and stage.states[-1].arrived, 25, "arrival")
    assert math.dist((stage.x, stage.y), (1.5, 1.0)) < 0.1  # zone A's goal is its only slot
    state = stage.states[-1]
    assert (state.zone, state.goal_zone, state.local_action) == (0, 0, 0)
    assert (state.goal_x, state.goal_y) == (1.5, 1.0)
    last = len(stage.reports)
    scene.wait_until(lambda: len(stage.reports) > last, 5, "another report")
    assert stage.reports[-1].local_state == 0


def test_every_cause_stops_the_robot_within_its_timeout_and_braking(scene):
    stage = scene.stage
    scene.start()
    fleet_stop = stage.create_publisher(Bool, "/fleet/emergency_stop", qos.latched_qos())
    shell = stage.create_publisher(Bool, "/fleet/emergency_stop", 1, event_callbacks=QUIET)  # volatile, as `ros2 topic pub` is

    def emergency(data):
        if data:
            assert scene.call(SetBool, "emergency_stop", SetBool.Request(data=True)).success
        else:
            release(scene)

    causes = {
        "no fresh pose": (TIMEOUT, "sends_odometry", False, True),
        "pose is not finite": (0.0, "not_a_number", True, False),
        "no tick from the coordinator": (TIMEOUT, "ticks", False, True),
        "no fresh laser scan": (TIMEOUT, "sends_scan", False, True),
        "obstacle in the protective field": (0.0, "obstacle", 0.3, math.inf),
        "no policy for this session": (0.1, "policy_id", 78, 77),
        "emergency stop": (0.0, emergency, True, False),
        "fleet stop": (0.0, lambda data: fleet_stop.publish(Bool(data=data)), True, False),
    }
    took = {}
    for reason, (timeout, what, bad, good) in causes.items():
        scene.until_full_speed()
        change = what if callable(what) else lambda value, what=what: setattr(stage, what, value)
        change(bad)
        took[reason] = scene.wait_until(lambda: stage.rests, timeout + SPEED / BRAKING + LAG, f"stop for {reason}")
        scene.wait_until(lambda reason=reason: reason in stage.reasons, 2, f"reason {reason}")
        rested = stage.x
        scene.wait_until(lambda began=time.monotonic(): time.monotonic() - began > 0.3, 1, "rest")
        assert stage.rests
        assert abs(stage.x - rested) < 0.02
        change(good)
    scene.until_full_speed()
    shell.publish(Bool(data=True))
    scene.wait_until(lambda: stage.rests, SPEED / BRAKING + LAG, "stop by a volatile writer")
    shell.publish(Bool(data=False))
    scene.until_full_speed()
    stage.session = 4  # of a coordinator that is not followed
    scene.wait_until(lambda: stage.rests, TIMEOUT + SPEED / BRAKING + LAG, "stop for an old session")
    print({reason: round(seconds, 2) for reason, seconds in took.items()})


def release(scene):
    """Both words by which a robot's own stop is released."""
    first = scene.call(SetBool, "emergency_stop", SetBool.Request(data=False))
    assert not first.success
    assert "~/release" in first.message
    assert scene.call(Trigger, "release", Trigger.Request()).success


def test_emergency_stops_stay_until_released_on_purpose_and_show_in_diagnostics(scene):
    stage = scene.stage
    scene.start()
    scene.until_full_speed()
    assert scene.call(SetBool, "emergency_stop", SetBool.Request(data=True)).success
    scene.wait_until(lambda: stage.rests, SPEED / BRAKING + LAG, "stop")
    stage.session += 1  # neither another session nor the passing of time releases it
    begin, count = stage.x, len(stage.diagnoses)
    scene.wait_until(lambda: len(stage.diagnoses) > count + 15, 8, "diagnoses, for longer than the lease")
    assert abs(stage.x - begin) < 0.02
    found = {status.name.rpartition(": ")[2]: status for status in stage.diagnoses[-1].status}[f"robot {ROBOT}"]
    values = {entry.key: entry.value for entry in found.values}
    assert found.level == b"\x02"
    assert (values["state"], values["emergency stop"], values["zone"]) == ("stopped", "pressed", "B" if stage.x > 3.2 else "A")
    assert float(values["pose age [s]"]) < TIMEOUT
    assert float(values["tick age [s]"]) < TIMEOUT
    assert not scene.call(Trigger, "release", Trigger.Request()).success, "the second word without the first"
    release(scene)
    scene.until_full_speed()


def test_life_cycle(scene):
    stage = scene.stage
    scene.start(autostart=False)
    assert scene.state() == State.PRIMARY_STATE_UNCONFIGURED
    floor = scene.folder / "floor.yaml"
    floor.rename(scene.folder / "away.yaml")
    assert not scene.change_state(Transition.TRANSITION_CONFIGURE)
    assert scene.state() == State.PRIMARY_STATE_UNCONFIGURED
    scene.wait_until(lambda: "floor.yaml" in scene.log(), 3, "the reason")
    assert scene.set_parameters(pose__start__x=0.5).successful  # the base is 0.5 m further than its odometry says
    (scene.folder / "away.yaml").rename(floor)
    assert scene.change_state(Transition.TRANSITION_CONFIGURE)
    assert scene.state() == State.PRIMARY_STATE_INACTIVE
    scene.wait_until(lambda began=time.monotonic(): time.monotonic() - began > 0.5, 1, "idleness")
    assert not stage.commands
    assert not stage.reports
    refused = scene.set_parameters(pose__start__x=0.0)
    assert not refused.successful
    assert "pose.start.x" in refused.reason
    for stop in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVE_SHUTDOWN):
        assert scene.change_state(Transition.TRANSITION_ACTIVATE)
        scene.until_full_speed()
        assert scene.change_state(stop)
        scene.wait_until(lambda: stage.rests, LAG, "the last command")
        assert_ramped(stage.commands)
        stage.commands.clear()
    assert scene.state() == State.PRIMARY_STATE_FINALIZED


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_brakes_the_robot_and_ends_the_process(scene, number):
    process = scene.start()
    scene.until_full_speed()
    process.send_signal(number)
    scene.wait_until(lambda: process.poll() is not None, 5, "end")
    scene.wait_until(lambda: scene.stage.commands[-1] == (0.0, 0.0, 0.0), LAG, "the last command")
    assert process.returncode == 0
    assert_ramped(scene.stage.commands)


def test_a_missing_floor_ends_the_process_with_the_reason_and_exit_code_2(scene):
    (scene.folder / "floor.yaml").unlink()
    process = scene.start()
    scene.wait_until(lambda: process.poll() is not None, 30, "end")
    assert process.returncode == 2
    assert [line for line in scene.log().splitlines() if "floor.yaml" in line] == scene.log().splitlines()


def test_poses_in_another_frame_or_with_old_stamps_do_not_count(scene):
    stage = scene.stage
    scene.start()
    for what, bad, good in (("odom_frame", "robot_8/odom", "odom"), ("stamp_age", 2 * TIMEOUT, 0.0)):
        scene.until_full_speed()
        setattr(stage, what, bad)
        scene.wait_until(lambda: stage.rests, TIMEOUT + SPEED / BRAKING + LAG, f"stop for {what}")
        assert "no fresh pose" in stage.reasons
        setattr(stage, what, good)
    assert "refused: odometry in frame 'robot_8/odom', expected 'odom'" in scene.log()


@pytest.mark.parametrize("latched", [False, True], ids=["told later", "latched before"])
def test_localisation_corrects_odometry_and_twists_are_stamped(scene, latched):
    stage = scene.stage
    stamped = []
    stage.create_subscription(TwistStamped, f"/robot_{ROBOT}/base/cmd_vel", stamped.append, 10)
    topic = f"/robot_{ROBOT}/amcl_pose"
    amcl = stage.create_publisher(PoseWithCovarianceStamped, topic, qos.latched_qos() if latched else 1)
    pose = PoseWithCovarianceStamped()
    pose.header.frame_id, pose.header.stamp = "map", stage.get_clock().now().to_msg()
    pose.pose.pose.position.x, pose.pose.pose.position.y, pose.pose.pose.orientation.w = 5.0, 1.0, 1.0
    if latched:
        amcl.publish(pose)
    scene.start(
        pose__source="pose_with_covariance",
        pose__topic="amcl_pose",
        pose__odometry="odom",
        drive__stamped=True,
        drive__topic="base/cmd_vel",
        frame_prefix="robot_{id}/",
        frames__base="base_footprint",
    )
    stage.odom_frame = f"robot_{ROBOT}/odom"
    original = stage.odometry_message

    def prefixed():
        message = original()
        message.child_frame_id = f"robot_{ROBOT}/base_footprint"
        return message

    stage.odometry_message = prefixed
    if not latched:
        scene.wait_until(lambda: stage.states and "no fresh pose" in stage.reasons, 30, "waiting for a first pose")
        scene.wait_until(lambda: amcl.get_subscription_count() == 1, 5, "discovery")
        amcl.publish(pose)  # once, as AMCL does while the robot stands
    scene.wait_until(lambda: stage.reports and stage.reports[-1].local_state == 1, 30, "zone B")
    scene.wait_until(lambda: stamped and stamped[-1].twist.linear.x > 0.1, 5, "motion")
    assert stamped[-1].header.frame_id == f"robot_{ROBOT}/base_footprint"
    assert not stage.commands


def test_dry_run_says_what_it_would_do(scene):
    stage = scene.stage
    scene.start(drive__kind="none")
    scene.wait_until(lambda: stage.states and stage.states[-1].velocity_x > 0.4, 30, "a wish to drive")
    assert not stage.commands
    assert stage.count_publishers(f"/robot_{ROBOT}/cmd_vel") == 0


def test_finishes_its_way_when_the_coordinator_falls_silent_and_takes_new_limits(scene):
    stage = scene.stage
    scene.start(on_silence="finish")
    scene.until_full_speed()
    stage.ticks = False
    began = stage.x
    scene.wait_until(lambda: stage.x > began + SPEED * (TIMEOUT + 1.0), 5, "way in silence")

    def set_parameters(**values):
        given = [Parameter(name.replace("__", "."), value=value).to_parameter_msg() for name, value in values.items()]
        return scene.call(
            SetParametersAtomically, "set_parameters_atomically", SetParametersAtomically.Request(parameters=given)
        )

    refused = set_parameters(limits__braking=0.1).result
    assert not refused.successful
    assert "braking" in refused.reason
    assert scene.set_parameters(limits__forward=0.2).successful
    scene.wait_until(lambda: 0.0 < stage.command[0] <= 0.2, 3, "a lower speed")
    assert scene.set_parameters(on_silence="hold").successful
    scene.wait_until(lambda: stage.rests, 1.0 + LAG, "stop")


def test_no_service_call_takes_a_robot_beyond_what_it_was_started_with(scene):
    """Nor does it by way of the life cycle, or by a set of its own bounds."""
    stage = scene.stage
    scene.start()
    scene.until_full_speed()

    def refused(name, value, reason):
        result = scene.set_parameters(**{name: value})
        assert not result.successful
        assert name.replace("__", ".") in result.reason
        assert reason in result.reason

    def try_all():
        refused("limits__forward", 19.6, f"must be at most {SPEED}, its bound since the start")
        refused("scan__required", False, "must be true")
        refused("timeout__pose", 60.0, f"must be at most {TIMEOUT}")
        refused("margin__ahead", 0.0, "must be at least 0.05")
        refused("safety__ceilings", "limits.forward=20.0", "")

    try_all()
    for step in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP):
        assert scene.change_state(step)
    try_all()
    for step in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        assert scene.change_state(step)
    scene.until_full_speed()
    assert scene.set_parameters(limits__forward=0.1).successful
    scene.wait_until(lambda: 0.0 < stage.command[0] <= 0.1, 3, "a lower speed")
    assert scene.set_parameters(limits__forward=SPEED).successful
    assert max(x for x, *_ in stage.commands) <= SPEED + 1e-9


def test_locked_safety_parameters_stay_while_the_robot_is_active(scene):
    scene.start(safety__locked=True, safety__ceilings="limits.forward=2.0")
    scene.until_full_speed()
    result = scene.set_parameters(limits__forward=0.1)
    assert not result.successful
    assert "parameter 'limits.forward' is locked while the node is active" in result.reason
    assert scene.change_state(Transition.TRANSITION_DEACTIVATE)
    assert scene.set_parameters(limits__forward=0.1).successful


def test_a_simulated_clock_that_stands_or_jumps_stops_the_robot(scene):
    stage = scene.stage
    clock = stage.create_publisher(Clock, "/clock", 10)
    shift = {"start": time.monotonic(), "offset": 100.0, "runs": True}

    def now():
        return shift["offset"] + time.monotonic() - shift["start"]

    def tell():
        if shift["runs"]:
            clock.publish(Clock(clock=Time(seconds=now()).to_msg()))

    original = stage.odometry_message

    def simulated():
        message = original()
        message.header.stamp = Time(seconds=now()).to_msg()
        return message

    stage.odometry_message = simulated
    stage.create_timer(0.02, tell)
    scene.start(use_sim_time=True)
    scene.until_full_speed()
    shift["runs"] = False
    scene.wait_until(lambda: stage.rests, 0.5 + LAG, "stop with the clock")
    shift |= {"runs": True, "start": time.monotonic()}
    for leap in (-50.0, 30.0):
        scene.until_full_speed()
        stage.ticks = False
        shift["offset"] += leap
        scene.wait_until(lambda: stage.rests, SPEED / BRAKING + LAG, f"stop after a leap by {leap} s")
        assert "the clock jumped, no fresh pose and tick since" in stage.reasons
        stage.ticks = True


def test_a_killed_robot_leaves_the_stop_to_the_driver(scene):
    process = scene.start()
    scene.until_full_speed()
    os.kill(process.pid, signal.SIGKILL)
    scene.wait_until(lambda: stage_rests_by_timeout(scene.stage), 2.0, "the driver's own stop")


def stage_rests_by_timeout(stage):
    return stage.rests and stage.commands[-1] != (0.0, 0.0, 0.0)


def assert_ramped(commands):
    """Down to zero within the braking limit, as told in steps of at most 0.1 s, and nothing after it."""
    forward = [command[0] for command in commands]
    drops = [before - after for before, after in pairwise(forward)]
    assert forward[-1] == 0.0
    assert max(drops) <= BRAKING * 0.1 + 1e-6
