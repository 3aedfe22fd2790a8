"""An operator's link between real processes: the unchanged tools find a fleet's nodes in the operator's own ROS domain."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import rclpy
from lifecycle_msgs.srv import GetState
from own_domain import own_domain
from rcl_interfaces.msg import ParameterType
from rclpy.executors import SingleThreadedExecutor
from rosbags.rosbag2 import Reader

from altmarl_ros.cli.runs import bag_recorder
from altmarl_ros.dashboard import FleetView
from altmarl_ros.links import Authority
from altmarl_ros.msg import DriveState, FleetTick, RobotHello
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.tools.bag_log import read_log
from altmarl_ros.nodes.tools.dashboard import DashboardNode
from altmarl_ros.nodes.tools.link_checks import LinkAsker
from altmarl_ros.nodes.tools.operator_client import OperatorNode
from altmarl_ros.nodes.tools.parameter_tool import ParameterTool
from altmarl_ros.resources import executable
from altmarl_ros.srv import OperateRobot

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

WAIT = 120.0  # s that processes may take on a busy machine
ROBOT = "/robot_7/robot"
ALTMARL = (sys.executable, "-m", "altmarl_ros.cli.main", "robot")


class Machine:
    """A node in a ROS domain of its own, spun in a thread, which stands for a coordinator or a robot."""

    def __init__(self, domain, name, namespace="/"):
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node(name, namespace=namespace, context=self._context)
        self.executor = SingleThreadedExecutor(context=self._context)
        self.executor.add_node(self.node)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)

    def start(self):
        self._thread.start()

    def _spin(self):
        while not self._stopping.is_set():
            self.executor.spin_once(timeout_sec=0.05)

    def close(self):
        self._stopping.set()
        self._thread.join()
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)


class Robot(Machine):
    """Says hello, takes an operator's commands, and acts in a tick a second, of which it tells all the time."""

    def __init__(self, domain):
        super().__init__(domain, "robot", "/robot_7")
        self.requests = []
        self.node.declare_parameter("speed", 1.0)
        self.node.create_service(OperateRobot, f"{ROBOT}/operate", self._operate)
        self.node.create_service(GetState, f"{ROBOT}/get_state", lambda _, response: response)
        self._hello = self.node.create_publisher(RobotHello, "/fleet/hello", qos.latched_qos())
        self._hello.publish(RobotHello(robot_id=7, count=1, name=ROBOT))
        self._drive, self._told = self.node.create_publisher(DriveState, f"{ROBOT}/drive", qos.latched_qos()), 0
        self.node.create_timer(0.1, self._tell)

    def _tell(self):
        self._told += 1
        tick = self._told // 10
        self._drive.publish(DriveState(robot_id=7, session=1, tick=tick, local_state=tick % 5, local_action=tick % 3))

    def _operate(self, request, response):
        self.requests.append((request.robot_id, request.command, request.operator_name))
        response.known = response.success = True
        response.message = "held by hand"
        return response


class Coordinator(Machine):
    """Ticks."""

    def __init__(self, domain):
        super().__init__(domain, "coordinator")
        self.node.declare_parameter("sampling.k", 5)
        self._tick = self.node.create_publisher(FleetTick, "/fleet/tick", qos.tick_qos(lease=0.4))
        self.node.create_timer(0.1, lambda: self._tick.publish(FleetTick(session=1)))


class Fleet:
    """A coordinator, a robot and their links; the operator's domain is the test's own."""

    def __init__(self, folder, domains):
        self._folder, self._domains, self._links = folder, domains, {}
        self.authority = Authority.create(folder / "keys")
        self.authority.issue("coordinator", "dispatch", addresses=["127.0.0.1"])
        self.authority.issue("robot", "robot_7", robot_id=7)
        self.authority.issue("operator", "anna")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._endpoint = f"127.0.0.1:{probe.getsockname()[1]}"
        self.coordinator, self.robot = Coordinator(domains["dispatch"]), Robot(domains["robot_7"])
        for machine in (self.coordinator, self.robot):
            machine.start()
        self.start_link("dispatch", "listen")
        self.start_link("robot_7", "connect", drive_topic=f"{ROBOT}/drive")
        self.start_link("anna", "connect")

    def start_link(self, name, side, **options):
        values = {"keys.folder": str(self._folder / "keys"), "keys.name": name, side: self._endpoint, "lease": 2.0, **options}
        settings = [item for key, value in values.items() for item in ("-p", f"{key}:={json.dumps(value)}")]
        with (self._folder / f"{name}.log").open("a") as log:
            self._links[name] = subprocess.Popen(
                [str(executable("link")), "--ros-args", *settings],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "ROS_DOMAIN_ID": str(self._domains[name])},
            )

    def stop_link(self, name):
        link = self._links.pop(name)
        link.terminate()
        assert link.wait(60) == 0, (self._folder / f"{name}.log").read_text()

    def log(self, name):
        return (self._folder / f"{name}.log").read_text()

    def close(self):
        try:
            for name in list(self._links):
                self.stop_link(name)
        finally:
            for link in self._links.values():
                link.kill()
            self.coordinator.close()
            self.robot.close()


