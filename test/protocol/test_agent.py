from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import Answer, Reaction, RobotAgent
from altmarl_ros.protocol.allegiance import Heard
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Report, Tick

POLICY, ROBOT, TAG = 5, 3, 0xBEEF


def policy(action):
    """Takes `action` everywhere: 3 local states, 2 global states, 4 actions."""
    return LocalPolicy(np.tile(np.eye(4)[action], (3, 2, 1)))


def tick(number, session=10, policy_id=POLICY, polled=(), global_state=0):
    return Tick(session, number, policy_id, global_state, None, polled)


@pytest.fixture
def agent():
    agent = RobotAgent(ROBOT, np.random.default_rng(0), silence=2.0)
    agent.policies.hold(HeldPolicy(POLICY, policy(1), TAG))
    return agent


def answer(agent, to, report, action):
    """What the agent has to answer, by the policy that the tick names."""
    return Answer(to, report, action, agent.policies.find(to).policy)


def test_acts_once_per_tick(agent):
    assert agent.answer(0) is None
    assert agent.hear(tick(0), 0.0) is Heard.NEW_SESSION
    assert agent.answer(0).local_action == 1
    assert agent.answer(0) is None
    assert agent.hear(tick(1), 0.5) is Heard.NEW
    assert agent.answer(2).tick.tick == 1


@pytest.mark.parametrize(("number", "heard"), [(7, Heard.REPEATED), (6, Heard.OLD), (0, Heard.OLD)])
def test_repeated_and_overtaken_ticks_are_not_acted_on(agent, number, heard):
    agent.hear(tick(7), 0.0)
    agent.answer(0)
    assert agent.hear(tick(number, polled=(ROBOT,)), 0.1) is heard
    assert agent.answer(0) is None


def test_another_session_is_followed_from_its_first_tick_after_the_lease(agent):
    agent.hear(tick(900, session=10), 0.0)
    assert agent.hear(tick(0, session=11), 2.1) is Heard.NEW_SESSION
    assert agent.answer(0).tick == tick(0, session=11)
    assert agent.hear(tick(901, session=10), 2.2) is Heard.FOREIGN


@pytest.mark.parametrize("other", [9, 11, 2**31, 2**32 - 1, 0])
@pytest.mark.parametrize(("now", "heard"), [(1.9, Heard.FOREIGN), (2.1, Heard.NEW_SESSION)])
def test_another_session_whatever_its_number_is_followed_only_after_the_lease(agent, now, heard, other):
    agent.hear(tick(4, session=10), 0.0)
    assert agent.hear(tick(0, session=other), now) is heard


def test_a_rival_does_not_prolong_its_own_wait(agent):
    agent.hear(tick(4, session=10), 0.0)
    heard = [agent.hear(tick(number, session=11), 0.5 * number) for number in range(1, 6)]
    assert heard == [Heard.FOREIGN] * 4 + [Heard.NEW_SESSION]


def test_silence_is_measured_from_the_last_tick_followed(agent):
    assert agent.silent(0.0)
    agent.hear(tick(0), 10.0)
    assert not agent.silent(12.0)
    assert agent.silent(12.1)


@pytest.mark.parametrize("now", [10.0 - 1e-9, 12.1, np.nan, np.inf, -np.inf])
def test_a_time_that_cannot_follow_the_last_tick_counts_as_silence(agent, now):
    agent.hear(tick(0), 10.0)
    assert agent.silent(now)


def test_a_tick_is_answered_in_one_step_if_policy_and_state_are_known(agent):
    first = tick(0, polled=(ROBOT,))
    assert agent.react(first, 0.0, 2) == Reaction(
        Heard.NEW_SESSION, True, answer(agent, first, Report(10, 0, ROBOT, 2, TAG), 1), None
    )
    assert agent.react(tick(1), 0.5, None) == Reaction(Heard.NEW, False, None, None)
    assert agent.answer(0) == answer(agent, tick(1), None, 1)
    late = agent.react(tick(1, polled=(ROBOT,)), 0.6, 2)
    assert late == Reaction(Heard.REPEATED, False, None, Report(10, 1, ROBOT, 0, TAG))
    assert agent.react(tick(0), 0.7, 2) == Reaction(Heard.OLD, False, None, None)


