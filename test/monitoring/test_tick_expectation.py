"""By when a tick is due, on a clock of the test's own."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.monitoring.tick_expectation import SILENT_PERIODS, Standing, TickExpectation

LEAST, GRACE, LONG = 2.0, 30.0, 75.0
TOLD = {"tick.period": LONG, "start.robots": 6, "start.timeout": 90.0, "paused": False}


@pytest.fixture
def expected():
    made = TickExpectation(least=LEAST, grace=GRACE)
    assert made.standing(100.0) is Standing.WAITING
    return made


def test_the_start_is_no_alarm_and_then_it_is_one(expected):
    assert expected.standing(100.0 + GRACE) is Standing.WAITING
    assert expected.standing(100.1 + GRACE) is Standing.SILENT
    assert expected.overdue(math.inf, 100.1 + GRACE)


def test_a_coordinator_that_holds_its_first_tick_for_robots_is_waited_for(expected):
    expected.tell(7, TOLD, 110.0)
    assert expected.standing(110.0 + 90.0 + 75.0) is Standing.WAITING
    assert expected.standing(110.0 + 90.0 + SILENT_PERIODS * 75.0 + 3.0) is Standing.SILENT


def test_silence_scales_with_the_period(expected):
    expected.tell(7, TOLD, 110.0)
    expected.tick(7, 200.0)
    assert expected.standing(200.0 + 74.0) is Standing.HEARD
    assert not expected.overdue(74.0, 274.0)
    assert expected.standing(200.0 + SILENT_PERIODS * LONG + 0.1) is Standing.SILENT
    expected.tell(7, {**TOLD, "tick.period": 0.1}, 300.0)
    expected.tick(7, 301.0)
    assert expected.longest_silence == LEAST, "no shorter than what is never an alarm"
    assert expected.standing(303.1) is Standing.SILENT


def test_a_robot_that_hears_nothing_where_others_do_is_overdue(expected):
    expected.tell(7, {**TOLD, "tick.period": 1.0}, 110.0)
    expected.tick(7, 120.0)
    assert not expected.overdue(2.9, 120.0)
    assert expected.overdue(3.1, 120.0)
    assert expected.overdue(math.inf, 120.0)


def test_a_pause_is_told_apart_from_silence_and_its_end_gives_time(expected):
    expected.tell(7, TOLD, 110.0)
    expected.tick(7, 120.0)
    expected.tell(7, {**TOLD, "paused": True}, 130.0)
    assert expected.standing(10_000.0) is Standing.PAUSED
    assert not expected.overdue(9_000.0, 10_000.0)
    expected.tell(7, TOLD, 10_000.0)
    assert expected.standing(10_000.0 + LONG) is Standing.HEARD
    assert not expected.overdue(9_000.0, 10_000.0 + LONG)
    assert expected.standing(10_000.1 + SILENT_PERIODS * LONG) is Standing.SILENT


def test_repeating_oneself_puts_nothing_off(expected):
    expected.tell(7, TOLD, 110.0)
    expected.tick(7, 120.0)
    for second in range(121, 400):
        expected.tell(7, TOLD, float(second))
    assert expected.standing(400.0) is Standing.SILENT


def test_what_another_session_tells_does_not_count_for_the_one_that_is_followed(expected):
    expected.tell(7, TOLD, 110.0)
    expected.tick(7, 120.0)
    expected.tell(8, {**TOLD, "tick.period": 3600.0, "paused": True}, 130.0)
    assert expected.period == LONG
    assert expected.standing(120.1 + SILENT_PERIODS * LONG) is Standing.SILENT
    expected.tick(8, 500.0)
    assert expected.period == 3600.0


@given(
    st.dictionaries(
        st.sampled_from([*TOLD, "more"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2),
    ),
    st.floats(0.0, 1e9),
)
def test_whatever_is_told_the_alarm_comes_within_bounds(parameters, at):
    """What strangers tell is no number, or as large as can be: the first tick is waited for two hours and some at most."""
    expected = TickExpectation(least=LEAST, grace=GRACE)
    expected.standing(at)
    expected.tell(7, parameters, at)
    standing = expected.standing(at + 3600.0 + 3600.0 * SILENT_PERIODS + 100.0)
    assert standing is (Standing.PAUSED if parameters.get("paused") is True and expected.period else Standing.SILENT)
