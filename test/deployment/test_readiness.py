"""Every fault that keeps a robot from moving is named, with its remedy."""

import math
from dataclasses import replace

import pytest

from altmarl_ros.deployment.readiness import check_readiness
from altmarl_ros.deployment.robot_observations import CoordinatorObservations, RobotObservations
from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.robot_topics import CommandTopic, Fault, NavigatorAction, Stream

VALUES = {
    "body": "drive",
    "drive.kind": "cmd_vel",
    "drive.base": "differential",
    "robot.radius": 0.2,
    "margin.reaction": 0.2,
    "timeout.pose": 0.5,
    "timeout.scan": 0.5,
    "timeout.tick": 180.0,
    "timeout.coordinator": 0.5,
    "scan.required": True,
    "limits.forward": 0.5,
    "on_silence": "hold",
}
POSE = Stream(
    "/robot_7/odom", "nav_msgs/msg/Odometry", ("/robot_7/base",), frozenset({"nav_msgs/msg/Odometry"}), 10, (0.02,) * 9, 0.01
)
SCAN = Stream(
    "/robot_7/scan",
    "sensor_msgs/msg/LaserScan",
    ("/robot_7/laser",),
    frozenset({"sensor_msgs/msg/LaserScan"}),
    10,
    (0.1,) * 9,
    0.02,
)
TWIST = "geometry_msgs/msg/Twist"
COMMAND = CommandTopic("/robot_7/cmd_vel", TWIST, ("/robot_7/robot",), ("/robot_7/base",), frozenset({TWIST}))
COORDINATOR = CoordinatorObservations(("/coordinator",), 0.4, 60.0, 20.0, 0.001, "abc")
SOUND = RobotObservations(
    node="/robot_7/robot",
    count=1,
    state="active",
    values=VALUES,
    streams={"pose": POSE, "scan": SCAN},
    command=COMMAND,
    coordinator=COORDINATOR,
    game_hash="abc",
    zone="storage",
    nearest=1.2,
    clock=0.002,
    reasons=(),
    said=frozenset(),
)


def test_a_sound_robot_passes_every_check():
    checks = check_readiness(SOUND, Limits())
    assert {check.state for check in checks} == {"ok"}, checks
    names = [check.name for check in checks]
    assert names == [
        "node",
        "settings",
        "pose",
        "scan",
        "zone",
        "clearance",
        "command",
        "coordinator",
        "tick",
        "policy",
        "clock",
        "robot",
    ]
    assert "0.23 m after an obstacle" in checks[1].detail  # 0.5^2 / 2 + 0.5 * 0.2, by hand 0.225


def with_value(**values):
    return replace(SOUND, values={**VALUES, **{name.replace("__", "."): value for name, value in values.items()}})


def with_stream(name, **changes):
    """The robot lacks what comes on this topic."""
    streams = {**SOUND.streams, name: replace(SOUND.streams[name], **changes)}
    return replace(SOUND, streams=streams, said=frozenset({Reason.POSE_STALE if name == "pose" else Reason.SCAN_STALE}))


def with_command(**changes):
    return replace(SOUND, command=replace(COMMAND, **changes), said=frozenset({Reason.NO_DRIVER}))


def with_navigator(said, velocity=POSE, **changes):
    action = NavigatorAction("/robot_7/navigate_to_pose", ("/robot_7/nav",), frozenset({"nav2_msgs/action/NavigateToPose"}))
    seen = with_value(drive__kind="nav2")
    streams = {**SOUND.streams, "velocity": velocity}
    return replace(seen, navigator=replace(action, **changes), streams=streams, said=frozenset(said))


