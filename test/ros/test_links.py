"""Thin links between real processes: every robot in a ROS domain of its own, and nothing but the table crosses."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import rclpy
from own_domain import own_domain
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import Bool
from wrong_actions import wrong_actions

from altmarl_ros.cli.main import main
from altmarl_ros.cli.runs import bag_recorder
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.links import Authority, load_credentials
from altmarl_ros.links.field_end import FieldCallbacks, FieldEnd
from altmarl_ros.links.store import Store
from altmarl_ros.msg import FleetTick, LocalPolicy, RobotReport
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.tools.parameter_tool import ParameterTool
from altmarl_ros.policies import load_bundle
from altmarl_ros.resources import executable
from stage import ROBOT

pytestmark = pytest.mark.ros

ROBOTS, K = 3, 2
LEASE = 0.4
STOP = "/fleet/emergency_stop"
START = 120  # s that processes may take on a busy machine


@pytest.mark.slow
def test_a_fleet_over_links_plays_replays_and_comes_back_after_links_were_killed(fleet, policy, tmp_path):
    params_file = tmp_path / "links.yaml"
    params_file.write_text("/**/link:\n  ros__parameters: {policies.rate: 20000.0}\n")
    plan = FleetPlan("warehouse", policy, robots=ROBOTS, k=K, model="fresh", period=0.5, link="zenoh", params_file=params_file)
    running = fleet(plan)
    with bag_recorder(tmp_path / "bag") as recorder:
        running._executor.add_node(recorder)
        children = running.start()
        heard = lambda: running.observer.latest is not None and running.observer.latest.heard == K  # noqa: E731
        running.wait_until(heard, START, "reports over the links")
        first = len(running.log.statuses)
        running.wait_until(lambda: len(running.log.statuses) >= first + 10, 30, "ten more ticks")
        names = {name for name, _ in running.observer.get_node_names_and_namespaces()}
        assert {"coordinator", "world", "link"} <= names
        assert not any(name.startswith("robot") for name in names), "no robot's ROS graph leaves its domain"
        tool = ParameterTool(20.0)
        assert {each.name: each.value for each in tool.read("/link")}["policies.rate"] == 20000.0
        tool.close()
        asked, answered = np.array([[row.asked, row.heard] for row in list(running.log.statuses.values())[first:]]).sum(0)
        assert answered >= 0.9 * asked

        children["link"].process.kill()
        children["link"].process.wait(10)
        running.wait_until(lambda: running.observer.latest.heard == 0, 10, "ticks without reports")
        running.group.children.remove(children["link"])
        running.start("link")
        # From when it listens: processes start as slowly as the machine lets them.
        link = int(running._nodes["link"].parameters["listen"].rpartition(":")[2])
        running.wait_until(lambda: listens(link), START, "the link listening again")
        took = running.wait_until(heard, 30, "reports again")
        assert took < 3.0 + 2 * running.plan.period

        # A robot's link: the robot is missed, and is back once its link dials.
        children["link_0"].process.kill()
        children["link_0"].process.wait(10)
        running.group.children.remove(children["link_0"])
        missed = lambda: running.observer.latest.live == 2  # noqa: E731
        running.wait_until(missed, 20, "a draw without it")
        running.start("link_0")
        acting = lambda: next(reversed(running.log.truths.values())).local_actions.count(None) == 0  # noqa: E731
        running.wait_until(lambda: heard() and acting(), START, "all robots again")
        running.listen(1.0)
        running._executor.remove_node(recorder)
    assert wrong_actions(running.log.record({}, None), load_bundle(policy).pi_l) == 0
    running.close()
    assert main(["replay", str(tmp_path / "bag"), "--policy", str(policy)]) == 0


@pytest.mark.slow
def test_a_standby_takes_over_within_its_lease_and_two_ticks_for_robots_over_links(fleet, policy):
    running = fleet(FleetPlan("warehouse", policy, robots=2, k=2, model="fresh", period=0.5, link="zenoh", standby=True))
    children = running.start()
    heard = lambda: running.observer.latest is not None and running.observer.latest.heard == 2  # noqa: E731
    running.wait_until(heard, START, "reports over the links")
    running.listen(3.0)  # the standby hears the other one
    session = running.observer.latest.session
    decides = lambda name: f"]: session {session}\n" in children[name].log.read_text()  # noqa: E731
    children[next(filter(decides, running.plan.coordinators))].process.kill()
    running.wait_until(lambda: running.observer.latest.session != session and heard(), 30, "the standby taking over")
    rows = list(running.log.statuses.values())
    last = max(row.stamp for row in rows if row.session == session)
    took = min(row.stamp for row in rows if row.session != session and row.heard == 2) - last
    assert took < running.plan.lease + 3 * running.plan.period + 0.5  # the last decision was up to a period before the kill


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Coordinator:
    """A stand-in for the coordinator's machine: ticks in a ROS domain of its own, and its link."""

    def __init__(self, folder, domain, environment):
        self.folder, self.domain, self.environment, self.links = folder, domain, environment, {}
        authority = Authority.create(folder / "keys")
        authority.issue("coordinator", "dispatch", addresses=["127.0.0.1"])
        authority.issue("robot", "robot_7", robot_id=ROBOT)
        authority.issue("operator", "anna")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._stopping = threading.Event()
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self._node = rclpy.create_node("coordinator", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self.stops = []
        self._node.create_subscription(Bool, STOP, lambda message: self.stops.append(message.data), qos.latched_qos())

    def tick(self, stage, game):
        """Tick as the stage does, from here, and let the stage be a robot's machine alone."""
        stage.destroy_publisher(stage.tick_publisher)
        stage.destroy_publisher(stage.policy_publisher)
        stage.ticks = False
        stage.tick_publisher = self._node.create_publisher(FleetTick, "/fleet/tick", qos.tick_qos(lease=LEASE))
        stage.policy_publisher = self._node.create_publisher(LocalPolicy, "/fleet/policy", qos.policy_qos())
        stage.say_policy(game)

        def tick():
            while not self._stopping.wait(0.1):
                self._executor.spin_once(timeout_sec=0.0)
                stage.ticks = True
                stage.say_tick()
                stage.ticks = False

        self._thread = threading.Thread(target=tick)
        self._thread.start()

    def stop_publisher(self):
        return self._node.create_publisher(Bool, STOP, qos.latched_qos())

    def start_link(self, name, domain=None, **parameters):
        """Start the link of a holder, in the coordinator's or the robot's domain unless another one is given."""
        domain = domain or (str(self.domain) if name == "dispatch" else self.environment["ROS_DOMAIN_ID"])
        values = {"keys.folder": str(self.folder / "keys"), "keys.name": name, "lease": LEASE, "diagnostics.period": 0.2}
        settings = [
            each
            for key, value in {**values, **parameters}.items()
            for each in ("-p", f"{key.replace('__', '.')}:={json.dumps(value)}")
        ]
        with (self.folder / f"{name}.log").open("a") as log:
            self.links[name] = subprocess.Popen(
                [str(executable("link")), "--ros-args", *settings],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**self.environment, "ROS_DOMAIN_ID": domain},
            )
        return self.links[name]

    def kill_link(self, name):
        link = self.links.pop(name)
        link.kill()
        link.wait()

    def close(self):
        self._stopping.set()
        self._thread.join()
        for name in list(self.links):
            self.kill_link(name)
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)


