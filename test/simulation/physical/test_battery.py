import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.simulation.physical.faults import Fault, FaultKind

POWERS = {"capacity": 0.1, "idle_power": 5.0, "drive_power": 20.0, "turn_power": 4.0, "charge_power": 30.0}  # 0.1 Wh: 360 J


def test_consumption_by_time_speed_and_turn_rate(ideal, far, run, way):
    world = run(far(ideal(battery=POWERS), n=3), 5.0, [[0, 0, 0], [0.5, 0, 0], [0.5, 0, 1.0]])
    joules = 5.0 * 5.0 + 20.0 * np.array([0.0, way(0.5, 5.0), way(0.5, 5.0)]) + 4.0 * np.array([0.0, 0.0, way(1.0, 5.0)])
    np.testing.assert_allclose(world.charge, 1.0 - joules / 360.0, rtol=1e-3)


def test_an_empty_battery_stops_the_base_for_good(ideal, far, run):
    world = far(ideal(base={"deceleration": 0.5}, battery={**POWERS, "start": 0.1}))
    run(world, 36.0 / 15.0 - 0.2, [[0.5, 0.0, 0.0]])
    assert world.velocities[0, 0] == pytest.approx(0.5, rel=2e-3)
    run(world, 0.4, [[0.5, 0.0, 0.0]])
    assert 0.0 < world.velocities[0, 0] < 0.5  # brakes at its limit
    run(world, 2.0, [[0.5, 0.0, 0.0]])
    np.testing.assert_allclose(world.velocities, 0.0, atol=1e-6)
    assert world.charge[0] == 0.0


def test_charging_zones_fill_up_to_the_capacity(ideal, far, run):
    zones = [[[-1, -1], [1, -1], [1, 1], [-1, 1]], [[-1, 9], [1, 9], [0, 12]]]
    world = far(ideal(battery={**POWERS, "start": 0.5}), n=3, chargers=zones)
    run(world, 2.0)
    np.testing.assert_allclose(world.charge, 0.5 + np.array([25.0, 25.0, -5.0]) * 2.0 / 360.0, rtol=1e-9)
    run(world, 10.0)
    np.testing.assert_allclose(world.charge[:2], 1.0)


def test_a_dead_battery_reads_empty_and_stops_the_base_until_it_is_mended(ideal, far, run):
    fault = Fault(FaultKind.DEAD_BATTERY, 0, 1.0, 2.0)
    world = run(far(ideal(), n=2, faults=[fault]), 1.5, [[0.5, 0, 0]] * 2)
    assert world.charge[0] == 0.0
    assert world.charge[1] > 0.9
    np.testing.assert_allclose(world.velocities[:, 0], [0.0, 0.5], atol=1e-3)
    run(world, 1.0, [[0.5, 0, 0]] * 2)
    assert world.charge[0] > 0.9
    np.testing.assert_allclose(world.velocities[:, 0], 0.5, atol=1e-3)


@pytest.mark.parametrize(
    ("zone", "why"),
    [([[0, 0], [1, 1]], "corners"), ([[0, 0], [1, 0], [np.nan, 1]], "finite"), ([[0, 0], [1, 1], [2, 2]], "zone 0")],
)
def test_bad_charging_zones_are_named(ideal, far, zone, why):
    with pytest.raises(AltmarlError, match="charging zone 0") as error:
        far(ideal(), chargers=[zone])
    assert why in str(error.value)
