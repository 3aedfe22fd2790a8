"""A fleet of two types over real DDS: each type is sent its own policy, and the run is decided again bit for bit."""

import numpy as np
import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan, types_in_fleet
from altmarl_ros.msg import FleetConfiguration, LocalPolicy, RobotHello
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.observation import numbers_in
from altmarl_ros.policies import save_bundle
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.records.replay import redecide

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

TICKS, ROBOTS, K = 25, 8, 3


def test_a_fleet_of_two_types_plays_and_replays(fleet, kinds, kinds_bundle, kinds_file, tmp_path):
    policy = save_bundle(kinds_bundle, tmp_path / "kinds.npz")
    plan = FleetPlan(
        str(kinds_file), policy, robots=ROBOTS, k=K, period=0.2, processes=2, seed=5, types=types_in_fleet(kinds, ROBOTS)
    )
    running, configurations, hellos, policies = fleet(plan), [], {}, {}

    def hear(message_type, topic, callback, profile):
        running.observer.create_subscription(message_type, topic, callback, profile)

    hear(FleetConfiguration, "/fleet/configuration", configurations.append, qos.account_qos())
    hear(RobotHello, "/fleet/hello", lambda m: hellos.setdefault(m.robot_id, m.robot_type), qos.latched_from_many_qos())
    for t in range(2):
        hear(LocalPolicy, f"/fleet/policy/type_{t}", lambda m, t=t: policies.setdefault(t, m), qos.policy_qos())
    running.start()
    running.wait_until(lambda: len(running.log.truths) >= TICKS, 90, "the ticks of a fleet with types")
    (coordinator,) = (child for child in running.group.children if child.name == "coordinator")
    assert "starting with" not in coordinator.log.read_text(), "it knows that all robots listen, each to the policy of its type"

    assert hellos == {i: "fast" if i < 5 else "slow" for i in range(ROBOTS)}
    for t, message in policies.items():  # a type is sent no more than its own
        sent = conversions.held_policy_from_message(message, kinds.content_hash, t).policy.probabilities
        np.testing.assert_array_equal(sent, kinds_bundle.pi_l.probabilities[kinds.types.block(t)])
    assert set(policies) == {0, 1}

    rows = list(running.log.statuses.values())
    heard = [(robot_id, state) for row in rows for robot_id, state in row.answers]
    assert {robot_id for robot_id, _ in heard} == set(range(ROBOTS))
    assert all((state >= 3) == (robot_id >= 5) for robot_id, state in heard)
    assert all(row.heard == K for row in rows[2:])
    assert numbers_in(rows[-1].estimate, rows[-1].live, kinds.types).tolist() == [5, 3]
    for truth in running.log.truths.values():
        states = zip(truth.robot_ids, truth.local_states, strict=True)
        assert all((state >= 3) == (robot_id >= 5) for robot_id, state in states)

    check_replay(running, configurations, kinds, kinds_bundle)


def check_replay(running, configurations, kinds, kinds_bundle):
    rows = list(running.log.statuses.values())
    known = conversions.configuration_from_message(configurations[0])
    settings = {0: DecisionSettings.from_parameters(known.parameters)}
    again = list(redecide(rows, kinds, settings, {kinds_bundle.policy_id: kinds_bundle}))
    assert [each.decided for each in again] == [row.global_action for row in rows]
    assert max(each.deviation for each in again) < 1e-6


def test_over_links_each_robot_is_brought_the_policy_of_its_type(fleet, kinds, kinds_bundle, kinds_file, tmp_path):
    policy, types = save_bundle(kinds_bundle, tmp_path / "kinds.npz"), types_in_fleet(kinds, 3)
    plan = FleetPlan(str(kinds_file), policy, robots=3, k=2, period=0.5, seed=5, types=types, link="zenoh")
    running, configurations = fleet(plan), []
    profile = qos.account_qos()
    running.observer.create_subscription(FleetConfiguration, "/fleet/configuration", configurations.append, profile)
    running.start()
    heard = lambda: running.observer.latest is not None and running.observer.latest.heard == 2  # noqa: E731
    running.wait_until(heard, 120, "reports over links")
    first = len(running.log.statuses)
    running.wait_until(lambda: len(running.log.statuses) >= first + 10, 30, "ten more ticks")
    answers = {answer for row in list(running.log.statuses.values())[first:] for answer in row.answers}
    assert {robot_id for robot_id, _ in answers} == {0, 1, 2}, "only who has the policy of its type answers"
    assert all((state >= 3) == (robot_id >= types[0][1]) for robot_id, state in answers)
    check_replay(running, configurations, kinds, kinds_bundle)
