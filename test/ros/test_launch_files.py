"""The launch files under the real launch system; skipped where it is not installed (the wheels lack it)."""

import os
import signal
import subprocess
import sys

import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import save_bundle
from altmarl_ros.resources import install_prefixes, share_directory

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

pytest.importorskip(
    "launch_ros", reason="launch_ros is not installed here: it comes with a ROS installation", exc_type=ImportError
)

SERVICE = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
file, *arguments = sys.argv[1:]
service = LaunchService()
include = IncludeLaunchDescription(PythonLaunchDescriptionSource(file), launch_arguments=[a.split(':=', 1) for a in arguments])
service.include_launch_description(LaunchDescription([include]))
sys.exit(service.run())
"""


def start_launch(folder, file, **arguments):
    """Start a launch file in `folder`; its process and its log."""
    environment = {
        **os.environ,
        "AMENT_PREFIX_PATH": os.pathsep.join(str(prefix) for prefix in install_prefixes()),
        "ROS_LOG_DIR": str(folder),
    }
    with (folder / f"{file}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, str(share_directory() / "launch" / file)]
            + [f"{name}:={value}" for name, value in arguments.items()],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=folder,
        )
    return process, folder / f"{file}.log"


@pytest.fixture
def launch(tmp_path):
    started = []

    def start(file, **arguments):
        started.append(start_launch(tmp_path, file, **arguments))
        return started[-1][0]

    yield start
    for process, log in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(20)
        text = log.read_text()
        assert "Traceback" not in text, text
        assert "process has died" not in text, text
        assert text.count("process has finished cleanly") == text.count("process started with pid"), text


def test_sim_fleet_runs_and_stops_cleanly(launch, fleet, policy):
    running = fleet(FleetPlan("warehouse", policy))
    launch("sim_fleet.launch.py", robots=8, k=3, tick_period=0.1, policy=policy, processes=2)
    running.wait_until(lambda: len(running.log.statuses) >= 20, 40, "twenty ticks")
    assert running.observer.latest.live == 8
    assert running.observer.latest.asked == 3


def test_coordinator_and_robot_launch_files_make_a_fleet(launch, fleet, policy, start_executable):
    running = fleet(FleetPlan("warehouse", policy))
    launch("coordinator.launch.py", policy=policy, k=1, tick_period=0.1)
    launch("robot.launch.py", robot_id=7, namespace="robot_7", game="warehouse")
    start_executable("world")
    running.wait_until(lambda: bool(running.observer.latest and running.observer.latest.heard == 1), 40, "a report")
    assert running.observer.latest.live == 1


def test_a_fleet_file_brings_up_robots_and_coordinator(launch, fleet, tmp_path):
    bundle = save_bundle(
        train(load_game("hall"), TrainingOptions(K=1, runs=20, n=20, certificate_runs=0)), tmp_path / "hall.npz"
    )
    (tmp_path / "fleet.yaml").write_text(
        "game: hall\npolicy: hall.npz\ncoordinator: {sampling.k: 1, tick.period: 0.5, start.timeout: 1.0}\n"
        "robots:\n  robot_0: {id: 0, parameters: {use_sim_time: true, frame_prefix: robot_0/, robot.radius: 0.25,\n"
        "    pose: {source: pose_with_covariance, odometry: odom}}}\n  robot_1: {id: 1, enabled: false}\n"
    )
    running = fleet(FleetPlan("hall", bundle, robots=1, k=1, backend="physical"))
    running.start("physical_world")
    launch("fleet_real.launch.py", fleet=tmp_path / "fleet.yaml")
    running.wait_until(lambda: bool(running.observer.latest and running.observer.latest.heard == 1), 60, "a report")
    assert running.observer.latest.live == 1


def test_one_robot_with_wheels(launch, fleet, tmp_path):
    bundle = save_bundle(
        train(load_game("hall"), TrainingOptions(K=1, runs=20, n=20, certificate_runs=0)), tmp_path / "hall.npz"
    )
    running = fleet(FleetPlan("hall", bundle, robots=1, k=1, period=0.5, backend="physical"))
    running.start("physical_world", "coordinator")
    launch("robot.launch.py", robot_id=0, game="hall", backend="physical")
    running.wait_until(lambda: bool(running.observer.latest and running.observer.latest.heard == 1), 60, "a report")


BAD_ARGUMENTS = [
    ("sim_fleet.launch.py", "crowd", "yes", "must be true or false"),
    ("sim_fleet.launch.py", "robots", "ten", "must be a whole number"),
    ("sim_fleet.launch.py", "backend", "gazebo", "must be one of markov, physical, real"),
    ("sim_fleet.launch.py", "link", "zigbee", "must be one of dds, zenoh"),
    ("coordinator.launch.py", "plant", "real", "must be one of virtual, external"),
    ("robot.launch.py", "silence", "soon", "must be a number"),
    ("fleet_real.launch.py", "coordinator", "no", "must be true or false"),
    ("fleet_real.launch.py", "respawn", "often", "must be true or false"),
]


@pytest.mark.parametrize(("file", "name", "value", "rule"), BAD_ARGUMENTS)
def test_an_argument_that_means_nothing_is_named_and_nothing_starts(tmp_path, file, name, value, rule):
    required = {"coordinator.launch.py": {"policy": "p.npz"}, "fleet_real.launch.py": {"fleet": "f.yaml"}}
    process, log = start_launch(tmp_path, file, **required.get(file, {}), **{name: value})
    assert process.wait(60) == 1
    text = log.read_text()
    assert f"launch argument {name!r} is {value!r}, {rule}" in text
    assert "process started" not in text


def test_a_fleet_whose_coordinator_cannot_start_ends_as_a_whole(tmp_path):
    process, log = start_launch(tmp_path, "sim_fleet.launch.py", robots=4, policy="/nonexistent.npz")
    process.wait(90)
    text = log.read_text()
    assert "/nonexistent.npz: cannot be read" in text
    started = [int(line.split("pid [")[1].split("]")[0]) for line in text.splitlines() if "process started with pid" in line]
    assert len(started) == 4
    assert not any(os.path.exists(f"/proc/{pid}") for pid in started)
