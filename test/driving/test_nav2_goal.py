"""Goals for an external navigator: one at a time, retried where they fail, and answers to an earlier one are ignored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.nav2_goal import LONGEST_SILENCE, PUSHED_AWAY, SILENCE, NavigationGoal, Phase
from altmarl_ros.driving.planar import Pose

HERE, THERE = Goal(1.0, 2.0), Goal(3.0, 4.0)


@pytest.fixture
def navigation():
    return NavigationGoal()


def test_a_goal_is_sent_once_until_it_is_reached(navigation):
    order = navigation.want(0.0, HERE)
    assert (order.send, order.cancel) == (HERE, None)
    assert navigation.want(0.1, HERE).send is None
    assert navigation.accepted(0.2, order.number)
    assert navigation.want(0.2, HERE).send is None
    assert navigation.ended(9.0, order.number, None)
    assert navigation.phase is Phase.REACHED
    assert navigation.want(99.0, HERE).send is None


def test_another_goal_cancels_the_first_whose_late_words_do_not_count(navigation):
    first = navigation.want(0.0, HERE).number
    assert navigation.accepted(0.2, first)
    order = navigation.want(1.0, THERE)
    assert (order.send, order.cancel) == (THERE, first)
    assert not navigation.ended(1.1, first, None)
    assert navigation.phase is Phase.SENT
    assert navigation.accepted(0.2, order.number)
    assert navigation.ended(1.2, order.number, None)
    assert navigation.phase is Phase.REACHED


def test_a_goal_given_up_before_its_acceptance_must_be_cancelled_then(navigation):
    first = navigation.want(0.0, HERE).number
    assert navigation.want(0.1, None).cancel == first
    assert not navigation.accepted(0.2, first)
    assert navigation.phase is Phase.IDLE


def test_failures_are_tried_again_after_waits_that_double_up_to_a_limit(navigation):
    now, waits = 0.0, []
    order = navigation.want(now, HERE)
    for _ in range(7):
        navigation.ended(now, order.number, Reason.GOAL_ABORTED)
        failed = now
        while (order := navigation.want(now, HERE)).send is None:
            now += 0.25
        waits.append(now - failed)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_silence_is_a_failure(navigation):
    first = navigation.want(0.0, HERE).number
    assert navigation.want(4.9, HERE).cancel is None
    assert navigation.want(5.0, HERE).cancel == first
    assert not navigation.accepted(0.2, first)
    assert navigation.want(6.0, HERE).send == HERE


def test_the_same_place_by_another_way_is_the_same_goal(navigation):
    order = navigation.want(0.0, Goal(1.0, 2.0, via=((0.5, 0.5),)))
    assert navigation.accepted(0.1, order.number)
    again = navigation.want(0.2, Goal(1.0, 2.0 + 1e-9, via=((0.7, 0.5), (0.9, 1.0))))
    assert (again.send, again.cancel) == (None, None)


@pytest.mark.parametrize("reason", [Reason.GOAL_REJECTED, Reason.GOAL_ABORTED, Reason.GOAL_CANCELED, Reason.GOAL_LOST])
def test_why_a_goal_failed_is_said_until_it_is_accepted_again(navigation, reason):
    order = navigation.want(0.0, HERE)
    assert navigation.problem is None
    navigation.ended(0.1, order.number, reason)
    assert navigation.problem is reason
    again = navigation.want(1.2, HERE)
    assert again.send == HERE
    assert navigation.problem is reason
    assert navigation.accepted(1.3, again.number)
    assert navigation.problem is None
    assert navigation.ended(1.4, again.number, reason)
    navigation.want(1.5, THERE)
    assert navigation.problem is None  # of another goal


def test_without_a_server_nothing_is_sent_and_one_that_appears_gets_the_goal_at_once(navigation):
    assert navigation.want(0.0, None, ready=False).send is None
    assert navigation.problem is Reason.NO_NAVIGATOR  # before there is any goal
    assert navigation.want(0.1, HERE, ready=False).send is None
    order = navigation.want(0.2, HERE, ready=True)
    assert order.send == HERE
    assert navigation.problem is None


def test_a_server_that_goes_in_the_middle_is_said_at_once_and_gets_the_goal_again_when_it_is_back(navigation):
    order = navigation.want(0.0, HERE)
    assert navigation.accepted(0.1, order.number)
    for _ in range(4):
        gone = navigation.want(5.0, HERE, ready=False)
        assert (gone.send, gone.cancel) == (None, None)
    assert navigation.problem is Reason.NO_NAVIGATOR
    assert not navigation.ended(5.5, order.number, None)  # it belongs to a goal that nobody has any more
    back = navigation.want(6.0, HERE, ready=True)
    assert back.send == HERE
    assert back.number != order.number
    flapping = [navigation.want(6.0 + 0.1 * i, HERE, ready=i % 2 == 0).send for i in range(1, 10)]
    assert flapping == [None] * 9  # at most one attempt a second


def test_a_silent_goal_is_asked_for_and_given_up_after_a_while(navigation):
    order = navigation.want(0.0, HERE)
    assert navigation.accepted(0.0, order.number)
    assert navigation.want(SILENCE - 0.1, HERE).ask is None
    navigation.velocity(SILENCE - 0.1)  # a sign of work where there is no feedback
    assert navigation.want(SILENCE, HERE).ask is None
    navigation.feedback(SILENCE, order.number)
    navigation.velocity(2.0 * SILENCE)  # a smoother may go on when the navigator is dead
    assert navigation.want(2.0 * SILENCE, HERE).ask == order.number
    assert navigation.want(2.0 * SILENCE + 0.1, HERE).ask is None
    late = navigation.want(SILENCE + LONGEST_SILENCE, HERE)
    assert late.cancel == order.number
    assert navigation.problem is Reason.GOAL_UNANSWERED


def test_a_robot_that_was_pushed_away_from_its_goal_is_driven_there_again(navigation):
    order = navigation.want(0.0, HERE, Pose(0.0, 0.0))
    assert navigation.accepted(0.1, order.number)
    assert navigation.ended(9.0, order.number, None)
    for x in (1.0, 1.0 + 0.9 * PUSHED_AWAY):
        assert navigation.want(10.0, HERE, Pose(x, 2.0)).send is None
    assert navigation.want(11.0, HERE, Pose(1.0 + 1.1 * PUSHED_AWAY, 2.0)).send == HERE


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["want", "want without a server", "accept", "reach", "fail"]),
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
        if kind.startswith("want"):
            ready = kind == "want"
            order = navigation.want(now, goal, ready=ready)
            alive.discard(order.cancel)
            if not ready:
                alive.clear()  # with the server
                assert order.send is None
                assert navigation.problem is Reason.NO_NAVIGATOR
            if order.send is not None:
                alive.add(order.number)
        elif kind == "accept":
            if not navigation.accepted(now, number):
                alive.discard(number)  # cancelled
        elif number in alive:
            alive.discard(number)
            navigation.ended(now, number, None if kind == "reach" else Reason.GOAL_ABORTED)
        else:
            navigation.ended(now, number, None if kind == "reach" else Reason.GOAL_ABORTED)
        assert len(alive) <= 1
        if navigation.phase in (Phase.IDLE, Phase.WAITING, Phase.REACHED):
            assert not alive
