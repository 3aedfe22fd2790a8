"""Every executable starts and stops cleanly, and refuses bad parameters in one line."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.deployment.shared_memory import FOLDER
from altmarl_ros.resources import executable

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

PARAMETERS = {
    "world": {},
    "robot": {"robot_id": 3},
    "robots": {"count": 3},
    "crowd": {"count": 100},
    "visualization": {"game": "hall"},
    "coordinator": {"tick.period": 0.1},
    "trainer": {},
}
MODULES = {
    "world": "simulators.markov_world",
    "robot": "robot.node",
    "robots": "robot.many",
    "crowd": "simulators.crowd",
    "visualization": "tools.visualization",
    "coordinator": "coordinator.node",
    "trainer": "trainer.node",
}
STOPS = [*((name, signal.SIGTERM) for name in PARAMETERS), ("coordinator", signal.SIGINT), ("robots", signal.SIGINT)]


@pytest.fixture
def refused(capfd):
    """Starts an executable in this process, and checks that it ends with one line, which it returns, and exit code 2."""
    handlers, hook = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}, sys.unraisablehook

    def start(name, parameters):
        settings = [item for key, value in parameters.items() for item in ("-p", f"{key}:={json.dumps(value)}")]
        main = importlib.import_module(f"altmarl_ros.nodes.{MODULES[name]}").main
        assert main(["--ros-args", *settings]) == 2
        printed = capfd.readouterr()
        (line,) = (printed.out + printed.err).strip().splitlines()
        return line

    yield start
    for number, handler in handlers.items():
        signal.signal(number, handler)
    sys.unraisablehook = hook


@pytest.mark.parametrize(("name", "number"), STOPS)
def test_stops_with_exit_code_0_and_no_traceback(start_executable, policy, name, number):
    extra = {"policy.file": str(policy)} if name == "coordinator" else {}
    process = start_executable(name, **PARAMETERS[name], **extra)
    time.sleep(2.0)
    assert process.poll() is None
    process.send_signal(number)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert "Traceback" not in output


@pytest.mark.parametrize("name", ["coordinator", "robots"])
def test_ctrl_c_again_and_again_until_the_end_is_a_clean_stop(start_executable, policy, name):
    extra = {"policy.file": str(policy)} if name == "coordinator" else {}
    process = start_executable(name, **PARAMETERS[name], **extra)
    time.sleep(2.0)
    assert process.poll() is None
    end = time.monotonic() + 10.0
    while process.poll() is None and time.monotonic() < end:
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert "Traceback" not in output


def is_empty(path):
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return False


def test_shared_memory_that_a_killed_process_left_half_made_keeps_no_node_from_starting(start_executable):
    """An empty segment is what is left of a participant that was killed while it made it: without help a node waits in it."""
    first = 7400 + 250 * int(os.environ["ROS_DOMAIN_ID"])  # port of a domain
    names = [f"fast{kind}_port{port}" for kind in ("rtps", "dds") for port in range(first, first + 60)]
    left = [path for path in map(FOLDER.joinpath, names) if not path.exists()]
    told = "removed shared memory that a killed process left half made: fast"
    try:
        for _ in range(5):  # a node of another test that starts at this moment may remove them first
            for path in left:
                path.touch()
                os.utime(path, (0, 0))
            process = start_executable("world")
            end = time.monotonic() + 30.0
            while any(is_empty(path) for path in left) and time.monotonic() < end:
                time.sleep(0.1)
            time.sleep(1.0)  # until it has told
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=10)
            assert process.returncode == 0, output
            if told in output:
                break
        assert told in output
    finally:
        for path in left:
            path.unlink(missing_ok=True)


def catches(process, number):
    """Whether a process has a handler of its own for a signal; before its first lines have run, the system's ends it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return bool(int(re.search(r"^SigCgt:\s*(\w+)", status, re.M)[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("delay", [0.0, 0.25, 0.55])
def test_a_stop_while_starting_is_a_clean_stop(start_executable, delay):
    """The delay counts from the first line of the executable, however long a busy machine takes to load Python itself."""
    process = start_executable("world")
    end = time.monotonic() + 10.0
    while not catches(process, signal.SIGTERM):
        assert time.monotonic() < end
        time.sleep(0.005)
    time.sleep(delay)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=10)
    assert "Traceback" not in output
    assert process.returncode == 0, output