FAULTS = {
    "no node": (replace(SOUND, count=0), "node", "failed", "no node /robot_7/robot"),
    "two nodes": (replace(SOUND, count=2), "node", "failed", "2 nodes"),
    "no parameters": (replace(SOUND, values=None), "node", "failed", "tells no parameters"),
    "not configured": (replace(SOUND, state="unconfigured"), "node", "failed", "unconfigured"),
    "another body": (with_value(body="markov"), "settings", "failed", "markov"),
    "other limits": (
        replace(SOUND, expected={"limits.forward": 0.2}),
        "settings",
        "failed",
        "limits.forward is 0.5, in the file 0.2",
    ),
    "dry run": (with_value(drive__kind="none"), "settings", "warning", "none"),
    "no driver": (with_stream("pose", publishers=()), "pose", "failed", "nobody publishes /robot_7/odom"),
    "another type": (with_stream("pose", offered=frozenset({"x/msg/Y"})), "pose", "failed", "x/msg/Y"),
    "silent driver": (with_stream("pose", messages=0, intervals=()), "pose", "failed", "nothing comes"),
    "foreign frame": (with_stream("pose", refused=Fault("frame 'a'", "set frames.odom to 'a'")), "pose", "failed", "frame 'a'"),
    "old pose": (with_stream("pose", age=0.6), "pose", "failed", "600 ms old"),
    "pose from the future": (replace(with_stream("pose", age=-0.3), said=frozenset()), "pose", "warning", "-300 ms old"),
    "unexplained": (with_stream("pose"), "pose", "failed", "the robot says: no fresh pose"),
    "heard by the robot alone": (
        replace(with_stream("pose", messages=0, intervals=()), said=frozenset()),
        "pose",
        "warning",
        "nothing comes",
    ),
    "no server": (
        with_navigator({Reason.NO_NAVIGATOR}, servers=(), types=frozenset()),
        "navigator",
        "failed",
        "nobody serves /robot_7/navigate_to_pose",
    ),
    "another action": (
        with_navigator({Reason.NO_NAVIGATOR}, types=frozenset({"x/action/Y"})),
        "navigator",
        "failed",
        "/robot_7/nav serves x/action/Y",
    ),
    "goal rejected": (with_navigator({Reason.GOAL_REJECTED}), "navigator", "failed", "goal rejected"),
    "goal aborted": (with_navigator({Reason.GOAL_ABORTED}), "navigator", "failed", "goal aborted"),
    "silent navigator": (with_navigator({Reason.NAVIGATOR_SILENT}), "velocity", "failed", "no velocity comes"),
    "no velocities": (
        with_navigator({Reason.NAVIGATOR_SILENT}, velocity=replace(POSE, publishers=())),
        "velocity",
        "failed",
        "nobody publishes",
    ),
    "slow odometry": (with_stream("pose", intervals=(0.02, 0.6)), "pose", "failed", "0.60 s between two"),
    "one pose alone": (with_stream("pose", messages=1, intervals=()), "pose", "failed", "one message"),
    "slow laser": (with_stream("scan", intervals=(0.2, 0.7)), "scan", "failed", "0.70 s between two"),
    "nowhere": (replace(SOUND, zone=""), "zone", "failed", "no zone"),
    "sees itself": (replace(SOUND, nearest=0.15), "clearance", "failed", "0.15 m"),
    "no command": (replace(SOUND, command=None), "command", "failed", "publishes no velocities"),
    "no base": (with_command(subscribers=()), "command", "failed", "nobody subscribes"),
    "incompatible base": (with_command(), "command", "failed", "no driver listens"),
    "unstamped": (
        with_command(subscribed_types=frozenset({TWIST + "Stamped"})),
        "command",
        "failed",
        "Stamped",
    ),
    "teleoperated": (
        replace(SOUND, command=replace(COMMAND, publishers=("/robot_7/robot", "/joy"))),
        "command",
        "failed",
        "/joy",
    ),
    "no coordinator": (
        replace(SOUND, coordinator=CoordinatorObservations()),
        "coordinator",
        "failed",
        "nobody publishes ticks",
    ),
    "long lease": (
        replace(SOUND, coordinator=replace(COORDINATOR, longest_lease=1.0)),
        "coordinator",
        "failed",
        "lease of 1 s",
    ),
    "short timeout": (with_value(timeout__tick=30.0), "tick", "failed", "timeout.tick is 30 s"),
    "silent coordinator": (replace(SOUND, coordinator=replace(COORDINATOR, last_tick=200.0)), "tick", "warning", "200.0 s ago"),
    "no policy": (replace(SOUND, coordinator=replace(COORDINATOR, game_hash="")), "policy", "failed", "none"),
    "another game": (replace(SOUND, game_hash="xyz"), "policy", "failed", "xyz"),
    "clock ahead": (replace(SOUND, clock=3.0), "clock", "warning", "+3000 ms"),
    "stopped": (replace(SOUND, reasons=("emergency stop",)), "robot", "warning", "emergency stop"),
    "not active": (replace(SOUND, reasons=("not active", "no fresh pose")), "robot", "warning", "lacks: no fresh pose"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_with_what_to_do(fault):
    seen, name, state, words = FAULTS[fault]
    found = {check.name: check for check in check_readiness(seen, Limits())}
    assert found[name].state == state
    assert words in found[name].detail
    assert found[name].remedy


def test_a_robot_without_a_laser_that_needs_none_is_warned_of_a_silent_one():
    seen = replace(with_value(scan__required=False), streams={"pose": POSE, "scan": replace(SCAN, messages=0, intervals=())})
    assert {check.name: check.state for check in check_readiness(seen, Limits())}["scan"] == "warning"


def test_a_robot_that_stands_is_well_localised_by_odometry_while_amcl_is_silent():
    pose = replace(POSE, topic="/robot_7/amcl_pose", messages=1, intervals=(), age=900.0)
    seen = replace(SOUND, streams={"pose": pose, "odometry": POSE, "scan": SCAN})
    assert {check.state for check in check_readiness(seen, Limits())} == {"ok"}
    silent = replace(seen, streams={**seen.streams, "pose": replace(pose, messages=0, age=math.nan)})
    assert {check.state for check in check_readiness(silent, Limits())} == {"ok"}
    lost = replace(silent, said=frozenset({Reason.POSE_STALE}))
    found = {check.name: check for check in check_readiness(lost, Limits())}
    assert (found["pose"].state, found["odometry"].state) == ("failed", "ok")
    assert "AMCL says nothing before its initial pose is set" in found["pose"].remedy
    stuck = replace(seen, streams={**seen.streams, "odometry": replace(POSE, messages=0)}, said=lost.said)
    found = {check.name: check for check in check_readiness(stuck, Limits())}
    assert (found["pose"].state, found["odometry"].state) == ("ok", "failed")


def test_where_the_robot_says_nothing_its_own_code_judges_what_is_received_here():
    seen = replace(with_stream("pose", age=0.6), said=None, reasons=None)
    for judged, state in ((frozenset({Reason.POSE_STALE}), "failed"), (frozenset(), "warning")):
        found = {check.name: check for check in check_readiness(replace(seen, judged=judged), Limits())}
        assert found["pose"].state == state


def test_a_robot_that_drives_on_in_silence_may_have_a_short_timeout():
    seen = with_value(timeout__tick=30.0, on_silence="finish")
    assert {check.name: check.state for check in check_readiness(seen, Limits())}["tick"] == "ok"
