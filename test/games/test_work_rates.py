"""Parameters of a game of work from runs of it: those that the runs were made with, within their intervals."""

import numpy as np
import pytest
import yaml

from altmarl_ros.games import load_game, load_workplace
from altmarl_ros.games.identification.work_rates import estimate_rates
from altmarl_ros.games.trajectory import Trajectory
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.simulation import MarkovWorld

TRUE = {"motion_success": 0.7, "hot_rate": 0.15, "elsewhere_rate": 0.03, "unload_rate": 0.3, "dwell": 60.0}
BATTERY = {"drain_moving": 0.05, "drain_standing": 0.02, "charge_rate": 0.2}
THOUGHT = {"motion_success": 0.9, "hot_rate": 0.05, "elsewhere_rate": 0.01, "unload_rate": 0.2, "dwell": 200.0}


def written(folder, name, builder, **more):
    zones = [{"name": name, "rectangle": [4 * i, 0, 4 * i + 4, 4]} for i, name in enumerate("abcd")]
    parameters = {"zones": zones, "pick_ups": ["a", "d"], "drops": ["b", "c"], "tick": 2.0, "speed": 0.5, **more}
    (folder / name).write_text(yaml.safe_dump({"name": "row", "builder": builder, "parameters": parameters}))
    return folder / name


def played(path, ticks, robots, seed=3):
    """A run of robots that act at random in the Markov world."""
    game = load_game(path)
    world, rng = MarkovWorld(game, seed), np.random.default_rng(seed)
    policy = LocalPolicy.uniform(game)
    s = np.array([world.join(robot) for robot in range(robots)])
    states, actions, places = [], [], []
    s_g = 0
    for tick in range(ticks):
        a = np.array([policy.draw(int(state), s_g, rng) for state in s])
        states.append(s)
        actions.append(a)
        places.append(s_g)
        world.hear_tick(1, tick)
        s = np.array([world.command(1, tick, robot, s_g, int(a[robot])) for robot in range(robots)])
        s_g = int(rng.integers(game.n_global_states)) if tick % 5 == 0 else s_g
    truths = world.closed_ticks(final=True)
    hidden = np.array([truth.hidden_state for truth in truths])
    column = np.array(places)
    return Trajectory(np.ones(ticks, int), np.arange(ticks), column, column, np.array(states), np.array(actions), hidden)


@pytest.mark.parametrize("builder", ["deliveries", "charging"])
def test_the_parameters_that_runs_were_made_with_are_found(tmp_path, builder):
    true = TRUE | (BATTERY if builder == "charging" else {})
    run = played(written(tmp_path, "true.yaml", builder, **true), 250, 30)
    found = estimate_rates(load_workplace(written(tmp_path, "thought.yaml", builder, **THOUGHT)), run)
    assert {each.name for each in found} == set(true)
    for each in found:
        assert each.known, each
        assert each.low <= each.value <= each.high
        wide = 1.6 * max(each.high - each.value, each.value - each.low)  # of eight intervals of 95 % some may miss
        assert abs(each.value - true[each.name]) <= wide, each


def test_what_was_not_seen_keeps_its_value(tmp_path):
    path = written(tmp_path, "true.yaml", "deliveries", **THOUGHT)
    run = played(path, 3, 2)
    for each in estimate_rates(load_workplace(path), run):
        assert not each.known
        assert each.value == pytest.approx(THOUGHT[each.name])
