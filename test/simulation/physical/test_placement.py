import numpy as np
import pytest
import shapely

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_floor_map
from altmarl_ros.simulation.physical.placement import floor_walls, parked_starts, polygon_walls, random_starts, wall_array

ROOM = np.array([[0, 0], [6, 0], [6, 3], [3, 3], [3, 6], [0, 6]], dtype=float)  # an L
HALL = np.array([[10, 0], [16, 0], [13, 6]], dtype=float)


def test_discs_lie_inside_apart_from_each_other_and_from_walls():
    walls = [[1.0, 1.5, 5.0, 1.5]]
    starts = random_starts(30, [ROOM, HALL], 0.25, 5, walls, clearance=0.1)
    apart = np.hypot(*np.moveaxis(starts[:, None, :2] - starts[:, :2], -1, 0)) + 9 * np.eye(30)
    assert apart.min() >= 2 * 0.25 + 0.1
    around = np.column_stack([np.cos(np.arange(64)), np.sin(np.arange(64))]) * (0.25 + 0.1)
    for x, y, yaw in starts:
        rim = around + np.array([x, y])
        assert any(shapely.intersects_xy(shapely.Polygon(area), rim).all() for area in (ROOM, HALL))
        assert not (abs(y - 1.5) < 0.35 and 1.0 <= x <= 5.0)
        assert -np.pi <= yaw <= np.pi
    assert (starts[:, 0] > 9).any()
    assert (starts[:, 0] < 9).any()


def test_the_first_places_do_not_depend_on_how_many_follow():
    np.testing.assert_array_equal(random_starts(20, [ROOM], 0.25, 1)[:7], random_starts(7, [ROOM], 0.25, 1))
    assert not np.array_equal(random_starts(7, [ROOM], 0.25, 1), random_starts(7, [ROOM], 0.25, 2))


def test_places_are_uniform_over_areas():
    boxes = [[[0, 0], [4, 0], [4, 4], [0, 4]], [[10, 0], [12, 0], [12, 4], [10, 4]]]
    starts = np.vstack([random_starts(6, boxes, 0.01, seed, clearance=0.0) for seed in range(100)])
    share = (starts[:, 0] < 5).mean()
    assert abs(share - 2 / 3) < 4.5 * np.sqrt(2 / 9 / 600)


@pytest.mark.slow
def test_no_room_and_bad_areas_are_named():
    with pytest.raises(AltmarlError, match="room for"):
        random_starts(200, [ROOM], 0.4, 0)
    with pytest.raises(AltmarlError, match="start area 1"):
        random_starts(1, [ROOM, [[0, 0], [1, 1]]], 0.1, 0)
    with pytest.raises(AltmarlError, match="no area"):
        random_starts(1, [], 0.1, 0)


def test_walls():
    square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    np.testing.assert_array_equal(polygon_walls(square), [[0, 0, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 0, 0]])
    np.testing.assert_array_equal(wall_array([[[0, 0], [1, 0]]]), [[0, 0, 1, 0]])
    assert wall_array([]).shape == (0, 4)
    for bad, why in (
        ([[0, 0, 0, 0]], "wall 0"),
        ([[0, 0, 1, 0], [0, 0, np.inf, 1]], "wall 1"),
        ([[1, 2, 3]], "segments"),
        ("x", "segments"),
    ):
        with pytest.raises(AltmarlError, match=why):
            wall_array(bad)


def test_parked_robots_have_the_slots_of_their_zones_to_themselves():
    floor = load_floor_map("hall")
    few, many = (parked_starts(range(n), floor, np.full(5, 0.2), 3) for n in (5, 20))
    np.testing.assert_array_equal(few, many[:5])
    assert len({tuple(pose[:2]) for pose in many}) == 20
    slots = np.vstack(floor.slots)
    assert all((np.hypot(*(slots - pose[:2]).T) == 0.0).any() for pose in many)


def test_a_zone_with_fewer_slots_than_robots_is_named():
    floor = load_floor_map("hall")
    with pytest.raises(AltmarlError, match="'storage'"):
        parked_starts(range(100), floor, np.eye(5)[1], 0)


def test_walls_of_a_floor_are_those_of_its_lines():
    assert len(floor_walls(load_floor_map("hall"))) == 6
