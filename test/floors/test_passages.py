"""Passages between zones: walls close them, robots need width, one-way entries bar the other direction."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiLineString, Polygon

from altmarl_ros.driving.goal_selection import GoalMap
from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import GameError
from altmarl_ros.floors import polygons
from altmarl_ros.floors.floor_plan import FloorPlan, Zone
from altmarl_ros.floors.passages import find_passages
from altmarl_ros.games import load_floor_map, load_game

CASES = Path(__file__).parents[1] / "data" / "cases"
LEFT, RIGHT = shapely.box(0, 0, 4, 4), shapely.box(4, 0, 8, 4)


def widths(*walls, a=LEFT, b=RIGHT):
    return [round(passage.width, 3) for passage in find_passages(a, b, MultiLineString(list(walls)))]


@pytest.mark.parametrize(
    ("walls", "expected"),
    [
        ([], [4]),
        ([[(4, 0), (4, 4)]], []),
        ([[(4, -1), (4, 5)]], []),
        ([[(4.1, 0), (4.1, 4)]], []),  # beside the border, as a wall of some thickness is drawn
        ([[(4.5, 0), (4.5, 4)]], [4]),  # elsewhere
        ([[(4, 0), (4, 1)]], [3]),
        ([[(4, 1), (4, 1.5)]], [2.5, 1]),
        ([[(4, 0), (4, 1.5)], [(4, 2.5), (4, 4)]], [1]),  # a door
        ([[(4, 0), (4, 1.5)], [(4.1, 1), (4.1, 3)]], [1]),
        ([[(1, 1), (7, 1)]], [3, 1]),  # across
        ([[(0, 0), (8, 0), (8, 4), (0, 4), (0, 0)]], [4]),  # around
    ],
)
def test_a_wall_closes_the_stretch_of_border_that_it_runs_along(walls, expected):
    assert widths(*walls) == expected
    assert widths(*walls, a=RIGHT, b=LEFT) == expected


def test_a_bent_border_is_one_passage_wherever_the_outline_begins():
    corners = [(0, 0), (4, 0), (4, 4), (0, 4)]
    bent = Polygon([(4, 0), (8, 0), (8, 8), (0, 8), (0, 4), (4, 4)])
    for first in range(4):
        assert widths(a=Polygon(corners[first:] + corners[:first]), b=bent) == [8]
        assert widths([(4, 3), (4, 4), (3, 4)], a=Polygon(corners[first:] + corners[:first]), b=bent) == [3, 3]


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1e-2]))
def test_plans_rounded_to_millimetres_and_centimetres_keep_their_passages(seed, step):
    rng = np.random.default_rng(seed)
    xs, ys = (np.cumsum(rng.uniform(1.0, 6.0, 3)) for _ in range(2))
    angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(-500, 500, 2)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    tiles = [
        np.array([[xs[i], ys[j]], [xs[i + 1], ys[j]], [xs[i + 1], ys[j + 1]], [xs[i], ys[j + 1]]]) @ turn + shift
        for j in range(2)
        for i in range(2)
    ]
    rounded = [np.round(tile / step) * step for tile in tiles]
    plan = FloorPlan.of([Zone.of(name, tile) for name, tile in zip("abcd", rounded, strict=True)])
    assert [plan.neighbours(i) for i in range(4)] == [(1, 2), (0, 3), (0, 3), (1, 2)]
    ((start, end),) = polygons.shared_border(Polygon(rounded[0]), Polygon(rounded[1]))
    assert end - start == pytest.approx(ys[1] - ys[0], abs=0.05)


def test_the_rounded_plan_of_case_01_is_accepted_and_its_robots_have_room():
    floor = load_floor_map(CASES / "01-rounded-oblique" / "floor.yaml")
    floor.check_room(0.2)
    assert floor.plan.adjacency.sum() == 6


def test_an_overlap_is_told_with_place_and_size():
    zones = [Zone.of("a", [[0, 0], [4, 0], [4, 4], [0, 4]]), Zone.of("b", [[3.9, 1], [8, 1], [8, 3], [3.9, 3]])]
    with pytest.raises(GameError, match=r"zones 'a' and 'b' overlap by 0\.1 m x 2 m around \(3\.95, .*\), may by 0\.02 m$"):
        FloorPlan.of(zones)


def test_no_way_leads_through_the_wall_of_case_02():
    floor = load_floor_map(CASES / "02-wall-between-rooms" / "game.yaml")
    first, second, corridor = range(3)
    assert not floor.plan.adjacency[first, second]
    floor.check_room(0.2)
    walls = MultiLineString(list(floor.walls))
    for x, y in ((2, 4), (3.7, 5.5), (0.5, 2.2)):
        way = shapely.LineString([(x, y), *Zones(floor).way(x, y, second, 0)])
        assert way.distance(walls) >= 0.15
        assert way.length < 15.0
    game = load_game(CASES / "02-wall-between-rooms" / "game.yaml")
    assert (game.P_l[first, :, :, second] == 0).all()
    assert (game.P_l[first, :, :, corridor] > 0).any()


def test_the_sealed_room_of_case_02_is_told_by_name():
    with pytest.raises(GameError) as refusal:
        load_floor_map(CASES / "02-wall-between-rooms" / "sealed.yaml")
    message = str(refusal.value)
    assert "zone 'room 102' cannot be reached from 'room 101'" in message
    assert "its border with 'room 101', 'corridor' is open over 0 m at most" in message


def test_robots_too_wide_for_the_corridor_of_case_03_are_refused_by_place():
    floor = load_floor_map(CASES / "03-check-any-radius" / "floor.yaml")
    for radius in (5.0, 0.2):
        with pytest.raises(GameError, match=r"passage from 'a' to 'corridor' at \(4, 2\.05\) is 0\.30 m wide, narrower than"):
            floor.check_room(radius)
    floor.check_room(0.14)


def test_the_one_way_doors_of_case_04_are_one_way_for_ways_and_in_the_game(tmp_path):
    path = CASES / "04-one-way-door" / "floor.yaml"
    floor = load_floor_map(path)
    a, b, c = range(3)
    assert floor.plan.adjacency.tolist() == [[False, True, False], [False, False, True], [True, False, False]]
    assert floor.plan.hops.tolist() == [[0, 1, 2], [2, 0, 1], [1, 2, 0]]
    floor.check_room(0.2)
    way = Zones(floor).way(6.0, 2.0, a, 0).tolist()
    assert [6, 4] in way  # b to c
    assert [2, 4] in way  # c to a
    pose = Pose(6.0, 2.0)
    goal = GoalMap(Zones(floor), np.zeros((3, 1, 1), dtype=np.int64)).goal(pose, a, 0)
    passed = [one_way for point, one_way in zip((*goal.via, (goal.x, goal.y)), goal.one_way, strict=True) if point[0] < 6.0]
    assert goal.one_way[0]
    assert not passed[-1]  # behind the last door it may turn back
    (tmp_path / "game.yaml").write_text(f"name: one_way\nbuilder: floor\nparameters: {{map: {path}}}\n")
    game = load_game(tmp_path / "game.yaml")
    assert (game.P_l[a, :, :, b] > 0).any()
    assert all((game.P_l[here, :, :, there] == 0).all() for here, there in ((b, a), (c, b), (a, c)))


def test_a_zone_that_one_way_doors_lead_into_and_none_out_of_is_refused(tmp_path):
    (tmp_path / "trap.yaml").write_text(
        "zones: [{name: a, rectangle: [0, 0, 4, 4]}, {name: trap, rectangle: [4, 0, 8, 4]}]\n"
        "entries: [{from: a, to: trap, at: [4, 2]}]\n"
    )
    with pytest.raises(GameError, match="no way leads from zone 'trap' to 'a', though one leads back"):
        load_floor_map(tmp_path / "trap.yaml")


def floor_of(tmp_path, text):
    (tmp_path / "map.yaml").write_text(
        "zones: [{name: a, rectangle: [0, 0, 4, 4]}, {name: b, rectangle: [4, 0, 8, 4]}]\n" + text
    )
    return load_floor_map(tmp_path / "map.yaml")


def test_without_an_entry_the_way_leads_through_the_door_that_the_walls_leave(tmp_path):
    walls = [[[4, 0], [4, 2.8]], [[4, 3.8], [4, 4]]]
    floor = floor_of(tmp_path, f"walls: {walls}\n")
    floor.check_room(0.3)
    way = Zones(floor, robot_radius=0.3).way(1.0, 0.5, 1, 0)
    assert [4, 3.3] in np.round(way, 6).tolist()
    assert shapely.LineString([(1, 0.5), *way]).distance(MultiLineString(walls)) > 0.25


@pytest.mark.parametrize(
    ("text", "radius", "culprit"),
    [
        ("walls: [[[4, 0], [4, 3.3]]]", 0.4, r"passage from 'a' to 'b' at \(4, 3\.65\) is 0\.70 m wide"),
        ("walls: [[[5, -1], [5, 5]]]", 0.2, r"no way leads from the border \(4, 2\) to slot 0 \(6, 2\) of zone 'b'"),
        ("adjacency: [[a, b]]\nwalls: [[[4, -1], [4, 5]]]", 0.2, "passage from 'a' to 'b': a wall closes their common border"),
        ("adjacency: [[a, b]]\nwalls: [[[4, 0.3], [4, 5]]]", 0.2, "is 0.30 m wide"),
        ("entries: [{between: [a, b], at: [4, 0.6]}]\nwalls: [[[4, 1], [4, 4]]]", 0.6, "is 0.40 m from a wall"),
    ],
)
def test_ways_are_checked_between_all_neighbours_with_or_without_entries(tmp_path, text, radius, culprit):
    with pytest.raises(GameError, match=culprit):
        floor_of(tmp_path, text).check_room(radius)


def test_ways_between_zones_that_stand_apart_are_checked_too(tmp_path):
    zones = "zones: [{name: a, disc: [0, 0, 1]}, {name: b, disc: [4.5, 0, 1]}]\nadjacency: [[a, b]]\narea_margin: 1.4\n"
    (tmp_path / "open.yaml").write_text(zones)
    load_floor_map(tmp_path / "open.yaml").check_room(0.2)
    (tmp_path / "walled.yaml").write_text(zones + "walls: [[[2.25, -4], [2.25, 4]]]\n")
    with pytest.raises(GameError, match="no way leads from the border"):
        load_floor_map(tmp_path / "walled.yaml").check_room(0.2)
