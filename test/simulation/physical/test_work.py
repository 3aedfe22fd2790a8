"""What happens at work on a physical floor: demand, loads, the crew and charging, by their rates."""

import numpy as np
import pytest
import yaml

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_workplace
from altmarl_ros.simulation.physical.battery import Batteries
from altmarl_ros.simulation.physical.config import BatteryConfig
from altmarl_ros.simulation.physical.work import FLAT, FloorWork, battery_of

LOOK = 0.2


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Makes workplaces on four zones in a row: pick-ups at the ends, drops b and c."""

    def make(builder="deliveries", **more):
        zones = [{"name": name, "rectangle": [4 * i, 0, 4 * i + 4, 4]} for i, name in enumerate("abcd")]
        parameters = {"zones": zones, "pick_ups": ["a", "d"], "drops": ["b", "c"], "tick": 4.0, "hot_rate": 0.1, **more}
        path = tmp_path_factory.mktemp("work") / "game.yaml"
        path.write_text(yaml.safe_dump({"name": "work", "builder": builder, "parameters": parameters}))
        return load_workplace(path)

    return make


def run(work, seconds, zones, *, speed=0.0, charge=1.0, start=0.0):
    n = len(zones)
    for step in range(1, round(seconds / LOOK) + 1):
        work.step(start + LOOK * step, zones, np.full(n, speed), np.full(n, charge))
    return start + LOOK * round(seconds / LOOK)


def test_loads_come_at_the_rate_of_the_hot_pick_up(place):
    work = FloorWork(place(dwell=1e9, elsewhere_rate=0.01), 2000, 3)
    run(work, 6.0, [0] * 1000 + [3] * 1000)  # a second until they have settled
    hot, cold = (0, 1) if work.hidden_state == 0 else (1, 0)
    loaded = [work.loaded[:1000].mean(), work.loaded[1000:].mean()]
    assert loaded[hot] == pytest.approx(1.0 - np.exp(-0.5), abs=0.06)
    assert loaded[cold] == pytest.approx(1.0 - np.exp(-0.05), abs=0.03)


def test_nobody_is_loaded_on_the_move_or_elsewhere(place):
    work = FloorWork(place(), 40, 3)
    run(work, 60.0, [0] * 20 + [3] * 20, speed=0.2)
    run(work, 60.0, [1, 2, None, 1] * 10, start=60.0)
    assert not work.loaded.any()


def test_loads_are_taken_in_where_the_crew_is(place):
    work = FloorWork(place(unload_rate=1.0), 4, 3, sent_by="c")
    work.loaded[:] = True
    run(work, 30.0, [1, 1, 2, 2])
    assert work.loaded.tolist() == [True, True, False, False]
    assert work.delivered.tolist() == [0, 0, 1, 1]


def test_the_crew_drives_and_works_where_it_was_until_then(place):
    workplace = place(crew_speed=0.4, tick=2.0)  # 4 m from b to c: 10 s, and on average 5 ticks
    work = FloorWork(workplace, 1, 3)
    work.send(1)
    now = run(work, 8.8, [1])
    work.send(1)  # again, which does not hold it up
    assert work.stop == 0
    run(work, 0.4, [1], start=now)
    assert work.stop == 1
    work.send(7)
    run(work, 60.0, [1], start=now)
    assert work.stop == 1


def test_a_crew_that_goes_where_most_loads_wait(place):
    work = FloorWork(place(unload_rate=1e-9), 5, 3, sent_by="longest queue")
    work.loaded[:] = True
    run(work, 20.0, [1, 1, 2, 2, 2])
    assert work.stop == 1
    work.send(0)
    assert work.stop == 1
    with pytest.raises(AltmarlError, match="crew is 'nowhere', must be one of coordinator, longest queue, b, c"):
        FloorWork(place(), 5, 3, sent_by="nowhere")


def test_the_demand_is_that_of_its_seed_whatever_robots_do(place):
    idle, busy = FloorWork(place(dwell=20.0), 3, 5), FloorWork(place(dwell=20.0), 3, 5, sent_by="c")
    paths = []
    for work, zones in ((idle, [None] * 3), (busy, [0, 2, 3])):
        path = []
        for step in range(1, 2000):
            work.step(LOOK * step, zones, np.zeros(3), np.ones(3))
            path.append(work.hidden_state)
        paths.append(path)
    assert paths[0] == paths[1]
    changes = np.count_nonzero(np.diff(paths[0]))
    assert 8 <= changes <= 35  # 20 on average


def test_batteries_lose_and_gain_levels_at_the_rates_of_the_game(place):
    workplace = place("charging", drain_moving=0.02, drain_standing=0.004, charge_rate=0.1, speed=0.5)
    batteries = Batteries(battery_of(workplace, BatteryConfig()), 3, [])
    wheels = np.array([[0.5, 0, 0], [0, 0, 0], [0, 0, 0]])
    batteries.step(np.zeros((3, 3)), wheels, 50.0, np.array([False, False, False]))
    level = (1.0 - FLAT) / 3
    np.testing.assert_allclose(1.0 - batteries.charge, [1.0 * level, 0.2 * level, 0.2 * level])
    batteries.step(np.zeros((3, 3)), 0 * wheels, 1.0, np.array([False, False, True]))
    np.testing.assert_allclose(batteries.charge[2] - batteries.charge[1], 0.104 * level)
    assert battery_of(place(), BatteryConfig()) == BatteryConfig()


def test_a_truck_charges_who_stands_at_its_stop_and_people_help_where_chargers_are_fixed(place):
    truck = FloorWork(place("charging"), 4, 3)
    now = run(truck, 1.2, [0, 0, 1, None])
    assert truck.charging.tolist() == [True, True, False, False]
    run(truck, 0.2, [0, 0, 1, None], speed=0.5, start=now)
    assert not truck.charging.any()
    fixed = FloorWork(place("charging", chargers=["c"], help_rate=5.0), 4, 3)
    helped = set()
    for step in range(1, 40):
        fixed.step(LOOK * step, [2, 1, 1, 1], np.zeros(4), np.array([0.05, 0.05, 0.5, 0.05]))
        helped |= set(fixed.helped.tolist())
    assert fixed.charging.tolist() == [True, False, False, False]
    assert helped == {1, 3}
