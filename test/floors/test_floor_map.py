"""Floor maps: their files, parking slots, entries, area, walls, and what a game's actions mean on them."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon

from altmarl_ros.errors import GameError
from altmarl_ros.floors.slots import grid_of_slots
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.games.identification import identify
from altmarl_ros.games.moves import goal_zones, neighbour_goals
from altmarl_ros.games.sources import save_identified_game
from altmarl_ros.resources import share_directory

ROOT = Path(__file__).parents[2]
TWO = "zones: [{name: a, rectangle: [0, 0, 4, 4]}, {name: b, rectangle: [4, 0, 8, 4]}]\n"
RING = """
zones:
  - {name: zone A, disc: [3.0, 0.0, 1.0]}
  - {name: zone B, disc: [0.9, 2.9, 1.0]}
  - {name: zone C, disc: [-2.4, 1.8, 1.0]}
  - {name: zone D, disc: [-2.4, -1.8, 1.0]}
  - {name: zone E, disc: [0.9, -2.9, 1.0]}
adjacency: [[zone A, zone B], [zone B, zone C], [zone C, zone D], [zone D, zone E], [zone E, zone A]]
area_margin: 1.0
"""
MOVES = """
moves:
  stay: stay
  next: [zone B, zone C, zone D, zone E, zone A]
  previous: {zone A: zone E, zone B: zone A, zone C: zone B, zone D: zone C, zone E: zone D}
