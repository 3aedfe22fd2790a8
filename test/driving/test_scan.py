"""What a scan hits and where it looks."""

import math

import numpy as np
import pytest

from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.scan import Scan


def scan(ranges, *, angle_min=-math.pi, increment=None, mount=Pose(0.0, 0.0)):
    increment = 2 * math.pi / len(ranges) if increment is None else increment
    return Scan(np.asarray(ranges, float), angle_min, increment, 0.1, 5.0, mount)


def test_points_in_base_link():
    found = scan([1.0, 2.0], angle_min=0.0, increment=math.pi / 2, mount=Pose(0.5, 0.0, math.pi / 2))
    assert found.points == pytest.approx(np.array([[0.5, 1.0], [-1.5, 0.0]]))


def test_what_a_range_means():
    found = scan([np.inf, 5.0, -np.inf, np.nan, 0.0, 3.0])
    assert np.hypot(*found.points.T) == pytest.approx([0.1, 3.0])  # -inf: at range_min; 0 and NaN: nothing
    assert len(found.bearings) == 4


def test_a_full_scan_covers_every_direction_and_a_front_scan_the_front():
    full, front = scan([np.inf] * 60), scan([np.inf] * 60, angle_min=-1.5, increment=0.05)
    for direction in np.linspace(-10, 10, 41):
        assert full.covers(direction, 1.0, 0.2)
    assert front.covers(0.0, 1.0, 0.2)
    assert not front.covers(1.0, 1.0, 0.2)
    assert not front.covers(math.pi, 1.0, 0.2)


def test_blind_rays_leave_a_gap():
    ranges = np.full(60, np.inf)
    ranges[29:32] = np.nan
    assert not scan(ranges).covers(0.0, 1.0, 0.2)
    assert scan(ranges).covers(math.pi, 1.0, 0.2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("angle_min", math.nan),
        ("increment", 0.0),
        ("increment", math.inf),
        ("range_min", -1.0),
        ("range_max", math.nan),
        ("ranges", np.empty(0)),
        ("ranges", np.ones((3, 3))),
        ("increment", 1.0),
        ("mount", Pose(math.nan, 0.0)),
    ],
)
def test_nonsense_is_no_scan(name, value):
    good = {"ranges": np.ones(60), "angle_min": 0.0, "increment": 0.1, "range_min": 0.1, "range_max": 5.0}
    assert Scan(**good).is_valid
    bad = Scan(**{**good, name: value})
    assert not bad.is_valid
    assert not len(bad.points)
    assert not bad.covers(0.0, 1.0, 0.2)
