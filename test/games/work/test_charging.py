"""The builder `charging`: batteries run down, and a truck or chargers fill them."""

from itertools import product

import numpy as np
import pytest

from altmarl_ros.games import load_game
from altmarl_ros.games.work.charging import ChargingParameters, build_charging
from altmarl_ros.games.work.deliveries import build_deliveries
from altmarl_ros.games.work.delivery_site import DeliveryParameters
from work_tables import dense, mean_ticks, zones_in_a_row

FULL = " (battery 2/2)"
RATES = {"drain_moving": 0.3, "drain_standing": 0.1, "charge_rate": 0.6}


def parsed(state):
    """Place, load and level of a state's name, of two levels."""
    name, _, battery = state.partition(" (")
    return name.removesuffix(" loaded"), name.endswith(" loaded"), 0 if battery == "flat)" else int(battery[8])


def destinations(place, action):
    """Where a robot that moves can be after its move: {place: probability}; two corners and a hub."""
    kind, _, corner = place.partition(" ")
    target = action.removeprefix("to corner ")
    if action == "stay" or (action == "change" and place == "hub") or (kind == "drop" and corner == target):
        return {}
    if action == "change":
        return {f"drop {corner}" if kind == "pick-up" else f"pick-up {corner}": 0.7}
    if place == "hub":
        return {f"drop {target}": 0.2}
    return {f"drop {corner}": 0.7} if corner == target else {"hub": 0.2}


def expected_row(state, action, *, hot, truck):
    """Distribution of what follows, as {(place, loaded, level): probability}, and the expected reward."""
    place, loaded, level = parsed(state)
    reward = 0.0 if action == "stay" else -0.05
    here = "hub" if place == "hub" else f"corner {place.split()[1]}"
    if level == 0:
        charged = 0.6 if here == truck else 0.0
        return {(place, loaded, 0): 1 - charged, (place, loaded, 1): charged}, reward
    row = {}
    on_its_way = destinations(place, action)
    for after, p in {**on_its_way, place: 1 - sum(on_its_way.values())}.items():
        changes = 0.0
        if after == place and not loaded and place.startswith("pick-up"):
            changes = 0.5 if place == f"pick-up {hot}" else 0.02
        if after == place and loaded and place.startswith("drop"):
            changes = 0.8
            reward += 10.0 * p * changes
        if on_its_way:
            battery = {level - 1: 0.3, level: 0.7}
        elif here == truck:
            battery = {min(level + 1, 2): 0.6, level: 0.4} if level < 2 else {2: 1.0}
        else:
            battery = {level - 1: 0.1, level: 0.9}
        for (is_loaded, q), (then, b) in product(((loaded, 1 - changes), (not loaded, changes)), battery.items()):
            row[after, is_loaded, then] = row.get((after, is_loaded, then), 0.0) + p * q * b
    return row, reward


def test_a_truck_among_corners_number_by_number():
    game = build_charging(ChargingParameters(corners=2, levels=2, **RATES))
    states = game.local_state_names
    assert len(states) == 5 * 2 * 3
    assert game.global_action_names == ("truck to corner 1", "truck to corner 2", "truck to hub")
    P_l, r_l = dense(game)
    for (i, state), (a, action) in product(enumerate(states), enumerate(game.local_action_names)):
        for d, (s_g, truck) in product(range(2), enumerate(("corner 1", "corner 2", "hub"))):
            row, reward = expected_row(state, action, hot=d + 1, truck=truck)
            np.testing.assert_allclose(P_l[d, i, s_g, a], [row.get(parsed(name), 0.0) for name in states], atol=1e-15)
            np.testing.assert_allclose(r_l[d, i, s_g, a], reward, atol=1e-14)
    np.testing.assert_allclose(game.P_g[0, 2], [0.7, 0.0, 0.3])
    np.testing.assert_allclose(game.r_g, -0.2 * (1 - np.eye(3)))


def test_batteries_that_last_for_ever_leave_the_game_of_deliveries():
    game = build_charging(ChargingParameters(chargers=["hub"], levels=2, drain_moving=0.0, drain_standing=0.0))
    plain = build_deliveries(DeliveryParameters())
    full = [i for i, name in enumerate(game.local_state_names) if name.endswith(FULL)]
    assert [game.local_state_names[i].removesuffix(FULL) for i in full] == list(plain.local_state_names)
    (P_l, r_l), (P, r) = dense(game), dense(plain)
    np.testing.assert_allclose(P_l[:, full][..., full], P, atol=1e-15)
    np.testing.assert_allclose(r_l[:, full], r, atol=1e-14)
    np.testing.assert_allclose(game.P_g, plain.P_g)


def floor(**parameters):
    return build_charging(
        ChargingParameters(
            zones=zones_in_a_row(4), **{"pick_ups": ["z0", "z1"], "drops": ["z2"], "levels": 2, **RATES, **parameters}
        )
    )


