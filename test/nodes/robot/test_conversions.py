"""Standard messages as a robot reads them."""

from math import cos, inf, isnan, nan, pi, sin

import numpy as np
import pytest
from geometry_msgs.msg import Pose as PoseMessage
from geometry_msgs.msg import Quaternion
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import LaserScan

from altmarl_ros.driving.governor_types import Command, Reason, State
from altmarl_ros.driving.laser_mount import LaserMount
from altmarl_ros.driving.planar import Pose, Velocity
from altmarl_ros.msg import DriveState
from altmarl_ros.nodes.robot import conversions


@given(st.floats(-pi + 1e-6, pi - 1e-6), st.floats(-0.3, 0.3))
def test_yaw_of_a_level_and_of_a_pitched_robot(yaw, pitch):
    z, w, y, v = sin(yaw / 2), cos(yaw / 2), sin(pitch / 2), cos(pitch / 2)
    turned = Quaternion(w=w * v, x=-z * y, y=w * y, z=z * v)  # yaw, then pitch
    assert conversions.yaw_from_message(Quaternion(z=z, w=w)) == pytest.approx(yaw, abs=1e-6)
    assert conversions.yaw_from_message(turned) == pytest.approx(yaw, abs=1e-6)


@pytest.mark.parametrize("wrong", [{"w": 0.0}, {"w": 2.0}, {"w": nan}, {"w": 1.0, "z": inf}, {"w": 1e200, "x": 1e200}])
def test_what_is_no_rotation_has_no_yaw(wrong):
    message = PoseMessage(orientation=Quaternion(**wrong))
    assert isnan(conversions.pose_from_message(message).yaw)
    assert not conversions.pose_from_message(message).is_finite


def test_a_scan_is_read_in_the_frame_of_the_base():
    message = LaserScan(angle_min=-pi / 2, angle_increment=pi / 2, range_min=0.1, range_max=5.0, ranges=[1.0, 2.0, inf])
    scan = conversions.scan_from_message(message, LaserMount(Pose(0.5, 0.0, pi / 2)))
    assert scan.is_valid
    np.testing.assert_allclose(scan.points, [[1.5, 0.0], [0.5, 2.0]], atol=1e-6)
    assert not conversions.scan_from_message(LaserScan(), LaserMount(Pose(0.0, 0.0))).is_valid


@given(st.builds(Velocity, *[st.floats(-9.0, 9.0)] * 3))
def test_velocities_go_there_and_back(velocity):
    assert conversions.velocity_from_message(conversions.velocity_to_message(velocity)) == velocity


def test_every_state_and_reason_has_its_message():
    for state in State:
        message = conversions.drive_to_message(
            Command(Velocity(0.1, 0.0, 0.2), state, tuple(Reason)), DriveState().stamp, tick=3
        )
        assert message.state == getattr(DriveState, state.name)
        assert list(message.reasons) == [reason.value for reason in Reason]
        assert (message.velocity_x, message.tick) == (pytest.approx(0.1), 3)