@pytest.mark.parametrize(
    ("name", "parameters", "culprit"),
    [
        ("coordinator", {}, "policy"),
        ("coordinator", {"policy.file": "/nowhere.npz"}, "/nowhere.npz"),
        ("coordinator", {"game": "chess"}, "chess"),
        ("coordinator", {"sampling.k": 7}, "k is 7"),
        ("coordinator", {"tick.period": -1.0}, "tick.period"),
        ("coordinator", {"tick.period": "soon"}, "tick.period"),
        ("coordinator", {"sampling.model": "psychic"}, "psychic"),
        ("world", {"game": "chess"}, "chess"),
        ("world", {"fleet_prefix": "robot_{id}"}, "robot_{id}/truth"),
        ("world", {"world_prefix": "a b"}, "a b/command"),
        ("coordinator", {"fleet_prefix": "/a\nb"}, "/a"),
        ("robot", {"robot_id": -1}, "robot_id"),
        ("robots", {"count": 0}, "count"),
        ("robots", {"use_sim_time": []}, "cannot be declared"),
        ("robots", {"sampling": []}, "cannot be declared"),
        ("crowd", {"game": "chess"}, "chess"),
        ("crowd", {"count": 0}, "count"),
        ("trainer", {"reward.parameters": "{near: 4}"}, "near"),
        ("trainer", {"folder": "/proc/nowhere"}, "folder"),
        ("visualization", {"game": "chess"}, "chess"),
        ("visualization", {"map": "/nowhere.yaml"}, "/nowhere.yaml"),
    ],
)
def test_a_bad_parameter_ends_with_one_line_and_exit_code_2(refused, policy, name, parameters, culprit):
    if name == "coordinator" and culprit not in ("policy", "/nowhere.npz"):
        parameters = {"policy.file": str(policy), **parameters}
    assert culprit in refused(name, parameters)


@pytest.mark.parametrize("name", ["coordinator", "robots"])
def test_the_process_of_an_executable_ends_so_too(start_executable, name):
    process = start_executable(name, **{"tick.period": 0.0, "count": 0})
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2, output
    own = [line for line in output.strip().splitlines() if "left half made" not in line]  # by the test of shared memory above
    assert len(own) == 1, output


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["-p", "a..b:=1"], "a..b"),
        (["-p", "tick.period"], "tick.period"),
        (["-r", "__node:=a/b"], "a/b"),
        (["--params-file", "bad.yaml"], "bad.yaml"),
        (["--params-file", "none.yaml"], "none.yaml"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_what_ros_refuses_at_the_start_is_told_in_one_line(tmp_path, arguments, culprit):
    (tmp_path / "bad.yaml").write_text("world:\n  ros__parameters:\n    se-  9\n")
    done = subprocess.run(
        [executable("world"), "--ros-args", *arguments], capture_output=True, text=True, timeout=30, cwd=tmp_path
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    own = [line for line in done.stderr.splitlines() if line.startswith("error: ROS 2 cannot start: ")]
    assert len(own) == 1
    assert culprit in own[0]


@pytest.mark.parametrize("few", [7, 10, 13])
def test_too_few_open_files_are_told_in_one_line(few):
    """Commands and nodes alike; the middleware itself fails in the middle of its start."""
    for program in ("cli.main", "nodes.simulators.markov_world"):
        arguments = ["tune"] if program == "cli.main" else []
        command = ["bash", "-c", f'ulimit -n {few}; exec "$0" -m altmarl_ros.{program} "$@"', sys.executable, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, done.stderr
        (line,) = done.stderr.strip().splitlines()
        assert f"only {few} files may be open at once" in line
        assert line.endswith("ulimit -n 1024")


def test_a_start_that_takes_long_is_stopped_at_once(start_executable):
    process = start_executable("robots", count=10_000)
    time.sleep(6.0)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)  # so many robots take minutes to start
    assert process.returncode == 0, output
    assert "Traceback" not in output


def test_no_set_of_parameters_ends_a_node(fleet, policy, start_executable):
    """Values beyond a limit that has no other end, names of services that cannot be, texts of any length."""
    running = fleet(FleetPlan("warehouse", policy, robots=2, k=2, period=0.2, processes=1))
    children = running.start("coordinator")
    trainer = start_executable("trainer")
    for node, values in (
        ("coordinator", {"sampling__seed": -1}),
        ("coordinator", {"roster__max_misses": 0}),
        ("coordinator", {"sampling__model": "x" * 100_000}),
        ("coordinator", {"sampling__k": [1, 2]}),
        ("coordinator", {"x" * 300: 1}),
        ("trainer", {"coordinator": "!!timestamp foo"}),
        ("trainer", {"seed": -1}),
        ("trainer", {"reward__parameters": "2020-13-45"}),
        ("trainer", {"game": "\x1b[31m"}),
    ):
        taken, reason = running.set_parameters(node, 30.0, **values)
        assert not taken, values
        assert len(reason) < 500
        assert reason.isprintable()
    assert children["coordinator"].exit_code is None
    assert trainer.poll() is None
