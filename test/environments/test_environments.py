"""Tests the environments by their libraries' own checkers, and that they play the game that our simulators play."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("gymnasium")
pytest.importorskip("pettingzoo")

from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test

from altmarl_ros.environments import coordinator_environment, coordinator_environments, fleet_environment
from altmarl_ros.environments.robot_world import RobotWorld
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_game
from altmarl_ros.games.room import Places, Room
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.observation import Fresh
from altmarl_ros.policies import Ladder, LocalPolicy

GAMES = ("warehouse", "deliveries", "narrow", "continuous_warehouse")


def game_of(name):
    """A built-in game, or the warehouse with room for a quarter of the fleet in each zone."""
    if name != "narrow":
        return load_game(name)
    game = load_game("warehouse")
    return replace(game, room=Room.of_shares(Places.of_states(game.local_state_names), 0.25))


@pytest.mark.parametrize("name", GAMES)
def test_gymnasium_accepts_the_coordinator(name):
    check_env(coordinator_environment(game_of(name), robots=8, k=3, horizon=5), skip_render_check=True)


@pytest.mark.parametrize("name", [name for name in GAMES if name != "continuous_warehouse"])
def test_pettingzoo_accepts_coordinator_and_robots(name, capsys):
    parallel_api_test(fleet_environment(game_of(name), robots=8, k=3, horizon=5), num_cycles=20)
    assert "Passed" in capsys.readouterr().out


def test_robots_of_a_continuous_game_are_refused():
    with pytest.raises(AltmarlError, match="continuous states"):
        fleet_environment(load_game("continuous_warehouse"), robots=3)


@pytest.mark.parametrize("name", ["warehouse", "deliveries"])
def test_a_seed_repeats_every_number_of_an_episode(name):
    game = load_game(name)

    def played(seed):
        fleet, rng, seen = fleet_environment(game, robots=6, k=2, horizon=12), np.random.default_rng(1), []
        observations, _ = fleet.reset(seed=seed)
        while fleet.agents:
            actions = {agent: int(rng.integers(fleet.action_space(agent).n)) for agent in fleet.agents}
            observations, rewards, *_ = fleet.step(actions)
            seen.append((rewards["coordinator"], observations["coordinator"]["reports"].tolist(), str(observations["robot_6"])))
        return seen

    assert played(3) == played(3)
    assert played(3) != played(4)


def constant(game, a_g, n):
    """A coordinator that always takes one action, as a ladder."""
    return Ladder((np.full((game.n_global_states, 1), a_g, np.uint16),), game.n_local_states, game.n_global_actions)


def test_the_fleets_earn_what_our_simulator_says():
    game, runs, horizon = load_game("warehouse"), 400, 10
    pi_l = LocalPolicy.uniform(game)
    fleets = coordinator_environments(game, pi_l, fleets=runs, robots=30, k=0, horizon=horizon)
    fleets.reset(seed=1)
    ours = np.array([fleets.step(np.full(runs, 2))[1] for _ in range(horizon)]).sum(axis=0)
    start = start_fleets(game, 30, runs, np.random.default_rng(2))
    model = Fresh(constant(game, 2, 30), game.initial)
    theirs = simulate(game, pi_l, model, k=0, start=start, horizon=horizon, rng=np.random.default_rng(3)).rewards.sum(axis=1)
    error = np.hypot(ours.std(), theirs.std()) / np.sqrt(runs)
    assert abs(ours.mean() - theirs.mean()) < 4 * error


def test_robots_from_outside_earn_what_robots_by_a_policy_earn():
    game, horizon, episodes = load_game("warehouse"), 10, 60
    fleet, rng, totals = fleet_environment(game, robots=30, k=1, horizon=horizon), np.random.default_rng(5), []
    fleet.reset(seed=1)
    for _ in range(episodes):
        fleet.reset()
        total = 0.0
        while fleet.agents:
            actions = {agent: int(rng.integers(game.n_local_actions)) for agent in fleet.agents}
            total += fleet.step({**actions, "coordinator": 2})[1]["robot_1"]
        totals.append(total)
    fleets = coordinator_environments(game, None, fleets=400, robots=30, k=0, horizon=horizon)
    fleets.reset(seed=2)
    by_policy = np.array([fleets.step(np.full(400, 2))[1] for _ in range(horizon)]).sum(axis=0)
    error = np.hypot(np.std(totals) / np.sqrt(episodes), by_policy.std() / np.sqrt(400))
    assert abs(np.mean(totals) - by_policy.mean()) < 4 * error


def test_the_team_reward_is_the_sum_of_the_parts():
    fleet = fleet_environment(load_game("deliveries"), robots=4, k=2)
    fleet.reset(seed=0)
    _, rewards, _, _, infos = fleet.step(dict.fromkeys(fleet.agents, 0))
    parts = infos["coordinator"]["reward"] + np.mean([infos[f"robot_{i}"]["reward"] for i in range(1, 5)])
    assert rewards["robot_3"] == pytest.approx(parts)
    assert infos["coordinator"]["hidden_state"] in range(4)


def test_robots_begin_by_type_and_stay_of_it(kinds):
    world, rng = RobotWorld(kinds, 16), np.random.default_rng(0)
    for _ in range(5):
        world.reset(rng)
        assert (world.s_l // kinds.n_places).tolist() == [0] * 10 + [1] * 6
        world.step(0, np.zeros(16, dtype=np.int64), rng)
        assert (world.s_l // kinds.n_places).tolist() == [0] * 10 + [1] * 6


def test_no_place_holds_more_robots_than_fit():
    game = game_of("narrow")
    fleet, rng = fleet_environment(game, robots=8, k=1, horizon=40), np.random.default_rng(0)
    limits = game.room.limits(8)
    fleet.reset(seed=0)
    before, held = fleet.state()[1:], 0
    while fleet.agents:
        *_, infos = fleet.step({agent: int(rng.integers(fleet.action_space(agent).n)) for agent in fleet.agents})
        after = fleet.state()[1:]
        assert (after <= np.maximum(limits, before)).all()
        before, held = after, held + sum(info.get("held", False) for info in infos.values())
    assert held > 0


def test_an_episode_of_many_fleets_begins_anew_by_itself():
    fleets = coordinator_environments(load_game("warehouse"), fleets=3, robots=5, k=2, horizon=2)
    fleets.reset(seed=0)
    actions = np.zeros(3, dtype=np.int64)
    assert not fleets.step(actions)[3].any()
    assert fleets.step(actions)[3].all()
    observation, rewards, _, over, _ = fleets.step(np.full(3, 99))  # ignored: a new episode begins
    assert rewards.tolist() == [0, 0, 0]
    assert not over.any()
    assert observation in fleets.observation_space
    assert (observation["reports"].sum(axis=1) == 2).all()


def test_without_a_bundle_there_is_no_estimate():
    with pytest.raises(AltmarlError, match="bundle"):
        coordinator_environment(load_game("warehouse"), estimate=True)


def test_actions_out_of_range_are_refused_by_name():
    game = load_game("warehouse")
    fleet = fleet_environment(game, robots=3)
    with pytest.raises(AltmarlError, match="reset"):
        fleet.step({})
    fleet.reset(seed=0)
    actions = dict.fromkeys(fleet.agents, 0)
    with pytest.raises(AltmarlError, match="a_l is -1, must be 0 to 2"):
        fleet.step({**actions, "robot_2": -1})
    with pytest.raises(AltmarlError, match="a_g is 5, must be 0 to 4"):
        fleet.step({**actions, "coordinator": 5})
    with pytest.raises(AltmarlError, match="robot_3 has no action"):
        fleet.step({agent: 0 for agent in fleet.agents if agent != "robot_3"})
    coordinator = coordinator_environment(game, robots=3)
    coordinator.reset(seed=0)
    with pytest.raises(AltmarlError, match="a_g is -1"):
        coordinator.step(-1)


@pytest.mark.parametrize("numbers", [{"robots": 0}, {"k": -1}, {"horizon": 0}])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(AltmarlError, match=f"{next(iter(numbers))} is"):
        fleet_environment(load_game("warehouse"), **numbers)


@pytest.mark.slow
def test_a_missing_library_is_told_by_the_extra():
    program = (
        "import sys; sys.modules['pettingzoo'] = None\n"
        "from altmarl_ros.environments import fleet_environment\n"
        "from altmarl_ros.errors import ResourceError\n"
        "from altmarl_ros.games import load_game\n"
        "try: fleet_environment(load_game('warehouse'))\n"
        "except ResourceError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "pip install 'altmarl-ros[environments]'" in said
