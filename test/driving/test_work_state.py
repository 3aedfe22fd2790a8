"""The local state of a robot at work: place, load and battery, and what is missing."""

from itertools import product

import numpy as np
import pytest
import yaml

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.work_state import WorkSettings, WorkState
from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_floor_map, load_game, load_workplace

LEVELS = 3


@pytest.fixture(scope="module")
def games(tmp_path_factory):
    """Paths of a game of deliveries and one of charging on the same floor."""
    folder = tmp_path_factory.mktemp("games")
    zones = [{"name": name, "rectangle": [4 * i, 0, 4 * i + 4, 4]} for i, name in enumerate("abcd")]
    parameters = {"zones": zones, "pick_ups": ["a", "d"], "drops": ["b"], "tick": 2.0, "speed": 0.5}
    paths = {}
    for builder, more in (("deliveries", {}), ("charging", {"levels": LEVELS})):
        paths[builder] = folder / f"{builder}.yaml"
        document = {"name": builder, "builder": builder, "parameters": {**parameters, **more}}
        paths[builder].write_text(yaml.safe_dump(document))
    return paths


def state_of(path, **settings):
    work = WorkState(load_workplace(path), Zones(load_floor_map(path)), WorkSettings(**settings))
    work.moved(Pose(2.0, 2.0, 0.0), 0, at_rest=True)
    return work


@pytest.mark.parametrize("builder", ["deliveries", "charging"])
def test_numbers_of_local_states_are_those_of_the_game(games, builder):
    game, workplace = load_game(games[builder]), load_workplace(games[builder])
    places, names = workplace.site.layout.places, game.local_state_names
    batteries = [" (flat)", *(f" (battery {level}/{LEVELS})" for level in range(1, LEVELS + 1))] if workplace.levels else [""]
    seen = set()
    for place, loaded, level in product(range(len(places)), (False, True), range(len(batteries))):
        state = workplace.local_state(place, loaded=loaded, level=level)
        ending = " loaded" * loaded + batteries[level]
        name = places[place] + ending
        if name in names:
            assert names[state] == name
        else:  # nobody comes through here like this
            assert names[state] == places[workplace.site.layout.stop_of[place]] + ending
        seen.add(state)
        assert bool(workplace.loaded_of()[state]) == loaded
    assert seen == set(range(game.n_local_states))


def test_goals_are_those_of_the_actions_names(games):
    game, workplace = load_game(games["charging"]), load_workplace(games["charging"])
    goals, names, zones = workplace.goal_zones(), game.local_state_names, "abcd"
    assert goals.shape == (game.n_local_states, game.n_global_states, game.n_local_actions)
    truck = game.local_action_names.index("to the truck")
    for s_g in range(game.n_global_states):
        assert zones[goals[names.index("b (battery 1/3)"), s_g, truck]] == zones[s_g]
        assert (goals[names.index("b (flat)"), s_g] == 1).all()
    assert zones[goals[names.index("c (battery 3/3)"), 0, 1]] == "a"
    assert zones[goals[names.index("c loaded (battery 3/3)"), 0, 1]] == "b"


def test_load_and_silence(games):
    work = state_of(games["deliveries"], load_timeout=2.0)
    names = load_game(games["deliveries"]).local_state_names
    assert work.problems(10.0) == (Reason.LOAD_SILENT,)
    assert work.local_state(10.0) is None
    work.hear_load(True, 10.0)
    assert names[work.local_state(12.0)] == "a loaded"
    assert work.problems(12.0) == ()
    assert work.local_state(12.1) is None
    work.hear_load(False, 13.0)
    assert names[work.local_state(13.0)] == "a"


def test_battery_levels_do_not_waver(games):
    work = state_of(games["charging"], thresholds=(0.1, 0.4, 0.7), hysteresis=0.05)
    names = load_game(games["charging"]).local_state_names
    told = []
    for charge in (0.5, 0.71, 0.74, 0.76, 0.71, 0.69, 0.72, 0.05, 0.12, 0.16):
        work.hear_load(False, 1.0)
        work.hear_charge(charge, 1.0)
        told.append(names[work.local_state(1.0)])
    two, full, flat, one = "a (battery 2/3)", "a (battery 3/3)", "a (flat)", "a (battery 1/3)"
    assert told == [two, two, two, full, full, two, two, flat, flat, one]


def test_a_battery_that_tells_nonsense_is_silent(games):
    work = state_of(games["charging"])
    work.hear_load(False, 1.0)
    for charge in (np.nan, -0.5, 55.0):
        work.hear_charge(charge, 1.0)
    assert work.problems(1.0) == (Reason.BATTERY_SILENT,)
    work.hear_charge(1.0, 1.0)
    assert work.charge == 1.0
    assert work.problems(1.0) == ()
    assert work.problems(12.0) == (Reason.LOAD_SILENT, Reason.BATTERY_SILENT)


def test_levels_are_evenly_spaced_above_flat(games):
    np.testing.assert_allclose(WorkSettings(flat=0.1).of_levels(3), [0.1, 0.4, 0.7])
    for thresholds in ((0.5, 0.4), (-0.1, 0.5), (0.5, np.nan)):
        with pytest.raises(AltmarlError, match="must rise"):
            WorkSettings(thresholds=thresholds)
    with pytest.raises(AltmarlError, match="has 2 numbers, must have 3"):
        state_of(games["charging"], thresholds=(0.3, 0.6))
