import numpy as np
import pytest
from scipy.stats import chisquare

from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import Heard, RobotAgent
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Report, Tick
from altmarl_ros.simulation.markov_world import MarkovWorld
from altmarl_ros.simulation.vectorised_fleet import Crowd

SESSION, POLICY, TAG = 4, 9, 0xBEEF


def tick(number, polled=(), s_g=None, session=SESSION, policy_id=POLICY):
    return Tick(session, number, policy_id, number * 3 % 5 if s_g is None else s_g, None, tuple(polled))


@pytest.fixture
def crowd(warehouse, small_bundle):
    crowd = Crowd(warehouse, first_id=100, count=50, seed=3)
    crowd.policies.hold(HeldPolicy(POLICY, small_bundle.pi_l, TAG))
    return crowd


def test_a_robot_of_a_crowd_takes_the_path_of_a_robot_node(warehouse, small_bundle, crowd):
    world = MarkovWorld(warehouse, seed=3)
    agents = {i: RobotAgent(i, np.random.default_rng([3, 2, i])) for i in crowd.ids}
    for agent in agents.values():
        agent.policies.hold(HeldPolicy(POLICY, small_bundle.pi_l, TAG))
    states = {i: world.join(i) for i in crowd.ids}
    assert crowd.local_states.tolist() == list(states.values())
    for number in range(40):
        now = tick(number, polled=[101, 149, 3])
        crowd.hear(now, 0.0)
        moves = crowd.act()
        answers = {}
        for i, agent in agents.items():
            agent.hear(now, 0.0)
            answers[i] = agent.answer(states[i])
        assert moves.local_states.tolist() == list(states.values())
        assert moves.local_actions.tolist() == [answers[i].local_action for i in crowd.ids]
        assert crowd.reports() == [answers[101].report, answers[149].report]
        states = {i: world.command(SESSION, number, i, now.global_state, answers[i].local_action) for i in crowd.ids}


def test_moves_and_actions_follow_policy_and_kernel(warehouse, small_bundle):
    crowd = Crowd(warehouse, 0, 20_000, seed=1)
    crowd.policies.hold(HeldPolicy(POLICY, small_bundle.pi_l, TAG))
    crowd.hear(tick(0, s_g=2), 0.0)
    moves = crowd.act()
    joint = small_bundle.pi_l.probabilities[:, 2, :, None] * warehouse.P_l[:, 2]  # [s_l, a_l, s_l']
    for s_l in range(5):
        here = moves.local_states == s_l  # a state in which few begin tells nothing
        seen = np.zeros(joint.shape[1:])
        np.add.at(seen, (moves.local_actions[here], crowd.local_states[here]), 1)
        likely = here.sum() * joint[s_l] > 5
        if here.sum() < 100:
            continue
        assert (seen[joint[s_l] == 0] == 0).all()
        expected = here.sum() * joint[s_l][likely]
        assert chisquare(seen[likely], expected * seen[likely].sum() / expected.sum()).pvalue > 1e-4


def test_counts_are_those_of_states_and_actions(crowd):
    crowd.hear(tick(0), 0.0)
    moves = crowd.act()
    expected = np.zeros((5, 3), dtype=int)
    np.add.at(expected, (moves.local_states, moves.local_actions), 1)
    np.testing.assert_array_equal(moves.counts, expected)


def test_robots_asked_later_in_a_tick_report_the_state_from_which_they_acted_and_once(crowd):
    before = crowd.local_states.copy()
    crowd.hear(tick(0, [100, 120, 100]), 0.0)
    crowd.act()
    assert [report.robot_id for report in crowd.reports()] == [100, 120]
    assert crowd.hear(tick(0, [120, 100, 130, 3]), 0.1) is Heard.REPEATED
    assert crowd.act() is None
    assert crowd.reports() == [Report(SESSION, 0, 130, before[30], TAG)]
    assert crowd.reports() == []


