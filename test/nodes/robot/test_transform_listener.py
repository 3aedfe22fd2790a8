"""Messages of transforms in our own buffer, and in tf2's where it is installed: planar poses, and what is said without one."""

import math

import pytest
from geometry_msgs.msg import TransformStamped

from altmarl_ros.driving.transforms import TransformError
from altmarl_ros.nodes.robot.conversions import pose_from_transform
from altmarl_ros.nodes.robot.transform_listener import OwnBuffer, Tf2Buffer


def message(parent, child, seconds, x=0.0, yaw=0.0, z=0.0):
    made = TransformStamped(child_frame_id=child)
    made.header.frame_id, made.header.stamp.sec = parent, seconds
    made.transform.translation.x, made.transform.translation.z = x, z
    made.transform.rotation.z, made.transform.rotation.w = math.sin(yaw / 2), math.cos(yaw / 2)
    return made


@pytest.fixture(params=[OwnBuffer, Tf2Buffer])
def buffer(request):
    if request.param is Tf2Buffer:
        pytest.importorskip("tf2_ros", reason="tf2_ros is not installed here: it comes with a ROS installation")
    return request.param()


def test_a_chain_of_messages_becomes_a_pose_in_the_plane(buffer):
    buffer.add(message("map", "odom", 7, x=2.0, yaw=math.pi / 2), static=False)
    buffer.add(message("odom", "base_footprint", 7, x=1.0, yaw=0.25), static=False)
    buffer.add(message("base_footprint", "base_link", 0, z=0.1), static=True)
    found = buffer.newest("map", "base_link")
    pose = pose_from_transform(found.transform)
    assert found.stamp == 7.0
    assert (pose.x, pose.y, pose.yaw) == pytest.approx((2.0, 1.0, math.pi / 2 + 0.25))
    assert {"map", "odom", "base_footprint", "base_link"} <= {*buffer.frames, "map"}


def test_a_clock_that_goes_back_begins_anew(buffer):
    for seconds, x in ((1000, 1.0), (5, 2.0)):
        buffer.add(message("map", "base_link", seconds, x=x), static=False)
        found = buffer.newest("map", "base_link")
        assert (found.stamp, found.transform.translation[0]) == (seconds, x)


def test_what_is_not_connected_is_refused(buffer):
    buffer.add(message("map", "odom", 1), static=False)
    with pytest.raises(TransformError, match="base_link"):
        buffer.newest("map", "base_link")


def test_what_is_missing_is_said_with_what_was_heard():
    buffer = OwnBuffer()
    for frame in range(5):
        buffer.add(message("map", f"frame_{frame}", 1), static=False)
    with pytest.raises(TransformError, match=r"'base_link' is unknown; frames that were heard: frame_0, .* and 3 others"):
        buffer.newest("map", "base_link")


def test_a_message_that_is_no_transform_is_refused():
    broken = message("map", "base_link", 1)
    broken.transform.rotation.w = math.nan
    with pytest.raises(TransformError, match="base_link"):
        OwnBuffer().add(broken, static=False)
