"""The store of policies that robots of one process share."""

import numpy as np
import pytest

from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.held_policies import POLICIES_KEPT, HeldPolicies, HeldPolicy
from altmarl_ros.protocol.messages import Tick


def held(policy_id, action=0, values=None):
    return HeldPolicy(policy_id, LocalPolicy(np.tile(np.eye(4)[action], (3, 2, 1)), values), 7)


@pytest.fixture
def policies():
    return HeldPolicies()


def test_the_latest_are_held(policies):
    for policy_id in range(10):
        policies.hold(held(policy_id))
    assert [policy_id for policy_id in range(10) if policy_id in policies] == list(range(10 - POLICIES_KEPT, 10))
    assert policies.get(0) is None
    assert policies.get(9).policy_id == 9


def test_a_policy_that_is_announced_again_is_the_latest(policies):
    for policy_id in (0, 1, 0, *range(2, POLICIES_KEPT + 1)):
        policies.hold(held(policy_id, action=1))
    assert 0 in policies
    assert 1 not in policies


def test_robots_of_a_process_act_by_the_same_store_each_at_its_temperature(policies):
    values = np.zeros((3, 2, 4))
    values[..., 2] = 1.0
    agents = [RobotAgent(i, np.random.default_rng(i), policies=policies) for i in range(2)]
    agents[1].temperature = 1e-3  # the best by its value, whatever was announced
    policies.hold(held(5, action=1, values=values))
    for agent, action in zip(agents, (1, 2), strict=True):
        agent.hear(Tick(1, 0, 5, 0, None, ()), 0.0)
        assert agent.answer(0).local_action == action
