"""Timers by a simulated clock, under a busy process and a clock that goes back."""

import pytest

pytest.importorskip("rclpy")

from altmarl_ros.nodes.common.clock_timers import ClockTimer


class Clock:
    """What a ClockTimer asks of its ClockTimers."""

    def __init__(self):
        self.time, self.timers = 0, {}

    def now_ns(self):
        return self.time

    def add(self, timer):
        self.timers[timer] = None

    def discard(self, timer):
        self.timers.pop(timer, None)

    def go_to(self, time):
        self.time = time
        for timer in list(self.timers):
            timer.call_if_due(time)


@pytest.fixture
def ticking():
    clock, calls = Clock(), []
    return clock, calls, ClockTimer(clock, 50, lambda: calls.append(clock.time))


def test_it_is_called_once_per_period_and_late_calls_are_not_made_up_for(ticking):
    clock, calls, _ = ticking
    for time in (20, 49, 51, 52, 99, 100, 420, 421, 449, 450):
        clock.go_to(time)
    assert calls == [51, 100, 420, 450]


def test_a_clock_that_goes_back_keeps_it_waiting_for_one_period(ticking):
    clock, calls, _ = ticking
    for time in (1000, 10, 59, 60):
        clock.go_to(time)
    assert calls == [1000, 60]


def test_it_can_be_cancelled_and_begun_anew_with_another_period(ticking):
    clock, calls, timer = ticking
    timer.cancel()
    clock.go_to(500)
    assert (calls, timer.is_canceled()) == ([], True)
    timer.timer_period_ns = 10
    timer.reset()
    clock.go_to(505)
    clock.go_to(510)
    assert (calls, timer.is_canceled()) == ([510], False)