def test_a_robot_that_rests_lasts_as_long_as_its_battery():
    game = floor(drain_standing=0.01, truck_speed=0.1)
    P_l, _ = dense(game)
    at = game.local_state_names.index
    flat = at("z2 (flat)")
    batteries = [flat, at("z2 (battery 1/2)"), at("z2" + FULL)]
    P = P_l[0, :, 0, 0][np.ix_(batteries, batteries)]  # the truck is at z0
    np.testing.assert_allclose(mean_ticks(P, 2, 0), 2 / 0.01)
    assert P[0, 0] == 1.0
    assert P_l[0, flat, 2, 0, at("z2 (battery 1/2)")] == 0.6  # the truck is there


def test_a_flat_robot_stands_until_help_comes():
    game = floor(chargers=["z3"], help_rate=0.05)
    P_l, r_l = dense(game)
    at = game.local_state_names.index
    assert game.local_action_names[-1] == "to z3"
    for state, after, p in (
        ("z0 to z1 2/4 (flat)", "z0 to z1 2/4 (battery 1/2)", 0.05),
        ("z2 loaded (flat)", "z2 loaded (battery 1/2)", 0.05),
        ("z3 (flat)", "z3 (battery 1/2)", 0.6),
    ):
        for d, a in product(range(2), range(game.n_local_actions)):
            np.testing.assert_allclose(P_l[d, at(state), 0, a, [at(state), at(after)]], [1 - p, p])
    assert (r_l[:, [at("z2 loaded (flat)")]] <= 0.0).all()


def test_robots_find_the_truck_wherever_it_is():
    game = floor()
    P_l, _ = dense(game)
    assert game.local_action_names[-1] == "to the truck"
    at = game.local_state_names.index
    for truck, place, following in ((0, "z2", "z1 to z2 3/4"), (3, "z2", "z2 to z3 1/4"), (1, "z0 to z1 3/4", "z1")):
        reached = P_l[0, at(place + FULL), truck, -1]
        np.testing.assert_allclose(reached[[at(following + FULL), at(following + " (battery 1/2)")]].sum(), 0.9 * 4 / 8)
    staying = P_l[0, at("z2 (battery 1/2)"), 2]  # the truck is there: resting and going to it are the same
    np.testing.assert_allclose(staying[-1], staying[0])


def test_the_truck_serves_the_places_that_are_nearest_to_it():
    game = floor()
    P_l, _ = dense(game)
    names = game.local_state_names
    for i, name in enumerate(names):
        served = [s_g for s_g in range(4) if P_l[0, i, s_g, 0, i] < 1.0 and name.endswith(" (flat)")]
        if name.startswith("z1 to z2") and name.endswith(" (flat)"):
            assert served == [1 if name[9] in "12" else 2]


def test_rows_are_distributions():
    for game in (floor(), floor(chargers=["z0", "z3"]), load_game("charging")):
        rows = game.hidden.local_kernel.rows
        sums = np.bincount(rows.row_of, weights=rows.data, minlength=len(rows))
        np.testing.assert_allclose(sums, 1.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "culprit"),
    [
        ("{levels: 0}", "parameters.levels is 0"),
        ("{chargers: [roof]}", "parameters.chargers names 'roof', which is no zone; zones are pick-up 1, drop 1"),
        ("{help_rate: 0.1}", "parameters.help_rate is for fixed chargers"),
        ("{crew_cost: 1}", "parameters.crew_cost is for fixed chargers"),
        ("{chargers: [hub], truck_cost: 1}", "parameters.truck_cost is for games without fixed chargers"),
        ("{truck_speed: 1}", "parameters.truck_speed is for floors"),
    ],
)
def test_broken_parameters_are_refused_by_name(game_file, assert_refused, parameters, culprit):
    assert_refused(game_file("name: mine\nbuilder: charging\nparameters: " + parameters), culprit)


def test_a_charger_with_few_places_is_given_room_by_its_zone(game_file):
    game = load_game(game_file("name: mine\nbuilder: charging\nparameters: {chargers: [hub]}\nroom: {hub: 4}\n"))
    hub = game.places.names.index("hub")
    assert game.room.limits(50)[hub] == 4
    assert [name for name, place in zip(game.local_state_names, game.places.of, strict=True) if place == hub] == [
        name for name in game.local_state_names if name.startswith("hub")
    ]


def test_robots_that_begin_idle_are_empty_and_their_batteries_are_anywhere():
    game = build_charging(ChargingParameters(corners=2, levels=3, idle_start=True, **RATES))
    counts = game.initial.draw_counts(1000, 10, np.random.default_rng(0)).sum(axis=0)
    found = {name for name, count in zip(game.local_state_names, counts, strict=True) if count}
    assert found == {name for name in game.local_state_names if "loaded" not in name}
