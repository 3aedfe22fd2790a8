import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.errors import GameError
from altmarl_ros.games import load_floor_map, load_game, tick_of
from altmarl_ros.games.floor import FloorParameters, build_floor
from altmarl_ros.games.floor_parameters import floor_plan
from altmarl_ros.games.moves import neighbour_goals
from altmarl_ros.games.warehouse import WarehouseParameters, build_warehouse

STAY = 0


def ring(zones, **parameters):
    """Square zones of 1 m on a circle, each with a passage to the next; all passages are equally long."""
    angles = 2 * np.pi * np.arange(zones) / zones
    centres = 3 * zones / np.pi * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    boxes = np.hstack([centres - 0.5, centres + 0.5]).tolist()
    return FloorParameters(
        zones=[{"name": f"z{i}", "rectangle": box} for i, box in enumerate(boxes)],
        adjacency=[[f"z{i}", f"z{(i + 1) % zones}"] for i in range(zones)],
        **parameters,
    )


@pytest.mark.parametrize("zones", [3, 5, 8])
def test_a_ring_pays_what_the_warehouse_pays(zones):
    floor = build_floor(ring(zones, travel_cost=0.0, reward=10.0, nearby=2.0))
    warehouse = build_warehouse(WarehouseParameters(zones=zones))
    np.testing.assert_allclose(floor.r_l[:, :, STAY], warehouse.r_l[:, :, STAY], rtol=1e-12)


@pytest.mark.parametrize("zones", [3, 5, 8])
def test_turning_a_ring_changes_nothing_but_the_numbers_of_the_neighbours(zones):
    parameters = ring(zones, speed=2.0, tick=1.0)
    game, goals = build_floor(parameters), neighbour_goals(floor_plan(parameters))
    for step in (-1, 0, 1):  # previous, stay, next
        rows = []
        for s in range(zones):
            (a_l,) = np.flatnonzero(goals[s] == (s + step) % zones)
            rows.append(np.roll(game.P_l[s, 0, a_l], -s))
        np.testing.assert_allclose(rows, np.tile(rows[0], (zones, 1)), rtol=1e-9, atol=1e-15)


def test_motion_of_three_zones_in_a_row():
    zones = [{"name": n, "rectangle": [x, 0, x + 4, 2]} for n, x in (("a", 0), ("b", 4), ("c", 8))]
    game = build_floor(
        FloorParameters(
            zones=zones,
            tick=2,
            speed=0.5,
            motion_success=0.8,
            stray=0.1,
            displaced=0.06,
            travel_cost=0.5,
            move_cost=3,
            response=0.7,
        )
    )
    arrive = 0.8 * 2 * 0.5 / 4  # of 4 m, a tick covers 1 m
    expected = {
        ("a", 0): [0.94, 0.06, 0],
        ("a", 1): [1 - arrive, arrive, 0],  # no other neighbour to stray into
        ("a", 2): [0.94, 0.06, 0],  # no second neighbour: stays
        ("b", 0): [0.03, 0.94, 0.03],
        ("b", 1): [arrive, 0.9 - arrive, 0.1],
        ("b", 2): [0.1, 0.9 - arrive, arrive],
    }
    for (zone, a_l), row in expected.items():
        for s_g in range(3):
            np.testing.assert_allclose(game.P_l["abc".index(zone), s_g, a_l], row, atol=1e-12)
    np.testing.assert_allclose(game.r_l[0, :, 0], [10, 1, 2 / 3])
    np.testing.assert_allclose(game.r_l[0, :, 0] - game.r_l[0, :, 1], 0.5 * 4)
    np.testing.assert_allclose(game.r_g, -3.0 * np.array([[0, 1, 2], [1, 0, 1], [2, 1, 0]]))
    np.testing.assert_allclose(game.P_g[0, 2], [0.3, 0, 0.7])
    assert game.local_action_names == ("stay", "neighbour 1", "neighbour 2")


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 10))
def test_robots_move_to_neighbours_alone(seed, success, stray, displaced, speed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 7))
    names = [f"z{i}" for i in range(size)]
    tree = [[names[i], names[int(rng.integers(i))]] for i in range(1, size)]  # connected
    parameters = FloorParameters(
        zones=[{"name": name, "rectangle": [2 * i, 0, 2 * i + 1, 1]} for i, name in enumerate(names)],
        adjacency=tree,
        motion_success=success,
        stray=stray * (1 - success),
        displaced=displaced,
        speed=speed,
    )
    game, plan = build_floor(parameters), floor_plan(parameters)
    goals = neighbour_goals(plan)
    near = plan.adjacency | np.eye(size, dtype=bool)
    assert (game.P_l.transpose(0, 3, 1, 2)[~near] == 0).all()
    assert near[np.arange(size)[:, None], goals].all()
    for zone in range(size):
        assert set(goals[zone].tolist()) == {zone, *plan.neighbours(zone)}


