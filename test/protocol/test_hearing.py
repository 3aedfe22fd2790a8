import numpy as np

from altmarl_ros.games import load_game
from altmarl_ros.protocol.messages import Report, Verdict, game_tag

SESSION = 77
TAG = game_tag(load_game("warehouse").content_hash)


def test_every_verdict(make_coordinator):
    coordinator = make_coordinator()
    assert coordinator.hear(Report(SESSION, 0, 1, 0, TAG)) is Verdict.LATE
    coordinator.begin()
    coordinator.decide()
    tick = coordinator.begin()
    polled = tick.polled[0]
    idle = next(robot_id for robot_id in range(6) if robot_id not in tick.polled)
    cases = [
        (Report(SESSION + 1, 1, polled, 0, TAG), Verdict.FOREIGN),
        (Report(SESSION, 1, polled, 0, TAG ^ 1), Verdict.WRONG_GAME),
        (Report(SESSION, 1, 99, 0, TAG), Verdict.UNKNOWN),
        (Report(SESSION, 1, polled, 5, TAG), Verdict.OUT_OF_RANGE),
        (Report(SESSION, 1, polled, -1, TAG), Verdict.OUT_OF_RANGE),
        (Report(SESSION, 0, polled, 0, TAG), Verdict.LATE),
        (Report(SESSION, 2, polled, 0, TAG), Verdict.LATE),
        (Report(SESSION, 1, idle, 0, TAG), Verdict.NOT_POLLED),
        (Report(SESSION, 1, polled, 4, TAG), Verdict.ACCEPTED),
        (Report(SESSION, 1, polled, 3, TAG), Verdict.DUPLICATE),
    ]
    for report, verdict in cases:
        assert coordinator.hear(report) is verdict
    expected = {verdict: sum(verdict is given for _, given in cases) for verdict in Verdict}
    assert coordinator.verdicts == {**expected, Verdict.LATE: 3}
    decision = coordinator.decide()
    assert decision.heard == 1
    np.testing.assert_array_equal(decision.estimate, [0, 0, 0, 0, 1])


def test_complete_with_the_last_answer_and_only_while_open(make_coordinator):
    coordinator = make_coordinator()
    assert not coordinator.complete
    tick = coordinator.begin()
    for robot_id in tick.polled:
        assert not coordinator.complete
        coordinator.hear(Report(SESSION, 0, robot_id, 0, TAG))
    assert coordinator.complete
    coordinator.decide()
    assert not coordinator.complete


def test_silent_robots_are_suspended_and_told(make_coordinator):
    coordinator = make_coordinator(robots=3)
    first = coordinator.begin()
    coordinator.hear(Report(SESSION, 0, 1, 0, TAG))
    assert coordinator.decide().suspended == ()
    second = coordinator.begin()
    coordinator.hear(Report(SESSION, 1, 1, 0, TAG))
    assert set(first.polled) == set(second.polled) == {0, 1, 2}
    assert set(coordinator.decide().suspended) == {0, 2}
    assert coordinator.begin().polled == (1,)


def test_a_late_answer_brings_a_suspended_robot_back(make_coordinator):
    coordinator = make_coordinator(robots=3)
    for _ in range(2):
        coordinator.begin()
        coordinator.decide()
    assert coordinator.roster.live == 0
    assert coordinator.hear(Report(SESSION, 1, 2, 0, TAG)) is Verdict.LATE
    assert coordinator.roster.live == 1


def test_a_robot_that_leaves_between_poll_and_decision_is_no_fault(make_coordinator):
    coordinator = make_coordinator(robots=3)
    tick = coordinator.begin()
    coordinator.roster.leave(tick.polled[0])
    assert coordinator.hear(Report(SESSION, 0, tick.polled[0], 0, TAG)) is Verdict.UNKNOWN
    assert coordinator.decide().suspended == ()


def test_an_answer_forgives_misses(make_coordinator):
    coordinator = make_coordinator(robots=1)
    for answers in (False, True, False, True, False):
        tick = coordinator.begin()
        if answers:
            coordinator.hear(Report(SESSION, tick.tick, 0, 0, TAG))
        assert coordinator.decide().suspended == ()


def test_no_more_answers_count_than_were_asked_for(make_coordinator):
    coordinator = make_coordinator()
    first = coordinator.begin().polled
    others = [robot_id for robot_id in coordinator.backfill().polled if robot_id not in first]
    verdicts = [coordinator.hear(Report(SESSION, 0, robot_id, 0, TAG)) for robot_id in (*others, *first)]
    assert verdicts.count(Verdict.ACCEPTED) == len(first)
    assert set(verdicts) == {Verdict.ACCEPTED, Verdict.LATE}
    assert coordinator.decide().heard == len(first)