@pytest.fixture
def coordinator(tmp_path, scene):
    environment = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch, own_domain(patch) as domain:
        made = Coordinator(tmp_path, domain, environment)
    made.tick(scene.stage, load_game(scene.game_file))
    made.start_link("dispatch", listen=f"127.0.0.1:{made.port}")
    made.start_link("robot_7", connect=f"127.0.0.1:{made.port}", drive_topic="/robot_7/robot/drive")
    yield made
    made.close()


@pytest.mark.slow
def test_a_robot_on_wheels_stops_when_the_link_dies_and_goes_on_within_three_seconds(scene, coordinator):
    scene.start()
    scene.wait_until(lambda: scene.stage.command[0] > 0.4, START, "full speed over the link")
    coordinator.kill_link("dispatch")
    # The lease of the link, and braking from 0.5 m/s by 2 m/s^2; the rest is the load of the machine.
    took = scene.wait_until(lambda: scene.stage.rests, 10, "rest")
    assert took < LEASE + 0.25 + 1.0
    assert any("coordinator" in reason for reason in scene.stage.reasons), scene.stage.reasons
    coordinator.start_link("dispatch", listen=f"127.0.0.1:{coordinator.port}")
    scene.wait_until(lambda: listens(coordinator.port), START, "the link listening again")
    took = scene.wait_until(lambda: scene.stage.command[0] > 0.1, 10, "going on")
    assert took < 3.0 + 0.5

    # The robot's own link is killed: nobody tells the robot, which stops as the link's publisher is gone.
    coordinator.kill_link("robot_7")
    took = scene.wait_until(lambda: scene.stage.rests, 10, "rest without the robot's link")
    assert took < LEASE + 0.25 + 1.0
    coordinator.start_link("robot_7", connect=f"127.0.0.1:{coordinator.port}", drive_topic="/robot_7/robot/drive")
    scene.wait_until(lambda: scene.stage.command[0] > 0.1, START, "going on once its link is back")

    # The emergency stop: from the coordinator's network, and its release.
    presser = coordinator.stop_publisher()
    presser.publish(Bool(data=True))
    scene.wait_until(lambda: scene.stage.rests and "fleet stop" in scene.stage.reasons, 5, "rest by the emergency stop")
    presser.publish(Bool(data=False))
    scene.wait_until(lambda: scene.stage.command[0] > 0.1, 10, "going on after the release")

    # And from the robot's own network: it reaches the coordinator's.
    before = len(coordinator.stops)
    scene.stage.create_publisher(Bool, STOP, qos.latched_qos()).publish(Bool(data=True))
    scene.wait_until(lambda: True in coordinator.stops[before:], 10, "the stop at the coordinator")

    def border():
        status = [s for m in scene.stage.diagnoses for s in m.status if s.name.endswith("link border")]
        return status[-1].message if status else ""

    # Something on the robot's machine speaks as another robot.
    publisher = scene.stage.create_publisher(RobotReport, "/fleet/report", qos.report_qos())

    def told():
        publisher.publish(RobotReport(robot_id=8))
        return "report of robot 8" in border()

    scene.wait_until(told, 10, "the false report in /diagnostics")


