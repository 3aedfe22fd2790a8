"""The builder `deliveries`: the game of corners, number by number from its text, and games on floors."""

from itertools import product

import numpy as np
import pytest

from altmarl_ros.games import load_game
from altmarl_ros.games.work.deliveries import build_deliveries
from altmarl_ros.games.work.delivery_site import DeliveryParameters
from work_tables import dense, mean_ticks, zones_in_a_row

CORNERS, HUB = 4, "hub"
WALK, CREW, ELSEWHERE, DWELL = 0.2, 0.3, 0.02, 100


def place_named(name):
    return name.removesuffix(" loaded"), name.endswith(" loaded")


def moved(place, action):
    """Where a robot can be after its move: {place: probability}, from the text of the game alone."""
    kind, _, corner = place.partition(" ")
    if action == "change":
        if place == HUB:
            return {place: 1.0}
        other = f"drop {corner}" if kind == "pick-up" else f"pick-up {corner}"
        return {other: 0.7, place: 0.3}
    if action == "stay":
        return {place: 1.0}
    target = action.removeprefix("to corner ")
    if place == HUB:
        return {f"drop {target}": WALK, HUB: 1 - WALK}
    if corner != target:
        return {HUB: WALK, place: 1 - WALK}
    return {place: 1.0} if kind == "drop" else {f"drop {corner}": 0.7, place: 0.3}


def expected_row(state, action, *, hot, crew):
    """Distribution of the next state's name, and the expected reward."""
    place, loaded = place_named(state)
    row, reward = {}, 0.0 if action == "stay" else -0.05
    for after, p in moved(place, action).items():
        changes = 0.0
        if after == place and not loaded and place.startswith("pick-up"):
            changes = 0.5 if place == f"pick-up {hot}" else ELSEWHERE
        if after == place and loaded and place == f"drop {crew}":
            changes = 0.8
            reward += 10.0 * p * changes
        for is_loaded, q in ((loaded, 1 - changes), (not loaded, changes)):
            name = f"{after} loaded" if is_loaded else after
            row[name] = row.get(name, 0.0) + p * q
    return row, reward


