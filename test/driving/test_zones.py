"""Poses on the floor: zones with hysteresis, slots, ways and the area."""

import math
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import AltmarlError, GameError
from altmarl_ros.games import load_floor_map
from altmarl_ros.games.floor_parameters import FloorMapParameters, floor_map

H, T = 0.2, 0.5
LOST = [math.nan, math.inf, -math.inf, 1e308, -1e7]


def zones_of(*rectangles, hysteresis=H, tolerance=T, **keys):
    zones = [{"name": "abcdef"[i], "rectangle": rectangle} for i, rectangle in enumerate(rectangles)]
    return Zones(floor_map(FloorMapParameters(zones=zones, **keys)), hysteresis, tolerance)


@pytest.fixture(scope="module")
def row():
    """Three rooms of 4 m by 4 m side by side."""
    return zones_of([0, 0, 4, 4], [4, 0, 8, 4], [8, 0, 12, 4])


@pytest.fixture(scope="module")
def hall():
    return Zones(load_floor_map("hall"), H, T)


def test_a_robot_that_drives_through_changes_zones_a_hysteresis_late(row):
    def changes(xs):
        zone, seen = None, []
        for x in xs:
            zone, last = row.locate(x, 2.0, zone), zone
            if zone != last:
                seen.append((zone, round(float(x), 3)))
        return seen

    xs = np.arange(-0.995, 13, 0.01)
    assert changes(xs) == [(0, -0.295), (1, 4.205), (2, 8.205), (None, 12.505)]
    assert changes(xs[::-1]) == [(2, 12.295), (1, 7.795), (0, 3.795), (None, -0.505)]


def test_a_kidnapped_robot_is_in_its_new_zone_at_once(row):
    assert row.locate(11, 1, 0) == 2
    assert row.locate(1, 1, 2) == 0
    assert row.locate(50, 1, 1) is None
    assert row.locate(4.3, 3.9, 0) == 1


def test_between_zones_the_last_one_lasts_up_to_the_tolerance():
    gap = zones_of([0, 0, 4, 4], [4.8, 0, 8, 4], adjacency=[["a", "b"]], area_margin=1.0)
    assert [gap.locate(x, 2, 0) for x in (4.1, 4.4, 4.49, 4.51, 4.81)] == [0, 0, 0, 1, 1]
    assert [gap.locate(x, 2, 1) for x in (4.7, 4.4, 4.31, 4.29, 3.9)] == [1, 1, 1, 0, 0]
    assert [gap.locate(x, 2, None) for x in (4.29, 4.51, 3.9)] == [0, 1, 0]
    assert gap.locate(4.4, 2, None) is None  # 0.4 m from both


@pytest.mark.parametrize("value", LOST)
@pytest.mark.parametrize("last", [None, 0, 2])
def test_a_robot_without_a_position_is_nowhere(row, value, last):
    for x, y in ((value, 1.0), (1.0, value), (value, value)):
        assert row.locate(x, y, last) is None
        assert row.way(x, y, 1, 0).shape == (0, 2)
        assert row.border(Pose(x, y, 0.0)).distance == -math.inf


corners = st.sampled_from([(6.0, 7.0), (12.0, 7.0), (6.0, 3.0), (2.0, 7.0), (9.0, 7.0), (0.0, 0.0), (18.0, 8.0), (6.0, 14.0)])


@given(st.integers(0, 2**32 - 1), corners, st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.sampled_from([None, 0, 1, 2, 3, 4]))
def test_noise_within_the_hysteresis_makes_no_chatter(hall, seed, corner, dx, dy, last):
    """Poses in a disc narrower than the hysteresis, at the worst places: once found, a zone changes at most once more."""
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, 60), 0.499 * H * np.sqrt(rng.uniform(0, 1, 60))
    seen = []
    for x, y in zip(corner[0] + dx + radius * np.cos(angle), corner[1] + dy + radius * np.sin(angle), strict=True):
        last = hall.locate(x, y, last)
        seen.append(last)
    found = seen[next((i for i, zone in enumerate(seen) if zone is not None), len(seen) - 1) :]
    changes = sum(a != b for a, b in pairwise(found))
    assert changes <= 1
    if 0 < corner[0] + dx - H < corner[0] + dx + H < 16 and 0 < corner[1] + dy - H < corner[1] + dy + H < 12:
        assert None not in seen


