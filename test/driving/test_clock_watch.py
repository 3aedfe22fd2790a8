"""A ROS clock is believed while it goes ahead by little."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.clock_watch import ClockWatch


@given(st.lists(st.floats(0.0, 0.999), max_size=30), st.floats(-1e9, 1e9))
def test_steps_ahead_of_up_to_the_longest_leap_are_no_jumps(steps, ros):
    watch = ClockWatch()
    for steady, step in enumerate(steps):
        ros += step
        watch.look(ros, steady)
    assert watch.jumps == 0


@pytest.mark.parametrize("leap", [-1e-6, -50.0, 1.01, inf])
def test_each_jump_is_counted_once(leap):
    watch = ClockWatch()
    for ros, steady in ((10.0, 0.0), (10.5, 0.1), (10.5 + leap, 0.2), (10.5 + leap, 0.3)):
        watch.look(ros, steady)
    assert watch.jumps == 1


def test_stops_when_it_does_not_move_for_too_long_by_the_steady_clock():
    watch = ClockWatch()
    assert watch.stopped(0.0)  # it was never seen to move
    watch.look(7.0, 1.0)
    watch.look(7.0, 1.3)
    assert not watch.stopped(1.4)
    assert watch.stopped(1.5)
    watch.look(7.1, 2.0)
    assert not watch.stopped(2.1)


def test_what_is_no_number_is_not_heard():
    watch = ClockWatch()
    watch.look(1.0, 0.0)
    watch.look(nan, 0.6)
    assert watch.jumps == 0
    assert watch.stopped(0.6)
