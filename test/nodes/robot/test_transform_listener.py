"""Messages of transforms in our own buffer: planar poses out of them, and what is said where one is missing."""

import math

import pytest
from geometry_msgs.msg import TransformStamped

from altmarl_ros.driving.transforms import TransformError
from altmarl_ros.nodes.robot.conversions import pose_from_transform
from altmarl_ros.nodes.robot.transform_listener import OwnBuffer


def message(parent, child, seconds, x=0.0, yaw=0.0, z=0.0):
    made = TransformStamped(child_frame_id=child)
    made.header.frame_id, made.header.stamp.sec = parent, seconds
    made.transform.translation.x, made.transform.translation.z = x, z
    made.transform.rotation.z, made.transform.rotation.w = math.sin(yaw / 2), math.cos(yaw / 2)
    return made


def test_a_chain_of_messages_becomes_a_pose_in_the_plane():
    buffer = OwnBuffer()
    buffer.add(message("map", "odom", 7, x=2.0, yaw=math.pi / 2), static=False)
    buffer.add(message("odom", "base_footprint", 7, x=1.0, yaw=0.25), static=False)
    buffer.add(message("base_footprint", "base_link", 0, z=0.1), static=True)
    found = buffer.newest("map", "base_link")
    pose = pose_from_transform(found.transform)
    assert found.stamp == 7.0
    assert (pose.x, pose.y, pose.yaw) == pytest.approx((2.0, 1.0, math.pi / 2 + 0.25))


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
