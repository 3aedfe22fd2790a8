"""A fleet over DDS does what the model says, tick by tick."""

import numpy as np
import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.learning.populations.population import simulate
from altmarl_ros.observation import make_model
from altmarl_ros.policies import load_bundle

pytestmark = [pytest.mark.ros, pytest.mark.untimed]


def run(fleet, plan):
    running = fleet(plan)
    running.start()
    running.wait_until(lambda: len(running.log.statuses) > 0, 30, "the first tick")

    def last_tick_is_known():
        last = plan.ticks - 1
        return any(tick == last for _, tick in running.log.statuses) and any(tick == last for _, tick in running.log.truths)

    running.wait_until(last_tick_is_known, 30 + 2 * plan.ticks * plan.period, f"{plan.ticks} ticks")
    return running


def test_every_robot_acts_once_per_tick_and_reports_stay_within_k(fleet, policy):
    plan = FleetPlan("warehouse", policy, robots=20, k=4, period=0.3, processes=2, ticks=40)
    for _ in range(3):  # a robot skips a tick while the machine stalls for longer than a period: such a run proves nothing
        running = run(fleet, plan)
        record = running.record(plan.ticks)
        running.close()
        assert record.tick.tolist() == list(range(plan.ticks))
        assert record.local_state.shape == (plan.ticks, 20)
        assert record.actions.max() == 1
        assert (record.asked == plan.k).all()
        if (record.actions == 1).all():
            break
    assert (record.actions == 1).all()
    assert record.heard.max() <= plan.k
    assert record.reports.mean() <= 1.1 * plan.k  # others answer in place of robots that are late
    assert (record.local_action != UNKNOWN).all()
    assert record.heard.sum() >= 0.97 * record.asked.sum()


@pytest.mark.parametrize("model", ["fresh", "filtered"])
def test_the_fleet_earns_what_the_population_simulation_earns(fleet, policy, same_start, model):
    plan = FleetPlan("warehouse", policy, robots=30, k=5, period=0.05, processes=2, ticks=400, seed=3, model=model)
    game, bundle = load_game("warehouse"), load_bundle(policy)
    for _ in range(3):  # where the machine stalls, robots skip ticks and the simulation is another experiment
        running = run(fleet, plan)
        record = running.record(plan.ticks)
        running.close()
        if (record.actions == 1).mean() > 0.995 and record.heard.mean() > 0.995 * plan.k:
            break
    assert len(record.tick) >= 0.95 * plan.ticks
    start = same_start(record, game.n_local_states, runs=400)
    simulated = simulate(
        game,
        bundle.pi_l,
        make_model(model, game, bundle),
        k=plan.k,
        start=start,
        horizon=len(record.tick),
        rng=np.random.default_rng(4),
    )
    per_run = simulated.rewards.mean(axis=1)
    standard_error = per_run.std(ddof=1)
    assert standard_error < 0.12, "the comparison would see nothing"
    assert abs(record.rewards(game).mean() - per_run.mean()) < 3.5 * standard_error
