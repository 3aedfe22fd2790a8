"""The last word: what may never happen, whatever comes in, and what each reason does."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altmarl_ros.driving.governor import Governor
from altmarl_ros.driving.governor_types import Border, Command, GovernorSettings, Inputs, OnSilence, Reason, State
from altmarl_ros.driving.limits import LONGEST_STEP, Limits
from altmarl_ros.driving.planar import STILL, Pose, Velocity
from altmarl_ros.driving.scan import Scan
from altmarl_ros.errors import AltmarlError

LIMITS = Limits(forward=0.8, backward=0.3, turn=2.0, acceleration=0.8, braking=1.0, emergency_braking=4.0)
OMNI = replace(LIMITS, lateral=0.5)
DT = 0.1
RAYS = 180
START = 100.0


def scan(ranges=np.inf, rays=RAYS, reach=5.0):
    return Scan(np.full(rays, 1.0) * ranges, -math.pi, 2 * math.pi / rays, 0.02, reach)


def with_obstacle(distance, bearing=0.0):
    ranges = np.full(RAYS, np.inf)
    ranges[round((bearing + math.pi) / (2 * math.pi) * RAYS) % RAYS] = distance
    return scan(ranges)


CLEAR = scan()


def inputs_at(now, **changes):
    """Everything is well and fresh at time `now`."""
    fresh = Inputs(
        wanted=Velocity(0.5),
        pose=Pose(0.0, 0.0),
        pose_arrived=now,
        tick_arrived=now,
        coordinator_silent=False,
        scan=CLEAR,
        scan_arrived=now,
    )
    return replace(fresh, **changes)


class Drive:
    """A governor on a clock of the test's own, to which everything is fresh unless told otherwise."""

    def __init__(self, limits=LIMITS, **options):
        self.governor = Governor(limits, GovernorSettings(**{"period": DT, **options}))
        self.now = START

    def step(self, wanted=Velocity(0.5), dt=DT, **changes):
        self.now += dt
        fresh = inputs_at(self.now, wanted=wanted)
        return self.governor.step(self.now, replace(fresh, **changes))

    def steps(self, count, *arguments, **changes):
        return [self.step(*arguments, **changes) for _ in range(count)][-1]


@pytest.fixture
def moving():
    drive = Drive()
    assert drive.steps(20).velocity == Velocity(0.5)
    return drive


def test_sets_off_and_drives():
    drive = Drive()
    speeds = [drive.step().velocity.x for _ in range(12)]
    assert speeds[:3] == pytest.approx([0.0, 0.08, 0.16])  # no time has passed before the first step
    assert speeds[-1] == 0.5
    command = drive.step()
    assert (command.state, command.reasons) == (State.MOVING, ())


def test_nothing_wanted_is_rest_without_a_reason(moving):
    assert moving.step(None).state is State.STOPPING
    command = moving.steps(10, None)
    assert (command.velocity, command.state, command.reasons) == (STILL, State.STOPPED, ())


HALTS = [
    ({"pose": None}, Reason.POSE_STALE),
    ({"pose_arrived": START - 10.0}, Reason.POSE_STALE),
    ({"pose_arrived": math.nan}, Reason.POSE_STALE),
    ({"pose_arrived": START + 1e6}, Reason.POSE_STALE),
    ({"pose_delay": 0.7}, Reason.POSE_STALE),
    ({"pose_delay": math.nan}, Reason.POSE_STALE),
    ({"pose": Pose(math.nan, 0.0)}, Reason.POSE_INVALID),
    ({"pose": Pose(0.0, 0.0, math.inf)}, Reason.POSE_INVALID),
    ({"coordinator_silent": True}, Reason.TICK_SILENT),
    ({"has_policy": False}, Reason.NO_POLICY),
    ({"scan": None}, Reason.SCAN_STALE),
    ({"scan_arrived": START - 10.0}, Reason.SCAN_STALE),
    ({"scan": Scan(np.ones(9), 0.0, math.nan, 0.1, 5.0)}, Reason.SCAN_STALE),
    ({"wanted": Velocity(math.nan)}, Reason.COMMAND_INVALID),
    ({"wanted": Velocity(0.1, 0.0, math.inf)}, Reason.COMMAND_INVALID),
    ({"measured": Velocity(math.nan)}, Reason.ODOMETRY_INVALID),
    ({"driver_problem": Reason.NO_DRIVER}, Reason.NO_DRIVER),
    ({"driver_problem": Reason.DRIVER_TYPE}, Reason.DRIVER_TYPE),
    ({"drive_problem": Reason.GOAL_REJECTED}, Reason.GOAL_REJECTED),
    ({"drive_problem": Reason.NAVIGATOR_SILENT}, Reason.NAVIGATOR_SILENT),
    ({"fleet_stop": True}, Reason.FLEET_STOP),
    ({"clock_jumped": True}, Reason.CLOCK_JUMPED),
]


