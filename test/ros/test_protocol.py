"""The tick protocol over DDS: backfill, policy change, budget, carried estimate, refusals."""

import os
import signal
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan, NodePlan
from altmarl_ros.games import load_game
from altmarl_ros.policies import LocalPolicy, load_bundle, save_bundle
from altmarl_ros.protocol.budget import REPORT_WIRE_BYTES, WINDOW
from altmarl_ros.protocol.held_policies import values_digest

pytestmark = pytest.mark.ros


class Plan(FleetPlan):
    """A plan with further parameters of the coordinator."""

    def with_parameters(self, **parameters):
        object.__setattr__(self, "more", {name.replace("__", "."): value for name, value in parameters.items()})
        return self

    def nodes(self):
        more = getattr(self, "more", {})
        return [
            NodePlan(node.name, node.executable, {**node.parameters, **more}) if node.name == "coordinator" else node
            for node in super().nodes()
        ]


class Statuses:
    """Whole status messages, as an operator's tool sees them."""

    def __init__(self, running):
        from altmarl_ros.msg import CoordinatorStatus
        from altmarl_ros.nodes.common import qos

        self.heard = []
        node = running.observer
        node.create_subscription(CoordinatorStatus, "/fleet/status", self.heard.append, qos.account_qos())

    def since(self, tick):
        return [status for status in self.heard if status.tick >= tick]


def test_heard_stays_k_while_half_of_the_robots_are_stopped(fleet, policy):
    plan = Plan("warehouse", policy, robots=12, k=3, period=0.5, processes=2)
    running = fleet(plan.with_parameters(tick__backfill=0.15))
    statuses = Statuses(running)
    children = running.start()
    running.wait_until(lambda: statuses.heard and statuses.heard[-1].heard == 3, 30, "reports")
    os.kill(children["robots_1"].process.pid, signal.SIGSTOP)
    try:
        begin = statuses.heard[-1].tick + 2
        running.wait_until(lambda: statuses.heard[-1].tick >= begin + 15, 30, "ticks with stopped robots")
    finally:
        os.kill(children["robots_1"].process.pid, signal.SIGCONT)
    during = statuses.since(begin)
    helped = [status for status in during if status.backfilled > 0]
    assert len(helped) >= 2
    assert all(status.heard == 3 for status in helped if status.latency < 0.3), "time was left"
    assert np.mean([status.heard == 3 for status in during]) > 0.8
    assert all(status.heard <= 3 == status.asked for status in during)
    truths = [running.log.truths[key] for key in running.log.truths if key[1] >= begin]
    assert max(max(truth.actions) for truth in truths) == 1, "a repeated tick is not acted on again"


def test_all_robots_take_a_new_policy_at_the_same_tick(fleet, policy, tmp_path):
    bundle = load_bundle(policy)
    for action in (0, 1):
        pi_l = LocalPolicy(np.broadcast_to(np.eye(3)[action], (5, 5, 3)))
        save_bundle(replace(bundle, pi_l=pi_l), tmp_path / f"always_{action}.npz")
    running = fleet(Plan("warehouse", tmp_path / "always_0.npz", robots=12, k=3, period=0.2, processes=2))
    statuses = Statuses(running)
    running.start()
    running.wait_until(lambda: len(statuses.heard) > 5 and len(running.log.truths) > 5, 30, "some ticks")
    refused, reason = running.set_parameters("coordinator", policy__file="/nowhere.npz", sampling__k=2)
    assert not refused
    assert "/nowhere.npz" in reason
    assert statuses.heard[-1].k == 3, "a refused set changes nothing"
    taken, reason = running.set_parameters("coordinator", policy__file=str(tmp_path / "always_1.npz"), sampling__k=2)
    assert taken, reason
    old, new = statuses.heard[0].policy_id, load_bundle(tmp_path / "always_1.npz").policy_id
    running.wait_until(lambda: statuses.heard[-1].policy_id == new, 10, "the switch")
    last = statuses.heard[-1].tick + 5
    running.wait_until(lambda: any(tick >= last for _, tick in running.log.truths), 20, "five more truths")
    policy_of = {status.tick: status.policy_id for status in statuses.heard}
    seen = set()
    for (_, tick), truth in running.log.truths.items():
        actions = set(truth.local_actions) - {None}
        if tick in policy_of and actions:
            assert actions == {0 if policy_of[tick] == old else 1}, f"tick {tick}"
            seen.add(policy_of[tick])
    assert seen == {old, new}
    assert any(status.policy_id == old and status.next_policy_id == new for status in statuses.heard), "announced before"
    assert statuses.heard[-1].k == 2