"""


@pytest.fixture
def floor_file(tmp_path):
    def write(text, name="map.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def floor_of(floor_file):
    return lambda text: load_floor_map(floor_file(text))


@pytest.mark.parametrize("name", [path.stem for path in (share_directory() / "config" / "floors").glob("*.yaml")])
def test_builtin_floors_hold_twenty_robots_of_20_cm_in_every_zone(name):
    floor = load_floor_map(name)
    floor.check_room(0.2)
    assert floor.shared_slots(20) == {}
    slots = np.vstack(floor.slots)
    apart = np.hypot(*(slots[:, None] - slots).transpose(2, 0, 1)) + 99 * np.eye(len(slots))
    assert apart.min() >= 0.9 - 1e-9


def test_the_hall_of_the_game_is_the_hall_of_the_map(tmp_path):
    game, floor = load_game("hall"), load_floor_map("hall")
    assert floor.plan.names == game.local_state_names
    np.testing.assert_array_equal(goal_zones(game, floor), neighbour_goals(floor.plan))
    save_identified_game("hall", identify(game.P_l, np.zeros(game.P_l.shape, dtype=np.int64)), tmp_path / "mine.yaml")
    copy = load_floor_map(tmp_path / "mine.yaml")
    np.testing.assert_array_equal(np.vstack(copy.slots), np.vstack(floor.slots))
    assert set(copy.entries) == set(floor.entries)


def test_the_map_of_the_documentation_is_good(floor_of, warehouse):
    page = (ROOT / "docs" / "how-to" / "floor.md").read_text()
    example, moves = (block.partition("```")[0] for block in page.split("```yaml\n")[1:])
    floor_of(example).check_room(0.2)
    assert goal_zones(warehouse, floor_of(RING + moves))[:, 1].tolist() == [1, 2, 3, 4, 0]


def test_traffic_of_the_hall_keeps_to_the_right():
    floor = load_floor_map("hall")
    for (a, b), entry in floor.entries.items():
        across = floor.entries[b, a] - entry  # to the entry of those who come towards
        heading = np.array([across[1], -across[0]])  # has them to its left
        other, own = (floor.plan.zones[i].polygon for i in (b, a))
        ahead = Point(entry + 0.3 * heading / np.hypot(*heading))
        assert other.distance(ahead) == 0 < own.distance(ahead)


def test_keys_of_a_map_left_out_have_defaults(floor_of):
    floor = floor_of(TWO)
    assert [slots.tolist() for slots in floor.slots] == [[[2, 2]], [[6, 2]]]
    assert (floor.entries, floor.walls, floor.moves) == ({}, (), None)
    assert floor.area.symmetric_difference(shapely.box(0, 0, 8, 4).buffer(0.3)).area < 1e-3


def test_a_disc_is_round_and_touches_nothing_by_edges(floor_of):
    floor = floor_of("zones: [{name: a, disc: [1, 2, 0.5]}]\n")
    angles = np.linspace(0, 2 * np.pi, 50)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert (floor.plan.locate([1, 2] + 0.499 * ring) == 0).all()
    assert (floor.plan.locate([1, 2] + 0.5001 * ring) == -1).all()
    np.testing.assert_allclose(floor.plan.goals, [[1, 2]])
    with pytest.raises(GameError, match="zone 'b' cannot be reached"):
        floor_of("zones: [{name: a, disc: [0, 0, 1]}, {name: b, disc: [2, 0, 1]}]\n")


def test_entries_both_ways_and_one_way(floor_of):
    both = floor_of(TWO + "entries: [{between: [b, a], at: [4, 1]}]\n")
    assert {way: xy.tolist() for way, xy in both.entries.items()} == {(0, 1): [4, 1], (1, 0): [4, 1]}
    ways = "entries: [{from: b, to: a, at: [4.2, 1]}, {from: a, to: b, at: [4, 3]}]\n"
    each = floor_of(TWO + ways)
    assert {way: xy.tolist() for way, xy in each.entries.items()} == {(1, 0): [4.2, 1], (0, 1): [4, 3]}


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 2), st.floats(0.2, 2), st.floats(0, 0.7))
def test_a_grid_keeps_its_spacing_and_its_margin(seed, dx, dy, margin):
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(-9, 9, 2), rng.uniform(1.5, 6, 2)
    zone = shapely.box(*corner, *(corner + size))
    slots = grid_of_slots("slots", zone, (dx, dy), margin)
    columns, rows = (int((size[d] - 2 * margin) / step + 1e-6) + 1 for d, step in ((0, dx), (1, dy)))
    assert len(slots) == columns * rows
    handles = shapely.points(slots)
    assert (shapely.distance(zone.boundary, handles) >= margin - 2e-6).all()
    assert shapely.covers(zone.buffer(1e-9), handles).all()
    np.testing.assert_allclose(slots.mean(axis=0), corner + size / 2, atol=1e-5)  # centred
    if len(slots) > 1:
        apart = np.hypot(*(slots[:, None] - slots).transpose(2, 0, 1)) + 99 * np.eye(len(slots))
        assert apart.min() >= min(dx, dy) - 1e-5


def test_a_grid_in_a_bent_zone_leaves_out_what_is_not_in_it():
    bent = Polygon([[0, 0], [4, 0], [4, 1], [1, 1], [1, 4], [0, 4]])
    slots = grid_of_slots("slots", bent, (1.0, 1.0), 0.5)
    assert slots.tolist() == [[0.5, 0.5], [1.5, 0.5], [2.5, 0.5], [3.5, 0.5], [0.5, 1.5], [0.5, 2.5], [0.5, 3.5]]


BOX = "zones: [{name: a, rectangle: [0, 0, 4, 4], slots: %s}]\n"


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("", "must be a mapping"),
        ("area_margin: 1\n", "zones: "),
        ("zones: []\n", "zones: there are 0"),
        (TWO + "colour: red\n", "colour"),
        (TWO.replace("a,", "a, disc: [1, 1, 1],"), "zone 'a' needs exactly one of 'rectangle', 'polygon' and 'disc'"),
        ("zones: [{name: a, disc: [0, 0]}]", "zone 'a': disc has 2 numbers, must be [x, y, radius]"),
        ("zones: [{name: a, disc: [0, 0, 0]}]", "zone 'a': disc has the radius 0, must be above 0"),
        ("zones: [{name: a, disc: [0, 0, .nan]}]", "zone 'a': disc has the coordinate nan"),
        ("zones: [{name: a, polygon: [[0, 0], [2, 2], [2, 0], [0, 2]]}]", "zone 'a': polygon intersects itself at (1, 1)"),
        (TWO.replace("4, 0, 8", "3, 0, 8"), "zones 'a' and 'b' overlap"),
        (TWO.replace("4, 0, 8", "5, 0, 8"), "zone 'b' cannot be reached from 'a'"),
        (BOX % "[[1, 1], [5, 1]]", "zone 'a': slot 1 (5, 1) is outside the zone"),
        (BOX % "[]", "zone 'a': slots: there are 0"),
        (BOX % "[[1]]", "zone 'a': slots must be pairs of numbers"),
        (BOX % "[[1, .inf]]", "zone 'a': slots has the coordinate inf"),
        (BOX % "{spacing: 0}", "zone 'a': slots.spacing is 0"),
        (BOX % "{spacing: [1, -1]}", "zone 'a': slots.spacing is (1.0, -1.0)"),
        (BOX % "{spacing: .nan}", "zone 'a': slots.spacing is nan"),
        (BOX % "{spacing: 1, margin: 2.1}", "zone 'a': slots: no slot fits"),
        (BOX % "{spacing: 1, within: [9, 9, 10, 10]}", "zone 'a': slots: no slot fits"),
        (BOX % "{spacing: 1, within: [0, 0, 1]}", "zone 'a': slots.within has 3 numbers"),
        (BOX % "{spacing: 1, within: [0, 0, .inf, 1]}", "zone 'a': slots.within has the coordinate inf"),
        (BOX % "{spacing: 1.0e-6}", "zone 'a': slots: more than 10000"),
        (BOX % "{spacing: 1.0e-300}", "zone 'a': slots: more than 10000"),
        (TWO + "entries: [{at: [4, 1]}]", "entries[0] needs either 'between: [zone, zone]' or 'from' and 'to'"),
        (TWO + "entries: [{from: a, at: [4, 1]}]", "entries[0] needs either"),
        (TWO + "entries: [{between: [a, b], to: b, at: [4, 1]}]", "entries[0] needs either"),
        (TWO + "entries: [{between: [a], at: [4, 1]}]", "entries[0] needs either"),
        (TWO + "entries: [{between: [a, q], at: [4, 1]}]", "entries[0] names 'q', which is no zone; zones are a, b"),
        (TWO + "entries: [{between: [a, b], at: [4]}]", "entries[0].at must be pairs of numbers"),
        (TWO + "entries: [{between: [a, b], at: [3, 1]}]", "entry (3, 1) from 'a' to 'b' is 1.00 m from the border of 'a'"),
        (TWO + "entries: [{between: [a, b], at: [4, 5]}]", "entry (4, 5) from 'a' to 'b' is 1.00 m from the border of 'a'"),
        (TWO + "entries: [{between: [a, b], at: [0, 1]}]", "entry (0, 1) from 'a' to 'b' is 4.00 m from the border of 'b'"),
        (TWO + "entries: [{between: [a, a], at: [4, 1]}]", "entries[0] is the second one from 'a' to 'a'"),
        (TWO + "entries: [{from: a, to: a, at: [4, 1]}]", "from 'a' to 'a': the zones are not adjacent"),
        (
            TWO + "entries: [{between: [a, b], at: [4, 1]}, {from: b, to: a, at: [4, 2]}]",
            "entries[1] is the second one from 'b' to 'a'",
        ),
        (TWO + "area: [[0, 0], [7, 0], [7, 4], [0, 4]]", "zone 'b' is outside the area"),
        (TWO + "area: [[0, 0], [8, 4], [8, 0], [0, 4]]", "area intersects itself at (4, 2)"),
        (
            TWO + "area: [[0, 0], [8, 0], [8, 4], [0, 4]]\nentries: [{between: [a, b], at: [4, 4.1]}]",
            "entry (4, 4.1) from 'a' to 'b' is outside the area",
        ),
        (TWO + "walls: [[[0, 0]]]", "walls[0] must have at least 2 points"),
        (TWO + "walls: [[[0, 0], [0, 0]]]", "walls[0] must have at least 2 points"),
        (TWO + "walls: [[[0, 0], [0, .nan]]]", "walls[0] has the coordinate nan"),
        (TWO + "moves: {go: [a]}", "moves.go has 1 zones, must have 2"),
        (TWO + "moves: {go: [a, q]}", "moves.go names 'q', which is no zone"),
        (TWO + "moves: {go: {a: b}}", "moves.go does not say where zone 'b' leads to"),
        (TWO + "moves: {go: {a: b, b: a, c: a}}", "moves.go names 'c', which is no zone"),
        (TWO + "moves: {go: [~, b]}", "moves.go names None, which is no zone"),
        (TWO + "moves: {go: 3}", "moves.go must be 'stay', a zone, a list"),
        (TWO + "moves: {go: [[a], b]}", "moves.go names ['a'], which is no zone"),
    ],
)
def test_broken_maps_are_refused_by_name(floor_file, text, culprit):
    path = floor_file(text)
    with pytest.raises(GameError) as refusal:
        load_floor_map(path)
    message = str(refusal.value)
    assert culprit in message
    assert str(path) in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        (
            BOX % "[[1, 1], [3, 3], [1.3, 1]]",
            "slot 0 of zone 'a' is 0.30 m from slot 2 of zone 'a', nearer than a robot's diameter",
        ),
        (TWO + "walls: [[[2.1, 0], [2.1, 4]]]", "slot 0 of zone 'a' is 0.10 m from a wall"),
        (
            TWO + "entries: [{between: [a, b], at: [4, 1]}]\nwalls: [[[4, 1.1], [4, 4]]]",
            "entry (4, 1) of zone 'a' is 0.10 m from a wall, nearer than a robot's radius of 0.2 m",
        ),
        (
            TWO + "entries: [{between: [a, b], at: [4, 1]}]\nwalls: [[[5, -1], [5, 5]]]",
            "no way leads from the entry (4, 1) to slot 0 (6, 2) of zone 'b' for a robot of radius 0.2 m",
        ),
        (
            "zones: [{name: a, disc: [0, 0, 1]}, {name: b, disc: [5, 0, 1]}]\nadjacency: [[a, b]]",
            "area is in 2 pieces: give an 'area', or a larger 'area_margin'",
        ),
    ],
)
def test_robots_without_room_are_refused_by_name(floor_of, text, culprit):
    floor = floor_of(text)
    with pytest.raises(GameError) as refusal:
        floor.check_room(0.2)
    assert culprit in str(refusal.value)


BENT = """
zones:
  - {name: a, polygon: [[0, 0], [4, 0], [4, 1], [1, 1], [1, 4], [0, 4]], goal: [0.5, 0.5], slots: [[0.5, 3.0], [3.0, 0.5]]}
  - {name: b, rectangle: [4, 0, 6, 1]}