def test_the_game_of_corners_is_the_one_of_its_text_number_by_number():
    game = build_deliveries(DeliveryParameters())
    states, actions = game.local_state_names, game.local_action_names
    assert len(states) == 18
    assert actions == ("stay", *(f"to corner {c}" for c in range(1, 5)), "change")
    P_l, r_l = dense(game)
    for d, s_g, (i, state), (a, action) in product(range(4), range(4), enumerate(states), enumerate(actions)):
        row, reward = expected_row(state, action, hot=d + 1, crew=s_g + 1)
        np.testing.assert_allclose(P_l[d, i, s_g, a], [row.get(name, 0.0) for name in states], rtol=0, atol=1e-15)
        np.testing.assert_allclose(r_l[d, i, s_g, a], reward, rtol=0, atol=1e-14)
    for s_g, a_g in product(range(4), range(4)):
        row = np.eye(4)[s_g] if s_g == a_g else (1 - CREW) * np.eye(4)[s_g] + CREW * np.eye(4)[a_g]
        np.testing.assert_allclose(game.P_g[s_g, a_g], row, rtol=0, atol=1e-15)
        assert game.r_g[s_g, a_g] == (0.0 if s_g == a_g else -0.2)
    P_d = np.full((4, 4), 1 / DWELL / 3)
    np.fill_diagonal(P_d, 1 - 1 / DWELL)
    np.testing.assert_allclose(game.hidden.P_d, P_d, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(game.hidden.rho_d, np.full(4, 0.25))
    np.testing.assert_array_equal(game.initial.rho_g, np.full(4, 0.25))
    assert np.ptp(game.initial.alpha) == 0.0
    assert game.gamma == 0.98


def test_the_built_in_game_is_the_one_of_the_defaults_with_demand_that_moves_more_often():
    assert load_game("deliveries").content_hash == build_deliveries(DeliveryParameters(dwell=60.0)).content_hash


@pytest.mark.slow
def test_half_a_tick_is_half_as_likely_to_bring_anything():
    whole, half = (build_deliveries(DeliveryParameters(tick=tick)) for tick in (1.0, 0.5))
    (P, _), (Q, _) = dense(whole), dense(half)
    states = whole.local_state_names
    empty, loaded = states.index("pick-up 2"), states.index("pick-up 2 loaded")
    for d in range(4):
        np.testing.assert_allclose(2 * Q[d, empty, 0, 0, loaded], P[d, empty, 0, 0, loaded])
    np.testing.assert_allclose(2 * (1 - np.diag(half.hidden.P_d)), 1 - np.diag(whole.hidden.P_d))
    np.testing.assert_allclose(2 * half.P_g[0, 1, 1], whole.P_g[0, 1, 1])


def row_of_zones(zones, **parameters):
    """Zones in a row, of which the first two are pick-ups and the others drops."""
    names = [f"z{i}" for i in range(zones)]
    return DeliveryParameters(zones=zones_in_a_row(zones), **{"pick_ups": names[:2], "drops": names[2:], **parameters})


def test_a_floor_has_zones_and_phases_of_ways_each_empty_or_loaded():
    game = build_deliveries(row_of_zones(3, tick=2.0, speed=0.7, motion_success=0.8, crew_speed=0.5))  # 1.4 m a tick
    assert game.local_state_names == tuple(
        f"{place}{load}" for place in ("z0", "z1", "z2", "z0 to z1 1/2", "z1 to z2 1/2") for load in ("", " loaded")
    )
    assert game.local_action_names == ("stay", "to z0 (loaded: z2)", "to z1 (empty)")
    assert game.global_action_names == ("crew to z2",)
    assert game.hidden.names == ("loads at z0", "loads at z1")
    P_l, r_l = dense(game)
    at = game.local_state_names.index
    advance = 0.8 * 2 / (4 / 1.4)  # two phases of a way of 4 m
    np.testing.assert_allclose(P_l[0, at("z2 loaded"), 0, 0, at("z2")], 1.0)  # 0.8/s for 2 s
    np.testing.assert_allclose(r_l[0, at("z2 loaded"), 0], [10.0, 10.0 - 0.05, 10.0 - 0.05])
    np.testing.assert_allclose(P_l[0, at("z0 loaded"), 0, 1, at("z0 to z1 1/2 loaded")], advance)
    np.testing.assert_allclose(P_l[1, at("z0 to z1 1/2"), 0, 1, at("z0")], advance)  # turns round
    np.testing.assert_allclose(P_l[1, at("z0 to z1 1/2"), 0, 2, at("z1")], advance)
    np.testing.assert_allclose(P_l[0, at("z1"), 0, 2, at("z1 loaded")], 0.04)
    np.testing.assert_allclose(P_l[0, at("z1"), 0, 1, at("z1 loaded")], 0.04 * (1 - advance))
    np.testing.assert_allclose(P_l[1, at("z1"), 0, 2, at("z1 loaded")], 1.0)


@pytest.mark.parametrize("speed", [0.1, 0.35, 0.9, 2.0])
@pytest.mark.parametrize("phases", [1, 3, 64])
def test_ways_take_as_long_as_they_are(speed, phases):
    game = build_deliveries(row_of_zones(4, speed=speed, phases=phases, motion_success=0.9, drops=["z3"]))
    P_l, _ = dense(game)
    start, end = (game.local_state_names.index(name) for name in ("z0 loaded", "z3 loaded"))
    P = P_l[0, :, 0, 1].copy()
    P[end] = np.eye(len(P))[end]
    np.testing.assert_allclose(mean_ticks(P, start, end), 12 / speed / 0.9, rtol=1e-9)


def test_robots_begin_anywhere_or_idle_in_zones():
    anywhere, idle = (build_deliveries(row_of_zones(4, speed=0.7, idle_start=idle)) for idle in (False, True))
    assert anywhere.content_hash != idle.content_hash
    np.testing.assert_array_equal(anywhere.initial.alpha, anywhere.initial.alpha[0])
    counts = idle.initial.draw_counts(1000, 20, np.random.default_rng(0)).sum(axis=0)
    found = {name for name, count in zip(idle.local_state_names, counts, strict=True) if count}
    assert found == {name for name in idle.local_state_names if " to " not in name and "loaded" not in name}
    assert counts[counts > 0].min() > 0.9 * counts.max()


def test_the_crew_takes_its_time_for_the_metres_between_drops():
    game = build_deliveries(row_of_zones(5, tick=2.0, crew_speed=0.5))
    np.testing.assert_allclose(game.P_g[0, :, 0], [1.0, 0.75, 0.875])  # z2 to z3 4 m, to z4 8 m, at 1 m a tick
    np.testing.assert_allclose(game.P_g[2, 1], [0.0, 0.25, 0.75])


@pytest.mark.parametrize(("zones", "speed"), [(3, 0.2), (6, 1.0), (12, 0.5)])
def test_rows_of_floors_of_any_size_are_distributions(zones, speed):
    game = build_deliveries(row_of_zones(zones, tick=3.0, speed=speed))
    rows = game.hidden.local_kernel.rows
    sums = np.bincount(rows.row_of, weights=rows.data, minlength=len(rows))
    np.testing.assert_allclose(sums, 1.0, rtol=0, atol=1e-12)
    assert (rows.data > 0).all()
    assert game.hidden.local_kernel.shape[0] == len(game.local_state_names)
    assert game.n_hidden_states == 2


HALL = {
    "zones": [
        {"name": "in", "rectangle": [0, 0, 4, 4]},
        {"name": "mid", "rectangle": [4, 0, 8, 4]},
        {"name": "out", "rectangle": [0, 4, 8, 8]},
    ],
    "pick_ups": ["in", "mid"],
    "drops": ["out"],
}


def test_nobody_turns_round_on_a_one_way_passage():
    one_way = [{"from": "in", "to": "mid", "at": [4, 2]}]
    game = build_deliveries(DeliveryParameters(**HALL, entries=one_way))  # 4 m, 8 ticks, 4 phases
    P_l, _ = dense(game)
    at = game.local_state_names.index
    under_way = at("in to mid 1/4")
    for a_l in (1, 2):
        np.testing.assert_array_equal(np.flatnonzero(P_l[0, under_way, 0, a_l]), [under_way, at("in to mid 2/4")])
    through_out = P_l[0, at("mid"), 0, 1]  # the way back to `in`
    np.testing.assert_array_equal(np.flatnonzero(through_out), [at("mid"), at("mid loaded"), at("mid to out 1/4")])


def test_phases_that_no_robot_comes_through_are_no_states():
    game = build_deliveries(DeliveryParameters(**HALL))
    under_way = {name for name in game.local_state_names if " to " in name}
    assert {name for name in under_way if name.startswith("in to mid")} == {f"in to mid {i}/4" for i in (1, 2, 3)}
    assert {name for name in under_way if name.endswith(" loaded")} == {
        f"{zone} to out {i}/4 loaded" for zone in ("in", "mid") for i in (1, 2, 3)
    }


def test_a_pick_up_may_have_more_loads_than_another():
    game = build_deliveries(DeliveryParameters(**{**HALL, "pick_ups": {"in": 1.0, "mid": 0.5}}))
    P_l, _ = dense(game)
    at = game.local_state_names.index
    np.testing.assert_allclose(P_l[:, at("in"), 0, 0, at("in loaded")], [0.5, 0.02])
    np.testing.assert_allclose(P_l[:, at("mid"), 0, 0, at("mid loaded")], [0.01, 0.25])


ZONES = "zones: [{name: a, rectangle: [0, 0, 1, 1]}, {name: b, rectangle: [1, 0, 2, 1]}, {name: c, rectangle: [2, 0, 3, 1]}]"


@pytest.mark.parametrize(
    ("parameters", "culprit"),
    [
        ("{corners: 1}", "parameters.corners is 1"),
        ("{hot_rate: -1}", "parameters.hot_rate is -1"),
        ("{dwell: 0.5}", "parameters.dwell is 0.5 s, must be at least a tick, 1 s"),
        ("{pick_ups: [a]}", "parameters.pick_ups is for floors: give a map or zones"),
        ("{speed: 1.0}", "parameters.speed is for floors"),
        ("{%s, walk_rate: 0.1, pick_ups: [a, b], drops: [c]}", "parameters.walk_rate is for the layout without a floor"),
        ("{%s, pick_ups: [a, d], drops: [c]}", "parameters.pick_ups names 'd', which is no zone; zones are a, b, c"),
        ("{%s, pick_ups: [a, a], drops: [c]}", "parameters.pick_ups names 'a' twice"),
        ("{%s, pick_ups: [a], drops: [c]}", "parameters.pick_ups has 1 zones, must have at least 2"),
        ("{%s, pick_ups: [a, b]}", "parameters.drops has 0 zones, must have at least 1"),
        ("{%s, pick_ups: [a, b], drops: [b]}", "parameters.drops names 'b', which is a pick-up"),
        ("{%s, pick_ups: {a: 1, b: -1}, drops: [c]}", "parameters.pick_ups must have factors"),
        ("{map: nowhere.yaml}", "parameters.map"),
        ("{%s, colour: red}", "colour"),
        ("{zones: [{name: a, rectangle: [0, 0, 1, 1]}, {name: b, rectangle: [5, 0, 6, 1]}]}", "'b' cannot be reached from 'a'"),
    ],
)
def test_broken_parameters_are_refused_by_name(game_file, assert_refused, parameters, culprit):
    assert_refused(game_file("name: mine\nbuilder: deliveries\nparameters: " + parameters.replace("%s", ZONES)), culprit)


def test_a_floor_may_stand_in_a_map(tmp_path):
    (tmp_path / "map.yaml").write_text(f"{{{ZONES}}}")
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nbuilder: deliveries\nparameters: {map: map.yaml, pick_ups: [a, b], drops: [c], tick: 0.5}"
    )
    game = load_game(tmp_path / "mine.yaml")
    assert game.local_state_names[:6] == ("a", "a loaded", "b", "b loaded", "c", "c loaded")


def test_zones_on_a_floor_may_have_room_for_as_many_robots_as_they_have_slots(game_file):
    game = load_game(
        game_file(f"name: mine\nbuilder: deliveries\nroom: slots\nparameters: {{{ZONES}, pick_ups: [a, b], drops: [c]}}")
    )
    assert game.room.limits(9).tolist() == [1, 1, 1, 9, 9]  # the two ways have phases and no limit
    game = load_game(game_file("name: mine\nbuilder: deliveries\nroom: {hub: 0.2}\n"))
    assert game.room.limits(60)[game.room.places.names.index("hub")] == 12
