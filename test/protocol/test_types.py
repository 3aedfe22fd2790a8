"""Robots with types at the coordinator: drawn by type, counted by type, told their own policy, and decided again."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.observation import numbers_in
from altmarl_ros.protocol.admission import Admission
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.held_policies import HeldPolicies, HeldPolicy, digest_of, fleet_digest, policies_by_type
from altmarl_ros.protocol.live_robots import LiveRobots
from altmarl_ros.protocol.messages import Report, Verdict, game_tag
from altmarl_ros.protocol.operated import Control, Operated
from altmarl_ros.protocol.settings import CoordinatorSettings
from altmarl_ros.records.replay import redecide
from altmarl_ros.simulation import MarkovWorld

FAST, SLOW = 5, 3  # robots 0..4 and 5..7


@pytest.fixture
def coordinator(kinds, kinds_bundle):
    made = Coordinator(kinds, kinds_bundle, CoordinatorSettings(k=3, max_misses=2), np.random.default_rng(0), session=77)
    for robot_id in range(FAST + SLOW):
        made.roster.join(robot_id, f"robot_{robot_id}", robot_type=int(robot_id >= FAST))
    return made


def kinds_of(robot_ids):
    return sum(robot_id < FAST for robot_id in robot_ids), sum(robot_id >= FAST for robot_id in robot_ids)


@pytest.mark.slow
def test_a_draw_is_by_type_and_every_robot_is_as_likely_as_every_other():
    live, rng = LiveRobots(), np.random.default_rng(0)
    for robot_id in range(8):
        live.add(robot_id, int(robot_id >= FAST))
    drawn = [live.draw(3, (), rng) for _ in range(8000)]
    assert {kinds_of(robots) for robots in drawn} == {(2, 1), (1, 2)}  # 15 / 8 and 9 / 8 of 3
    each = Counter(robot_id for robots in drawn for robot_id in robots)
    np.testing.assert_allclose([each[i] for i in range(8)], 3000, rtol=0.08)
    assert all(len(set(robots)) == 3 for robots in drawn)
    assert len(live.draw(20, (1, 7), rng)) == 6
    assert not set(live.draw(20, (1, 7), rng)) & {1, 7}


def test_a_robot_may_come_back_as_another_type(coordinator):
    coordinator.roster.join(0, "robot_0", robot_type=1)
    assert coordinator.roster.live_by_type(2).tolist() == [FAST - 1, SLOW + 1]
    assert coordinator.roster.type_of(0) == 1


def test_the_state_of_a_report_is_that_of_the_robots_type(coordinator, kinds):
    tag = game_tag(kinds.content_hash)
    tick = coordinator.begin()
    for robot_id in tick.polled:
        assert coordinator.hear(Report(77, 0, robot_id, 3, tag)) is Verdict.OUT_OF_RANGE  # there are three places
        assert coordinator.hear(Report(77, 0, robot_id, 2, tag)) is Verdict.ACCEPTED
    decision = coordinator.decide()
    assert decision.answers == {robot_id: 2 + 3 * (robot_id >= FAST) for robot_id in tick.polled}
    np.testing.assert_allclose(kinds.types.by_type(decision.estimate), [FAST / 8, SLOW / 8])
    assert numbers_in(decision.estimate, 8, kinds.types).tolist() == [FAST, SLOW]


def test_a_robot_that_an_operator_gives_back_is_of_its_type_still(coordinator, kinds):
    held = Operated(Control.HELD, "anna")
    coordinator.roster.join(FAST, "robot_5", robot_type=1, operated=held)
    coordinator.begin()
    assert coordinator.decide().returned == ()
    coordinator.roster.join(FAST, "robot_5", robot_type=1, local_state=2)
    coordinator.begin()
    assert coordinator.decide().returned == (kinds.n_places + 2,)
    assert coordinator.roster.live_by_type(2).tolist() == [FAST, SLOW]
    np.testing.assert_allclose(kinds.types.by_type(np.array(coordinator.estimate)), [FAST / 8, SLOW / 8])
    coordinator.roster.join(FAST, "robot_5", robot_type=1, operated=held)
    coordinator.roster.join(FAST, "robot_5", robot_type=1, local_state=kinds.n_places)  # no place of its type
    coordinator.begin()
    assert coordinator.decide().returned == ()


def test_a_silent_robot_is_replaced_by_one_of_its_type(coordinator, kinds):
    tick = coordinator.begin()
    answering = next(robot_id for robot_id in tick.polled if robot_id < FAST)
    coordinator.hear(Report(77, 0, answering, 0, game_tag(kinds.content_hash)))
    again = coordinator.backfill()
    silent = set(tick.polled) - {answering}
    assert silent <= set(again.polled)
    assert kinds_of(set(again.polled) - silent) == kinds_of(silent)


def test_a_robot_of_an_unknown_type_is_refused():
    admission = Admission("abc", 10, ("fast", "slow"))
    assert admission.refusal("r", "abc", False, 0, robot_type="slow") is None
    assert admission.type_number("slow") == 1
    assert "types of this game are fast, slow" in admission.refusal("r", "abc", False, 0)
    assert "'big'" in admission.refusal("r", "abc", False, 0, robot_type="big")
    assert "has no types" in Admission("abc", 10).refusal("r", "abc", False, 0, robot_type="slow")


def holders(kinds, bundle):
    """What robots of each type hold: their own policy alone."""
    parts, tag = policies_by_type(bundle.pi_l, kinds.types), game_tag(kinds.content_hash)
    digests = tuple(digest_of(part) for part in parts)
    held = []
    for part in parts:
        policies = HeldPolicies()
        policies.hold(HeldPolicy(bundle.policy_id, part, tag, type_digests=digests))
        held.append(policies)
    return held


def test_ticks_name_the_policies_of_all_types_by_one_digest(coordinator, kinds, kinds_bundle):
    tick = coordinator.begin()
    assert tick.policy_digest == fleet_digest(kinds_bundle.pi_l, kinds.types) != digest_of(kinds_bundle.pi_l)
    for t, policies in enumerate(holders(kinds, kinds_bundle)):
        found = policies.find(tick)
        np.testing.assert_array_equal(found.policy.probabilities, kinds_bundle.pi_l.probabilities[kinds.types.block(t)])
        assert policies.find(replace(tick, policy_digest=1)) is None


def test_a_fleet_of_two_types_plays_and_its_decisions_are_made_again(coordinator, kinds, kinds_bundle, account):
    world, held = MarkovWorld(kinds, seed=3), holders(kinds, kinds_bundle)
    agents, types = {}, {}
    for robot_id in range(FAST + SLOW):
        types[robot_id] = int(robot_id >= FAST)
        agents[robot_id] = RobotAgent(robot_id, np.random.default_rng([3, 2, robot_id]), policies=held[types[robot_id]])
    states = {robot_id: world.join(robot_id, types[robot_id]) for robot_id in agents}
    rows = []
    for t in range(40):
        if t == 25:  # a fast one leaves: the numbers by type change
            coordinator.roster._drop(0)
            agents.pop(0)
        tick = coordinator.begin()
        for robot_id, agent in agents.items():
            reaction = agent.react(tick, 0.1 * t, states[robot_id])
            if reaction.answer.report is not None:
                coordinator.hear(reaction.answer.report)
            states[robot_id] = world.command(77, t, robot_id, tick.global_state, reaction.answer.local_action)
            assert 0 <= states[robot_id] < 3
        rows.append(account(coordinator.decide(), coordinator.roster.live))
    again = list(redecide(rows, kinds, {0: coordinator.settings.decision}, {kinds_bundle.policy_id: kinds_bundle}))
    assert [each.decided for each in again] == [row.global_action for row in rows]
    assert max(each.deviation for each in again) < 1e-7
    assert {tuple(numbers_in(row.estimate, row.live, kinds.types)) for row in rows} == {(5, 3), (4, 3)}
    truth = world.closed_ticks(final=True)[-1]
    assert all((state >= 3) == (robot_id >= FAST) for robot_id, state in zip(truth.robot_ids, truth.local_states, strict=True))
