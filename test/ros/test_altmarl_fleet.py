"""`altmarl fleet` ends with what it started, whatever dies meanwhile."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from altmarl_ros.cli.fleet_run import run_fleet
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.records.run_record import RunRecord

pytestmark = [pytest.mark.ros, pytest.mark.untimed]


@pytest.fixture(autouse=True)
def own_data_home(monkeypatch, tmp_path):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def run_and_kill(policy, victim, ticks):
    plan = FleetPlan("warehouse", policy, robots=8, k=3, period=0.1, processes=2, ticks=ticks, start_timeout=5.0)
    started = []

    def kill():
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children_of(os.getpid())}
        started.extend(pid for pid, command in commands.items() if b"__node:=" in command)
        os.kill(next(pid for pid in started if f"__node:={victim}\0".encode() in commands[pid]), signal.SIGKILL)

    threading.Timer(8.0, kill).start()  # after the look for another fleet and the start
    run = run_fleet(plan, load_game("warehouse"), isolated=False)
    assert len(started) == len(plan.nodes())
    assert not any(os.path.exists(f"/proc/{pid}") for pid in started)
    return run


def test_a_dead_robot_process_is_named_and_the_rest_go_on(policy):
    run = run_and_kill(policy, "robots_1", ticks=80)
    assert list(run.failures) == ["robots_1"]
    assert "signal 9" in run.failures["robots_1"]
    assert len(run.log.statuses) >= 80


def test_a_dead_coordinator_ends_the_run(policy):
    run = run_and_kill(policy, "coordinator", ticks=100_000)
    assert list(run.failures) == ["coordinator"]
    assert len(run.log.statuses) < 100_000


def test_a_second_fleet_keeps_out_of_the_domain_of_the_first(policy, fleet, tmp_path):
    running = fleet(FleetPlan("warehouse", policy, robots=4, k=2, period=0.2, processes=1))
    running.start()
    running.wait_until(lambda: running.log.statuses, 30, "the first fleet")
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "fleet", "-p", str(policy), "-n", "4", "-k", "2", "--ticks", "3"]
    options = {"capture_output": True, "text": True, "timeout": 60, "cwd": tmp_path}
    second = subprocess.run(command, **options)
    assert second.returncode == 2
    assert "already: end it, or give --isolated" in second.stderr
    aside = subprocess.run([*command, "--isolated", "--period", "0.1"], **options)
    assert aside.returncode == 0, aside.stderr
    assert {session for session, _ in running.log.statuses} == {min(running.log.statuses)[0]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_stopped_fleet_keeps_its_record_and_leaves_nothing_running(policy, tmp_path, number):
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "fleet", "-p", str(policy), "-n", "6", "-k", "2"]
    log = tmp_path / "fleet.log"
    with log.open("w") as output:
        fleet = subprocess.Popen(
            [*command, "--period", "0.1", "--record", str(tmp_path / "run.npz")],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
        )
    end = time.monotonic() + 90.0
    while "heard" not in log.read_text() and fleet.poll() is None and time.monotonic() < end:
        time.sleep(0.1)  # a line about the ticks comes after 20 of them
    children = children_of(fleet.pid)
    fleet.send_signal(number)
    if number == signal.SIGINT:
        end = time.monotonic() + 10.0
        while fleet.poll() is None and time.monotonic() < end:  # impatient, until it has ended
            fleet.send_signal(number)
            time.sleep(0.1)
    fleet.wait(timeout=60)
    assert fleet.returncode == 0, log.read_text()
    assert "Traceback" not in log.read_text()
    assert len(children) == 4
    assert not any(os.path.exists(f"/proc/{pid}") for pid in children)
    assert len(RunRecord.load(tmp_path / "run.npz").tick) > 0