entries: [{between: [a, b], at: [4, 0.5]}]
"""
CORNER = "walls: [[[1, 4], [1, 1], [4, 1]]]"


@pytest.mark.parametrize("keys", [CORNER, "area_margin: 0"])
def test_ways_in_a_bent_zone_lead_round_the_bend(floor_of, keys):
    floor = floor_of(BENT + keys)
    floor.check_room(0.2)
    entry, around, straight = np.array([4, 0.5]), [0.5, 3.0], [3.0, 0.5]
    way = floor.leg(0, entry, np.array(around), 0.2)
    assert way[-1].tolist() == around
    line = shapely.LineString([entry, *way])
    assert line.distance(shapely.Point(1, 1)) > (0.15 if keys == CORNER else -1.0)
    assert shapely.Polygon([[0, 0], [4, 0], [4, 1], [1, 1], [1, 4], [0, 4]]).buffer(0.31).covers(line)
    assert [point.tolist() for point in floor.leg(0, entry, np.array(straight), 0.2)] == [straight]


def test_a_gap_lets_robots_through_that_are_no_wider(floor_of):
    entries = "entries: [{between: [a, b], at: [4, 1]}]\n"
    for width, radius, passes in ((0.8, 0.2, True), (0.8, 0.35, True), (0.8, 0.5, False)):
        walls = f"walls: [[[5, -1], [5, {1 - width / 2}]], [[5, {1 + width / 2}], [5, 5]]]"
        floor = floor_of(TWO + entries + walls)
        if passes:
            floor.check_room(radius)
        else:
            with pytest.raises(GameError, match="no way leads from the entry"):
                floor.check_room(radius)


def test_no_way_leads_through_a_wall_of_a_zone_so_large_that_its_grid_is_coarse(floor_of):
    zones = "zones: [{name: a, rectangle: [0, 0, 200, 200], slots: [[150, 20]]}, {name: b, rectangle: [-4, 0, 0, 4]}]\n"
    wall = [[100.1, -10], [100.1, 150]]
    floor = floor_of(f"{zones}entries: [{{between: [a, b], at: [0, 2]}}]\nwalls: [{wall}]")
    line = shapely.LineString([[0, 2], *floor.leg(0, np.array([0.0, 2.0]), np.array([150.0, 20.0]), 0.2)])
    assert line.distance(shapely.LineString(wall)) > 0.2
    assert line.bounds[3] > 150.0


def test_slots_of_neighbouring_zones_must_not_clash_and_smaller_robots_have_room(floor_of):
    zones = "{name: a, rectangle: [0, 0, 4, 4], slots: [[3.9, 2]]}, {name: b, rectangle: [4, 0, 8, 4], slots: [[4.1, 2]]}"
    floor = floor_of(f"zones: [{zones}]\n")
    with pytest.raises(GameError, match=r"slot 0 of zone 'a' is 0\.20 m from slot 0 of zone 'b'"):
        floor.check_room(0.2)
    floor.check_room(0.1)


def test_zones_with_fewer_slots_than_robots_are_told(floor_of):
    zones = (
        "{name: a, rectangle: [0, 0, 4, 4], slots: {spacing: 1}}, {name: b, rectangle: [4, 0, 8, 4], slots: [[5, 2], [6, 2]]}"
    )
    floor = floor_of(f"zones: [{zones}]\n")
    assert [floor.shared_slots(n) for n in (2, 3, 16, 17)] == [{}, {"b": 2}, {"b": 2}, {"a": 16, "b": 2}]


def test_a_map_serves_the_warehouse_ring(floor_of, warehouse):
    table = goal_zones(warehouse, floor_of(RING + MOVES))
    zones = np.arange(5)
    np.testing.assert_array_equal(table, np.stack([zones, (zones + 1) % 5, (zones - 1) % 5], axis=1))
    np.testing.assert_array_equal(goal_zones(warehouse, floor_of(RING + MOVES.replace("next:", "1:"))), table)


def test_an_action_may_lead_everywhere_to_one_zone(floor_of, warehouse):
    moves = "moves: {0: stay, 1: zone C, 2: [stay, zone A, zone A, stay, zone A]}\n"
    assert goal_zones(warehouse, floor_of(RING + moves)).tolist() == [[0, 2, 0], [1, 2, 0], [2, 2, 0], [3, 2, 3], [4, 2, 0]]


def test_a_game_without_names_takes_the_zones_in_their_order(floor_of, random_game):
    game = random_game(1, S_l=2, A_l=2)
    assert goal_zones(game, floor_of(TWO + "moves: {action 0: stay, 1: [b, a]}")).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        (TWO + "moves: {0: stay}", "the floor has 2 zones, the game 'warehouse' has 5 local states"),
        (RING.replace("zone B", "yard") + "moves: {0: stay}", "local state 1 of the game 'warehouse' is 'zone B', but zone 1"),
        (RING, "the floor has no 'moves': they must say where the actions stay, next, previous lead"),
        (RING + "moves: {stay: stay, next: stay}", "moves: the action 'previous' of the game 'warehouse' is missing"),
        (RING + MOVES + "  left: stay", "moves: 'left' is no action of the game 'warehouse'; actions are stay, next, previous"),
        (RING + MOVES + "  3: stay", "moves: 3 is no action"),
        (RING + MOVES + "  0: stay", "moves: the action 'stay' stands twice, by name and by index"),
    ],
)
def test_a_map_that_does_not_fit_the_game_is_refused_by_name(floor_of, warehouse, text, culprit):
    with pytest.raises(GameError) as refusal:
        goal_zones(warehouse, floor_of(text))
    assert culprit in str(refusal.value)


GAME = "name: mine\nbuilder: floor\nparameters: {map: map.yaml%s}\n"


def test_a_floor_game_takes_its_zones_from_a_map_beside_it(floor_file, tmp_path):
    floor_file(TWO + "walls: [[[0, 0], [8, 0]]]\n")
    inline = floor_file("name: mine\nbuilder: floor\nparameters:\n  " + TWO, "inline.yaml")
    game = floor_file(GAME % "", "game.yaml")
    assert load_game(game).content_hash == load_game(inline).content_hash
    assert len(load_floor_map(game).walls) == 1


def test_names_that_a_game_gives_its_zones_are_those_of_its_floor(floor_file):
    floor_file(TWO)
    path = floor_file(GAME % "" + "local_state_names: [north, south]\nlocal_action_names: [wait, cross]\n", "game.yaml")
    floor = load_floor_map(path)
    assert floor.plan.names == ("north", "south")
    assert goal_zones(load_game(path), floor).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("map_text", "game_text", "culprit"),
    [
        (TWO, GAME.replace("map.yaml", "nowhere.yaml") % "", "parameters.map: "),
        (TWO, GAME.replace("map.yaml", "[1]") % "", "parameters.map must be the name of a YAML file"),
        (TWO + "tick: 3", GAME % "", "map.yaml: tick"),
        (TWO, GAME % ", opening: 1.0, zones: []", "parameters.zones stands both here and in the map map.yaml"),
        (TWO.replace("4, 0, 8", "3, 0, 8"), GAME % "", "zones 'a' and 'b' overlap"),
        (BOX % "[[9, 9]]", GAME % "", "slot 0 (9, 9) is outside the zone"),
    ],
)
def test_broken_maps_of_games_are_refused_by_name(floor_file, assert_refused, map_text, game_text, culprit):
    floor_file(map_text)
    assert_refused(floor_file(game_text, "game.yaml"), culprit)


def test_what_is_no_floor_is_told_by_name():
    with pytest.raises(GameError, match=r"no game or floor 'nowhere': give a YAML file or one of .*hall"):
        load_floor_map("nowhere")
