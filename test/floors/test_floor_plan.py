import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon

from altmarl_ros.errors import GameError
from altmarl_ros.floors import polygons
from altmarl_ros.floors.floor_plan import MAX_COORDINATE, OUTSIDE, FloorPlan, Zone


def box(x0, y0, x1, y1):
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


L_SHAPE = [[0, 0], [4, 0], [4, 1], [1, 1], [1, 4], [0, 4]]
U_SHAPE = [[0, 0], [9, 0], [9, 9], [8.9, 9], [8.9, 0.1], [0.1, 0.1], [0.1, 9], [0, 9]]


def plan_of(*corners, names="abcdefgh", **options):
    return FloorPlan.of([Zone.of(names[i], polygon) for i, polygon in enumerate(corners)], **options)


@pytest.fixture(scope="module")
def rooms():
    """Two rooms side by side, and an L that holds on to the second one."""
    return plan_of(box(0, 0, 2, 2), box(2, 0, 4, 2), [[4, 0], [8, 0], [8, 4], [7, 4], [7, 1], [4, 1]])


def test_points_are_in_the_zone_that_contains_them(rooms):
    points = [[1, 1], [3, 1.9], [7.5, 3], [5, 2], [-1, 1], [np.nan, 1], [np.inf, 1]]
    assert rooms.locate(points).tolist() == [0, 1, 2, OUTSIDE, OUTSIDE, OUTSIDE, OUTSIDE]
    assert rooms.locate([1, 1]).shape == ()
    assert rooms.locate(np.zeros((3, 4, 2))).shape == (3, 4)


def test_a_common_edge_belongs_to_the_lowest_index(rooms):
    assert rooms.locate([[2, 1], [4, 0.5], [2, 0], [0, 0], [4, 1.5]]).tolist() == [0, 1, 0, 0, 1]


def test_nearest_zone_of_points_beside_the_plan(rooms):
    zones, metres = rooms.nearest([[-3, 1], [5, 1.5], [3, 6], [1, 1], [np.nan, 0]])
    assert zones.tolist() == [0, 2, 1, 0, OUTSIDE]
    np.testing.assert_allclose(metres, [3, 0.5, 4, 0, np.inf])


def test_shared_edges_make_neighbours_and_openings_may_be_too_narrow(rooms):
    assert [rooms.neighbours(i) for i in range(3)] == [(1,), (0, 2), (1,)]
    with pytest.raises(GameError, match="zone 'c' cannot be reached from 'a'"):
        plan_of(*(zone.polygon.exterior.coords[:-1] for zone in rooms.zones), opening=1.5)


def test_given_passages_replace_the_shared_edges():
    plan = plan_of(box(0, 0, 1, 1), box(1, 0, 2, 1), box(5, 0, 6, 1), passages=[("a", "c"), ("c", "b")])
    assert plan.adjacency.tolist() == [[False, False, True], [False, False, True], [True, True, False]]
    assert plan.hops.tolist() == [[0, 2, 1], [2, 0, 1], [1, 1, 0]]


@pytest.mark.parametrize(
    ("zones", "options", "culprit"),
    [
        ([box(0, 0, 2, 2), box(1, 1, 3, 3)], {}, "zones 'a' and 'b' overlap"),
        ([box(0, 0, 9, 9), box(1, 1, 3, 3)], {}, "zones 'a' and 'b' overlap"),
        ([box(0, 0, 2, 2), box(0, 0, 2, 2)[::-1]], {}, "zones 'a' and 'b' overlap"),
        ([box(0, 0, 4, 2), box(1, 0, 3, 2)], {}, "zones 'a' and 'b' overlap"),
        ([box(0, 1, 3, 2), box(1, 0, 2, 3)], {}, "zones 'a' and 'b' overlap"),
        ([L_SHAPE, [[0, 0], [4, 1], [1, 4]]], {}, "zones 'a' and 'b' overlap"),
        ([box(0, 0, 1, 1), box(2, 0, 3, 1)], {}, "zone 'b' cannot be reached from 'a'"),
        ([box(0, 0, 1, 1), box(1, 1, 2, 2)], {}, "zone 'b' cannot be reached from 'a'"),
        ([box(0, 0, 1, 1), box(1, 0, 2, 1)], {"passages": []}, "zone 'b' cannot be reached from 'a'"),
        ([box(0, 0, 1, 1)], {"passages": [("a", "q")]}, "adjacency names 'q', which is no zone; zones are a"),
        ([box(0, 0, 1, 1)], {"passages": [("a", "a")]}, "adjacency names 'a' as its own neighbour"),
        ([], {}, "zones: there are 0, must be 1 to 256"),
    ],
)
def test_broken_plans_are_refused_by_name(zones, options, culprit):
    with pytest.raises(GameError) as refusal:
        plan_of(*zones, **options)
    assert culprit in str(refusal.value)


def test_a_name_twice_is_refused():
    with pytest.raises(GameError, match="the name 'x' stands twice"):
        FloorPlan.of([Zone.of("x", box(0, 0, 1, 1)), Zone.of("x", box(1, 0, 2, 1))])


