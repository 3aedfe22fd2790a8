"""A fleet over DDS whose zones have limited room: robots in two processes, and a crowd."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.learning.populations.population import Fleets, simulate
from altmarl_ros.observation import make_model
from altmarl_ros.policies import load_bundle, save_bundle

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

ROBOTS, TICKS, LIMIT = 20, 40, 6


@pytest.fixture
def tight(tmp_path):
    path = tmp_path / "tight.yaml"
    path.write_text("name: tight\nbuilder: warehouse\nroom: 0.3\n")
    return path


@pytest.fixture
def tight_policy(tight, policy, tmp_path):
    game, bundle = load_game(tight), load_bundle(policy)
    return save_bundle(
        replace(bundle, game=game.name, game_hash=game.content_hash, dynamics_hash=game.dynamics_hash), tmp_path / "tight.npz"
    )


@pytest.mark.parametrize("crowd", [False, True], ids=["robots", "crowd"])
def test_zones_never_hold_more_than_fit_but_those_who_began_there(fleet, tight, tight_policy, crowd):
    plan = FleetPlan(str(tight), tight_policy, robots=ROBOTS, k=3, period=0.25, processes=2, crowd=crowd, model="fresh")
    running = fleet(plan)
    children = running.start()
    running.wait_until(lambda: running.log.true_ticks > TICKS + 2, 60, "a run")
    record = running.record(TICKS)
    running.close()
    assert (record.actions == 1).all()
    counts = np.stack([(record.local_state == zone).sum(axis=1) for zone in range(5)], axis=1)
    assert (counts.sum(axis=1) == ROBOTS).all()
    assert (counts[1:] <= np.maximum(LIMIT, counts[:-1])).all()
    told = children["crowd" if crowd else "world"].log.read_text()
    assert "robots were held back at full places in " in told
    game, bundle = load_game(tight), load_bundle(tight_policy)
    start = Fleets(np.repeat(record.global_state[:1], 300), np.repeat(counts[:1], 300, axis=0))
    model = make_model("fresh", game, bundle, 1.0)
    rewards = simulate(game, bundle.pi_l, model, k=3, start=start, horizon=TICKS, rng=np.random.default_rng(0)).rewards
    simulated = rewards.mean(axis=1)
    assert abs(record.rewards(game).mean() - simulated.mean()) < 4.0 * simulated.std(ddof=1)