@pytest.mark.untimed
def test_a_robot_at_the_other_end_of_a_link_checks_itself(scene, coordinator):
    scene.start()
    scene.wait_until(lambda: scene.stage.command[0] > 0.1, START, "driving over the link")
    with pytest.MonkeyPatch.context() as patch, own_domain(patch) as domain:
        environment = dict(os.environ)
        coordinator.start_link("anna", domain=str(domain), connect=f"127.0.0.1:{coordinator.port}")
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "check", "robot_7", "--timeout", "60", "--json"]
    check = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    scene.wait_until(lambda: check.poll() is not None, START, "the end of altmarl check")
    output, errors = check.communicate()
    found = {each["name"]: each for each in json.loads(output or "[]")}
    assert found["node"]["state"] == "ok", (found, errors)
    # What only the robot's own ROS domain has: its sensors and its driver.
    assert {"pose", "scan", "command"} <= set(found), found
    assert check.returncode == int(any(each["state"] == "failed" for each in found.values()))


@pytest.fixture
def keys(tmp_path):
    authority = Authority.create(tmp_path / "keys")
    authority.issue("coordinator", "dispatch", addresses=["127.0.0.1"])
    authority.issue("robot", "robot_7", robot_id=7)
    return authority.folder


@pytest.fixture
def node():
    context = rclpy.Context()
    rclpy.init(context=context)
    yield rclpy.create_node("coordinators", context=context)
    rclpy.shutdown(context=context)


def happens(condition, timeout):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
def test_a_coordinator_that_ends_is_missed_over_links_though_its_standby_lives(node, start_executable, keys):
    """The standby's writer of ticks is there, and says nothing yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{probe.getsockname()[1]}"
    start_executable("link", **{"keys.folder": str(keys), "keys.name": "dispatch", "listen": endpoint, "lease": LEASE})
    callbacks = FieldCallbacks(lambda *_: None, lambda *_: None, lambda _: None)
    end = FieldEnd("altmarl/fleet", load_credentials(keys, "robot_7"), endpoint, callbacks, store=Store(None), lease=10.0)
    first, standby = (node.create_publisher(FleetTick, "/fleet/tick", qos.tick_qos(lease=LEASE)) for _ in range(2))
    try:
        end.start()

        def heard_of(publisher):
            publisher.publish(FleetTick(session=1))
            time.sleep(0.1)
            return end.heard

        assert happens(lambda: heard_of(first), START)
        node.destroy_publisher(first)
        assert happens(lambda: not end.heard, 5), "its end was not told"
        assert happens(lambda: heard_of(standby), 10), "the standby's ticks did not come"
    finally:
        end.close()


@pytest.mark.untimed
def test_a_link_that_reaches_nobody_goes_on_and_stops_cleanly(start_executable, keys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        process = start_executable("link", **{"keys.folder": str(keys), "keys.name": "robot_7", "connect": where})
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(6.0)
        process.terminate()
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert "Traceback" not in output


@pytest.mark.untimed
@pytest.mark.parametrize(
    ("parameters", "culprit"),
    [
        ({}, "keys.name"),
        ({"keys.name": "robot_8"}, "robot_8.crt"),
        ({"keys.name": "robot_7"}, "needs an endpoint"),
        ({"keys.name": "dispatch", "listen": "tcp/0.0.0.0"}, "tcp/0.0.0.0"),
    ],
)
def test_a_link_that_cannot_work_ends_with_one_line_and_exit_code_2(start_executable, keys, parameters, culprit):
    process = start_executable("link", **{"keys.folder": str(keys), **parameters})
    output, _ = process.communicate(timeout=60)
    (line,) = [line for line in output.splitlines() if line.strip()]
    assert process.returncode == 2, output
    assert culprit in line


@pytest.mark.untimed
def test_the_command_starts_a_link_which_tells_what_is_wrong_with_its_keys(keys):
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "link", "anna", "--connect", "127.0.0.1", "--keys", str(keys)]
    done = subprocess.run([*command, "--domain", os.environ["ROS_DOMAIN_ID"]], capture_output=True, text=True, timeout=START)
    assert done.returncode == 2
    assert f"export ROS_DOMAIN_ID={os.environ['ROS_DOMAIN_ID']}" in done.stderr
    assert "anna.crt" in done.stderr