@pytest.mark.parametrize(
    ("corners", "goal", "culprit"),
    [
        ([], None, "must be pairs of numbers"),
        ([[0, 0], [1, 1]], None, "has 2 corners, must have at least 3"),
        ([[0, 0], [1, 1], [2, 2]], None, "intersects itself"),
        ([[0, 0], [1, 0], [1, 0], [0, 1]], None, "has the corner (1, 0) twice in a row"),
        ([[0, 0], [2, 2], [2, 0], [0, 2]], None, "intersects itself at (1, 1)"),
        ([[0, 0], [4, 0], [2, 0], [2, 2]], None, "intersects itself"),
        ([[0, 0], [4, 0], [4, 4], [2, 0], [0, 4]], None, "intersects itself"),
        ([[0, 0], [1, float("nan")], [1, 1]], None, "the coordinate nan, must be finite"),
        ([[0, 0], [1], [1, 1]], None, "must be pairs of numbers"),
        ([[0, 0, 0], [1, 0, 0], [1, 1, 0]], None, "must be pairs of numbers"),
        ([[0, 0], [1e7, 0], [0, 1]], None, "the coordinate 10000000, must be within 1e+06 m of the map's origin"),
        (L_SHAPE, [2, 2], "goal (2, 2) is outside its polygon"),
        (L_SHAPE, [2], "must be pairs of numbers"),
    ],
)
def test_broken_zones_are_refused_by_name(corners, goal, culprit):
    with pytest.raises(GameError) as refusal:
        Zone.of("dock", corners, goal)
    assert culprit in str(refusal.value)
    assert "'dock'" in str(refusal.value)


def test_goal_of_a_box_is_its_centroid_and_a_given_one_is_kept():
    np.testing.assert_allclose(Zone.of("a", box(1, 2, 5, 4)).goal, [3, 3])
    assert Zone.of("a", L_SHAPE, [3.5, 0.5]).goal.tolist() == [3.5, 0.5]


@pytest.mark.parametrize(("corners", "half_width"), [(L_SHAPE, 0.5), (U_SHAPE, 0.05), ([[0, 0], [50, 0], [50, 0.001]], 2e-5)])
def test_goal_of_a_bent_or_thin_zone_has_room(corners, half_width):
    polygon = Polygon(corners)
    assert polygons.clearance(polygon, polygons.centre(polygon)) >= 0.9 * half_width


def winding(polygon, point):
    """Turns of the boundary around a point, an independent test of inside."""
    angle = np.arctan2(*(polygon - point).T[::-1])
    turns = np.diff(np.append(angle, angle[0]))
    return round(abs(((turns + np.pi) % (2 * np.pi) - np.pi).sum()) / (2 * np.pi))


@given(st.integers(0, 2**32 - 1), st.integers(3, 9))
def test_inside_agrees_with_the_winding_number(seed, corners):
    rng = np.random.default_rng(seed)
    angles = (np.arange(corners) + rng.uniform(0, 0.9, corners)) * 2 * np.pi / corners  # a star: simple, seldom convex
    polygon = rng.uniform(0.2, 1, corners)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if polygons.fault(polygon):  # a gap of more than half a turn
        return
    points = rng.uniform(-1, 1, (300, 2))
    plan = FloorPlan.of([Zone.of("star", polygon)])
    assert (plan.locate(points) == 0).tolist() == [winding(polygon, point) == 1 for point in points]
    assert plan.locate(plan.goals).tolist() == [0]
    assert polygons.fault(polygon[::-1]) is None


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 5))
def test_locate_agrees_with_brute_force_on_a_grid(seed, columns, rows):
    """On a grid of unit boxes, points of which many lie on edges and corners, or far away."""
    boxes = [(x, y, x + 1, y + 1) for y in range(rows) for x in range(columns)]
    plan = plan_of(*(box(*b) for b in boxes), names=[f"z{i}" for i in range(len(boxes))])
    rng = np.random.default_rng(seed)
    points = np.vstack([rng.uniform(-1, 6, (40, 2)), rng.integers(-1, 7, (20, 2)), rng.integers(-2, 14, (20, 2)) / 2])
    expected = [
        next((i for i, (x0, y0, x1, y1) in enumerate(boxes) if x0 <= x <= x1 and y0 <= y <= y1), OUTSIDE) for x, y in points
    ]
    assert plan.locate(points).tolist() == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308, 2 * MAX_COORDINATE])
def test_points_off_any_map_are_nowhere(rooms, value):
    assert rooms.locate([[value, 0.5], [0.5, value]]).tolist() == [OUTSIDE, OUTSIDE]
    zone, metres = rooms.nearest([value, 0.5])
    assert (zone, metres) == (OUTSIDE, np.inf)


@given(st.integers(0, 2**32 - 1))
def test_tiles_of_a_turned_grid_touch_but_do_not_overlap(seed):
    rng = np.random.default_rng(seed)
    xs, ys = np.cumsum(rng.uniform(0.5, 3, 3)), np.cumsum(rng.uniform(0.5, 3, 3))
    angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(-50, 50, 2)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    tiles = [np.array(box(xs[i], ys[j], xs[i + 1], ys[j + 1])) @ turn + shift for j in range(2) for i in range(2)]
    plan = plan_of(*tiles, opening=0.4)
    assert [plan.neighbours(i) for i in range(4)] == [(1, 2), (0, 3), (0, 3), (1, 2)]
    ((start, end),) = polygons.shared_border(Polygon(tiles[0]), Polygon(tiles[1]))
    assert end - start == pytest.approx(ys[1] - ys[0], abs=1e-5)
    assert polygons.shared_border(Polygon(tiles[0]), Polygon(tiles[3])) == []
    assert polygons.overlap(Polygon(tiles[0]), Polygon(tiles[1] + 0.1 * (tiles[0].mean(axis=0) - tiles[1].mean(axis=0))))
