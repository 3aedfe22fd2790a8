"""A hostile participant in the domain of a running fleet: it may talk, and changes nothing."""

import time
import zlib
from array import array

import numpy as np
import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

ROBOTS, K = 8, 3
_BOMB = b"\1" + zlib.compress(bytes(1 << 22))  # 4 kB that would unpack to 4 MiB


def resident(child):
    """Resident memory of a process [MiB]."""
    with open(f"/proc/{child.process.pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


class Attacker:
    """Publishes on the fleet's topics whatever it likes, raw bytes included."""

    def __init__(self):
        import rclpy

        from altmarl_ros.msg import BodyCommand, FleetTick, LocalPolicy, RobotHello, RobotReport
        from altmarl_ros.nodes.common import qos

        self.node = rclpy.create_node("attacker")
        self._rng = np.random.default_rng(0)
        self._types = {
            "/fleet/report": (RobotReport, qos.report_qos(1000)),
            "/fleet/policy": (LocalPolicy, qos.latched_qos()),
            "/fleet/hello": (RobotHello, qos.latched_qos()),
            "/fleet/tick": (FleetTick, qos.tick_qos(0.1)),
            "/world/command": (BodyCommand, qos.command_qos()),
        }
        self._publishers = {t: self.node.create_publisher(kind, t, profile) for t, (kind, profile) in self._types.items()}
        self.sent = 0
        self._bursts = 0

    def matched(self):
        return all(publisher.get_subscription_count() > 0 for publisher in self._publishers.values())

    def say(self, topic, **fields):
        self._publishers[topic].publish(self._types[topic][0](**fields))
        self.sent += 1

    def say_bytes(self, topic, data):
        self._publishers[topic].publish(data)
        self.sent += 1

    def numbers(self, *bounds):
        return [int(self._rng.integers(bound)) for bound in bounds]

    def burst(self, session, policy_id, game_hash):
        """Some fifty messages, each of them wrong in its own way."""
        for _ in range(10):
            other, far, unknown, state = self.numbers(2**31, 2**31, 2**31, 2**15)
            known, zone = self.numbers(ROBOTS, 5)
            self.say("/fleet/report", session=other, tick=far, robot_id=known, local_state=zone)
            self.say("/fleet/report", session=session, tick=100_000 + far, robot_id=known, local_state=zone)
            self.say("/fleet/report", session=session, tick=far, robot_id=100 + unknown, local_state=zone)
            self.say("/fleet/report", session=session, tick=far, robot_id=known, local_state=5 + state)
        (size,) = self.numbers(13)  # shorter than any of the messages
        for topic in ("/fleet/report", "/fleet/hello", "/fleet/policy", "/world/command"):
            self.say_bytes(topic, self._rng.bytes(size))
        shape = {"n_local_states": 5, "n_global_states": 5, "n_local_actions": 3, "game_hash": game_hash}
        wrong = [np.nan] * 75, [0.5] * 75, [1.0 / 3] * 74, [-1.0, 1.0, 1.0] * 25, []
        packed = [b"\0" + zlib.compress(np.array(probabilities).tobytes()) for probabilities in wrong]
        for probabilities in (*packed, b"", self._rng.bytes(50), _BOMB):
            self.say("/fleet/policy", policy_id=policy_id, probabilities=array("B", probabilities), **shape)
        self.say("/fleet/hello", robot_id=100 + unknown, name="/a/robot", game_hash="of another game")
        self.say("/fleet/hello", robot_id=100 + unknown, name="/" + "x" * 10_000, game_hash=game_hash)
        self._bursts += 1
        if self._bursts % 10 == 0:  # robots keep one tick: who floods this topic drowns the true ones (docs/how-to/security.md)
            self.say_bytes("/fleet/tick", self._rng.bytes(size))
            self.say("/fleet/tick", session=session - 1, tick=far, policy_id=policy_id, global_state=zone, polled=range(500))
        command = {"session": other, "tick": far, "robot_id": [100 + unknown], "global_state": 9, "local_action": [9]}
        self.say("/world/command", body_topic="/attacker/body", **command)


def test_thousands_of_hostile_messages_change_nothing(fleet, policy):
    running = fleet(FleetPlan("warehouse", policy, robots=ROBOTS, k=K, period=0.2, processes=1))
    children = running.start()
    running.wait_until(lambda: running.log.truths and len(running.log.statuses) > 10, 40, "a running fleet")
    attacker = Attacker()
    running.wait_until(attacker.matched, 15, "the attacker being heard")
    from altmarl_ros.games import load_game
    from altmarl_ros.policies import load_bundle

    game, bundle = load_game("warehouse"), load_bundle(policy)
    begun = running.observer.latest

    def attack(messages, seconds):
        end = attacker.sent + messages
        while attacker.sent < end:
            began = time.monotonic()
            attacker.burst(begun.session, bundle.policy_id, game.content_hash)
            running.listen(max(0.02, seconds * 58 / messages - (time.monotonic() - began)))

    attack(1500, 3)
    before = {name: resident(child) for name, child in children.items()}
    attack(4500, 9)
    after = {name: resident(child) for name, child in children.items()}
    running.listen(1.0)
    last = running.observer.latest
    assert all(child.exit_code is None for child in children.values())
    assert "Traceback" not in "".join(child.log.read_text() for child in children.values())
    for name, child in children.items():
        assert after[name] < 1.05 * before[name] + 2.0, (name, before, after, child.log.read_text()[-300:])
    check_decisions(running, begun, last)
    attacker.node.destroy_node()


def check_decisions(running, begun, last):
    """Every decision of that time was made from true reports of K polled robots, and every robot acted once per tick."""
    statuses = [s for s in running.log.statuses.values() if begun.tick < s.tick < last.tick - 3]
    assert len(statuses) > 30
    assert {s.session for s in statuses} == {begun.session}
    known = [s for s in statuses if (s.session, s.tick) in running.log.truths]
    for s in known:
        truth = running.log.truths[s.session, s.tick]
        states = dict(zip(truth.robot_ids, truth.local_states, strict=True))
        assert all(states[robot_id] == state for robot_id, state in s.answers)
        assert set(truth.robot_ids) == set(range(ROBOTS))
        assert max(truth.actions) <= 1
    acted = [action is not None for s in known for action in running.log.truths[s.session, s.tick].local_actions]
    # A busy machine misses a deadline now and then, with or without an attacker.
    for share in (len(known) / len(statuses), np.mean([s.live == ROBOTS and s.heard == K for s in statuses]), np.mean(acted)):
        assert share > 0.8
    assert last.live == ROBOTS


def test_a_flood_of_robots_ends_at_the_capacity(fleet, policy, start_executable):
    from altmarl_ros.msg import CoordinatorStatus
    from altmarl_ros.nodes.common import qos

    running = fleet(FleetPlan("warehouse", policy, robots=1))
    heard = []
    running.observer.create_subscription(CoordinatorStatus, "/fleet/status", heard.append, qos.account_qos())
    attacker = Attacker()
    parameters = {"policy.file": str(policy), "sampling.k": 2, "tick.period": 0.1, "roster.capacity": 10}
    start_executable("coordinator", **parameters)
    running.wait_until(lambda: heard and attacker._publishers["/fleet/hello"].get_subscription_count() > 0, 30, "a coordinator")
    for robot_id in range(300):
        attacker.say("/fleet/hello", robot_id=robot_id, name=f"/robot_{robot_id}/robot")
        running.listen(0.005)
    running.wait_until(lambda: heard[-1].refused_hellos >= 100, 15, "hellos being refused")
    running.listen(0.5)
    assert max(status.robots for status in heard) == 10
    attacker.node.destroy_node()


def test_a_callback_that_fails_is_counted_and_the_node_goes_on(fleet, policy):
    """The guard itself: whatever a callback raises stays away from the executor."""
    from altmarl_ros.msg import RobotReport
    from altmarl_ros.nodes.common import qos
    from altmarl_ros.nodes.common.guarded import GuardedNode

    running = fleet(FleetPlan("warehouse", policy, robots=1))
    victim, heard = GuardedNode("victim"), []

    def hear(message):
        heard.append(message.tick)
        if message.tick % 2:
            raise ZeroDivisionError("on odd ticks")

    victim.create_subscription(RobotReport, "/fleet/report", hear, qos.report_qos(100))
    running._executor.add_node(victim)
    attacker = Attacker()
    running.wait_until(lambda: attacker._publishers["/fleet/report"].get_subscription_count() > 1, 15, "a connection")
    for tick in range(10):
        attacker.say("/fleet/report", tick=tick)
        running.wait_until(lambda tick=tick: tick in heard, 5, f"report {tick}")
    assert victim.dropped == {"/fleet/report": 5}
    victim.destroy_node()
    attacker.node.destroy_node()


def test_every_node_of_ours_is_guarded():
    """A subscription of a plain node would let an exception through."""
    import importlib
    import pkgutil

    from rclpy.node import Node

    import altmarl_ros.nodes
    from altmarl_ros.nodes.common.guarded import GuardedNode

    plain = set()
    for module in pkgutil.walk_packages(altmarl_ros.nodes.__path__, "altmarl_ros.nodes."):
        members = vars(importlib.import_module(module.name)).values()
        ours = {m for m in members if isinstance(m, type) and issubclass(m, Node) and m.__module__.startswith("altmarl_ros.")}
        plain |= {m.__name__ for m in ours if not issubclass(m, GuardedNode)}
    assert plain <= {"RobotsHost"}  # holds parameters only
