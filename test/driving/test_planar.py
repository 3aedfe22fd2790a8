"""Angles and frames."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.planar import STILL, Pose, Velocity, wrap_angle

finite = st.floats(-1e3, 1e3)


@given(st.floats(-1e4, 1e4))
def test_wrapping_keeps_the_direction(angle):
    wrapped = wrap_angle(angle)
    assert -math.pi < wrapped <= math.pi
    assert math.cos(wrapped) == pytest.approx(math.cos(angle), abs=1e-9)
    assert math.sin(wrapped) == pytest.approx(math.sin(angle), abs=1e-9)


def test_both_ends_of_the_turn_are_one_direction():
    assert wrap_angle(math.pi) == wrap_angle(-math.pi) == math.pi


@pytest.mark.parametrize("angle", [math.nan, math.inf, -math.inf])
def test_no_direction(angle):
    assert math.isnan(wrap_angle(angle))


@given(finite, finite, st.floats(-10, 10), finite, finite)
def test_to_base_link_and_back(x, y, yaw, px, py):
    pose = Pose(x, y, yaw)
    assert pose.to_map(*pose.to_local(px, py)) == pytest.approx((px, py), abs=1e-6)


def test_left_of_a_robot_that_faces_north_is_west():
    assert Pose(1.0, 2.0, math.pi / 2).to_map(0.0, 1.0) == pytest.approx((0.0, 2.0))


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_noticed(place, value):
    numbers = [0.0, 0.0, 0.0]
    numbers[place] = value
    assert not Pose(*numbers).is_finite
    assert not Velocity(*numbers).is_finite
    assert not Velocity(*numbers).is_zero


def test_still():
    assert STILL.is_zero
    assert Velocity(3.0, 4.0).speed == 5.0