@pytest.mark.untimed
def test_the_limit_holds_over_every_five_seconds_and_can_be_set_live(fleet, policy):
    running = fleet(Plan("warehouse", policy, robots=12, k=6, period=0.1, processes=1))
    statuses = Statuses(running)
    running.start()
    running.wait_until(lambda: statuses.heard and statuses.heard[-1].heard == 6, 30, "reports")
    assert statuses.heard[-1].k_eff == 6
    assert running.set_parameters("coordinator", bandwidth_limit=2000.0)[0]
    began = statuses.heard[-1].tick + 60  # what was sent before still counts for five seconds
    running.wait_until(lambda: statuses.heard[-1].tick >= began + 100, 60, "a hundred ticks under the limit")
    limited = [(s.stamp.sec + 1e-9 * s.stamp.nanosec, s.report_bytes, s.k_eff) for s in statuses.since(began)]
    rates = [sum(b for t, b, _ in limited if start <= t <= start + WINDOW) / WINDOW for start, _, _ in limited]
    assert max(rates) <= 2000.0
    assert max(rates) > 1200.0, "and the limit is made use of"
    assert {k_eff for _, _, k_eff in limited} <= {0, 1, 2}
    assert statuses.heard[-1].bandwidth_limit == 2000.0
    assert limited[-1][1] % REPORT_WIRE_BYTES == 0


def test_the_estimate_is_carried_over_ticks_without_reports(fleet, policy):
    running = fleet(Plan("warehouse", policy, robots=6, k=3, period=0.15, processes=1))
    statuses = Statuses(running)
    children = running.start()
    running.wait_until(lambda: statuses.heard and statuses.heard[-1].heard == 3, 30, "reports")
    children["robots_0"].process.kill()
    children["robots_0"].process.wait(10)
    running.listen(1.0)  # what was said before
    begin = statuses.heard[-1].tick + 1
    running.wait_until(lambda: statuses.heard[-1].tick >= begin + 10, 20, "ticks without robots")
    silent = statuses.since(begin)
    game, bundle = load_game("warehouse"), load_bundle(policy)
    P = bundle.pi_l.transition(game)
    assert all(status.heard == 0 for status in silent)
    for before, after in pairwise(silent):
        expected = np.asarray(before.estimate, dtype=float) @ P[before.global_state]
        np.testing.assert_allclose(after.estimate, expected, atol=1e-5)
    assert silent[-1].age_max == 0 or silent[-1].live > 0


def test_robots_that_are_not_on_the_list_are_refused_and_their_reports_do_not_count(fleet, policy):
    from altmarl_ros.msg import RobotReport
    from altmarl_ros.nodes.common import conversions, qos
    from altmarl_ros.protocol.messages import Report, game_tag

    plan = Plan("warehouse", policy, robots=6, k=4, period=0.2, processes=1, start_timeout=1.0)
    running = fleet(plan.with_parameters(roster__allow="0-1,4"))
    statuses = Statuses(running)
    running.start()
    running.wait_until(lambda: statuses.heard and statuses.heard[-1].live == 3, 30, "three robots joining")
    assert statuses.heard[-1].robots == 3
    assert statuses.heard[-1].refused_hellos >= 3
    assert {robot_id for status in statuses.heard for robot_id in status.polled} <= {0, 1, 4}
    publisher = running.observer.create_publisher(RobotReport, "/fleet/report", qos.report_qos())
    running.wait_until(lambda: publisher.get_subscription_count() >= 2, 10, "a rival's reports being heard")
    tag = game_tag(load_game("warehouse").content_hash)

    def sent(field, robot_id, game_tag):
        session, tick = statuses.heard[-1].session, statuses.heard[-1].tick
        publisher.publish(conversions.report_to_message(Report(session, tick, robot_id, 0, game_tag)))
        running.listen(0.1)
        return getattr(statuses.heard[-1], field) > 0

    running.wait_until(lambda: sent("unknown", 3, tag), 10, "the report of a refused robot being counted")
    running.wait_until(lambda: sent("wrong_game", 1, tag ^ 1), 10, "a report of another game being counted")


