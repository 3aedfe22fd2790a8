"""Silent robots replaced within the tick: coordinator and robots together, without ROS."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from altmarl_ros.games import load_game
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import Heard, RobotAgent
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Report, Tick, Verdict, game_tag

SESSION, POLICY, ROBOT = 77, 5, 3
TAG = game_tag(load_game("warehouse").content_hash)


def tick(number, polled=()):
    return Tick(10, number, POLICY, 0, None, polled)


@pytest.fixture
def agent():
    agent = RobotAgent(ROBOT, np.random.default_rng(0))
    agent.policies.hold(HeldPolicy(POLICY, LocalPolicy(np.full((5, 5, 3), 1 / 3)), TAG))
    return agent


def test_a_robot_that_has_acted_reports_the_state_it_acted_from_once_and_does_not_act_again(agent):
    agent.hear(tick(4, (1, 2)), 0.0)
    assert agent.answer(2).report is None
    assert agent.hear(tick(4, (1, ROBOT)), 0.1) is Heard.REPEATED
    assert agent.answer(0) is None
    assert agent.late_report() == Report(10, 4, ROBOT, 2, TAG)
    assert agent.hear(tick(4, (1, ROBOT)), 0.2) is Heard.REPEATED
    assert agent.late_report() is None


def test_a_robot_that_has_reported_does_not_report_again(agent):
    agent.hear(tick(4, (ROBOT,)), 0.0)
    assert agent.answer(2).report is not None
    agent.hear(tick(4, (ROBOT, 8)), 0.1)
    assert agent.late_report() is None


def test_a_robot_that_is_not_asked_stays_silent(agent):
    agent.hear(tick(4), 0.0)
    agent.answer(2)
    agent.hear(tick(4, (1,)), 0.1)
    assert agent.late_report() is None


def test_a_robot_whose_tick_is_still_open_reports_when_it_acts(agent):
    agent.hear(tick(4, (1, 2)), 0.0)
    agent.hear(tick(4, (1, ROBOT)), 0.1)
    assert agent.late_report() is None
    assert agent.answer(2).report == Report(10, 4, ROBOT, 2, TAG)


def test_a_robot_that_missed_the_first_broadcast_acts_on_the_repeated_one(agent):
    agent.hear(tick(3), 0.0)
    agent.answer(0)
    assert agent.hear(tick(4, (ROBOT,)), 0.1) is Heard.NEW
    assert agent.answer(1).report == Report(10, 4, ROBOT, 1, TAG)


def test_a_report_that_was_asked_for_too_late_is_forgotten_with_its_tick(agent):
    agent.hear(tick(4), 0.0)
    agent.answer(2)
    agent.hear(tick(4, (ROBOT,)), 0.1)
    agent.hear(tick(5), 0.2)
    assert agent.late_report() is None


def test_a_flood_of_repeated_ticks_leaves_no_trace(agent):
    agent.hear(tick(4, (1,)), 0.0)
    for _ in range(100):
        agent.hear(tick(4, tuple(range(50))), 0.1)
    assert agent.answer(2).tick.polled == (1, ROBOT)


def test_others_are_asked_in_place_of_the_silent_ones_who_are_named_too(make_coordinator):
    coordinator = make_coordinator(robots=20)
    first = coordinator.begin()
    coordinator.hear(Report(SESSION, 0, first.polled[0], 1, TAG))
    again = coordinator.backfill()
    assert (again.session, again.tick, again.policy_id, again.global_state) == (
        first.session,
        first.tick,
        first.policy_id,
        first.global_state,
    )
    assert again.polled[:2] == first.polled[1:]
    others = again.polled[2:]
    assert len(others) == 2
    assert not set(others) & set(first.polled)
    for robot_id in others:
        assert not coordinator.complete
        assert coordinator.hear(Report(SESSION, 0, robot_id, 1, TAG)) is Verdict.ACCEPTED
    assert coordinator.complete
    decision = coordinator.decide()
    assert (decision.asked, decision.backfilled, decision.heard, decision.rung) == (3, 2, 3, 3)
    assert decision.tick.polled == first.polled + others


def test_every_round_asks_for_what_is_still_missing_until_nobody_is_left(make_coordinator):
    coordinator = make_coordinator(robots=10)
    coordinator.begin()
    rounds = [coordinator.backfill() for _ in range(4)]
    assert [len(again.polled) for again in rounds[:3]] == [6, 9, 10]
    assert rounds[3] is None
    assert coordinator.decide().backfilled == 7


def test_nobody_is_asked_beyond_the_budget(make_coordinator):
    coordinator = make_coordinator(robots=20, bandwidth_limit=1900.0)  # 4.45 reports per tick
    coordinator.begin(0.0)
    assert len(coordinator.backfill(0.1).polled) == 3 + 1
    assert coordinator.backfill(0.2) is None
    assert (coordinator.decide().k_eff) == 3
    narrow = make_coordinator(robots=20, bandwidth_limit=900.0)  # 2.1 reports per tick
    assert len(narrow.begin(0.0).polled) == 2
    assert narrow.backfill(0.1) is None
    assert narrow.decide().k_eff == 2


def test_heard_stays_k_while_a_third_of_the_robots_is_dead(make_coordinator):
    coordinator = make_coordinator(robots=30)
    dead, heard = set(range(10)), []
    for _ in range(60):
        polled = coordinator.begin().polled
        for _ in range(8):
            for robot_id in set(polled) - dead:
                coordinator.hear(Report(SESSION, len(heard), robot_id, 0, TAG))
            if coordinator.complete:
                break
            polled = coordinator.backfill().polled
        heard.append(coordinator.decide().heard)
    assert set(heard) == {3}
    assert coordinator.roster.live == 20


def test_replacements_are_uniform_among_the_robots_not_asked_yet(make_coordinator):
    counts = Counter()
    coordinator = make_coordinator(robots=8, max_misses=10**9)
    for _ in range(3000):
        first = coordinator.begin()
        counts.update(coordinator.backfill().polled[3:])
        assert len(first.polled) == 3
        coordinator.decide()
    assert chisquare([counts[robot_id] for robot_id in range(8)]).pvalue > 1e-3
