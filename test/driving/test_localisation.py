"""Odometry and corrections, against the group of motions of the plane."""

from math import cos, dist, nan, pi, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.localisation import Localiser, compose, inverse
from altmarl_ros.driving.planar import Pose, wrap_angle

lengths = st.floats(-50.0, 50.0)
poses = st.builds(Pose, lengths, lengths, st.floats(-pi + 1e-6, pi))


def near(a, b):
    return dist((a.x, a.y), (b.x, b.y)) < 1e-6 and abs(wrap_angle(a.yaw - b.yaw)) < 1e-6


@given(poses, poses, poses)
def test_poses_are_a_group(a, b, c):
    assert near(compose(compose(a, b), c), compose(a, compose(b, c)))
    assert near(compose(a, inverse(a)), Pose(0.0, 0.0))
    assert near(compose(inverse(a), a), Pose(0.0, 0.0))


@given(poses, lengths, lengths)
def test_composition_is_the_rotation_and_shift_of_the_plane(a, x, y):
    moved = compose(a, Pose(x, y))
    assert (moved.x, moved.y) == pytest.approx(
        (
            a.x + cos(a.yaw) * x - sin(a.yaw) * y,
            a.y + sin(a.yaw) * x + cos(a.yaw) * y,
        ),
        abs=1e-9,
    )


@given(poses, poses)
def test_odometry_alone_starts_where_its_origin_is(origin, driven):
    assert near(Localiser(origin).odometry(1.0, driven), compose(origin, driven))


@given(poses, poses, poses, poses)
def test_a_correction_holds_for_the_time_at_which_it_was_measured(origin, early, late, truth):
    localiser = Localiser()
    assert localiser.odometry(1.0, early) is None
    localiser.correct(1.0, truth)
    assert near(localiser.odometry(2.0, early), truth)
    localiser = Localiser(origin)
    localiser.odometry(1.0, early)
    localiser.odometry(2.0, late)
    localiser.correct(1.1, truth)  # measured then, told later
    assert near(localiser.odometry(2.1, late), compose(truth, compose(inverse(early), late)))


@given(poses, poses)
def test_a_pose_that_is_there_first_holds_where_odometry_begins(early, truth):
    localiser = Localiser()
    localiser.correct(1.0, Pose(0.0, 0.0))
    localiser.correct(2.0, truth)
    assert near(localiser.odometry(50.0, early), truth)


def test_what_is_no_number_corrects_nothing():
    localiser = Localiser(Pose(1.0, 2.0))
    localiser.odometry(1.0, Pose(0.0, 0.0))
    localiser.odometry(1.1, Pose(nan, 0.0))
    localiser.correct(1.1, Pose(0.0, nan))
    localiser.correct(nan, Pose(0.0, 0.0))
    assert localiser.odometry(1.2, Pose(1.0, 0.0)) == Pose(2.0, 2.0)
    localiser.correct(1.2, Pose(5.0, 5.0))
    assert localiser.odometry(1.3, Pose(1.0, 0.0)) == Pose(5.0, 5.0)
