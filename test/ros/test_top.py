"""`altmarl top` and --json beside a running fleet: what it shows, how it ends, and how long it waits."""

import json
import os
import pty
import re
import signal
import subprocess
import sysconfig
import time
from pathlib import Path

import pytest

from altmarl_ros.cli.main import main
from altmarl_ros.deployment.fleet_plan import FleetPlan

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

ALTMARL = str(Path(sysconfig.get_path("scripts")) / "altmarl")
TOP = [ALTMARL, "top"]


def top(*arguments):
    return subprocess.run([*TOP, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_it_shows_a_fleet_until_it_is_told_to_end_or_nothing_comes(fleet, policy):
    running = fleet(FleetPlan("warehouse", policy, robots=6, k=2, period=0.2, processes=1, start_timeout=5.0))
    running.start()
    running.wait_until(lambda: len(running.log.truths) >= 3, 40, "three ticks")
    tells_ticks_as_json_lines(running)
    shows_the_newest_tick_once()
    ends_at_q_and_at_ctrl_c()
    ends_when_the_fleet_falls_silent(running)


def tells_ticks_as_json_lines(running):
    told = top("--json", "--ticks", "4")
    assert told.returncode == 0, told.stderr
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    ticks = [row["tick"] for row in rows]
    assert ticks == list(range(ticks[0], ticks[0] + 4))
    running.listen(0.5)
    for row in rows:
        status, truth = (book[row["session"], row["tick"]] for book in (running.log.statuses, running.log.truths))
        assert row["estimate"] == list(status.estimate)
        assert row["truth"] == pytest.approx(truth.occupancy(5) / 6)
        assert (row["heard"], row["asked"], row["k"], row["robots"]) == (status.heard, status.asked, 2, 6)
        assert (row["game"], row["model"], row["period"], row["role"]) == ("warehouse", "filtered", 0.2, "first")
    record = running.log.record({}, None)
    from altmarl_ros.games import load_game

    rewards = dict(zip(record.tick.tolist(), record.rewards(load_game("warehouse")).tolist(), strict=True))
    assert [row["true_reward"] for row in rows] == pytest.approx([rewards[tick] for tick in ticks])


def shows_the_newest_tick_once():
    shown = top("--once")
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"warehouse tick \d+ every 0.2 s", shown.stdout)
    assert "6 of 6 robots live" in shown.stdout
    assert "zone E" in shown.stdout


def in_a_terminal(end):
    """Run it live in a pseudo-terminal until something is drawn, then end it so; returns the exit code and the output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(TOP, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    output, give_up = b"", time.monotonic() + 40
    try:
        while b"reward" not in output and time.monotonic() < give_up:
            output += os.read(ours, 4096)
        end(process, ours)
        while process.poll() is None and time.monotonic() < give_up:
            try:
                output += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
        return process.wait(10), output.decode(errors="replace")
    finally:
        process.kill()
        os.close(ours)


def ends_at_q_and_at_ctrl_c():
    code, output = in_a_terminal(lambda process, terminal: os.write(terminal, b"q"))
    assert code == 0, output
    code, output = in_a_terminal(lambda process, terminal: process.send_signal(signal.SIGINT))
    assert code == 130, output
    assert "Traceback" not in output


def ends_when_the_fleet_falls_silent(running):
    process = subprocess.Popen([*TOP, "--json", "--timeout", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert json.loads(process.stdout.readline())["robots"] == 6
        running.group.stop()
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1
    assert "no further tick within 2 s" in said


def test_it_says_what_it_waits_for_and_not_for_ever(capfd):
    assert main(["top", "--timeout", "1"]) == 2
    heard = capfd.readouterr()
    assert heard.out == ""
    assert "no tick on /fleet/status within 1 s in ROS domain" in heard.err


def test_a_fleet_tells_what_came_of_it_as_json(policy, tmp_path):
    command = [ALTMARL, "fleet", "-p", str(policy), "-n", "4", "-k", "2", "--json", "--isolated"]
    done = subprocess.run(
        [*command, "--period", "0.1", "--ticks", "10", "--visualization", "--record", "run.npz"],
        capture_output=True,
        text=True,
        timeout=90,
        cwd=tmp_path,
        env={**os.environ, "ROS_HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["robots"], told["ticks"], told["failures"], told["record"]) == (4, 10, {}, "run.npz")
    assert told["asked"] == 2
    assert re.search(r"ROS_DOMAIN_ID=\d+ altmarl top", done.stderr)
