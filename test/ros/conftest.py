"""Real fleets for tests: separate processes over real DDS, each test in its own domain on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from own_domain import own_domain

from altmarl_ros.cli.processes import Child, ProcessGroup, command
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.deployment.link_plan import fleet_processes
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import save_bundle
from altmarl_ros.records.run_record import RunRecord
from altmarl_ros.resources import executable


@pytest.fixture(autouse=True)
def domain(monkeypatch):
    """A ROS domain of the test's own, on loopback."""
    with own_domain(monkeypatch):
        yield


@pytest.fixture(scope="session")
def policy(tmp_path_factory) -> Path:
    """A bundle of the warehouse with rungs 0..6, whose rewards vary little from run to run."""
    options = TrainingOptions(K=6, runs=100, n=200, learn_for="fresh", certificate_runs=0)
    bundle = train(load_game("warehouse"), options)
    return save_bundle(bundle, tmp_path_factory.mktemp("policy") / "warehouse.npz")


class RunningFleet:
    """The processes of a plan and an observer, with bounded waits."""

    def __init__(self, plan: FleetPlan, folder: Path, remote=None):
        """`remote` is an observer in another process that is also its own executor."""
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        from altmarl_ros.nodes.tools.run_logger import RunLogger

        self.plan = plan
        self._nodes = None  # made once, since links have keys and a port
        self._closed = False
        self.group = ProcessGroup(folder, os.environ)
        if remote is not None:
            self.observer = self._executor = remote
            return
        self._rclpy = rclpy
        rclpy.init(args=[])
        self.observer = RunLogger()
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.observer)

    @property
    def log(self):
        return self.observer.log

    def start(self, *names: str) -> dict[str, Child]:
        """Start all processes of the plan, or those named, in the order given."""
        if self._nodes is None:
            self._nodes = {node.name: node for node in fleet_processes(self.plan, self.group.folder)}
        chosen = [self._nodes[name] for name in names or self._nodes]
        return {node.name: self.group.start(node.name, command(node), node.environment) for node in chosen}

    def wait_until(self, condition, timeout: float, what: str) -> float:
        """Listen until the condition holds; the seconds it took."""
        began = time.monotonic()
        while not condition():
            self._executor.spin_once(timeout_sec=0.02)
            if time.monotonic() - began > timeout:
                logs = {child.name: child.log.read_text()[-500:] for child in self.group.children}
                pytest.fail(f"{what} did not happen within {timeout} s; last status {self.observer.latest}; logs {logs}")
        return time.monotonic() - began

    def listen(self, seconds: float) -> None:
        """Hear what is said for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)

    def set_parameters(self, node: str, timeout: float = 10.0, **values) -> tuple[bool, str]:
        """What `ros2 param set` does, all at once; (successful, reason). `__` stands for a dot."""
        from rcl_interfaces.srv import SetParametersAtomically
        from rclpy.parameter import Parameter

        client = self.observer.create_client(SetParametersAtomically, f"/{node}/set_parameters_atomically")
        self.wait_until(client.service_is_ready, timeout, "the parameter service")
        request = SetParametersAtomically.Request()
        request.parameters = [Parameter(name.replace("__", "."), value=v).to_parameter_msg() for name, v in values.items()]
        future = client.call_async(request)
        self.wait_until(future.done, timeout, "the answer of the parameter service")
        result = future.result().result
        return result.successful, result.reason

    def record(self, ticks: int) -> RunRecord:
        return self.log.record({"k": self.plan.k}, ticks)

    def close(self) -> None:
        """Stop all processes; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        self.group.stop()
        self._executor.shutdown()
        if self.observer is not self._executor:
            self.observer.destroy_node()
            self._rclpy.try_shutdown()


@pytest.fixture(scope="session")
def running_fleet() -> type[RunningFleet]:
    """The class, for fixtures that outlive a test."""
    return RunningFleet


@pytest.fixture
def fleet(tmp_path):
    """Factory of running fleets that are stopped after the test."""
    fleets = []

    def make(plan: FleetPlan, remote=None) -> RunningFleet:
        fleets.append(RunningFleet(plan, tmp_path / f"logs_{len(fleets)}", remote))
        return fleets[-1]

    yield make
    for running in fleets:
        running.close()


@pytest.fixture
def start_executable(tmp_path):
    """Start an installed executable with ROS parameters; all are ended after the test."""
    started = []

    def start(name: str, **parameters) -> subprocess.Popen:
        settings = [item for key, value in parameters.items() for item in ("-p", f"{key}:={json.dumps(value)}")]
        ros_arguments = ["--ros-args", *settings] if settings else []
        process = subprocess.Popen(
            [str(executable(name)), *ros_arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.fixture
def recorder(tmp_path):
    """Starts `altmarl record`; all are ended after the test."""
    started = []

    def start(bag):
        command = [sys.executable, "-m", "altmarl_ros.cli.main", "record", str(bag)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path)
        started.append(process)
        end = time.monotonic() + 30
        while not (bag / "metadata.yaml").exists() and time.monotonic() < end:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.05)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def same_start():
    """Fleets that begin like the first tick of a record."""
    from altmarl_ros.learning.populations.population import Fleets

    def make(record: RunRecord, n_local_states: int, runs: int) -> Fleets:
        counts = record.occupancy(n_local_states)[0]
        return Fleets(np.full(runs, record.global_state[0]), np.tile(counts, (runs, 1)))

    return make


@pytest.fixture
def scene(tmp_path):
    """A stage for robots that drive."""
    from stage import Scene

    scene = Scene(tmp_path)
    yield scene
    scene.close()