@pytest.mark.parametrize(("changes", "reason"), HALTS)
def test_what_halts(moving, changes, reason):
    wanted = changes.get("wanted", Velocity(0.5, 0.0, 0.3))
    changes = {name: value for name, value in changes.items() if name != "wanted"}
    command = moving.step(wanted, **changes)
    assert command.reasons == (reason,)
    assert command.state is State.STOPPING
    braking = LIMITS.emergency if reason in (Reason.EMERGENCY_STOP, Reason.FLEET_STOP) else LIMITS.braking
    assert command.velocity.x == pytest.approx(0.5 - braking * DT)
    command = moving.steps(5, wanted, **changes)
    assert (command.velocity, command.state) == (STILL, State.STOPPED)


@pytest.mark.parametrize("reason", [Reason.GIVES_WAY, Reason.NO_WAY])
def test_what_a_drive_only_tells_bars_nothing(moving, reason):
    command = moving.step(drive_problem=reason)
    assert (command.velocity, command.state, command.reasons) == (Velocity(0.5), State.MOVING, (reason,))
    assert moving.step(drive_problem=reason, fleet_stop=True).reasons == (Reason.FLEET_STOP,)


def test_motion_resumes_gently(moving):
    moving.steps(10, fleet_stop=True)
    assert moving.step().velocity == Velocity(pytest.approx(LIMITS.acceleration * DT))


def test_the_gravest_reason_comes_first(moving):
    moving.governor.emergency_stop()
    command = moving.step(driver_problem=Reason.NO_DRIVER, pose=None, scan=None)
    assert command.reasons == (Reason.EMERGENCY_STOP, Reason.NO_DRIVER, Reason.POSE_STALE, Reason.SCAN_STALE)


def test_an_emergency_stop_brakes_hard_and_stays_until_released_on_purpose(moving):
    moving.governor.emergency_stop()
    assert moving.step().velocity.x == pytest.approx(0.5 - LIMITS.emergency * DT)
    assert moving.steps(20).reasons == (Reason.EMERGENCY_STOP,)
    moving.governor.release_emergency_stop()
    assert moving.steps(2).state is State.MOVING
    moving.governor.emergency_stop()
    assert moving.steps(5).velocity == STILL


def test_braking_without_inputs_says_why_and_is_where_the_next_step_begins(moving):
    command = moving.governor.brake(DT, Reason.NOT_ACTIVE)
    assert command == Command(Velocity(pytest.approx(0.4)), State.STOPPING, (Reason.NOT_ACTIVE,))
    assert moving.step().velocity.x == pytest.approx(0.4 + LIMITS.acceleration * DT)
    for _ in range(6):
        command = moving.governor.brake(DT, Reason.NOT_ACTIVE)
    assert command == Command(STILL, State.STOPPED, (Reason.NOT_ACTIVE,))


def test_a_base_that_was_stopped_without_the_governor_starts_gently(moving):
    moving.governor.begin_from_rest()
    assert moving.step().velocity.x == pytest.approx(LIMITS.acceleration * DT)


@pytest.mark.parametrize("on_silence", [OnSilence.FINISH, OnSilence.PARK])
def test_a_silent_coordinator_may_be_outlived(on_silence):
    drive = Drive(on_silence=on_silence)
    assert drive.steps(20, coordinator_silent=True).state is State.MOVING


def test_a_clock_that_leaps_stops_until_pose_and_tick_come_anew(moving):
    old = moving.now
    assert moving.step(dt=5.0, pose_arrived=old, tick_arrived=old).reasons[0] is Reason.CLOCK_JUMPED
    leap = moving.now
    stale_tick = moving.steps(5, tick_arrived=leap - 0.01)
    assert stale_tick.reasons == (Reason.CLOCK_JUMPED,)
    assert stale_tick.velocity.x < 0.5
    assert moving.steps(2).state is State.MOVING


def test_a_clock_that_goes_back_stops_and_recovers(moving):
    old = moving.now
    found = moving.step(dt=-50.0, pose_arrived=old, tick_arrived=old, coordinator_silent=True)
    assert {Reason.CLOCK_JUMPED, Reason.POSE_STALE, Reason.TICK_SILENT} <= set(found.reasons)
    assert 0.5 - found.velocity.x == pytest.approx(LIMITS.braking * DT)
    assert moving.steps(10).state is State.MOVING


