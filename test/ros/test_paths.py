"""Paths in parameters that anyone may set: files stay as they are, and ticks and SIGTERM go on whatever is named."""

import os
import shutil
import signal
import time

import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from altmarl_ros.deployment.fleet_plan import FleetPlan

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

PERIOD = 0.1


@pytest.fixture
def running(fleet, policy, tmp_path, monkeypatch):
    """A fleet that ticks, whose policy is in a folder of its own."""
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "home"))
    (tmp_path / "policies").mkdir()
    path = shutil.copy(policy, tmp_path / "policies" / "a.npz")
    running = fleet(FleetPlan("warehouse", path, robots=4, k=2, period=PERIOD, processes=1))
    running.children = running.start()
    running.wait_until(lambda: len(running.log.statuses) > 5, 40, "some ticks")
    return running


def set_one(running, node, name, value):
    """What `ros2 param set` does."""
    client = running.observer.create_client(SetParameters, f"/{node}/set_parameters")
    running.wait_until(client.service_is_ready, 10, "the parameter service")
    future = client.call_async(SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()]))
    running.wait_until(future.done, 20, "the answer of the parameter service")
    (result,) = future.result().results
    return result.successful, result.reason


def ticks_go_on(running):
    before = len(running.log.statuses)
    running.wait_until(lambda: len(running.log.statuses) > before + 5, 20, "more ticks")


def ends_by_sigterm(child):
    child.process.send_signal(signal.SIGTERM)
    return child.process.wait(10)


def test_paths_outside_and_pipes_are_refused_while_ticks_go_on(running, tmp_path, policy):
    letters = tmp_path / "letters.txt"
    letters.write_text("mine")
    os.mkfifo(tmp_path / "policies" / "pipe.npz")
    (tmp_path / "policies" / "link.npz").symlink_to(policy)
    for path, rule in (
        (tmp_path / "policies" / "pipe.npz", "must be a regular file"),
        (tmp_path / "policies" / "link.npz", "must be in"),
        (policy, "must be in"),
        (letters, "must be in"),
        ("/dev/zero", "must be in"),
        ("/proc/self/mem", "must be in"),
        (tmp_path / "policies" / ".." / "letters.txt", "must be in"),
        (tmp_path / "policies" / "none.npz", "No such file"),
        ("\x1b[31m/a\n", "must be printable"),
    ):
        for ask in (
            lambda value: set_one(running, "coordinator", "policy.file", value),
            lambda value: running.set_parameters("coordinator", policy__file=value),
        ):
            taken, reason = ask(str(path))
            assert not taken, path
            assert rule in reason, reason
            assert reason.isprintable()
    ticks_go_on(running)
    shutil.copy(policy, tmp_path / "policies" / "b.npz")
    assert set_one(running, "coordinator", "policy.file", str(tmp_path / "policies" / "b.npz")) == (True, "")
    ticks_go_on(running)
    assert letters.read_text() == "mine"
    assert ends_by_sigterm(running.children["coordinator"]) == 0


def test_a_disk_that_hangs_stops_neither_ticks_nor_sigterm(running, tmp_path):
    """A file of a gibibyte of zeros takes the reader long, as a slow disk would."""
    big = tmp_path / "policies" / "big.npz"
    with big.open("wb") as file:
        file.truncate(1 << 30)
    client = running.observer.create_client(SetParameters, "/coordinator/set_parameters")
    running.wait_until(client.service_is_ready, 10, "the parameter service")
    request = SetParameters.Request(parameters=[Parameter("policy.file", value=str(big)).to_parameter_msg()])
    futures = [client.call_async(request) for _ in range(2)]
    before = len(running.log.statuses)
    running.wait_until(lambda: all(future.done() for future in futures), 40, "answers")
    reasons = sorted(future.result().results[0].reason for future in futures)
    assert any("files are being read for an earlier request" in reason for reason in reasons)
    assert any("big.npz" in reason or "not read within" in reason for reason in reasons)
    ticks_go_on(running)
    assert len(running.log.statuses) > before
    client.call_async(request)
    running.listen(0.3)
    assert ends_by_sigterm(running.children["coordinator"]) == 0


def test_a_stranger_overwrites_no_file_by_the_state_file(running, tmp_path):
    from lifecycle_msgs.srv import ChangeState

    letters, beside = tmp_path / "letters.txt", tmp_path / "policies" / "notes.txt"
    for file in (letters, beside):
        file.write_text("mine")
    os.mkfifo(tmp_path / "policies" / "pipe")
    states = running.observer.create_client(ChangeState, "/coordinator/change_state")
    running.wait_until(states.service_is_ready, 10, "the lifecycle service")

    def change(*labels):
        for label in labels:
            request = ChangeState.Request()
            request.transition.label = label
            future = states.call_async(request)
            running.wait_until(future.done, 20, label)
            assert future.result().success, label

    change("deactivate", "cleanup")
    for path, rule in (
        (letters, "must be in"),
        (tmp_path / "new", "must be in"),
        (tmp_path / "policies" / "pipe", "regular"),
    ):
        taken, reason = running.set_parameters("coordinator", state_file=str(path))
        assert not taken
        assert rule in reason
    taken, reason = running.set_parameters("coordinator", game=str(letters))
    assert not taken
    assert "must be in" in reason
    for path in (beside, tmp_path / "policies" / "a.npz"):
        before = path.read_bytes()
        assert running.set_parameters("coordinator", state_file=str(path))[0]
        change("configure", "activate")
        ticks_go_on(running)
        change("deactivate", "cleanup")
        assert path.read_bytes() == before
    state = tmp_path / "policies" / "state.json"
    assert running.set_parameters("coordinator", state_file=str(state))[0]
    change("configure", "activate")
    ticks_go_on(running)
    change("deactivate", "cleanup")
    assert "game_hash" in state.read_text()
    assert not (tmp_path / "new").exists()
    assert letters.read_text() == "mine"


def test_a_pipe_given_at_the_start_is_refused_at_once(start_executable, policy, tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    os.mkfifo(tmp_path / "pipe.yaml")
    began = time.monotonic()
    for parameters in ({"policy.file": str(tmp_path / "pipe.npz")}, {"game": str(tmp_path / "pipe.yaml")}):
        process = start_executable("coordinator", **{"policy.file": str(policy), **parameters})
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 2
        assert "is not a regular file" in output
    process = start_executable("coordinator", **{"policy.file": str(policy), "state_file": str(tmp_path / "pipe.npz")})
    time.sleep(8.0)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=15)
    assert process.returncode == 0
    assert "overwrites checkpoints only" in output
    assert (tmp_path / "pipe.npz").is_fifo()
    assert time.monotonic() - began < 60.0