def test_the_plan_of_the_built_in_game_is_read_from_its_file():
    plan, game = load_floor_map("floor").plan, load_game("floor")
    assert plan.names == game.local_state_names
    assert plan.locate(plan.goals).tolist() == list(range(len(plan.zones)))
    links = {frozenset((plan.names[i], plan.names[j])) for i, j in np.argwhere(plan.adjacency)}
    halves = [("dock", "north aisle"), ("dock", "south aisle"), ("north aisle", "packing"), ("south aisle", "packing")]
    assert links == {frozenset(pair) for pair in [*halves, ("packing", "charging")]}


@pytest.mark.parametrize("name", ["charging", "coverage"])
def test_games_of_work_in_a_hall_have_its_floor_and_their_tick(name):
    assert load_floor_map(name).plan.names == load_floor_map("hall").plan.names
    assert tick_of(name) == 5.0


def test_other_games_have_no_plan():
    with pytest.raises(GameError, match=r"warehouse.yaml: has no floor:"):
        load_floor_map("warehouse")
    with pytest.raises(GameError, match=r"deliveries.yaml: has no floor:"):
        load_floor_map("deliveries")


ZONES = "{name: a, rectangle: [0, 0, 1, 1]}, {name: b, rectangle: [1, 0, 2, 1]}"


@pytest.mark.parametrize(
    ("parameters", "culprit"),
    [
        ("{}", "parameters.zones"),
        ("{zones: []}", "zones: there are 0"),
        ("{zones: [{name: a}]}", "zone 'a' needs exactly one of 'rectangle', 'polygon' and 'disc'"),
        ("{zones: [{name: a, rectangle: [0, 0, 1, 1], polygon: [[0, 0], [1, 0], [1, 1]]}]}", "zone 'a' needs exactly one of"),
        ("{zones: [{name: a, rectangle: [0, 0, 1]}]}", "zone 'a': rectangle has 3 numbers"),
        ("{zones: [{name: a, rectangle: [1, 0, 0, 1]}]}", "zone 'a': rectangle [1.0, 0.0, 0.0, 1.0] is empty"),
        ("{zones: [{name: a, rectangle: [0, 0, .inf, 1]}]}", "zone 'a': rectangle has the coordinate inf"),
        ("{zones: [{name: a, polygon: [[0, 0], [1, 0]]}]}", "zone 'a': polygon has 2 corners"),
        ("{zones: [{name: a, polygon: [[0, 0], [1], [1, 1]]}]}", "zone 'a': polygon must be pairs"),
        ("{zones: [{name: a, rectangle: [0, 0, 1, 1], colour: red}]}", "colour"),
        ("{zones: [{name: a, rectangle: [0, 0, 1, 1], goal: [2, 2]}]}", "zone 'a': goal (2, 2) is outside"),
        ("{zones: [%s], adjacency: [[a]]}", "adjacency: ['a'] must be a pair"),
        ("{zones: [%s], adjacency: [[a, c]]}", "adjacency names 'c'"),
        ("{zones: [%s], opening: 2.0}", "zone 'b' cannot be reached from 'a'"),
        ("{zones: [%s, {name: c, rectangle: [0.5, 0, 1.5, 1]}]}", "zones 'a' and 'c' overlap"),
        ("{zones: [%s, {name: b, rectangle: [2, 0, 3, 1]}]}", "the name 'b' stands twice"),
        ("{zones: [%s], motion_success: 1.2}", "parameters.motion_success"),
        ("{zones: [%s, {name: c, rectangle: [2, 0, 3, 1]}], stray: 0.5, speed: 9}", "motion_success + stray is 1.4"),
    ],
)
def test_broken_floors_are_refused_by_name(game_file, assert_refused, parameters, culprit):
    assert_refused(game_file("name: mine\nbuilder: floor\nparameters: " + parameters.replace("%s", ZONES)), culprit)
