from math import inf

import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.simulation.physical.pacing import Pace, Steerers


@pytest.mark.parametrize("factor", [0.5, 1.0, 4.0])
def test_simulated_time_is_steady_time_times_the_factor(factor):
    pace, time = Pace(factor), 0.0
    for now in [100.0 + 0.01 * i for i in range(500)]:
        time = pace.due(now, time)
    assert time == pytest.approx(factor * 4.99)
    pace.reached(100.0, 0.0)
    assert pace.reached(104.99, time) == pytest.approx(factor)


def test_a_world_that_stood_catches_up_a_quarter_of_a_second_and_gives_up_the_rest():
    pace = Pace(2.0)
    assert pace.due(0.0, 0.0) == 0.0
    assert pace.due(10.0, 0.0) == pytest.approx(0.5)
    assert pace.due(10.1, 0.5) == pytest.approx(0.7)


def test_factor_zero_is_as_fast_as_possible():
    assert Pace(0.0).due(1.0, 7.0) == inf


@pytest.mark.parametrize("factor", [-1.0, inf, float("nan")])
def test_a_factor_that_is_none_is_refused(factor):
    with pytest.raises(AltmarlError, match="real_time_factor"):
        Pace(factor)


def test_the_world_waits_for_a_robot_that_steers_until_it_answers():
    steerers = Steerers(2, 0.25)
    assert steerers.ready(0.0, 100.0)  # nobody ever steered
    steerers.commanded(1, 100.0)
    assert steerers.ready(0.1, 100.24)
    assert not steerers.ready(0.2, 100.26)
    assert not steerers.ready(1.0, 100.26)
    steerers.commanded(1, 100.26)
    assert steerers.ready(1.1, 100.26)


def test_the_world_gives_up_on_a_robot_that_is_silent_for_long_and_waits_for_it_again_later():
    steerers = Steerers(1, 0.25)
    steerers.commanded(0, 0.0)
    assert not steerers.ready(5.0, 1.0)
    assert not steerers.ready(6.9, 1.0)
    assert steerers.ready(7.1, 1.0)
    assert steerers.ready(7.2, 1000.0)
    steerers.commanded(0, 1000.0)
    assert not steerers.ready(8.0, 1001.0)


def test_a_slower_control_loop_has_its_own_time():
    """After one wait, in which the world finds out."""
    steerers = Steerers(1, 0.06, time_step=0.02)
    steerers.commanded(0, 1.0)
    assert not steerers.ready(0.0, 1.08)
    assert steerers.ready(2.1, 1.08)  # silent, as far as is known
    steerers.commanded(0, 1.1)
    assert steerers.ready(2.2, 1.2)
    assert steerers.ready(2.2, 1.22)  # 0.1 s and a step of the world's
    assert not steerers.ready(2.2, 1.24)
    steerers.commanded(0, 1.12)  # two commands in short succession make no loop faster
    assert steerers.ready(2.3, 1.24)
    assert not steerers.ready(2.3, 1.26)


def test_until_robots_have_acted_the_world_is_no_faster_than_the_steady_clock():
    steerers = Steerers(2, 1.0)
    assert steerers.ready(0.0, 5.0)  # no tick yet
    steerers.ticked()
    assert steerers.ready(10.0, 7.0)
    assert not steerers.ready(10.0, 7.1)
    assert steerers.ready(10.1, 7.1)
    steerers.acted(0)
    assert not steerers.ready(10.1, 7.2)
    steerers.acted(1)
    assert steerers.ready(10.1, 20.0)


def test_who_does_not_act_slows_one_tick_and_counts_again_once_it_acts():
    steerers = Steerers(1, 1.0)
    steerers.ticked()
    assert steerers.ready(0.0, 0.0)
    assert not steerers.ready(0.0, 1.0)
    steerers.ticked()
    assert steerers.ready(0.0, 1.0)
    assert steerers.ready(0.0, 9.0)
    steerers.acted(0)
    steerers.ticked()
    assert steerers.ready(0.0, 9.0)
    assert not steerers.ready(0.0, 9.1)
