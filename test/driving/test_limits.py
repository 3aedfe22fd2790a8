"""Speeds, acceleration and braking against closed forms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.planar import STILL, Velocity
from altmarl_ros.errors import AltmarlError

speed = st.floats(-2.0, 2.0)
velocities = st.builds(Velocity, speed, speed, speed)
LIMITS = Limits(forward=1.0, backward=0.3, lateral=0.5, turn=2.0, acceleration=0.5, braking=1.0, emergency_braking=3.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("forward", 0.0),
        ("turn", -1.0),
        ("backward", -0.1),
        ("lateral", math.nan),
        ("acceleration", math.inf),
        ("braking", 0.1),
        ("angular_acceleration", 0.0),
        ("emergency_braking", 0.2),
        ("forward", math.nan),
    ],
)
def test_a_bad_limit_is_named(name, value):
    with pytest.raises(AltmarlError, match=name):
        Limits(**{name: value})


def test_clipping_is_per_axis():
    assert LIMITS.clip(Velocity(5.0, -5.0, -5.0)) == Velocity(1.0, -0.5, -2.0)
    assert LIMITS.clip(Velocity(-5.0, 0.2, 0.1)) == Velocity(-0.3, 0.2, 0.1)
    assert LIMITS.clip(Velocity(math.nan, 0.2, 0.1)) == STILL


def test_a_differential_base_has_no_sideways():
    limits = Limits()
    assert not limits.is_omnidirectional
    assert limits.clip(Velocity(0.1, 0.4, 0.0)).y == 0.0


@pytest.mark.parametrize(("emergency", "braking"), [(False, 1.0), (True, 3.0)])
def test_braking_distance(emergency, braking):
    """From v to rest in v^2 / (2 b), by the trapezoid rule exact for constant deceleration."""
    velocity, way, dt = Velocity(1.0), 0.0, 0.01
    while not velocity.is_zero:
        after = LIMITS.ramp(velocity, STILL, dt, emergency=emergency)
        way, velocity = way + 0.5 * (velocity.x + after.x) * dt, after
    assert way == pytest.approx(1.0 / (2.0 * braking), rel=0.02)


def test_speed_is_gained_by_the_acceleration():
    assert LIMITS.ramp(STILL, Velocity(1.0, -1.0), 0.1) == Velocity(0.05, -0.05)


def test_a_change_of_sign_brakes_first_and_gains_with_what_is_left():
    assert LIMITS.ramp(Velocity(0.1), Velocity(-1.0), 0.2).x == pytest.approx(-0.05)
    assert LIMITS.ramp(Velocity(0.3), Velocity(-1.0), 0.2).x == pytest.approx(0.1)


@given(velocities, velocities, st.floats(0.0, 0.5))
def test_a_ramp_moves_towards_what_is_wanted_by_no_more_than_braking_allows(present, wanted, dt):
    after = LIMITS.ramp(present, wanted, dt)
    for axis, bound in (("x", LIMITS.braking), ("y", LIMITS.braking), ("yaw", LIMITS.angular_acceleration)):
        p, w, a = (getattr(v, axis) for v in (present, wanted, after))
        assert abs(a - p) <= bound * dt + 1e-12
        assert min(p, w) - 1e-12 <= a <= max(p, w) + 1e-12
        if axis != "yaw":
            assert abs(a) <= abs(p) + LIMITS.acceleration * dt + 1e-12


@given(velocities, velocities)
def test_enough_time_suffices(present, wanted):
    for _ in range(50):
        present = LIMITS.ramp(present, wanted, 0.2)
    assert abs(present.x - wanted.x) + abs(present.y - wanted.y) + abs(present.yaw - wanted.yaw) < 1e-11


@given(velocities, st.floats(2.0, 1e6))
def test_braking_counts_all_of_the_time(present, dt):
    assert LIMITS.ramp(present, STILL, dt) == STILL
