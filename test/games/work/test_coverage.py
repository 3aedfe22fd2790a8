"""The builder `coverage`: how much robots are wanted where, and what room has to do with it."""

from itertools import product

import numpy as np
import pytest

from altmarl_ros.games import load_game
from altmarl_ros.games.work.coverage import CoverageParameters, build_coverage, room_wanted, wanted_shares
from work_tables import dense, zones_in_a_row

PARAMETERS = {"tick": 2.0, "speed": 1.0, "motion_success": 0.8, "busy": 0.6, "renewal_rate": 0.25, "elsewhere": 0.2}


def floor(**parameters):
    """Three zones in a row, with a way of two phases of one tick each between neighbours."""
    return build_coverage(CoverageParameters(zones=zones_in_a_row(3), **{**PARAMETERS, **parameters}))


def following(state, action, hot):
    """Distribution of the next state's name, from the text of the game alone."""
    place, busy = state.removesuffix(" busy"), state.endswith(" busy")
    order = ["z0", "z0 to z1 1/2", "z1", "z1 to z2 1/2", "z2"]
    here = order.index(place)
    goal = here if action == "stay" else order.index(action.removeprefix("to "))
    if goal != here:
        return {order[here + (1 if goal > here else -1)]: 0.8, place: 0.2}
    if place not in ("z0", "z1", "z2"):
        return {place: 1.0}
    works = 0.6 * (1.0 if place == hot else 0.2)
    afresh = {f"{place} busy": 0.5 * works, place: 0.5 * (1 - works)}
    return {name: p + 0.5 * (name.endswith(" busy") == busy) for name, p in afresh.items()}


def test_every_number_is_that_of_the_text():
    game = floor()
    states = game.local_state_names
    assert states == ("z0", "z0 busy", "z1", "z1 busy", "z2", "z2 busy", "z0 to z1 1/2", "z1 to z2 1/2")
    assert game.local_action_names == ("stay", "to z0", "to z1", "to z2")
    assert game.hidden.names == ("demand at z0", "demand at z1", "demand at z2")
    P_l, r_l = dense(game)
    for d, s_g, (i, state), (a, action) in product(range(3), range(3), enumerate(states), enumerate(game.local_action_names)):
        row = following(state, action, hot=f"z{d}")
        np.testing.assert_allclose(P_l[d, i, s_g, a], [row.get(name, 0.0) for name in states], atol=1e-15)
        stays = row.get(state, 0.0) + row.get(state.removesuffix(" busy"), 0.0)
        earns = (1.0 if state == f"z{s_g} busy" else 0.3) * stays if state.endswith(" busy") else 0.0
        np.testing.assert_allclose(r_l[d, i, s_g, a], earns - (0.05 if action != "stay" else 0.0), atol=1e-15)
    np.testing.assert_allclose(game.P_g[0, 2], [0.75, 0.0, 0.25])  # 8 m at 2 m a tick


def test_robots_move_alike_wherever_the_crew_is():
    assert floor().hidden.local_kernel.n_kinds == 3


def test_a_full_zone_keeps_as_many_robots_busy_as_are_wanted():
    weights = np.array([1.0, 2.0, 0.5])
    shares = wanted_shares(weights, 0.2)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    np.testing.assert_allclose(shares[1] * 2.3, [0.2, 2.0, 0.1])
    game = floor(wanted={"z0": 1.0, "z1": 2.0, "z2": 0.5}, busy=0.9)
    P_l, _ = dense(game)
    room = room_wanted(shares)
    for d, zone in product(range(3), range(3)):
        states = [2 * zone, 2 * zone + 1]
        stay = P_l[d][np.ix_(states, [0], [0], states)][:, 0, 0]
        busy = np.linalg.matrix_power(stay, 200)[0, 1]
        np.testing.assert_allclose(room[zone] * busy, 0.9 * shares[d, zone], rtol=1e-12)


def test_some_zones_may_have_no_demand():
    game = floor(wanted=["z2", "z0"])
    assert game.n_hidden_states == game.n_global_states == 2
    assert game.global_action_names == ("crew to z2", "crew to z0")
    assert "z1 busy" not in game.local_state_names


@pytest.mark.parametrize("name", ["coverage"])
def test_rows_are_distributions(name):
    rows = load_game(name).hidden.local_kernel.rows
    sums = np.bincount(rows.row_of, weights=rows.data, minlength=len(rows))
    np.testing.assert_allclose(sums, 1.0, rtol=0, atol=1e-12)


ZONES = "zones: [{name: a, rectangle: [0, 0, 1, 1]}, {name: b, rectangle: [1, 0, 2, 1]}]"


@pytest.mark.parametrize(
    ("parameters", "culprit"),
    [
        ("{}", "parameters.zones is missing: give a map or zones"),
        ("{%s, wanted: [a]}", "parameters.wanted has 1 zones, must have at least 2"),
        ("{%s, wanted: [a, c]}", "parameters.wanted names 'c'"),
        ("{%s, wanted: {a: 1, b: 0}}", "parameters.wanted must have weights"),
        ("{%s, alone: 2}", "parameters.alone is 2"),
    ],
)
def test_broken_parameters_are_refused_by_name(game_file, assert_refused, parameters, culprit):
    assert_refused(game_file("name: mine\nbuilder: coverage\nparameters: " + parameters.replace("%s", ZONES)), culprit)


def test_zones_have_room_for_the_robots_that_are_wanted_there_at_most():
    game = floor(wanted=["z0", "z2"])
    names, limits = game.room.places.names, game.room.limits(120)
    assert dict(zip(names, limits.tolist(), strict=True)) == {
        "z0": 100,
        "z1": 120,
        "z2": 100,
        "z0 to z1 1/2": 120,
        "z1 to z2 1/2": 120,
    }
    assert [names[place] for place in game.places.of[:4]] == ["z0", "z0", "z1", "z2"]


def test_robots_that_begin_idle_are_in_zones_and_not_busy():
    game = floor(idle_start=True)
    counts = game.initial.draw_counts(1000, 10, np.random.default_rng(0)).sum(axis=0)
    found = {name for name, count in zip(game.local_state_names, counts, strict=True) if count}
    assert found == {name for name in game.local_state_names if "busy" not in name and " to " not in name}
    assert len(found) == 3
