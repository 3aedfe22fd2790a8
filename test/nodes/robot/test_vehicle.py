"""One vehicle on fake endpoints and a clock of the test's own: what halts it, what parks it, and what it says."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from geometry_msgs.msg import Twist
from hypothesis import given
from hypothesis import strategies as st
from nav_msgs.msg import Odometry
from std_srvs.srv import SetBool, Trigger

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.errors import AltmarlError
from altmarl_ros.msg import DriveState
from altmarl_ros.nodes.robot.node import PARAMETERS
from altmarl_ros.nodes.robot.parameters import drive_settings
from altmarl_ros.nodes.robot.shared_resources import VehicleResources, load_goal_map
from altmarl_ros.nodes.robot.vehicle import Vehicle
from altmarl_ros.protocol.messages import Tick

PERIOD, TIMEOUT = 0.05, 1.5
VALUES = {
    **{parameter.name: parameter.default for parameter in PARAMETERS},
    "body": "drive",
    "game": "hall",
    "robot_id": 3,
    "scan.required": False,
    "scan.topic": "",
    "pose.start.x": 1.0,
    "pose.start.y": 1.0,
    "timeout.tick": TIMEOUT,
}
TICK = Tick(7, 5, 1, 0, None, ())


class FakeClock:
    """A clock that says what it is told to."""

    def __init__(self):
        self.time, self.jumps = 100.0, 0

    def now(self):
        return self.time

    def ros(self):
        return self.time

    def stamp(self):
        return DriveState().stamp

    def start_timer(self, period, callback):
        self.step = callback
        return self

    def end_timer(self, timer):
        self.step = None

    def when_stopped(self, callback):
        self.stop = callback


class FakePublisher:
    """Keeps what is published."""

    def __init__(self, readers):
        self.sent, self.readers = [], readers

    def publish(self, message):
        self.sent.append(message)

    def get_subscription_count(self):
        return self.readers


class Stage:
    """A vehicle with its endpoints."""

    def __init__(self, goal_map, readers=1, **values):
        values = {**VALUES, **values}
        self.clock, self.publishers, self.callbacks, self.errors = FakeClock(), {}, {}, []
        self.fleet_stop = SimpleNamespace(pressed=False)

        def publisher(_type, topic, _qos):
            self.publishers[topic] = FakePublisher(readers)
            return self.publishers[topic]

        def subscription(_type, topic, callback, _qos):
            self.callbacks[topic] = callback

        self.services = {}

        def create_service(_type, name, callback):
            self.services[name] = callback

        logger = SimpleNamespace(error=lambda text, **_: self.errors.append(text), warning=lambda text, **_: None)
        node = SimpleNamespace(create_service=create_service, get_logger=lambda: logger)
        make = SimpleNamespace(publisher=publisher, subscription=subscription)
        shared = VehicleResources(self.clock, goal_map, self.fleet_stop)
        self.vehicle = Vehicle(node, make, values, shared, lambda: True)
        self.vehicle.enter(lambda: None)

    @property
    def state(self):
        return self.publishers["~/drive"].sent[-1]

    @property
    def speeds(self):
        return [message.linear.x for message in self.publishers["cmd_vel"].sent]

    def odometry(self, x=0.0, y=0.0):
        message = Odometry(child_frame_id="base_link")
        message.header.frame_id = "odom"
        stamp = self.clock.time if math.isfinite(self.clock.time) and self.clock.time > 0.0 else 1.0
        message.header.stamp.sec, message.header.stamp.nanosec = int(stamp), int(1e9 * (stamp % 1.0))
        message.pose.pose.position.x, message.pose.pose.position.y = x, y
        self.callbacks["odom"](message)

    def step(self, tick=True):
        self.clock.time += PERIOD
        self.odometry()
        if tick:
            self.vehicle.tick_received(self.clock.time)
        self.clock.step()

    def drive_on(self):
        """The vehicle moves to the next zone."""
        self.step()
        self.vehicle.act(TICK, 1)
        for _ in range(20):
            self.step()
        assert self.speeds[-1] > 0.1
        return self


@pytest.fixture(scope="module")
def goal_map():
    return load_goal_map({**VALUES, "park_zone": ""})


def test_an_action_is_driven_and_told(goal_map):
    stage = Stage(goal_map).drive_on()
    state = stage.state
    assert (state.session, state.tick, state.local_state, state.local_action) == (7, 5, 0, 1)
    assert (state.zone, state.goal_zone, state.state, list(state.reasons)) == (0, int(goal_map.goal_zones[0, 1]), 3, [])


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
            stage.vehicle.act(TICK, 1)
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
        with pytest.raises(AltmarlError, match=r"'drive\.rate' is .*, must be at least 5 and"):
            rate.accept(slow)
    assert drive_settings({**VALUES, "drive.rate": rate.accept(5.0)}).governor.period == 0.2
