"""Goals for an external navigator: one at a time, retried where they fail, and answers to an earlier one are ignored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.nav2_goal import NavigationGoal, Phase

HERE, THERE = Goal(1.0, 2.0), Goal(3.0, 4.0)


@pytest.fixture
def navigation():
    return NavigationGoal()


def test_a_goal_is_sent_once_until_it_is_reached(navigation):
    order = navigation.want(0.0, HERE)
    assert (order.send, order.cancel) == (HERE, None)
    assert navigation.want(0.1, HERE).send is None
    assert navigation.accepted(order.number)
    assert navigation.want(0.2, HERE).send is None
    navigation.ended(9.0, order.number, True)
    assert navigation.phase is Phase.REACHED
    assert navigation.want(99.0, HERE).send is None


def test_another_goal_cancels_the_first_whose_late_words_do_not_count(navigation):
    first = navigation.want(0.0, HERE).number
    assert navigation.accepted(first)
    order = navigation.want(1.0, THERE)
    assert (order.send, order.cancel) == (THERE, first)
    navigation.ended(1.1, first, True)
    assert navigation.phase is Phase.SENT
    assert navigation.accepted(order.number)
    navigation.ended(1.2, order.number, True)
    assert navigation.phase is Phase.REACHED


def test_a_goal_given_up_before_its_acceptance_must_be_cancelled_then(navigation):
    first = navigation.want(0.0, HERE).number
    assert navigation.want(0.1, None).cancel == first
    assert not navigation.accepted(first)
    assert navigation.phase is Phase.IDLE


def test_failures_are_tried_again_after_waits_that_double_up_to_a_limit(navigation):
    now, waits = 0.0, []
    order = navigation.want(now, HERE)
    for _ in range(7):
        navigation.ended(now, order.number, False)
        failed = now
        while (order := navigation.want(now, HERE)).send is None:
            now += 0.25
        waits.append(now - failed)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_silence_is_a_failure(navigation):
    first = navigation.want(0.0, HERE).number
    assert navigation.want(4.9, HERE).cancel is None
    assert navigation.want(5.0, HERE).cancel == first
    assert not navigation.accepted(first)
    assert navigation.want(6.0, HERE).send == HERE


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["want", "accept", "reach", "fail"]),
            st.sampled_from([HERE, THERE, None]),
            st.integers(0, 12),
        ),
        max_size=40,
    )
)
def test_at_most_one_attempt_is_alive_whatever_is_said(steps):
    navigation, now, alive = NavigationGoal(), 0.0, set()
    for kind, goal, number in steps:
        now += 0.7
        if kind == "want":
            order = navigation.want(now, goal)
            alive.discard(order.cancel)
            if order.send is not None:
                alive.add(order.number)
        elif kind == "accept":
            if not navigation.accepted(number):
                alive.discard(number)  # cancelled
        elif number in alive:
            alive.discard(number)
            navigation.ended(now, number, kind == "reach")
        else:
            navigation.ended(now, number, kind == "reach")
        assert len(alive) <= 1
        if navigation.phase in (Phase.IDLE, Phase.WAITING, Phase.REACHED):
            assert not alive
