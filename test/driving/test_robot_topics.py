"""What is wrong with a topic is said with the parameter, and the value, that mends it."""

import pytest

from altmarl_ros.driving.robot_topics import (
    TWIST,
    TWIST_STAMPED,
    CommandTopic,
    Fault,
    NavigatorAction,
    Stream,
    command_fault,
    navigator_fault,
    stream_fault,
)

ODOMETRY, POSE, AMCL = (
    "nav_msgs/msg/Odometry",
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
)
SCAN, NAVIGATE = "sensor_msgs/msg/LaserScan", "nav2_msgs/action/NavigateToPose"


def pose(wanted=POSE, offered=(), elsewhere=(), refused=None):
    publishers = ("/robot_1/driver",) if offered else ()
    return Stream(
        "/robot_1/pose",
        wanted,
        publishers,
        frozenset(offered),
        parameter="pose.topic",
        elsewhere=elsewhere,
        refused=refused,
    )


@pytest.mark.parametrize(
    ("stream", "detail", "remedy"),
    [
        (pose(), "nobody publishes /robot_1/pose", "set pose.topic to the topic on which it comes"),
        (pose(elsewhere=("mocap/pose",)), "nobody publishes", "set pose.topic to 'mocap/pose'"),
        (pose(offered=[AMCL]), f"publishes {AMCL}", "set pose.source to 'pose_with_covariance'"),
        (pose(AMCL, [POSE]), f"publishes {POSE}", "set pose.source to 'pose'"),
        (pose(POSE, [ODOMETRY]), f"publishes {ODOMETRY}", "set pose.source to 'odometry'"),
        (pose(POSE, ["x/msg/Y"]), "publishes x/msg/Y", f"set pose.topic to a topic of {POSE}"),
        (pose(POSE, ["x/msg/Y"], ("p",)), "publishes x/msg/Y", "set pose.topic to 'p'"),
        (
            pose(POSE, [POSE], refused=Fault("in 'a'", "set frames.map to 'a'")),
            "/robot_1/pose: in 'a'",
            "set frames.map to 'a'",
        ),
        (
            Stream("/robot_1/scan", SCAN, ("/l",), frozenset({"sensor_msgs/msg/PointCloud2"}), parameter="scan.topic"),
            "publishes sensor_msgs/msg/PointCloud2",
            f"set scan.topic to a topic of {SCAN}",
        ),
        (
            Stream("/robot_1/cmd_vel_nav", TWIST, ("/nav",), frozenset({TWIST_STAMPED})),
            f"publishes {TWIST_STAMPED}",
            "set drive.stamped to true",
        ),
        (Stream("/robot_1/cmd_vel_nav", TWIST), "nobody publishes", "or remap the topic"),
    ],
)
def test_topics_that_a_robot_reads(stream, detail, remedy):
    fault = stream_fault(stream)
    assert detail in fault.detail
    assert remedy in fault.remedy
    assert str(fault) == f"{fault.detail}: {fault.remedy}"


def test_a_topic_of_the_right_type_is_well():
    assert stream_fault(pose(offered=[POSE, "x/msg/Y"])) is None


@pytest.mark.parametrize(
    ("wanted", "subscribed", "detail", "remedy"),
    [
        (TWIST, (), "nobody subscribes to /c", "set drive.topic"),
        (TWIST, (TWIST_STAMPED,), f"/base expects {TWIST_STAMPED} on /c", "set drive.stamped to true"),
        (TWIST_STAMPED, (TWIST,), f"/base expects {TWIST} on /c", "set drive.stamped to false"),
        (TWIST, ("x/msg/Y",), "/base expects x/msg/Y", "set drive.topic"),
    ],
)
def test_commands_that_nobody_takes(wanted, subscribed, detail, remedy):
    fault = command_fault(CommandTopic("/c", wanted, (), ("/base",) if subscribed else (), frozenset(subscribed)))
    assert detail in fault.detail
    assert remedy in fault.remedy


def test_a_driver_of_the_right_type_is_well():
    assert command_fault(CommandTopic("/c", TWIST, (), ("/base", "/recorder"), frozenset({TWIST, TWIST_STAMPED}))) is None


def test_a_navigator_that_is_missing_or_serves_something_else():
    assert navigator_fault(NavigatorAction("/n", ("/nav",), frozenset({NAVIGATE}))) is None
    fault = navigator_fault(NavigatorAction("/n", elsewhere=("nav/to_pose", "/other/go")))
    assert "nobody serves /n" in fault.detail
    assert "set drive.action to 'nav/to_pose' or '/other/go'" in fault.remedy
    assert "serves x/action/Y on /n" in navigator_fault(NavigatorAction("/n", ("/nav",), frozenset({"x/action/Y"}))).detail
