"""Transforms between frames: composition against matrices, common times, interpolation, bounds, what is refused."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transforms3d.affines import compose
from transforms3d.quaternions import axangle2quat, mat2quat, quat2mat

from altmarl_ros.driving import transforms
from altmarl_ros.driving.transforms import IDENTITY, Transform, TransformBuffer, TransformError

number = st.floats(-10, 10)
vectors = st.tuples(number, number, number)
rotations = st.tuples(vectors, st.floats(-math.pi, math.pi)).map(
    lambda given: axangle2quat(given[0] if np.linalg.norm(given[0]) > 1e-3 else (0.0, 0.0, 1.0), given[1])
)
some = st.builds(lambda place, turn: Transform(np.array(place), turn), vectors, rotations)


def planar(x, y=0.0, yaw=0.0):
    return Transform(np.array([x, y, 0.0]), axangle2quat((0, 0, 1), yaw))


def matrix(transform):
    return compose(transform.translation, quat2mat(transform.rotation), np.ones(3))


def yaw(transform):
    return 2.0 * math.atan2(transform.rotation[3], transform.rotation[0])


def chain(*links, stamp=1.0):
    """A buffer of links parent -> child."""
    buffer = TransformBuffer()
    for parent, child, transform in links:
        buffer.add(parent, child, stamp, transform)
    return buffer


@given(some, some, some)
def test_a_chain_is_the_product_of_its_matrices_and_the_way_back_its_inverse(a, b, c):
    buffer = chain(("map", "odom", a), ("odom", "base", b), ("base", "laser", c))
    there, back = buffer.newest("map", "laser"), buffer.newest("laser", "map")
    expected = matrix(a) @ matrix(b) @ matrix(c)
    np.testing.assert_allclose(matrix(there.transform), expected, atol=1e-9)
    np.testing.assert_allclose(matrix(back.transform), np.linalg.inv(expected), atol=1e-8)


@given(some, some)
def test_two_branches_meet_at_the_frame_that_both_are_in(a, b):
    buffer = chain(("base", "left", a), ("base", "right", b))
    found = buffer.newest("left", "right").transform
    np.testing.assert_allclose(matrix(found), np.linalg.inv(matrix(a)) @ matrix(b), atol=1e-9)


def test_the_stamp_is_the_newest_that_all_links_know_and_later_links_are_interpolated():
    buffer = chain(("map", "odom", planar(0.0)), ("odom", "base", planar(0.0)), stamp=0.0)
    buffer.newest("map", "base")
    for step in range(1, 11):
        buffer.add("odom", "base", 0.1 * step, planar(0.1 * step, yaw=0.2 * step))
    buffer.add("map", "odom", 0.55, planar(5.0))
    found = buffer.newest("map", "base")
    assert found.stamp == 0.55
    assert found.transform.translation == pytest.approx([5.55, 0.0, 0.0])
    assert yaw(found.transform) == pytest.approx(1.1)


def test_a_map_that_is_dated_ahead_does_not_hold_back_odometry():
    """AMCL stamps map -> odom later than now."""
    buffer = chain(("map", "odom", planar(1.0)), ("odom", "base", planar(0.0)), stamp=0.0)
    buffer.newest("map", "base")
    for step in range(1, 21):
        buffer.add("map", "odom", step + 1.0, planar(1.0))
        buffer.add("odom", "base", float(step), planar(0.1 * step))
        assert buffer.newest("map", "base").stamp == step


def test_static_links_hold_at_all_times_and_alone_have_no_stamp():
    buffer = TransformBuffer()
    buffer.add("footprint", "base", 0.0, planar(0.2), static=True)
    assert buffer.newest("footprint", "base").stamp == math.inf
    buffer.add("map", "footprint", 1e9, planar(1.0))
    found = buffer.newest("map", "base")
    assert (found.stamp, found.transform.translation[0]) == (1e9, pytest.approx(1.2))
    assert buffer.newest("base", "base").transform is not None


@given(st.permutations(range(8)))
def test_the_order_of_arrival_does_not_matter(order):
    buffer = chain(("map", "odom", planar(0.0)), ("odom", "base", planar(0.0)), stamp=-1.0)
    buffer.newest("map", "base")
    for step in order:
        buffer.add("odom", "base", float(step), planar(float(step)))
    buffer.add("map", "odom", 3.25, planar(0.0))
    assert buffer.newest("map", "base").transform.translation[0] == pytest.approx(3.25)


def test_the_shorter_turn_is_taken_between_two_signs_of_one_rotation():
    a, b = planar(0.0, yaw=0.1), planar(0.0, yaw=0.3)
    buffer = chain(("odom", "base", a), ("map", "odom", IDENTITY), stamp=0.0)
    buffer.newest("map", "base")
    buffer.add("odom", "base", 1.0, Transform(b.translation, -b.rotation))
    buffer.add("map", "odom", 0.5, IDENTITY)
    assert abs(math.remainder(yaw(buffer.newest("map", "base").transform) - 0.2, 2 * math.pi)) < 1e-9


def test_nothing_is_made_up_before_the_history_begins():
    buffer = chain(("map", "odom", planar(0.0)), stamp=1.0)
    buffer.add("odom", "base", 2.0, planar(0.0))
    with pytest.raises(TransformError, match=r"history of 'base' begins after"):
        buffer.newest("map", "base")
    buffer.add("map", "odom", 3.0, planar(0.0))
    assert buffer.newest("map", "base").stamp == 2.0


def test_memory_is_bounded_for_frames_and_stamps(monkeypatch):
    buffer = chain(("map", "odom", planar(0.0)), ("odom", "base", planar(0.0)), stamp=0.0)
    buffer.newest("map", "base")
    for step in range(5000):
        buffer.add("odom", "base", 0.001 * step, planar(0.0))
        buffer.add("base", "wheel", 0.001 * step, planar(0.0))
    assert len(buffer._links["base"].stamps) == transforms._MOST_STAMPS
    assert len(buffer._links["wheel"].stamps) == 1, "nobody asked for it"
    for step in range(200):
        buffer.add("odom", "base", float(step), planar(0.0))
    assert buffer._links["base"].stamps[-1] - buffer._links["base"].stamps[0] <= transforms.HISTORY
    buffer.add("map", "odom", 198.0, planar(0.0))
    monkeypatch.setattr(transforms, "MOST_FRAMES", 10)
    for number in range(10 - len(buffer._links)):
        buffer.add("map", f"other_{number}", 0.0, planar(0.0))
    with pytest.raises(TransformError, match="more than 10 frames"):
        buffer.add("map", "one_too_many", 0.0, planar(0.0))
    assert buffer.newest("map", "base").stamp == 198.0


def test_a_clock_that_goes_back_begins_anew():
    buffer = chain(("map", "base", planar(1.0)), stamp=1000.0)
    assert buffer.newest("map", "base").stamp == 1000.0
    buffer.add("map", "base", 5.0, planar(2.0))
    assert buffer.newest("map", "base").stamp == 5.0
    buffer.add("map", "base", 4.9, planar(3.0))
    assert buffer.newest("map", "base").stamp == 5.0


def test_a_frame_that_gets_another_parent_is_found_there():
    buffer = chain(("map", "base", planar(1.0)), ("map", "shelf", planar(1.0)))
    buffer.newest("map", "base")
    buffer.add("lift", "base", 2.0, planar(3.0))
    with pytest.raises(TransformError, match="not connected"):
        buffer.newest("map", "base")
    assert buffer.newest("lift", "base").transform.translation[0] == 3.0


def test_what_is_unknown_or_a_loop_is_named():
    buffer = chain(("map", "odom", planar(0.0)), ("a", "b", planar(0.0)), ("b", "a", planar(0.0)))
    for target, source, culprit in (
        ("map", "base_link", "'base_link' is unknown"),
        ("world", "odom", "'world' is unknown"),
        ("map", "a", "loop"),
    ):
        with pytest.raises(TransformError, match=culprit):
            buffer.newest(target, source)


@pytest.mark.parametrize(
    ("parent", "child", "stamp", "translation", "rotation"),
    [
        ("", "base", 0.0, (0, 0, 0), (1, 0, 0, 0)),
        ("map", "/map", 0.0, (0, 0, 0), (1, 0, 0, 0)),
        ("map", "base", math.nan, (0, 0, 0), (1, 0, 0, 0)),
        ("map", "base", 0.0, (0, math.inf, 0), (1, 0, 0, 0)),
        ("map", "base", 0.0, (0, 0, 0), (0, 0, 0, 0)),
        ("map", "base", 0.0, (0, 0, 0), (1, math.nan, 0, 0)),
    ],
)
def test_a_bad_transform_is_refused_and_changes_nothing(parent, child, stamp, translation, rotation):
    buffer = chain(("map", "base", planar(1.0)))
    with pytest.raises(TransformError):
        buffer.add(parent, child, stamp, Transform(np.array(translation, dtype=float), np.array(rotation, dtype=float)))
    assert buffer.newest("map", "base").transform.translation[0] == 1.0


@given(some, some)
def test_between_two_transforms_the_turn_has_a_constant_rate(a, b):
    shares = np.linspace(0.0, 1.0, 5)
    way = [transforms._between(a, b, share) for share in shares]
    np.testing.assert_allclose(matrix(way[0]), matrix(a), atol=1e-9)
    np.testing.assert_allclose(matrix(way[-1]), matrix(b), atol=1e-9)
    turns = [mat2quat(quat2mat(one.rotation).T @ quat2mat(other.rotation)) for one, other in pairwise(way)]
    angles = [2.0 * math.acos(min(1.0, abs(turn[0]))) for turn in turns]
    np.testing.assert_allclose(angles, angles[0], atol=1e-6)