@given(st.floats(-2, 18), st.floats(-2, 14), st.sampled_from([None, 0, 1, 2, 3, 4]))
def test_a_zone_is_kept_or_found_as_the_distances_say(hall, x, y, last):
    away = [zone.polygon.distance(shapely.Point(x, y)) for zone in hall.floor.plan.zones]
    zone = hall.locate(x, y, last)
    if zone is None:
        assert min(away) > T - H
    elif zone == last:
        assert away[zone] <= H or (away[zone] <= T and min(away) > 0)
    else:
        assert away[zone] == min(away) <= T - H
        assert last is None or away[last] > H
    if min(away) == 0:
        assert zone is not None


def test_without_hysteresis_a_zone_is_what_the_plan_says(hall):
    plain = Zones(hall.floor, 0.0, 0.0)
    points = np.random.default_rng(1).uniform(0.01, 11.9, (200, 2))
    assert [plain.locate(x, y, None) for x, y in points] == hall.floor.plan.locate(points).tolist()


@pytest.mark.parametrize(("hysteresis", "tolerance"), [(-0.1, 1), (0.3, 0.2), (math.nan, 1), (0.1, math.nan), (0.1, math.inf)])
def test_wrong_bands_are_refused(hall, hysteresis, tolerance):
    with pytest.raises(GameError, match="must be 0 <= hysteresis <= tolerance"):
        Zones(hall.floor, hysteresis, tolerance)


@pytest.mark.parametrize("radius", [0.0, -0.1, math.nan, math.inf])
def test_wrong_radii_are_refused(hall, radius):
    with pytest.raises(GameError, match="robot_radius is"):
        Zones(hall.floor, robot_radius=radius)


def test_robots_have_slots_of_their_own(hall):
    for zone in range(5):
        slots = {tuple(hall.slot_of(zone, robot_id)) for robot_id in range(100, 120)}
        assert len(slots) == 20
        assert slots == set(map(tuple, hall.floor.slots[zone]))
        assert hall.slot_of(zone, 7).tolist() == hall.slot_of(zone, 27).tolist()


def through(way, points):
    """Whether a way leads through these points, in this order, to the last of them."""
    places = [np.flatnonzero((np.abs(way - point) < 1e-9).all(axis=1)) for point in points]
    return all(len(found) == 1 for found in places) and np.all(np.diff(np.ravel(places)) > 0) and places[-1] == len(way) - 1


def test_the_way_to_a_free_slot_in_the_same_zone_is_straight(hall):
    np.testing.assert_array_equal(hall.way(0.6, 1.4, 0, 5), [hall.slot_of(0, 5)])


def test_the_way_next_door_leads_through_the_entry_of_its_direction(hall):
    assert through(hall.way(1, 1, 2, 3), [[6.0, 2.4], hall.slot_of(2, 3)])
    assert through(hall.way(9, 1, 0, 3), [[6.0, 4.0], hall.slot_of(0, 3)])
    assert through(hall.way(6.1, 2.4, 2, 3), [hall.slot_of(2, 3)])
    assert not through(hall.way(6.1, 2.4, 2, 3), [[6.0, 2.4], hall.slot_of(2, 3)])  # just passed


def test_the_way_to_a_zone_far_off_leads_over_its_neighbours(hall):
    assert through(hall.way(1, 1, 3, 0), [[6.0, 2.4], [12.0, 10.0], hall.slot_of(3, 0)])
    assert through(hall.way(-0.2, 11, 4, 0), [[6.0, 10.0], [12.0, 2.4], hall.slot_of(4, 0)])


