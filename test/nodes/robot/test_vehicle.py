"""One vehicle on fake endpoints and a clock of the test's own: what halts it, what parks it, and what it says."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from geometry_msgs.msg import Twist
from hypothesis import given
from hypothesis import strategies as st
from std_srvs.srv import SetBool, Trigger
from vehicle_stage import PERIOD, VALUES, Stage, answer

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.errors import AltmarlError
from altmarl_ros.msg import DriveState
from altmarl_ros.nodes.robot.node import PARAMETERS
from altmarl_ros.nodes.robot.parameters import drive_settings
from altmarl_ros.nodes.robot.shared_resources import load_goal_map


@pytest.fixture(scope="module")
def goal_map():
    return load_goal_map({**VALUES, "park_zone": ""})


def test_an_action_is_driven_and_told(goal_map):
    stage = Stage(goal_map).drive_on()
    state = stage.state
    assert (state.session, state.tick, state.local_state, state.local_action) == (7, 5, 0, 1)
    assert (state.zone, state.goal_zone, state.state, list(state.reasons)) == (0, int(goal_map.goal_zones[0, 0, 1]), 3, [])


@pytest.mark.parametrize("readers", [0, 1])
def test_a_base_without_a_driver_gets_no_speed_that_it_would_set_off_with(goal_map, readers):
    stage = Stage(goal_map).drive_on()
    stage.publishers["cmd_vel"].readers = readers
    for _ in range(20):
        stage.step()
    assert (stage.speeds[-1] == 0.0) == (readers == 0)
    assert (Reason.NO_DRIVER.value in stage.state.reasons) == (readers == 0)
    stage.publishers["cmd_vel"].readers = 1
    stage.step()
    before = stage.speeds[-1]
    stage.step()
    assert stage.speeds[-1] <= before + drive_settings(VALUES).limits.acceleration * PERIOD + 1e-9


def test_a_dry_run_needs_no_driver(goal_map):
    stage = Stage(goal_map, **{"drive.kind": "none"})
    for _ in range(5):
        stage.step()
    assert list(stage.state.reasons) == []
    assert "cmd_vel" not in stage.publishers


def test_a_vehicle_that_leaves_brakes_and_says_that_it_is_not_active(goal_map):
    stage = Stage(goal_map).drive_on()
    before = len(stage.speeds)
    stage.vehicle.leave()
    braking = stage.speeds[before - 1 :]
    assert np.all(np.diff(braking) <= 0.0)
    assert braking[-1] == 0.0
    assert stage.publishers["cmd_vel"].sent[-1] == Twist()
    assert list(stage.state.reasons) == [Reason.NOT_ACTIVE.value]
    assert (stage.state.state, stage.state.tick, stage.state.goal_zone) == (DriveState.STOPPED, 0, DriveState.UNKNOWN)
    stage.vehicle.enter(lambda: None)
    stage.step()
    assert list(stage.state.reasons) == []


def test_a_step_that_fails_brakes_and_says_so(goal_map):
    stage = Stage(goal_map).drive_on()
    del stage.fleet_stop.pressed
    before = stage.speeds[-1]
    stage.clock.step()
    assert stage.speeds[-1] < before
    assert list(stage.state.reasons) == [Reason.CONTROL_FAILED.value]
    assert "AttributeError" in stage.errors[0]


def test_a_clock_that_stands_still_stops_at_once(goal_map):
    stage = Stage(goal_map).drive_on()
    stage.clock.stop()
    assert stage.speeds[-1] == 0.0
    assert stage.state.state == DriveState.STOPPED


def test_the_service_latches_and_releases(goal_map):
    stage = Stage(goal_map).drive_on()
    first, second = stage.services["~/emergency_stop"], stage.services["~/release"]
    for pressed in (True, False):
        assert first(SimpleNamespace(data=pressed), SetBool.Response()).success is pressed
        assert second(SimpleNamespace(), Trigger.Response()).success is not pressed
        for _ in range(20):
            stage.step()
        assert (stage.speeds[-1] == 0.0) is pressed
        assert (Reason.EMERGENCY_STOP.value in stage.state.reasons) is pressed


def test_a_vehicle_that_is_not_active_says_what_it_lacks_and_commands_nothing(goal_map):
    stage = Stage(goal_map, active=False, readers=0)
    stage.clock.idle()
    assert list(stage.state.reasons) == ["not active", "no driver listens to the velocity commands", "no fresh pose"]
    stage.odometry()
    stage.publishers["cmd_vel"].readers = 1
    stage.clock.idle()
    assert (list(stage.state.reasons), stage.state.zone) == (["not active"], 0)
    assert stage.publishers["cmd_vel"].sent == []


def test_other_limits_hold_from_now_on(goal_map):
    stage = Stage(goal_map).drive_on()
    stage.vehicle.adjust(drive_settings({**VALUES, "limits.forward": 0.05}))
    for _ in range(20):
        stage.step()
    assert 0.0 < stage.speeds[-1] <= 0.05


times = st.one_of(st.floats(90.0, 110.0), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 0.0, 100.0]))
events = st.one_of(
    st.tuples(st.just("tick"), times),
    st.tuples(st.just("writers"), st.tuples(st.integers(0, 2), st.integers(0, 2))),
)


@given(st.lists(st.tuples(st.lists(events, max_size=3), times), min_size=1, max_size=8))
def test_halting_and_parking_agree_whatever_the_times_are(goal_map, steps):
    """Two vehicles get the same: one that holds halts in a step exactly if the other, which parks, leaves to park."""
    holds, parks = (Stage(goal_map, on_silence=way) for way in ("hold", "park"))
    for stage in (holds, parks):
        stage.odometry()
    for arrivals, now in steps:
        for stage in (holds, parks):
            stage.clock.time = now
            stage.odometry()
            stage.vehicle.act(answer(1))
            for kind, value in arrivals:
                if kind == "tick":
                    stage.vehicle.tick_received(value)
                else:
                    stage.vehicle.writers_changed(*value)
            stage.clock.step()
        halted = Reason.TICK_SILENT.value in holds.state.reasons
        assert (parks.state.goal_zone == 0) is halted
        assert Reason.TICK_SILENT.value not in parks.state.reasons
        assert holds.errors + parks.errors == []


def test_rates_too_slow_to_brake_as_promised_are_refused_by_name():
    rate = next(parameter for parameter in PARAMETERS if parameter.name == "drive.rate")
    for slow in (1.0, 4.9):
        with pytest.raises(AltmarlError, match=r"'drive\.rate' is .*, must be in 5\.\.200"):
            rate.accept(slow)
    assert drive_settings({**VALUES, "drive.rate": rate.accept(5.0)}).governor.period == 0.2
