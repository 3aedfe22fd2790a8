"""Where zones and robots are drawn, and what is said of a tick."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon

from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.monitoring.drawn_places import by_place, drawn_places, robot_kinds
from altmarl_ros.monitoring.layout import disc_layout, floor_layout
from altmarl_ros.monitoring.places_of_interest import demanded_places, sent_places, served_places
from altmarl_ros.monitoring.scene import MOST_DOTS, RobotLocations, Tick, make_scene

NAMES = tuple(f"zone {c}" for c in "ABCDE")
TICK = Tick(7, 1, 3, "tick 7", (0.5, 0.5, 0.0, 0.0, 0.0), frozenset({4, 9}), frozenset({9}))


def filled(shape):
    return shapely.union_all([Polygon(corners) for corners in shape.triangles.reshape(-1, 3, 2)])


@pytest.mark.parametrize(
    "layout",
    [disc_layout(NAMES), disc_layout(("only",)), disc_layout(tuple(map(str, range(50)))), floor_layout(load_floor_map("hall"))],
)
def test_zones_are_apart_and_filled_and_hold_the_places_of_their_robots(layout):
    outlines = [Polygon(zone.outline) for zone in layout.zones]
    for j, (zone, outline) in enumerate(zip(layout.zones, outlines, strict=True)):
        assert filled(zone).symmetric_difference(outline).area < 0.02 * outline.area
        assert all(outline.intersection(other).area < 1e-6 for other in outlines[:j])
        places = layout.places(j, np.arange(100.0), 100)
        assert all(outline.contains(shapely.points(places)))
        apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + 1e9 * np.eye(100)
        assert apart.min() > 0.5 * zone.radius / np.sqrt(100)
    assert layout.top[1] > max(outline.bounds[3] for outline in outlines)


def test_a_zone_that_is_not_convex_is_filled_inside_alone(tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text(
        "zones:\n  - {name: aisle, polygon: [[5, 0], [12, 0], [12, 3], [7, 3], [7, 8], [5, 8]], goal: [6, 1.5]}\n"
        "  - {name: dock, rectangle: [0, 0, 5, 8]}\n"
    )
    aisle = floor_layout(load_floor_map(str(path))).zones[0]
    outline = Polygon(aisle.outline)
    assert filled(aisle).symmetric_difference(outline).area < 0.02 * outline.area


def test_the_first_zone_of_a_ring_is_at_the_top_and_the_next_to_its_right():
    first, second = (zone.centre for zone in disc_layout(NAMES).zones[:2])
    assert first[0] == pytest.approx(0.0)
    assert second[0] > 0 < first[1]
    assert second[1] < first[1]


def test_a_hub_lies_amid_the_others():
    zones = disc_layout(("north", "east", "hub", "south", "west")).zones
    np.testing.assert_allclose(zones[2].centre, [0.0, 0.0])
    distances = [np.hypot(*zone.centre) for zone in zones if zone.name != "hub"]
    np.testing.assert_allclose(distances, distances[0])
    assert distances[0] > 2 * zones[2].radius


def test_loaded_and_empty_robots_are_drawn_at_the_same_place():
    game = load_game("deliveries")
    names, of = drawn_places(game)
    assert names == ("pick-up 1", "drop 1", "pick-up 2", "drop 2", "pick-up 3", "drop 3", "pick-up 4", "drop 4", "hub")
    assert [names[place] for place in of[:4]] == ["pick-up 1", "pick-up 1", "drop 1", "drop 1"]
    shares = np.zeros(game.n_local_states)
    shares[[0, 1, 3]] = 0.5, 0.25, 0.25
    assert by_place(game, shares)[:3] == (0.75, 0.25, 0.0)


def test_a_robot_has_one_place_in_every_zone_and_moves_only_with_its_zone():
    layout, robots = disc_layout(NAMES), RobotLocations(zones=dict.fromkeys(range(20), 0))
    before = make_scene(layout, TICK, robots)
    robots.zones = {**robots.zones, 9: 3}
    after = make_scene(layout, TICK, robots)
    moved = np.flatnonzero((before.places != after.places).any(axis=1))
    assert [before.ids[i] for i in moved] == [9]
    offset = after.places[9] - layout.zones[3].centre
    np.testing.assert_allclose(offset, before.places[9] - layout.zones[0].centre)
    assert before.labels[0].startswith("zone A\n20 there, estimate 50 %")


def test_asked_and_heard_robots_are_marked():
    scene = make_scene(disc_layout(NAMES), TICK, RobotLocations(zones=dict.fromkeys(range(12), 0)))
    assert [i for i, polled in zip(scene.ids, scene.polled, strict=True) if polled] == [4, 9]
    assert [i for i, heard in zip(scene.ids, scene.heard, strict=True) if heard] == [9]


def test_true_poses_count_before_zones():
    robots = RobotLocations(poses={9: (1.0, 2.0, 0.5)}, zones={9: 0, 10: 1})
    scene = make_scene(disc_layout(NAMES), TICK, robots)
    assert scene.ids == (9, 10)
    np.testing.assert_allclose(scene.places[0], (1.0, 2.0))
    assert scene.headings[0] == 0.5
    assert np.isnan(scene.headings[1])
    assert scene.labels[0].startswith("zone A\n1 there")


def test_without_truth_only_what_was_reported_is_drawn_until_the_robot_leaves():
    layout, robots = disc_layout(NAMES), RobotLocations(most=3)
    robots.hear([(1, 0), (2, 1), (3, 1), (1, 4)])
    scene = make_scene(layout, TICK, robots)
    assert scene.ids == (1, 2, 3)
    assert [label.split("\n")[1].split(",")[0] for label in scene.labels] == ["0 seen", "2 seen", "0 seen", "0 seen", "1 seen"]
    robots.leave([2])
    robots.hear([(5, 0), (6, 0), (7, 99)])
    assert make_scene(layout, TICK, robots).ids == (5, 6)  # the oldest are forgotten; state 99 is no zone


@pytest.mark.parametrize(("counts", "each"), [((600, 400, 0, 0, 0), 1), ((50_000, 30_000, 20_000, 0, 0), 50)])
def test_a_crowd_is_drawn_by_dots(counts, each):
    scene = make_scene(disc_layout(NAMES), TICK, RobotLocations(counts=counts))
    assert scene.ids == ()
    assert len(scene.places) == sum(counts) / each <= MOST_DOTS
    assert (f"a dot is {each} robots" in scene.caption) == (each > 1)
    assert scene.labels[0].startswith(f"zone A\n{counts[0]} there")
    apart = np.sort(np.hypot(*(scene.places[:100, None] - scene.places[None, :100]).T), axis=0)[1]
    assert scene.size < 2.0 * apart.min(), "neighbours are told apart"


def test_places_of_interest_are_those_that_a_games_numbers_change():
    game = load_game("deliveries")
    names = drawn_places(game)[0]
    assert [names[p] for p in served_places(game)] == [f"drop {i}" for i in range(1, 5)]
    assert sent_places(game) == served_places(game)
    assert [names[p] for p in demanded_places(game)] == [f"pick-up {i}" for i in range(1, 5)]
    warehouse = load_game("warehouse")
    assert served_places(warehouse) == sent_places(warehouse) == (0, 1, 2, 3, 4)
    assert demanded_places(warehouse) == ()


def test_a_hidden_state_that_is_at_no_place_is_nowhere():
    game = load_game("charging")
    assert demanded_places(game) == (None,) * game.n_hidden_states
    assert len(set(served_places(game))) == game.n_global_states


def test_robots_differ_at_a_place_by_what_their_states_are_called():
    kinds, of = robot_kinds(load_game("deliveries"))
    assert kinds == ("", "loaded")
    assert of[:4].tolist() == [0, 1, 0, 1]
    assert robot_kinds(load_game("warehouse"))[0] == ("",)
    typed = load_game(str(Path(__file__).parents[2] / "examples" / "warehouse" / "deliveries.yaml"))
    assert robot_kinds(typed)[0] == ("shuttle", "loaded, shuttle", "lifter", "loaded, lifter")
