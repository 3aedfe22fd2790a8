"""Virtual and external plants, alone and under a coordinator."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from altmarl_ros.errors import AltmarlError
from altmarl_ros.policies import Ladder
from altmarl_ros.protocol.plant import ExternalPlant, VirtualPlant
from altmarl_ros.protocol.standby import Handover

TIMEOUT = 1.0


class Clock:
    """Seconds, set by the test."""

    def __init__(self, now=100.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lift(clock):
    """Of five floors."""
    return ExternalPlant(5, TIMEOUT, clock)


@pytest.mark.parametrize("state", [-1, 5])
def test_a_virtual_plant_begins_in_a_state_of_the_game(warehouse, state):
    with pytest.raises(AltmarlError, match=f"global state is {state}, must be below 5"):
        VirtualPlant(warehouse, np.random.default_rng(0), state)


def test_a_virtual_plant_begins_as_the_game_does(warehouse):
    rng = np.random.default_rng(0)
    starts = np.bincount([VirtualPlant(warehouse, rng).state for _ in range(2000)], minlength=5)
    rho_g = warehouse.initial.rho_g
    assert starts[rho_g == 0].sum() == 0
    assert chisquare(starts[rho_g > 0], 2000 * rho_g[rho_g > 0]).pvalue > 1e-3


def test_a_virtual_plant_goes_on_by_the_decision_that_was_heard(warehouse):
    plant = VirtualPlant(warehouse, np.random.default_rng(0), 0)
    plant.resume(3, None)
    assert plant.state == 3
    moves = np.zeros(5, dtype=int)
    for _ in range(3000):
        plant.resume(3, 1)
        moves[plant.state] += 1
    assert chisquare(moves, 3000 * warehouse.P_g[3, 1]).pvalue > 1e-3


def test_an_external_plant_is_unknown_before_it_tells_and_after_the_timeout(lift, clock):
    assert lift.state is None
    assert lift.trouble == "the global plant has not told its state yet"
    lift.hear(3)
    clock.now += TIMEOUT
    assert (lift.state, lift.trouble) == (3, "")
    clock.now += 1e-6
    assert lift.state is None
    assert lift.trouble == "the global plant told its state 1 s ago, which counts for 1 s"
    lift.hear(3)
    assert lift.state == 3


@pytest.mark.parametrize("state", [5, 65535, -1])
def test_a_state_outside_the_game_makes_it_unknown_until_a_good_one(lift, state):
    lift.hear(2)
    lift.hear(state)
    assert lift.state is None
    assert lift.refused == 1
    assert lift.trouble.endswith("its states are 0..4")
    lift.hear(4)
    assert (lift.state, lift.refused) == (4, 1)


def test_the_newest_state_counts_not_the_one_that_came_last(lift, clock):
    lift.hear(1, age=0.3)
    lift.hear(0, age=0.5)  # overtaken on the way
    assert lift.state == 1
    assert lift.age == pytest.approx(0.3)
    clock.now += 0.8
    assert lift.state is None
    lift.hear(2, age=TIMEOUT + 0.1)  # old when it comes
    assert lift.state is None
    lift.hear(2, age=-7.0)  # by a clock that is ahead
    assert (lift.state, lift.age) == (2, 0.0)


def test_a_clock_that_jumps_back_makes_it_unknown_until_it_tells_again(lift, clock):
    lift.hear(2)
    clock.now -= 50.0
    assert lift.state is None
    lift.hear(3)
    assert lift.state == 3


@pytest.mark.parametrize("timeout", [0.0, -1.0, np.nan])
def test_a_timeout_that_is_none_is_refused(clock, timeout):
    with pytest.raises(AltmarlError, match="timeout of the plant"):
        ExternalPlant(5, timeout, clock)


@given(st.lists(st.tuples(st.floats(0.0, 2.0), st.integers(-1, 6), st.floats(0.0, 2.0)), max_size=30))
def test_what_is_known_is_always_the_newest_told_and_fresh(history):
    clock = Clock()
    plant, newest = ExternalPlant(5, TIMEOUT, clock), (-np.inf, None)
    for wait, state, age in history:
        clock.now += wait
        plant.hear(state, age)
        if clock.now - age >= newest[0]:
            newest = (clock.now - age, state if 0 <= state < 5 else None)
        fresh = clock.now - newest[0] <= TIMEOUT
        assert plant.state == (newest[1] if fresh else None)
        assert bool(plant.trouble) == (plant.state is None)


def test_a_tick_begins_in_the_newest_state_and_none_without_one(make_coordinator, lift, clock):
    coordinator = make_coordinator(plant=lift)
    assert coordinator.begin() is None
    lift.hear(1)
    lift.hear(4)
    tick = coordinator.begin()
    assert (tick.tick, tick.global_state, tick.global_action) == (0, 4, None)
    lift.hear(2)  # moves on while the robots answer: the decision is made for the state of the tick
    decision = coordinator.decide()
    assert decision.tick.global_state == 4
    clock.now += 2 * TIMEOUT
    assert coordinator.begin() is None
    assert coordinator.next_tick == 1
    lift.hear(0)
    tick = coordinator.begin()
    assert (tick.tick, tick.global_state, tick.global_action) == (1, 0, decision.action)


def test_holding_leaves_no_trace(make_coordinator, clock):
    def run(coordinator, plant, holds):
        ticks = []
        for t in range(10):
            for _ in range(holds):
                clock.now += 2 * TIMEOUT
                assert coordinator.begin() is None
            plant.hear(t % 5)
            ticks.append(coordinator.begin())
            coordinator.decide()
        return ticks

    first, second = ExternalPlant(5, TIMEOUT, clock), ExternalPlant(5, TIMEOUT, clock)
    straight = run(make_coordinator(plant=first), first, holds=0)
    assert run(make_coordinator(plant=second), second, holds=3) == straight
    assert [tick.global_state for tick in straight] == [0, 1, 2, 3, 4] * 2


def test_decisions_do_not_move_an_external_plant(make_coordinator, small_bundle, lift):
    bundle = replace(small_bundle, pi_g=Ladder((np.arange(5)[::-1][:, None],), 5, 5))
    coordinator = make_coordinator(robots=0, k=0, bundle=bundle, plant=lift)
    lift.hear(1)
    for _ in range(5):
        assert coordinator.begin().global_state == 1
        assert coordinator.decide().action == 3
        assert coordinator.global_state == 1


def test_a_successor_takes_the_state_from_the_plant_not_from_the_other_coordinator(make_coordinator, lift):
    coordinator = make_coordinator(plant=lift)
    coordinator.take_over(78, Handover(2, 4))
    assert coordinator.global_state is None
    assert coordinator.begin() is None
    lift.hear(3)
    tick = coordinator.begin()
    assert (tick.session, tick.tick, tick.global_state, tick.global_action) == (78, 0, 3, 4)