def test_arrivals_of_before_the_jump_never_become_fresh(moving):
    """The old arrivals lie ahead of a clock that went back, until it comes to them again."""
    old = moving.now
    moving.step(dt=-0.5, pose_arrived=old, tick_arrived=old)
    commands = [moving.step(pose_arrived=old, tick_arrived=old) for _ in range(9)]
    assert all(Reason.CLOCK_JUMPED in command.reasons for command in commands)
    assert commands[-1].velocity == STILL


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf])
def test_no_time_at_all(moving, now):
    commands = [moving.governor.step(now, inputs_at(now)) for _ in range(8)]
    assert commands[0].velocity.x == pytest.approx(0.4)
    assert commands[-1].velocity == STILL
    assert moving.steps(4).state is State.MOVING


def test_turning_needs_room_for_the_outline():
    for distance, rate in ((0.205, 0.0), (0.24, 1.0)):
        command = Drive().steps(10, Velocity(yaw=1.0), scan=with_obstacle(distance))
        assert command.velocity.yaw == pytest.approx(rate)


def test_obstacles_count_where_the_robot_goes():
    for bearing, wanted, held in ((0.0, 0.5, True), (math.pi, 0.5, False), (math.pi, -0.2, True), (0.0, -0.2, False)):
        command = Drive().steps(10, Velocity(wanted), scan=with_obstacle(0.26, bearing))
        assert command.velocity.is_zero is held
        assert command.reasons == ((Reason.OBSTACLE,) if held else ())


def test_an_obstacle_farther_off_slows():
    command = Drive().steps(20, Velocity(0.8), scan=with_obstacle(0.8))
    assert (command.state, command.reasons) == (State.SLOWING, (Reason.OBSTACLE_NEAR,))
    assert 0.1 < command.velocity.x < 0.8


def test_the_blind_side_is_barred():
    front = Scan(np.full(90, np.inf), -math.pi / 2, math.pi / 90, 0.02, 5.0)
    drive = Drive()
    command = drive.steps(10, Velocity(-0.3), scan=front)
    assert command.velocity == STILL
    assert command.reasons == (Reason.BLIND,)
    assert drive.steps(10, Velocity(0.5), scan=front).state is State.MOVING


def test_the_border_slows_and_outside_only_the_way_back_is_open():
    ahead = math.pi  # the inside lies behind
    assert Drive().steps(10, border=Border(5.0, ahead)).state is State.MOVING
    near = Drive().steps(20, border=Border(0.1, ahead))
    assert near.reasons == (Reason.BORDER_NEAR,)
    assert 0.0 < near.velocity.x < 0.4
    outside = Border(-0.1, ahead)
    assert Drive().steps(20, border=outside).velocity == STILL
    back = Drive().steps(20, Velocity(-0.3), border=outside)
    assert (back.velocity.x, back.reasons) == (pytest.approx(-0.1), (Reason.LEFT_AREA,))
    assert Drive().steps(20, Velocity(yaw=1.0), border=outside).velocity == Velocity(yaw=1.0)
    assert Drive().steps(20, border=Border(math.nan, 0.0)).velocity == STILL


@pytest.mark.parametrize("name", ["radius", "pose_timeout", "margin", "reaction_time"])
def test_a_bad_setting_is_named(name):
    with pytest.raises(AltmarlError, match=name):
        GovernorSettings(**{name: -1.0})


@given(st.floats(0.0, 0.1), st.floats(0.0, 0.1))
def test_a_stopped_robot_can_turn_away(margin, side_margin):
    assert GovernorSettings(margin=margin, side_margin=side_margin).turning_margin <= min(margin, side_margin)


number = st.one_of(st.floats(-3, 3), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 5e-324, -1e-310, 0.0]))
velocities = st.builds(Velocity, number, number, number)
scans = st.one_of(
    st.none(),
    st.just(CLEAR),
    st.builds(with_obstacle, st.floats(0.05, 4.0), st.floats(-3, 3)),
    st.builds(lambda r, a, i: Scan(np.array(r), a, i, 0.1, 4.0), st.lists(number, max_size=5), number, number),
)
clocks = st.one_of(st.floats(0.01, 0.2), st.sampled_from([0.0, 0.1, 0.1, 0.1, 0.9, 5e-324, -3.0, 7.0, math.nan]))


