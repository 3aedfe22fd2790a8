"""Robots in an operator's hand: on the roster and not in the draw, not in n, and back in the estimate by their states."""

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_game
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.allegiance import Heard
from altmarl_ros.protocol.held_policies import HeldPolicies, HeldPolicy
from altmarl_ros.protocol.messages import Report, Tick, game_tag
from altmarl_ros.protocol.operated import LONGEST_NAME, Control, Operated, OperatedRobots, check_operator
from altmarl_ros.protocol.roster import Roster
from altmarl_ros.protocol.settings import DecisionSettings

HELD, SENT = Operated(Control.HELD, "anna"), Operated(Control.SENT, "bob")
REMOVED = Operated(Control.REMOVED, "anna")
TAG = game_tag(load_game("warehouse").content_hash)


@pytest.fixture
def roster():
    roster = Roster()
    for robot_id in range(6):
        roster.join(robot_id, f"/robot_{robot_id}/robot")
        roster.heard(robot_id)
    return roster


def take(roster, robot_id, operated):
    return roster.join(robot_id, f"/robot_{robot_id}/robot", operated=operated)


def test_an_operated_robot_is_on_the_roster_and_is_never_drawn(roster):
    rng = np.random.default_rng(0)
    assert not take(roster, 2, HELD)
    assert (len(roster), roster.live, 2 in roster) == (6, 5, True)
    drawn = {robot_id for _ in range(200) for robot_id in roster.draw(3, rng)}
    assert drawn == {0, 1, 3, 4, 5}
    assert roster.draw_others(6, rng, ())
    assert 2 not in roster.draw_others(6, rng, ())
    assert roster.operated.listed(10) == [(2, HELD)]


def test_neither_a_report_nor_a_silence_brings_it_back_or_suspends_it(roster):
    take(roster, 2, SENT)
    roster.heard(2)
    assert roster.live == 5
    assert not any(roster.missed(2) for _ in range(50))
    assert roster.live == 5


@pytest.mark.parametrize("before", ["suspended", "never heard"])
def test_it_is_taken_wherever_it_was(roster, before):
    robot_id = 1 if before == "suspended" else 9
    if before == "suspended":
        assert [roster.missed(1) for _ in range(3)][-1]
    take(roster, robot_id, HELD)
    rng = np.random.default_rng(0)
    assert robot_id not in {drawn for _ in range(100) for drawn in roster.draw(2, rng)}
    take(roster, robot_id, None)
    assert robot_id in {drawn for _ in range(100) for drawn in roster.draw(2, rng)}


def test_given_back_it_brings_its_state_once(roster):
    take(roster, 2, HELD)
    roster.join(2, "/robot_2/robot", local_state=3)
    assert roster.live == 6
    assert roster.operated.take_returned() == {2: 3}
    assert roster.operated.take_returned() == {}
    roster.join(2, "/robot_2/robot", local_state=1)  # a hello of a robot that nobody took
    assert roster.operated.take_returned() == {}


def test_taken_again_before_a_tick_it_brings_nothing(roster):
    take(roster, 2, HELD)
    roster.join(2, "", local_state=3)
    take(roster, 2, SENT)
    assert roster.operated.take_returned() == {}


def test_a_removed_robot_is_gone_from_the_roster_and_still_listed(roster):
    take(roster, 4, REMOVED)
    assert (len(roster), roster.live) == (6, 5)
    assert roster.leave(4, operated=REMOVED)
    assert (len(roster), roster.live, roster.operated.on_roster) == (5, 5, 0)
    assert roster.operated.listed(10) == [(4, REMOVED)]
    roster.join(4, "/robot_4/robot", local_state=0)
    assert (len(roster), roster.live) == (6, 6)
    assert (roster.operated.listed(10), roster.operated.take_returned()) == ([], {4: 0})


def test_what_is_remembered_of_removed_robots_is_bounded():
    operated = OperatedRobots()
    for robot_id in range(5000):
        operated.leave(robot_id, REMOVED)
    assert len(operated.listed(10_000)) == 1000


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[31m", (LONGEST_NAME + 1) * "x"])
def test_names_that_would_spoil_a_log_are_refused(name):
    with pytest.raises(AltmarlError, match="printable"):
        check_operator(name)


@pytest.fixture
def held_policies():
    policies = HeldPolicies()
    policies.hold(HeldPolicy(1, LocalPolicy(np.full((5, 5, 3), 1 / 3)), TAG))
    return policies


def tick_of(number, *polled):
    return Tick(77, number, 1, 0, None, polled)


def test_an_operated_robot_neither_acts_nor_reports_and_tells_who_polls_it(held_policies):
    agent = RobotAgent(3, np.random.default_rng(0), silence=100.0, policies=held_policies)
    first = agent.react(tick_of(0, 3), 0.0, 2)
    assert first.answer is not None
    assert first.answer.report is not None
    agent.membership.said_hello(0.0)
    agent.operate(HELD)
    unpolled, polled = agent.react(tick_of(1), 5.0, 2), agent.react(tick_of(2, 3), 6.0, 2)
    assert unpolled.heard is polled.heard is Heard.NEW
    assert unpolled.answer is polled.answer is None
    assert (unpolled.rejoins, polled.rejoins) == (False, True)
    agent.membership.said_hello(6.0)
    assert not agent.react(tick_of(3, 3), 7.0, 2).rejoins  # its hello may be on the way
    assert agent.react(tick_of(3, 3), 7.1, 2).late_report is None
    agent.operate(None)
    assert agent.answer(2) is None  # not to the tick in which it was held
    assert agent.react(tick_of(4, 3), 8.0, 2).answer.report == Report(77, 4, 3, 2, TAG)
    assert agent.missed == 0


def test_the_estimate_takes_a_robot_that_comes_back(make_coordinator):
    coordinator = make_coordinator(decision=DecisionSettings("filtered"), robots=4, max_misses=9)
    coordinator.begin()
    coordinator.decide()
    take(coordinator.roster, 0, HELD)
    coordinator.begin()
    without = coordinator.decide()
    assert coordinator.roster.live == 3
    assert without.returned == ()
    coordinator.roster.join(0, "", local_state=4)
    coordinator.begin()
    decision = coordinator.decide()
    assert decision.returned == (4,)
    moved = without.estimate @ coordinator.bundle.pi_l.transition(coordinator.game)[without.tick.global_state]
    np.testing.assert_allclose(decision.estimate, (3 * moved + np.eye(5)[4]) / 4, atol=1e-9)


def test_a_state_that_is_none_is_not_taken(make_coordinator):
    coordinator = make_coordinator(decision=DecisionSettings("filtered"), robots=4)
    take(coordinator.roster, 0, HELD)
    coordinator.roster.join(0, "", local_state=99)
    coordinator.begin()
    assert coordinator.decide().returned == ()
