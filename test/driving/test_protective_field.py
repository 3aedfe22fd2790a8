"""Free paths against geometry, speeds against the stopping distance."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.planar import Velocity
from altmarl_ros.driving.protective_field import ProtectiveField, field_speed, free_path, nearest, safe_speed

FIELD = ProtectiveField(outline=0.2, margin=0.1, reach=10.0, reaction=0.2, braking=1.0, approach=0.0)

coordinate = st.floats(-3.0, 3.0)


def test_straight_ahead_and_beside():
    assert free_path(np.array([[2.0, 0.0]]), 0.5, 0.0, 0.0, 0.2) == pytest.approx(1.8)
    assert free_path(np.array([[2.0, 0.21]]), 0.5, 0.0, 0.0, 0.2) == math.inf
    assert free_path(np.array([[-2.0, 0.0]]), 0.5, 0.0, 0.0, 0.2) == math.inf
    assert free_path(np.array([[-2.0, 0.0]]), -0.5, 0.0, 0.0, 0.2) == pytest.approx(1.8)


def test_a_quarter_turn():
    """On the unit circle about (0, 1), a point at (1, 1) is met after pi / 2 less the touching angle."""
    free = free_path(np.array([[1.0, 1.0]]), 1.0, 0.0, 1.0, 0.2)
    assert free == pytest.approx(math.pi / 2 - 2.0 * math.asin(0.1))


@given(coordinate, coordinate, st.floats(-1, 1), st.floats(-1, 1), st.floats(-2, 2))
def test_a_disc_that_goes_the_free_path_touches_and_no_sooner(x, y, vx, vy, w):
    speed, h = math.hypot(vx, vy), 0.25
    if speed < 0.05 or math.hypot(x, y) < h + 1e-6:
        return
    free = free_path(np.array([[x, y]]), vx, vy, w, h)
    t = np.linspace(0.0, min(free, 12.0) / speed, 4000)
    yaw = w * t
    steps = np.diff(t)[:, None] * np.column_stack(
        [
            vx * np.cos(mid := 0.5 * (yaw[1:] + yaw[:-1])) - vy * np.sin(mid),
            vx * np.sin(mid) + vy * np.cos(mid),
        ]
    )
    centres = np.vstack([[0.0, 0.0], np.cumsum(steps, axis=0)])
    gaps = np.hypot(centres[:, 0] - x, centres[:, 1] - y) - h
    assert gaps.min() > -2e-2
    if free < 12.0:
        assert abs(gaps[-1]) < 2e-2


def test_within_the_disc_only_the_way_out_is_free():
    touching = np.array([[0.1, 0.0]])
    assert free_path(touching, 0.5, 0.0, 0.0, 0.2) <= 0.0
    assert free_path(touching, 0.5, 0.0, 1.0, 0.2) <= 0.0
    assert free_path(touching, -0.5, 0.0, 0.0, 0.2) == free_path(touching, -0.5, 0.0, 1.0, 0.2) == math.inf


@given(st.floats(1e-3, 10), st.floats(0, 2), st.floats(0.1, 5))
def test_stopping_distance(free, reaction, braking):
    v = safe_speed(free, reaction, braking)
    assert v * reaction + v * v / (2 * braking) == pytest.approx(free, rel=1e-6)


@pytest.mark.parametrize("free", [0.0, -1.0, math.nan])
def test_no_way_no_speed(free):
    assert safe_speed(free, 0.1, 1.0) == 0.0


def test_against_still_obstacles_the_field_is_the_stopping_distance():
    wall = np.array([[1.0, 0.0]])
    found = field_speed(wall, Velocity(2.0), FIELD)
    assert found == pytest.approx(safe_speed(1.0 - 0.2 - 0.1, 0.2, 1.0), rel=0.02)


@given(st.floats(0.3, 3.0), st.floats(-1.0, 1.0), st.floats(0.0, 0.3))
def test_what_may_come_nearer_never_speeds_up(x, y, approach):
    points = np.array([[x, y]])
    still = field_speed(points, Velocity(1.0), FIELD)
    assert field_speed(points, Velocity(1.0), FIELD._replace(approach=approach)) <= still


def test_no_faster_than_the_laser_reaches():
    free = np.empty((0, 2))
    found = field_speed(free, Velocity(2.0), FIELD._replace(margin=0.0, reach=1.0))
    assert found == pytest.approx(safe_speed(1.0, 0.2, 1.0), rel=0.02)


def test_nearest():
    assert nearest(np.array([[3.0, 4.0], [0.0, -6.0]])) == pytest.approx(5.0)
    assert nearest(np.empty((0, 2))) == math.inf