@st.composite
def inputs(draw, now):
    def time():
        return now - draw(st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.6, 9.0, -1.0, math.nan, math.inf]))

    flags = draw(
        st.sampled_from([{}, {}, {}, {"driver_problem": Reason.NO_DRIVER}, {"fleet_stop": True}, {"coordinator_silent": True}])
    )
    return Inputs(
        wanted=draw(st.one_of(st.none(), velocities)),
        pose=draw(st.one_of(st.none(), st.builds(Pose, number, number, number))),
        pose_arrived=time(),
        pose_delay=draw(number),
        tick_arrived=time(),
        **{"coordinator_silent": False, **flags},
        scan=draw(scans),
        scan_arrived=time(),
        measured=draw(st.one_of(st.none(), velocities)),
        border=draw(st.one_of(st.none(), st.builds(Border, number, number))),
    )


@pytest.mark.slow
@settings(max_examples=3 * settings.default.max_examples)
@given(st.data(), st.sampled_from([LIMITS, OMNI]))
def test_no_input_makes_a_command_that_breaks_the_limits(data, limits):
    """Nor does anything move once a halting reason has lasted as long as braking takes."""
    governor = Governor(limits, GovernorSettings())
    clock, before, halted = START, STILL, 0.0
    for _ in range(12):
        change = data.draw(clocks)
        now = clock + change
        if data.draw(st.integers(0, 5)) == 0:
            governor.emergency_stop()
        else:
            governor.release_emergency_stop()
        command = governor.step(now, data.draw(inputs(now)))
        if math.isfinite(now):
            clock = now
        known = math.isfinite(change) and change > 0.0
        dt = LONGEST_STEP if not known else min(change, 1.0)
        v, emergency = command.velocity, bool({Reason.EMERGENCY_STOP, Reason.FLEET_STOP} & set(command.reasons))
        assert v.is_finite
        assert limits.clip(v) == v
        factor = limits.emergency / limits.braking if emergency else 1.0
        for axis, gain, loss in (
            ("x", limits.acceleration, limits.braking),
            ("y", limits.acceleration, limits.braking),
            ("yaw", limits.angular_acceleration, limits.angular_acceleration),
        ):
            old, new = getattr(before, axis), getattr(v, axis)
            assert abs(new - old) <= loss * factor * dt + 1e-9
            assert abs(new) <= abs(old) + gain * min(dt, LONGEST_STEP) + 1e-9
        halting = any(reason.halts for reason in command.reasons)
        halted = halted + dt if halting and known and change <= 1.0 else 0.0
        if halted > max(limits.forward / limits.braking, limits.turn / limits.angular_acceleration) + 1e-6:
            assert v == STILL
            assert command.state is not State.MOVING
        assert (command.state is State.STOPPING) <= (halting or command.reasons == ())
        before = v


bases = st.builds(
    lambda speed, turn, time, share: Limits(
        forward=speed,
        turn=turn,
        acceleration=speed / time * share,
        braking=speed / time,
        angular_acceleration=turn / time,
    ),
    st.floats(0.05, 20.0),
    st.floats(0.1, 5.0),
    st.floats(0.05, 2.0),
    st.floats(0.01, 1.0),
)
lateness = st.one_of(st.just([1.0]), st.lists(st.floats(0.5, 4.0), min_size=1, max_size=8))


@given(bases, st.floats(1.0 / LONGEST_STEP, 200.0), lateness, st.sampled_from(HALTS))
def test_braking_takes_no_more_than_v_by_b(limits, rate, late, halt):
    """At every accepted rate, from the first halting step on; a step that is late adds what it is late, and no more."""
    period, (changes, _) = 1.0 / rate, halt
    speed = Velocity(limits.forward, 0.0, limits.turn)
    governor = Governor(limits, GovernorSettings(period=period))
    now = START
    governor.step(now, inputs_at(now))
    governor._velocity = before = speed
    steps = [min(factor * period, 0.99) for factor in late]
    time = way = 0.0
    for count in range(2000):
        dt = steps[count % len(steps)]
        now += dt
        if count > 0:
            time, way = time + dt, way + before.x * dt
        before = governor.step(now, replace(inputs_at(now, wanted=speed), **changes)).velocity
        if before.is_zero:
            break
    lag = max(steps) - steps[0]
    assert before.is_zero
    assert time <= speed.x / limits.braking + lag + 1e-9
    assert way <= speed.x**2 / (2.0 * limits.braking) + speed.x * lag + 1e-9


def test_late_steps_gain_no_more_speed_than_one_in_time():
    drive = Drive()
    drive.step()
    assert drive.step(dt=0.9).velocity.x == pytest.approx(LIMITS.acceleration * LONGEST_STEP)