@pytest.mark.parametrize("robot_id", range(20))
def test_ways_touch_no_robot_that_is_parked_elsewhere(hall, robot_id):
    """From slot to slot through every door, past a hall in which every slot is taken."""
    slots = np.vstack(hall.floor.slots)
    for start, goal in ((0, 2), (2, 1), (1, 0), (3, 4), (4, 2)):
        begin = hall.slot_of(start, robot_id)
        way = np.vstack([begin, hall.way(*begin, goal, robot_id)])
        others = slots[~((slots == begin).all(axis=1) | (slots == way[-1]).all(axis=1))]
        line = shapely.LineString(way)
        assert min(line.distance(shapely.Point(other)) for other in others) > 2 * 0.2 - 0.05
        assert line.length < 30.0


def test_without_entries_the_way_leads_over_the_goals_between(row):
    np.testing.assert_array_equal(row.way(1, 1, 2, 0), [[6, 2], [10, 2]])


def test_of_two_ways_the_shorter_is_taken_though_it_has_more_zones():
    """Rooms a, b, c, d in a row and a far one, e, that touches a and d."""
    rooms = [[x, 0, x + 2, 2] for x in (0, 2, 4, 6)]
    zones = zones_of(*rooms, [50, 0, 52, 2], adjacency=[["a", "b"], ["b", "c"], ["c", "d"], ["a", "e"], ["e", "d"]])
    assert zones.way(1, 1, 3, 0).tolist() == [[3, 1], [5, 1], [7, 1]]
    assert zones.way(1, 1, 4, 0).tolist() == [[51, 1]]


def test_the_way_next_door_is_direct_though_another_is_shorter():
    rooms = [[0, 0, 20, 2], [20, 0, 22, 2], [20, 2, 22, 4], [0, 2, 20, 4]]
    zones = zones_of(*rooms, entries=[{"between": ["a", "d"], "at": [0, 2]}])
    assert zones.way(19, 1, 3, 0).tolist() == [[0, 2], [10, 3]]


@pytest.mark.parametrize(("door", "nearest", "farthest"), [(0.6, 0.2, 0.3), (1.0, 0.35, 0.5), (2.0, 0.4, 0.7)])
def test_a_way_through_a_door_keeps_off_its_posts_where_there_is_room(door, nearest, farthest):
    walls = [[[2, -0.5], [2, 0]], [[2, door], [2, 4]]]  # between pose and entry
    zones = [{"name": "a", "rectangle": [0, 0, 4, 4], "goal": [0.5, 0.5]}, {"name": "b", "rectangle": [4, 0, 8, 4]}]
    entries = [{"between": ["a", "b"], "at": [4, 3]}]
    walled = Zones(floor_map(FloorMapParameters(zones=zones, entries=entries, walls=walls)))
    way = walled.way(1, 3, 1, 0)
    assert through(way, [[4, 3], [6, 2]])
    around = shapely.LineString([(1, 3), *way])
    assert nearest <= around.distance(shapely.MultiLineString(walls)) <= farthest
    detour = 3.0 - max(0.0, door - 0.5)
    assert around.length < 1.15 * (math.hypot(1, detour) + math.hypot(2, detour) + math.hypot(2, 1))
    assert walled.way(3, 3, 1, 0).tolist() == [[4, 3], [6, 2]]
    assert walled.way(-9, 3, 1, 0).tolist() == [[4, 3], [6, 2]]  # from off the area: straight


@given(st.floats(-3, 21), st.floats(-3, 17))
def test_distance_inside_the_area_is_that_of_a_box(hall, x, y):
    inside = min(x, 18 - x, y, 14 - y)
    expected = inside if inside >= 0 else -math.hypot(max(-x, 0, x - 18), max(-y, 0, y - 14))
    assert hall.border(Pose(x, y, 0.0)).distance == pytest.approx(expected, abs=1e-9)


def test_a_zone_is_found_by_its_name_its_number_or_a_point_in_it(row):
    assert [row.find(text) for text in ("a", "c", "0", "2")] == [0, 2, 0, 2]
    assert (row.at(1.0, 1.0), row.at(11.0, 3.0)) == ("a", "c")
    for text in ("", "d", "3", "-1", "1.0", "\u0661\u0662"):
        with pytest.raises(AltmarlError, match="is no zone; zones are a, b, c"):
            row.find(text)
    for x in (*LOST, 50.0):
        with pytest.raises(AltmarlError, match="no zone holds"):
            row.at(x, 1.0)
