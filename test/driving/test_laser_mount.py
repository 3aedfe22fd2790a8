"""Where a laser is on its robot: a ray that hits a point tells the same point, however the laser is mounted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transforms3d.euler import euler2quat

from altmarl_ros.driving.laser_mount import LaserMount, mount_from_transform
from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.transforms import Transform

angles = st.floats(-math.pi, math.pi)
places = st.floats(-2.0, 2.0)


@given(places, places, angles, st.sampled_from([0.0, math.pi]), st.sampled_from([0.0, math.pi]), angles, st.floats(0.1, 5.0))
def test_a_ray_ends_where_the_transform_says(x, y, yaw, pitch, roll, angle, distance):
    transform = Transform(np.array([x, y, 0.2]), np.array(euler2quat(yaw, pitch, roll, "rzyx")))
    mount = mount_from_transform(transform)
    there = Transform(np.array([distance * math.cos(angle), distance * math.sin(angle), 0.0]), np.array([1.0, 0, 0, 0]))
    seen = angle if not mount.upside_down else -angle
    pose = mount.pose
    end = (pose.x + distance * math.cos(pose.yaw + seen), pose.y + distance * math.sin(pose.yaw + seen))
    assert end == pytest.approx(transform.then(there).translation[:2], abs=1e-6)


def test_a_tilted_laser_has_no_planar_mount():
    tilted = Transform(np.zeros(3), np.array(euler2quat(0.0, 0.3, 0.0, "rzyx")))
    assert mount_from_transform(tilted) is None
    assert mount_from_transform(Transform(np.zeros(3), np.array(euler2quat(0.0, 0.05, 0.0, "rzyx")))) is not None


def test_it_is_said_in_words():
    assert str(LaserMount(Pose(0.1, 0.0, 1.5), upside_down=True)) == "0.100 m, 0.000 m, 1.500 rad, upside down"