def test_a_robot_rejoins_after_silence(agent):
    agent.react(tick(0), 0.0, 0)
    assert not agent.react(tick(1), 2.0, 0).rejoins
    assert agent.react(tick(2), 4.1, 0).rejoins


def test_a_tick_waits_for_its_policy(agent):
    agent.hear(tick(0, policy_id=6), 0.0)
    assert agent.answer(0) is None
    assert agent.lacks_policy
    agent.policies.hold(HeldPolicy(6, policy(2), TAG))
    assert agent.answer(0) == answer(agent, tick(0, policy_id=6), None, 2)
    assert not agent.lacks_policy


def test_acts_by_the_policy_that_the_tick_names(agent):
    agent.policies.hold(HeldPolicy(6, policy(2), TAG))
    actions = []
    for number, policy_id in enumerate([POLICY, 6, POLICY]):
        agent.hear(tick(number, policy_id=policy_id), 0.0)
        actions.append(agent.answer(0).local_action)
    assert actions == [1, 2, 1]


def test_only_the_latest_policies_are_held(agent):
    for policy_id in range(100, 200):
        agent.policies.hold(HeldPolicy(policy_id, policy(0), TAG))
    agent.hear(tick(0, policy_id=POLICY), 0.0)
    assert agent.answer(0) is None
    agent.hear(tick(1, policy_id=198), 0.0)
    assert agent.answer(0) is not None


def test_a_tick_left_open_counts_as_missed(agent):
    for number in range(3):
        agent.hear(tick(number, policy_id=999), float(number))
    agent.hear(tick(0), 2.0)
    assert agent.missed == 2


@pytest.mark.parametrize(
    ("polled", "report"),
    [((), None), ((1, 2), None), ((1, ROBOT), Report(10, 4, ROBOT, 2, TAG)), ((ROBOT,), Report(10, 4, ROBOT, 2, TAG))],
)
def test_reports_only_when_polled(agent, polled, report):
    agent.hear(tick(4, polled=polled), 0.0)
    assert agent.answer(2).report == report


@pytest.mark.parametrize(("local_state", "global_state"), [(3, 0), (-1, 0), (0, 2), (0, -1)])
def test_states_outside_the_policy_leave_the_tick_open(agent, local_state, global_state):
    agent.hear(tick(0, global_state=global_state), 0.0)
    assert agent.answer(local_state) is None
    agent.hear(tick(1), 0.1)
    assert agent.missed == 1


def test_actions_depend_on_both_states():
    table = np.zeros((3, 2, 4))
    wanted = np.array([[0, 1], [2, 3], [1, 0]])
    for s_l, s_g in np.ndindex(3, 2):
        table[s_l, s_g, wanted[s_l, s_g]] = 1.0
    agent = RobotAgent(ROBOT, np.random.default_rng(0))
    agent.policies.hold(HeldPolicy(POLICY, LocalPolicy(table), TAG))
    for number, (s_l, s_g) in enumerate(np.ndindex(3, 2)):
        agent.hear(replace(tick(number), global_state=s_g), 0.0)
        assert agent.answer(s_l).local_action == wanted[s_l, s_g]


def test_a_late_copy_of_a_session_that_is_followed_again_is_ignored(agent):
    agent.hear(tick(5, session=11), 0.0)
    agent.answer(0)
    assert agent.hear(tick(100, session=10), 3.0) is Heard.NEW_SESSION  # 11 was silent
    agent.answer(0)
    assert agent.hear(tick(5, session=11), 3.1) is Heard.OLD
    assert agent.answer(0) is None
    assert agent.hear(tick(6, session=11), 3.2) is Heard.FOREIGN
    assert agent.hear(tick(7, session=11), 6.0) is Heard.NEW_SESSION
