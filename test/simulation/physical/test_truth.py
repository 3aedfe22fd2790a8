import pytest

from altmarl_ros.simulation.physical.truth import TickTruth


@pytest.fixture
def truth():
    return TickTruth([4, 5, 6], n_local_actions=3)


def test_a_tick_closes_once_when_all_robots_acted_with_the_zones_in_which_they_did(truth):
    truth.hear_tick(1, 0, [0, 2, 1])
    truth.hear_action(1, 0, 4, 2, 0)
    truth.hear_action(1, 0, 5, 0, 2)
    assert truth.closed_ticks() == []
    truth.hear_tick(1, 0, [1, 1, 1])  # repeated later in the tick
    truth.hear_action(1, 0, 6, 1, 0)
    (closed,) = truth.closed_ticks()
    assert (closed.session, closed.tick, closed.robot_ids) == (1, 0, (4, 5, 6))
    assert (closed.local_states, closed.local_actions, closed.actions) == ((0, 2, 0), (2, 0, 1), (1, 1, 1))
    assert truth.closed_ticks(final=True) == []


def test_said_again_is_no_second_action_but_another_one_is(truth):
    truth.hear_tick(1, 0, [0, 0, 0])
    for action in (1, 1, 2):
        truth.hear_action(1, 0, 4, action, 0)
    truth.hear_action(1, 0, 5, 1, 0)
    truth.hear_action(1, 0, 5, 1, 0)
    (closed,) = truth.closed_ticks(final=True)
    assert closed.local_actions == (1, 1, None)
    assert closed.actions == (2, 1, 0)


def test_a_tick_that_a_robot_does_not_answer_closes_two_ticks_later(truth):
    for tick in range(3):
        assert truth.closed_ticks() == []
        truth.hear_tick(1, tick, [0, 0, 0])
    (closed,) = truth.closed_ticks()
    assert (closed.tick, closed.local_actions) == (0, (None, None, None))


def test_another_session_closes_all_of_the_last_one(truth):
    truth.hear_tick(1, 7, [0, 0, 0])
    truth.hear_tick(2, 0, [1, 1, 1])
    assert [(closed.session, closed.tick) for closed in truth.closed_ticks()] == [(1, 7)]
    truth.hear_tick(1, 8, [0, 0, 0])  # of a coordinator that was replaced
    assert [closed.session for closed in truth.closed_ticks(final=True)] == [2]


def test_what_is_no_action_is_not_heard(truth):
    truth.hear_tick(1, 0, [0, None, 0])
    for session, tick, robot_id, action in ((1, 0, 9, 0), (1, 0, 4, 3), (1, 0, 4, -1), (1, 3, 4, 0), (2, 0, 4, 0)):
        truth.hear_action(session, tick, robot_id, action, 0)
    (closed,) = truth.closed_ticks(final=True)
    assert closed.robot_ids == (4, 6)  # 5 is in no zone
    assert closed.local_actions == (None, None)