@pytest.mark.parametrize("robots", [("robot", {"robot_id": 5}), ("crowd", {"first_id": 5, "count": 1})], ids=["robot", "crowd"])
def test_a_robot_without_the_policy_that_a_tick_names_asks_for_it_and_gets_it(fleet, policy, start_executable, robots):
    from altmarl_ros.msg import FleetTick, LocalPolicy, RobotHello
    from altmarl_ros.nodes.common import qos

    running = fleet(Plan("warehouse", policy))
    node, hellos, policies = running.observer, [], []
    node.create_subscription(RobotHello, "/fleet/hello", lambda message: hellos.append(message), qos.latched_from_many_qos())
    name, parameters = robots
    start_executable(name, **parameters)
    ticks = node.create_publisher(FleetTick, "/fleet/tick", qos.tick_qos(0.1))
    running.wait_until(lambda: ticks.get_subscription_count() == 1, 20, "the robot")

    def asked():
        asked.tick += 1
        ticks.publish(FleetTick(session=1, tick=asked.tick, policy_id=9))
        running.listen(0.1)
        return any(hello.event == RobotHello.NEED_POLICY for hello in hellos)

    asked.tick = 0
    running.wait_until(asked, 10, "the robot asking")
    assert {hello.robot_id for hello in hellos} == {5}
    statuses = Statuses(running)
    node.create_subscription(LocalPolicy, "/fleet/policy", lambda message: policies.append(message), qos.policy_qos())
    asking = node.create_publisher(RobotHello, "/fleet/hello", qos.latched_qos())
    start_executable("coordinator", **{"policy.file": str(policy), "tick.period": 0.2})
    running.wait_until(lambda: len(policies) > 0 and len(statuses.heard) > 0, 20, "the policy")
    said, before = len(policies), statuses.heard[-1].policy_requests
    asking.publish(RobotHello(event=RobotHello.NEED_POLICY, robot_id=6, name="/robot_6/robot"))
    running.wait_until(lambda: len(policies) > said, 10, "the policy being said again")
    running.wait_until(lambda: statuses.heard[-1].policy_requests > before, 10, "the request being counted")
    assert statuses.heard[-1].robots == 2, "who asks is on the roster"
    said = len(policies)
    asking.publish(RobotHello(event=RobotHello.NEED_VALUES, robot_id=6, name="/robot_6/robot"))
    running.wait_until(lambda: len(policies) > said, 10, "the policy being said with all action values")


@pytest.mark.parametrize("robots", [("robot", {"robot_id": 5}), ("crowd", {"first_id": 5, "count": 1})], ids=["robot", "crowd"])
def test_a_robot_with_a_temperature_asks_for_action_values_that_were_left_out(fleet, policy, start_executable, robots):
    from altmarl_ros.msg import FleetTick, LocalPolicy, RobotHello
    from altmarl_ros.nodes.common import conversions, qos

    running = fleet(Plan("warehouse", policy))
    node, hellos = running.observer, []
    node.create_subscription(RobotHello, "/fleet/hello", lambda message: hellos.append(message), qos.latched_from_many_qos())
    bundle = load_bundle(policy)
    message = conversions.policy_to_message(bundle.pi_l, 9, load_game("warehouse").content_hash)
    message.action_values, message.values_left_out = [], values_digest(bundle.pi_l)
    policies = node.create_publisher(LocalPolicy, "/fleet/policy", qos.policy_qos())
    policies.publish(message)
    name, parameters = robots
    start_executable(name, **parameters, **{"policy.temperature": 0.5})
    ticks = node.create_publisher(FleetTick, "/fleet/tick", qos.tick_qos(0.1))
    running.wait_until(lambda: ticks.get_subscription_count() == 1, 20, "the robot")

    def asked():
        asked.tick += 1
        ticks.publish(FleetTick(session=1, tick=asked.tick, policy_id=9))
        running.listen(0.1)
        return sum(hello.event == RobotHello.NEED_VALUES for hello in hellos)

    asked.tick = 0
    running.wait_until(asked, 10, "the robot asking")
    policies.publish(conversions.policy_to_message(bundle.pi_l, 9, message.game_hash))
    running.listen(0.5)
    before = asked()
    for _ in range(15):
        after = asked()
    assert after == before, "who has the values does not ask again"
    assert not any(hello.event == RobotHello.NEED_POLICY for hello in hellos)