@pytest.fixture
def linked(tmp_path, monkeypatch):
    anna = int(os.environ["ROS_DOMAIN_ID"])
    with pytest.MonkeyPatch.context() as patch, own_domain(patch) as dispatch, own_domain(patch) as robot:
        fleet = Fleet(tmp_path, {"anna": anna, "dispatch": dispatch, "robot_7": robot})
    rclpy.init(args=[], domain_id=anna)
    yield fleet
    rclpy.try_shutdown()
    fleet.close()


def part(view, name):
    """What the dashboard shows of one part of its state."""
    with view.lock:
        return view._parts.get(name, (0, {}))[1]


def wait_until(condition, what, timeout=WAIT):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {timeout} s"


def test_the_operators_tools_reach_a_linked_fleet_and_end_with_the_certificate(linked):
    tool = ParameterTool(40.0)
    wait_until(lambda: {"/coordinator", ROBOT} <= set(tool.nodes()), "the nodes of the fleet")
    assert {each.name: each.value for each in tool.read("/coordinator")}["sampling.k"] == 5
    assert tool.change("/coordinator", {"sampling.k": 3}).successful
    assert linked.coordinator.node.get_parameter("sampling.k").value == 3
    refused = tool.change(ROBOT, {"speed": "fast"})
    assert not refused.successful
    named = ("DOUBLE", f"'{ParameterType.PARAMETER_DOUBLE}'")  # by Jazzy, by Kilted
    assert any(name in refused.reason for name in named), refused.reason
    publishers = tool._node.get_publishers_info_by_topic("/fleet/tick")
    assert [info.node_name for info in publishers] == ["coordinator"], "as the dashboard finds coordinators"

    # The operator's commands: the certificate says who gives them.
    operator, executor = OperatorNode("/fleet"), SingleThreadedExecutor()
    executor.add_node(operator)
    wait_until(lambda: executor.spin_once(timeout_sec=0.05) or operator.ready(7), "the service of the robot")
    task = executor.create_task(operator.client.ask(operator.ready(7), OperateRobot.Request(robot_id=7, operator_name="bert")))
    executor.spin_until_future_complete(task, timeout_sec=30)
    assert task.result().message == "held by hand"
    assert linked.robot.requests == [(7, OperateRobot.Request.SEND, "anna/bert")]

    told = subprocess.run([*ALTMARL, "send", "7", "dock", "--as", "carl"], capture_output=True, text=True, timeout=WAIT)
    assert (told.returncode, told.stdout.strip()) == (0, "robot 7 held by hand"), told.stderr
    assert linked.robot.requests[1:] == [(7, OperateRobot.Request.SEND, "anna/carl")]

    # The link is measured from here, and from the robot.
    for node in ("/link", ROBOT):
        (check,) = LinkAsker(f"{node}/netcheck", executor).ask(30.0)
        assert check.state == "ok", check
        assert "30 of 30" in check.detail

    # The dashboard sees the coordinator and its parameters.
    view = FleetView("/fleet")
    dashboard = DashboardNode(view)
    executor.add_node(dashboard)
    wait_until(
        lambda: executor.spin_once(timeout_sec=0.05) or part(view, "parameters").get("/coordinator"), "the parameters", 60
    )
    assert [each["name"] for each in part(view, "coordinators")] == ["/coordinator"]
    wait_until(lambda: executor.spin_once(timeout_sec=0.05) or 7 in view.robots.names, "the robot's name")
    with ThreadPoolExecutor() as pool:
        pressed = pool.submit(lambda: asyncio.run(dashboard.operate(7, "hold", "")))
        wait_until(
            lambda: executor.spin_once(timeout_sec=0.05) or dashboard.work(executor) or pressed.done(),
            "an answer to the button",
        )
    assert pressed.result().successful
    robot_id, command, operator_name = linked.robot.requests[-1]
    assert (robot_id, command) == (7, OperateRobot.Request.HOLD)
    assert operator_name.startswith("anna/dashboard@")
    executor.shutdown()
    for node in (operator, dashboard):
        node.destroy_node()

    linked.authority.revoke("anna")
    wait_until(lambda: not tool.change("/coordinator", {"sampling.k": 3}).successful, "a refusal")
    assert not tool.change("/coordinator", {"sampling.k": 4}).successful
    assert linked.coordinator.node.get_parameter("sampling.k").value == 3
    told = subprocess.run([*ALTMARL, "release", "7"], capture_output=True, text=True, timeout=WAIT)
    assert told.returncode == 1
    assert len(linked.robot.requests) == 3
    tool.close()


def test_an_operator_records_how_robots_act(linked, tmp_path):
    executor = SingleThreadedExecutor()
    with bag_recorder(tmp_path / "bag") as recorder:
        executor.add_node(recorder)
        began = time.monotonic()
        wait_until(lambda: executor.spin_once(timeout_sec=0.05) or recorder.count_publishers(f"{ROBOT}/drive"), "the link")
        end = time.monotonic() + 6.0
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.05)
        executor.remove_node(recorder)
    drives = read_log(tmp_path / "bag", pytest.fail).drives
    assert 4 <= len(drives) <= time.monotonic() - began + 2
    assert all(acted == {7: (tick % 5, tick % 3)} for (_, tick), acted in drives.items())
    with Reader(tmp_path / "bag") as reader:
        counts = {connection.topic: connection.msgcount for connection in reader.connections}
    assert counts[f"{ROBOT}/drive"] == len(drives), "one message of each tick"
    executor.shutdown()