@pytest.mark.parametrize("period", [0.0, 0.21, 1.0, math.nan])
def test_a_period_at_which_braking_is_not_kept_is_refused(period):
    with pytest.raises(AltmarlError, match=f"period is {period}, must be positive and at most {LONGEST_STEP}"):
        GovernorSettings(period=period)


@given(st.floats(1.0 / LONGEST_STEP, 200.0), st.sampled_from(["stands", "nan"]), st.booleans())
def test_a_clock_that_says_nothing_brakes_by_the_period(rate, clock, moved_before):
    """Even when it never said anything: each step counts one period, and nothing sets off by such a clock."""
    limits, period = Limits(forward=0.5, braking=1.0), 1.0 / rate
    governor = Governor(limits, GovernorSettings(period=period))
    now = START
    if moved_before:
        for _ in range(200):
            now += period
            governor.step(now, inputs_at(now))
        assert governor.step(now + period, inputs_at(now + period)).velocity.x == 0.5
        now += period
    stuck = now if clock == "stands" else math.nan
    commands = [governor.step(stuck, inputs_at(stuck)) for _ in range(math.ceil(0.5 / period) + 1)]
    assert commands[-1].velocity == STILL
    assert commands[-1].reasons[0] is Reason.CLOCK_JUMPED
    assert sum(not command.velocity.is_zero for command in commands) * period <= 0.5 + 1e-9


@given(
    st.sampled_from([5e-324, 1e-310, -5e-324, 1e-20]),
    st.sampled_from([0.0, 5e-324, 1e-310, 1.0]),
    st.floats(0.1, 1.0),
    st.sampled_from([DT, 5e-324, 1e-300]),
)
def test_speeds_of_nearly_nothing_divide_by_nothing(speed, turn, distance, dt):
    drive = Drive(OMNI)
    drive.step(STILL)
    wanted = Velocity(speed, speed, turn)
    for _ in range(3):
        command = drive.step(wanted, dt=dt, scan=with_obstacle(distance), border=Border(0.0, 0.0))
        assert command.velocity.is_finite


def wall_ranges(x, yaw, reach, wall=0.0):
    """Of a laser at distance wall - x from a straight wall, that faces `yaw` off its normal [ray]."""
    angles = yaw + np.linspace(-math.pi, math.pi, RAYS, endpoint=False)
    with np.errstate(divide="ignore"):
        ranges = (wall - x) / np.cos(angles)
    return np.where((ranges > 0.0) & (ranges < reach), ranges, np.inf)


@given(
    st.floats(0.2, 2.0),
    st.floats(0.3, 1.5),
    st.floats(1.0, 2.0),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from([0.05, 0.1]),
    st.floats(-1.0, 1.0),
    st.floats(-1.0, 1.0),
    st.booleans(),
    st.booleans(),
)
def test_a_wall_is_never_touched(top, acceleration, braking_factor, lag, dt, heading, turn, omni, late_scan):
    """Whatever speed is asked for, a robot whose reaction time covers its latency rests before the wall, closed loop."""
    limits = Limits(
        forward=top,
        backward=top,
        lateral=top if omni else 0.0,
        acceleration=acceleration,
        braking=acceleration * braking_factor,
    )
    reaction = (lag + 1) * dt
    governor = Governor(limits, GovernorSettings(reaction_time=reaction))
    radius, reach = governor.settings.radius, 8.0
    x, yaw, pipe, scans_ = -3.0, heading, [STILL] * lag, []
    nearest, now, travelled = math.inf, START, 0.0
    for _ in range(int(14.0 / dt)):
        now += dt
        scans_.append((now, Scan(wall_ranges(x, yaw, reach), -math.pi, 2 * math.pi / RAYS, 0.02, reach)))
        arrived, seen = scans_[max(-2, -len(scans_))] if late_scan else scans_[-1]
        wanted = Velocity(top, 0.3 * top if omni else 0.0, turn if abs(yaw) < 1.2 else -math.copysign(1.0, yaw))
        known = inputs_at(now, wanted=wanted, pose=Pose(x, 0.0, yaw), scan=seen, scan_arrived=arrived)
        command = governor.step(now, known)
        pipe.append(command.velocity)
        v = pipe.pop(0)
        for _ in range(5):
            yaw += v.yaw * dt / 5
            step = (v.x * math.cos(yaw) - v.y * math.sin(yaw)) * dt / 5
            x, travelled = x + step, travelled + abs(step)
        nearest = min(nearest, -x - radius)
    assert nearest > 0.0
    assert travelled > min(0.5, top)
