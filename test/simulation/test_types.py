"""Robots of several types in simulated worlds: a crowd and robots one by one take the same path."""

import numpy as np
import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.held_policies import HeldPolicies, HeldPolicy, digest_of, fleet_digest, policies_by_type
from altmarl_ros.protocol.messages import Tick, game_tag
from altmarl_ros.protocol.policy_parts import PolicyParts
from altmarl_ros.simulation import MarkovWorld
from altmarl_ros.simulation.vectorised_fleet import Crowd

SEED, FAST, ROBOTS = 4, 5, 8


def parts_of(kinds, bundle):
    parts = policies_by_type(bundle.pi_l, kinds.types)
    digests = tuple(digest_of(part) for part in parts)
    tag = game_tag(kinds.content_hash)
    return [HeldPolicy(bundle.policy_id, part, tag, type_digests=digests) for part in parts]


def test_the_parts_make_the_policy_of_all_types(kinds, kinds_bundle):
    one, other = parts_of(kinds, kinds_bundle)
    parts = PolicyParts(2)
    assert parts.add(1, other) is None
    whole = parts.add(0, one)
    np.testing.assert_array_equal(whole.policy.probabilities, kinds_bundle.pi_l.probabilities)
    np.testing.assert_array_equal(whole.policy.action_values, kinds_bundle.pi_l.action_values)
    assert whole.digest == one.digest == fleet_digest(kinds_bundle.pi_l, kinds.types)


def test_a_crowd_and_single_robots_take_the_same_path(kinds, kinds_bundle):
    held = parts_of(kinds, kinds_bundle)
    crowd, parts, world = Crowd(kinds, 0, ROBOTS, SEED), PolicyParts(2), MarkovWorld(kinds, SEED)
    assert crowd.ids_by_type == [range(FAST), range(FAST, ROBOTS)]
    for t, part in enumerate(held):
        whole = parts.add(t, part)
    crowd.policies.hold(whole)
    agents, states = [], []
    for i in range(ROBOTS):
        policies = HeldPolicies()
        policies.hold(held[int(i >= FAST)])
        agents.append(RobotAgent(i, np.random.default_rng([SEED, 2, i]), policies=policies))
        states.append(world.join(i, int(i >= FAST)))
    for t in range(20):
        polled = (t % ROBOTS, (t + 3) % ROBOTS)
        tick = Tick(1, t, kinds_bundle.policy_id, t % 3, None, polled, policy_digest=held[0].digest)
        crowd.hear(tick, 0.1 * t)
        moves = crowd.act()
        assert (moves.local_states % 3).tolist() == states
        assert (moves.local_states // 3).tolist() == [int(i >= FAST) for i in range(ROBOTS)]
        answers = [agent.react(tick, 0.1 * t, state).answer for agent, state in zip(agents, states, strict=True)]
        assert [answer.local_action for answer in answers] == moves.local_actions.tolist()
        assert {answer.report for answer in answers if answer.report} == set(crowd.reports())
        states = [world.command(1, t, i, tick.global_state, answer.local_action) for i, answer in enumerate(answers)]


def test_a_world_refuses_types_that_it_does_not_know(kinds, warehouse):
    assert MarkovWorld(kinds, 0).type_number("slow") == 1
    for world, name in ((MarkovWorld(kinds, 0), ""), (MarkovWorld(kinds, 0), "big"), (MarkovWorld(warehouse, 0), "slow")):
        with pytest.raises(GameError, match="unknown"):
            world.type_number(name)
