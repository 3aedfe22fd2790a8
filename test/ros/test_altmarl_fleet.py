"""`altmarl fleet` ends with what it started, whatever dies meanwhile."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.request import urlopen

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
    children = running.start()
    running.wait_until(lambda: running.log.statuses, 30, "the first fleet")
    session = running.observer.latest.session
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "fleet", "-p", str(policy), "-n", "4", "-k", "2", "--ticks", "3"]
    options = {"capture_output": True, "text": True, "timeout": 60, "cwd": tmp_path}
    second = subprocess.run(command, **options)
    assert second.returncode == 2
    said, host = " ".join(second.stderr.split()), f"{socket.gethostname()}:{children['coordinator'].process.pid}"
    assert f"coordinator /coordinator on {host}, session {session}, has the prefix /fleet in ROS domain" in said
    assert "already: end it, or give --fleet-prefix or --isolated" in said
    for apart in (["--isolated"], ["--fleet-prefix", "/fleet_2"]):
        aside = subprocess.run([*command, *apart, "--period", "0.1"], **options)
        assert aside.returncode == 0, aside.stderr
    before = running.observer.latest.tick
    running.wait_until(lambda: running.observer.latest.tick > before + 5, 10, "the first fleet going on")
    assert {heard for heard, _ in running.log.statuses} == {session}
    assert running.observer.latest.live == 4, "the robots of the other fleet are not on the roster"


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


def test_a_fleet_that_is_killed_leaves_nothing_running(policy, tmp_path):
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "fleet", "-p", str(policy), "-n", "6", "-k", "2", "--isolated"]
    with (tmp_path / "fleet.log").open("w") as output:
        fleet = subprocess.Popen([*command, "--period", "0.1"], stdout=output, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        wait_for(lambda: len(children_of(fleet.pid)) == 4, 60, "four processes")
        children = children_of(fleet.pid)
        wait_for(lambda: "heard" in (tmp_path / "fleet.log").read_text(), 60, "ticks")
    finally:
        fleet.kill()
        fleet.wait()
    wait_for(lambda: not any(runs(pid) for pid in children), 15, "the end of all processes")


def runs(pid):
    """Whether a process runs, and is not only waiting to be reaped by whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} not within {seconds} s"
        time.sleep(0.1)


def test_a_fleet_can_be_watched_while_it_runs_and_leaves_no_dashboard(policy, tmp_path):
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "fleet", "-p", str(policy), "-n", "4", "-k", "2", "--isolated"]
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    options = {"stdout": subprocess.PIPE, "text": True, "cwd": tmp_path, "env": environment}
    with subprocess.Popen([*command, "--ticks", "100000", "--period", "0.1", "--dashboard"], **options) as running:
        try:
            line = next(line for line in running.stdout if "watch it:" in line)
            with urlopen(line.split()[-1], timeout=20) as page:
                assert b"altmarl dashboard" in page.read()
            started = children_of(running.pid)
        finally:
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=60)
    assert running.returncode == 0
    assert len(started) >= 4
    assert not any(os.path.exists(f"/proc/{pid}") for pid in started)