def test_a_backfill_is_answered_as_robot_nodes_answer_it(warehouse, small_bundle, crowd):
    """Ticks and repetitions in random order, some before the policy has come."""
    rng = np.random.default_rng(0)
    agents = {i: RobotAgent(i, np.random.default_rng([3, 2, i])) for i in crowd.ids}
    world = MarkovWorld(warehouse, seed=3)
    states = {i: world.join(i) for i in crowd.ids}
    for agent in agents.values():
        agent.policies.hold(HeldPolicy(POLICY, small_bundle.pi_l, TAG))
    number, late, repeated = 0, 0, 0
    for step in range(200):
        number = max(0, number + int(rng.choice([-1, 0, 0, 1, 1])))
        now = tick(number, rng.choice(np.arange(90, 160), 8, replace=False).tolist(), policy_id=POLICY + 1 + number // 5)
        learned = [POLICY + 1 + number // 5] if rng.random() < 0.15 else []
        crowd.hear(now, 0.0)
        said = crowd.reports()
        for policy_id in learned:
            crowd.policies.hold(HeldPolicy(policy_id, small_bundle.pi_l, TAG + 1))
        crowd.act()
        said += crowd.reports()
        expected = []
        for i, agent in agents.items():
            if agent.hear(now, 0.0) is Heard.REPEATED:
                expected.append(agent.late_report())
                repeated += expected[-1] is not None
            for policy_id in learned:
                agent.policies.hold(HeldPolicy(policy_id, small_bundle.pi_l, TAG + 1))
            answer = agent.answer(states[i])
            if answer is not None:
                late += answer.tick.tick == number and now.polled != answer.tick.polled
                expected.append(answer.report)
                states[i] = world.command(SESSION, answer.tick.tick, i, answer.tick.global_state, answer.local_action)
        assert sorted(said, key=robot_of) == sorted(filter(None, expected), key=robot_of), step
        assert crowd.local_states.tolist() == list(states.values())
    assert repeated > 50
    assert late > 50


def robot_of(report):
    return report.robot_id


def test_nothing_is_said_before_acting_nor_about_an_earlier_tick(crowd):
    assert crowd.reports() == []
    crowd.hear(tick(1, [100]), 0.0)
    assert crowd.reports() == []
    crowd.act()
    crowd.hear(tick(2, [], policy_id=POLICY + 1), 0.0)
    assert crowd.hear(tick(1, [100]), 0.0) is Heard.OLD
    assert crowd.reports() == []


def test_the_policy_that_the_tick_names_is_acted_by(warehouse, crowd):
    for policy_id, action in ((20, 0), (21, 2)):
        table = np.zeros((warehouse.n_local_states, warehouse.n_global_states, warehouse.n_local_actions))
        table[..., action] = 1.0
        crowd.policies.hold(HeldPolicy(policy_id, LocalPolicy(table), policy_id))
    for number, policy_id, action in ((0, 20, 0), (1, 20, 0), (2, 21, 2)):
        crowd.hear(tick(number, [100], policy_id=policy_id), 0.0)
        assert set(crowd.act().local_actions.tolist()) == {action}
        assert crowd.reports()[0].game_tag == policy_id


def test_robots_wait_for_the_policy_that_the_tick_names(crowd, small_bundle):
    before = crowd.local_states.copy()
    crowd.hear(tick(0, policy_id=POLICY + 1), 0.0)
    assert crowd.act() is None
    np.testing.assert_array_equal(crowd.local_states, before)
    crowd.policies.hold(HeldPolicy(POLICY + 1, small_bundle.pi_l, TAG))
    assert crowd.act() is not None


def test_global_states_and_policies_of_another_game_move_nobody(crowd, ring):
    crowd.hear(tick(0, s_g=5), 0.0)
    assert crowd.act() is None
    crowd.policies.hold(HeldPolicy(POLICY, LocalPolicy.uniform(ring), TAG))
    crowd.hear(tick(1, s_g=0), 0.0)
    assert crowd.act() is None


def test_a_crowd_in_parts_is_the_same_crowd(warehouse, small_bundle):
    parts = [Crowd(warehouse, 0, 30, seed=5), Crowd(warehouse, 0, 10, seed=5), Crowd(warehouse, 10, 20, seed=5)]
    for part in parts:
        part.policies.hold(HeldPolicy(POLICY, small_bundle.pi_l, TAG))
        for number in range(5):
            part.hear(tick(number), 0.0)
            part.act()
    whole, *halves = (part.local_states.tolist() for part in parts)
    assert whole == halves[0] + halves[1]
