"""Deliveries by robots on wheels over DDS: phases, loads and crew on a simulated floor, with the processes of a real fleet."""

import numpy as np
import pytest
import yaml

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game, load_workplace
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.shares.solver import SharesOptions
from altmarl_ros.policies import save_bundle

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

ROBOTS, TICKS = 6, 18
SLOTS = {"spacing": 1.2, "margin": 0.7}
ZONES = {
    "west": [0, 0, 5, 4],
    "west store": [0, 4, 5, 8],
    "lane": [5, 0, 10, 8],
    "east": [10, 0, 15, 4],
    "east store": [10, 4, 15, 8],
}


PARAMETERS = {
    "zones": [{"name": name, "rectangle": corners, "slots": dict(SLOTS)} for name, corners in ZONES.items()],
    "pick_ups": ["west", "east"],
    "drops": ["west store", "east store"],
    "tick": 3.0,
    "speed": 0.5,
    "crew_speed": 1.0,
    "dwell": 600.0,
    "hot_rate": 0.3,
    "elsewhere_rate": 0.05,
    "unload_rate": 0.3,
}
FOUND_SLOWLY = {"hot_rate": 0.001, "elsewhere_rate": 0.0001}


@pytest.fixture
def write_game(tmp_path):
    """Writes a game of the yard; keywords are parameters that differ."""

    def write(name, **changes):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"name": name, "builder": "deliveries", "parameters": {**PARAMETERS, **changes}}))
        return path

    return write


def test_loads_are_delivered_without_contact(fleet, write_game, tmp_path):
    """By the rates of the floor's game: by those of the fleet's own, six robots would find a load in three minutes."""
    floor_file, game_file = write_game("yard"), write_game("slow_yard", **FOUND_SLOWLY)
    game, workplace = load_game(game_file), load_workplace(game_file)
    quick = TrainingOptions(K=3, runs=10, n=ROBOTS, rounds=1, certificate_runs=0, shares=SharesOptions(points=30))
    policy = save_bundle(train(game, quick), tmp_path / "yard.npz")
    plan = FleetPlan(
        str(game_file),
        policy,
        robots=ROBOTS,
        k=3,
        period=3.0,
        processes=1,
        ticks=TICKS,
        backend="physical",
        real_time_factor=0.0,
        floor_game=str(floor_file),
    )
    running = fleet(plan)
    running.start()
    running.wait_until(lambda: len(running.log.truths.keys() & running.log.statuses.keys()) >= TICKS - 2, 150, "the ticks")
    run, floors = running.record(TICKS - 2), list(running.log.floors.values())
    running.close()

    assert floors[-1].contacts == 0
    s, actions = run.local_state, run.local_action
    assert (s >= 0).mean() > 0.95
    assert (actions >= 0).mean() > 0.95
    names, loaded = np.array(game.local_state_names), workplace.loaded_of()
    known = (s[:-1] >= 0) & (s[1:] >= 0)
    before, after = loaded[np.maximum(s[:-1], 0)], loaded[np.maximum(s[1:], 0)]
    assert workplace.delivered(s).sum() >= 2, names[s]
    assert set(run.global_state.tolist()) <= {0, 1}
    assert set(run.hidden_state.tolist()) <= {0, 1}
    assert any("/" in name for name in names[s].ravel())  # seen under way

    # A load is got at a pick-up and lost at a drop. One that stands in a zone on its way elsewhere may be served there too.
    zone = workplace.site.layout.stop_of[np.argwhere(workplace.moves.possible)[:, 0]]
    changed = np.argwhere(known & (before != after))
    sites = [workplace.site.drops if before[t, i] else workplace.site.pick_ups for t, i in changed]
    expected = [
        bool({int(zone[s[t, i]]), int(zone[s[t + 1, i]])} & set(site)) for (t, i), site in zip(changed, sites, strict=True)
    ]
    assert np.mean(expected) > 0.8, names[s]
