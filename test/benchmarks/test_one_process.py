"""Robots at work on a physical floor in one process, and predictions under the demand of a run."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

pytest.importorskip("mujoco")

import one_process
import work_in_physics

from altmarl_ros.cli.main import main
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.populations.population import start_fleets
from altmarl_ros.learning.shares.solver import SharesOptions
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.records.run_record import RunRecord

STAY, FETCH, ROBOTS, TICKS = 0, 1, 3, 12


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Four zones in a row, loads at both ends, a drop beside each."""
    path = tmp_path_factory.mktemp("row") / "row.yaml"
    zones = [{"name": name, "rectangle": [3 * i, 0, 3 * i + 3, 3]} for i, name in enumerate("abcd")]
    parameters = {
        "zones": zones,
        "pick_ups": ["a", "d"],
        "drops": ["b", "c"],
        "tick": 4.0,
        "hot_rate": 1.0,
        "elsewhere_rate": 1.0,
    }
    path.write_text(yaml.safe_dump({"name": "row", "builder": "deliveries", "parameters": parameters}))
    return str(path)


def work(path, ticks):
    """A fleet that fetches from a, brings to b, where the crew stays, and where it has been after each tick."""
    game, fleet = load_game(path), one_process.Fleet(path, ROBOTS, 1, "b")
    actions = [STAY if name in ("a", "b loaded") else FETCH for name in game.local_state_names]
    policy = np.eye(game.n_local_actions)[actions][:, None].repeat(game.n_global_states, axis=1)
    pi_l, places = LocalPolicy(policy), []
    for _ in range(ticks):
        states = fleet.local_states()
        for robot, state in zip(fleet.robots, states, strict=True):
            robot.act(state, actions[state], 0, pi_l)
        fleet.drive(4.0)
        places.append(fleet.world.poses)
    return fleet, np.array(places)


@pytest.mark.slow
def test_robots_deliver_touch_nothing_and_do_the_same_each_time(path):
    fleet, places = work(path, TICKS)
    assert fleet.work.delivered.sum() >= 2
    assert not len(fleet.world.contacts)
    assert fleet.waits
    np.testing.assert_array_equal(work(path, 3)[1], places[:3])


def test_a_prediction_meets_the_demand_of_the_run(path):
    game = load_game(path)
    demand = np.array([0, 0, 1, 0, 1])
    start = start_fleets(game, ROBOTS, 7, np.random.default_rng(1))
    start.d[:] = demand[0]
    population = work_in_physics.SameDemand(game, LocalPolicy.uniform(game), start, demand)
    rng = np.random.default_rng(2)
    for d in demand:
        assert (population.d == d).all()
        population.step(np.zeros(7, dtype=np.int64), rng)


def test_robots_have_the_limits_of_a_parameter_file(tmp_path):
    file = tmp_path / "robots.yaml"
    file.write_text("/**:\n  ros__parameters:\n    limits.forward: 0.8\n    sampling.k: 3\n")
    assert work_in_physics.limits_of(None) == one_process.DEFAULT_LIMITS
    assert work_in_physics.limits_of(file) == replace(one_process.DEFAULT_LIMITS, forward=0.8)


@pytest.mark.slow
def test_a_run_is_recorded_for_the_commands(path, tmp_path):
    game = load_game(path)
    bundle = train(game, TrainingOptions(K=1, runs=5, n=ROBOTS, rounds=1, certificate_runs=0, shares=SharesOptions(points=40)))
    found = one_process.play(path, bundle, ROBOTS, TICKS, k=1, seed=1)
    record = RunRecord.load(found.record.save(tmp_path / "run.npz"))
    record.trajectory.check(game)
    assert (record.heard == 1).all()
    np.testing.assert_allclose(record.estimate.sum(axis=1), 1.0)
    assert record.belief.shape == (TICKS, game.n_hidden_states)
    assert main(["identify", str(tmp_path / "run.npz"), "--game", path, "--rates"]) == 0
