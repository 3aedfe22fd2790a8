"""When a coordinator counts as silent; that halting and parking agree on it is in test/nodes/robot/test_vehicle.py."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.coordinator_watch import CoordinatorWatch
from altmarl_ros.driving.governor import Governor
from altmarl_ros.driving.governor_types import GovernorSettings, Inputs, Reason
from altmarl_ros.driving.limits import Limits

TIMEOUT = GovernorSettings().tick_timeout


def watched(*counts):
    watch = CoordinatorWatch()
    for alive, silent in counts:
        watch.writers_changed(alive, silent)
    return watch


def test_a_coordinator_that_comes_is_not_lost():
    assert not watched().lost
    assert not watched((1, 0)).lost


def test_one_that_falls_silent_is_lost_until_it_is_back():
    watch = watched((1, 0), (0, 1))
    assert watch.lost
    watch.writers_changed(1, 0)
    assert not watch.lost


def test_one_that_leaves_is_lost():
    assert watched((1, 0), (0, 0)).lost


def test_another_one_counts_once_it_speaks():
    watch = watched((1, 0), (0, 1), (1, 1))
    assert watch.lost
    watch.writers_changed(1, 0)  # the killed one is forgotten, which brings nobody back
    assert watch.lost
    watch.tick_received(1.0)
    assert not watch.lost


def test_a_tick_heard_before_its_writer_is_known_counts_when_it_is():
    watch = watched((1, 0), (0, 1))
    watch.tick_received(1.0)
    assert watch.lost
    watch.writers_changed(1, 1)
    assert not watch.lost


def test_a_tick_of_before_the_loss_does_not_count():
    watch = watched((1, 0))
    watch.tick_received(1.0)
    watch.writers_changed(0, 1)
    watch.writers_changed(1, 1)
    assert watch.lost


def test_a_standby_that_takes_over_is_heard_and_losing_one_of_two_is_a_loss():
    watch = watched((1, 0), (2, 0), (1, 1))
    assert watch.lost
    watch.tick_received(1.0)
    assert not watch.lost
    assert watched((2, 0), (2, 1)).lost  # one came and one went, told together


def test_no_tick_is_silence():
    assert CoordinatorWatch().is_silent(0.0, TIMEOUT)


@pytest.mark.parametrize(
    ("arrived", "now", "silent"),
    [
        (10.0, 10.0, False),
        (10.0, 10.0 + TIMEOUT, False),
        (10.0, 10.001 + TIMEOUT, True),
        (10.0, 9.9, True),  # the clock went back
        (math.nan, 10.0, True),
        (math.inf, 10.0, True),
        (-math.inf, 10.0, True),
        (10.0, math.nan, True),
        (10.0, math.inf, True),
        (math.inf, math.inf, True),
    ],
)
def test_only_a_tick_of_the_last_seconds_is_a_sign_of_life(arrived, now, silent):
    watch = CoordinatorWatch()
    watch.tick_received(arrived)
    assert watch.is_silent(now, TIMEOUT) is silent


times = st.one_of(st.floats(-20.0, 20.0), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 0.0]))
events = st.one_of(
    st.tuples(st.just("tick"), times),
    st.tuples(st.just("writers"), st.tuples(st.integers(0, 2), st.integers(0, 2))),
)


@given(st.lists(st.tuples(st.lists(events, max_size=3), times), max_size=12))
def test_a_robot_that_holds_halts_exactly_while_its_coordinator_is_silent(steps):
    watch, governor = CoordinatorWatch(), Governor(Limits(), GovernorSettings())
    for arrivals, now in steps:
        for kind, value in arrivals:
            if kind == "tick":
                watch.tick_received(value)
            else:
                watch.writers_changed(*value)
        silent = watch.is_silent(now, TIMEOUT)
        command = governor.step(now, Inputs(tick_arrived=watch.tick_arrived, coordinator_silent=silent))
        assert silent == (watch.lost or not 0.0 <= now - watch.tick_arrived <= TIMEOUT)
        assert (Reason.TICK_SILENT in command.reasons) == silent
