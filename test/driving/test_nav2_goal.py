"""Goals that somebody else drives to: one at a time, again where they fail, and no word of an earlier one counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.nav2_goal import NavigationGoal, Phase

HERE, THERE = Goal(1.0, 2.0), Goal(3.0, 4.0)


@pytest.fixture
def errand():
    return NavigationGoal(first_wait=1.0, longest_wait=4.0, patience=5.0)


def test_a_goal_is_sent_once_until_it_is_reached(errand):
    order = errand.want(0.0, HERE)
    assert (order.send, order.cancel) == (HERE, None)
    assert errand.want(0.1, HERE).send is None
    assert errand.accepted(order.number)
    assert errand.want(0.2, HERE).send is None
    errand.ended(9.0, order.number, True)
    assert errand.phase is Phase.REACHED
    assert errand.want(99.0, HERE).send is None


def test_another_goal_cancels_the_first_whose_late_words_do_not_count(errand):
    first = errand.want(0.0, HERE).number
    assert errand.accepted(first)
    order = errand.want(1.0, THERE)
    assert (order.send, order.cancel) == (THERE, first)
    errand.ended(1.1, first, True)
    assert errand.phase is Phase.SENT
    assert errand.accepted(order.number)
    errand.ended(1.2, order.number, True)
    assert errand.phase is Phase.REACHED


def test_a_goal_given_up_before_its_acceptance_must_be_cancelled_then(errand):
    first = errand.want(0.0, HERE).number
    assert errand.want(0.1, None).cancel == first
    assert not errand.accepted(first)
    assert errand.phase is Phase.IDLE


def test_failures_are_tried_again_after_waits_that_double_up_to_a_limit(errand):
    now, waits = 0.0, []
    order = errand.want(now, HERE)
    for _ in range(5):
        errand.ended(now, order.number, False)
        failed = now
        while (order := errand.want(now, HERE)).send is None:
            now += 0.25
        waits.append(now - failed)
    assert waits == [1.0, 2.0, 4.0, 4.0, 4.0]


def test_silence_is_a_failure(errand):
    first = errand.want(0.0, HERE).number
    assert errand.want(4.9, HERE).cancel is None
    assert errand.want(5.0, HERE).cancel == first
    assert not errand.accepted(first)
    assert errand.want(6.0, HERE).send == HERE


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
    errand, now, alive = NavigationGoal(), 0.0, set()
    for kind, goal, number in steps:
        now += 0.7
        if kind == "want":
            order = errand.want(now, goal)
            alive.discard(order.cancel)
            if order.send is not None:
                alive.add(order.number)
        elif kind == "accept":
            if not errand.accepted(number):
                alive.discard(number)  # cancelled
        elif number in alive:
            alive.discard(number)
            errand.ended(now, number, kind == "reach")
        else:
            errand.ended(now, number, kind == "reach")
        assert len(alive) <= 1
        if errand.phase in (Phase.IDLE, Phase.WAITING, Phase.REACHED):
            assert not alive
