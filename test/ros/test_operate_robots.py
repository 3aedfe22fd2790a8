"""Single robots of a fleet over DDS in an operator's hand, by the commands of docs/how-to/operate-robots.md."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.msg import DriveState, FleetConfiguration
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.policies import save_bundle
from altmarl_ros.protocol.operated import Control
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.records.replay import redecide

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

ROBOTS, PERIOD, WAIT = 4, 3.0, 120.0
PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "operate-robots.md"
COMMANDS = [
    shlex.split(line.partition("#")[0]) for line in re.findall(r"^altmarl robot .*$", PAGE.read_text(), flags=re.MULTILINE)
]
SEND, HOLD, RELEASE_HELD, RELEASE_SENT, REMOVE, RETURN = COMMANDS


def run(command, *further):
    """The exit code and all output of an `altmarl` command, while the fleet goes on."""
    done = subprocess.run(
        [sys.executable, "-m", "altmarl_ros.cli.main", *command[1:], *further], capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def bundle():
    return train(load_game("hall"), TrainingOptions(K=2, runs=4, n=ROBOTS, rounds=1, certificate_runs=0))


@pytest.fixture
def running(fleet, bundle, tmp_path):
    """A fleet on a simulated floor; `drives` is what each robot's drive said last, `configurations` what sessions decide by."""
    plan = FleetPlan(
        "hall", save_bundle(bundle, tmp_path / "hall.npz"), ROBOTS, 2, period=PERIOD, processes=1, backend="physical"
    )
    running = fleet(plan)
    running.drives, running.configurations = {}, []
    make = running.observer.create_subscription
    for robot_id in range(ROBOTS):
        make(DriveState, f"/robot_{robot_id}/robot/drive", lambda m: running.drives.update({m.robot_id: m}), qos.latched_qos())
    make(
        FleetConfiguration,
        "/fleet/configuration",
        lambda m: running.configurations.append(conversions.configuration_from_message(m)),
        qos.account_qos(),
    )
    running.children = running.start()
    running.wait_until(lambda: (running.observer.latest or 0) and running.observer.latest.live == ROBOTS, WAIT, "the start")
    running.wait_until(lambda: len(running.drives) == ROBOTS, WAIT, "the drives")
    return running


def hands(running):
    return {robot_id: (Control(control), name) for robot_id, control, name in running.observer.latest.operated}


def wait_for(running, live, *operated):
    """The fleet's status says so many are live, and so many are operated."""
    running.wait_until(
        lambda: running.observer.latest.live == live and set(hands(running)) == set(operated),
        WAIT,
        f"{live} robots in the draw",
    )
    return running.observer.latest.session, running.observer.latest.tick


def test_send_hold_release_remove_and_return(running, bundle):
    names = load_floor_map("hall").plan.names
    target = names.index(SEND[4])

    code, said = run(SEND)
    assert (code, f"robot 2 drives to {SEND[4]}" in said) == (0, True), said
    since = wait_for(running, 3, 2)
    assert hands(running)[2] == (Control.SENT, "anna")
    running.wait_until(
        lambda: (running.drives[2].goal_zone, running.drives[2].local_action) == (target, DriveState.UNKNOWN), WAIT, "its goal"
    )

    code, said = run(HOLD, "--as", "bob")
    assert (code, "robot 1 held by bob" in said) == (0, True), said
    wait_for(running, 2, 1, 2)
    running.wait_until(
        lambda: Reason.HELD.value in running.drives[1].reasons and running.drives[1].velocity_x == 0.0, WAIT, "rest"
    )

    running.children["coordinator"].process.kill()  # its successor hears of them by their last hellos
    running.children["coordinator"].process.wait()
    session = running.observer.latest.session
    running.start("coordinator")
    running.wait_until(lambda: running.observer.latest.session != session, WAIT, "another session")
    wait_for(running, 2, 1, 2)
    running.wait_until(lambda: running.drives[2].zone == target and running.drives[2].arrived, WAIT, "arrival")

    for command in (RELEASE_HELD, RELEASE_SENT):
        assert run(command)[0] == 0
    until = wait_for(running, 4)
    before = [row for key, row in running.log.statuses.items() if since < key < until and row.operated]
    assert before
    for row in before:
        assert not {robot_id for robot_id, _ in row.answers} & {robot_id for robot_id, _, _ in row.operated}
    returned = [state for row in running.log.statuses.values() for state in row.returned]
    assert len(returned) == 2
    assert target in returned

    assert run(REMOVE)[0] == 0
    running.wait_until(lambda: Reason.NOT_ACTIVE.value in running.drives[3].reasons, WAIT, "leaving")
    wait_for(running, 3, 3)
    assert hands(running)[3][0] is Control.REMOVED
    code, said = run([*SEND[:3], "3", *SEND[4:]])
    assert (code, "return it to the fleet first" in said) == (1, True), said
    assert run(RETURN)[0] == 0
    wait_for(running, 4)

    replayed = decided_again(running, bundle)
    assert len(replayed) >= 5
    assert all(each.equal for each in replayed)


def decided_again(running, bundle):
    """All ticks of both sessions, decided from the log."""
    replayed = []
    for session in {session for session, _ in running.log.statuses}:
        configurations = [each for each in running.configurations if each.session == session]
        rows = [row for key, row in sorted(running.log.statuses.items()) if key[0] == session]
        settings = {each.tick: DecisionSettings.from_parameters(each.parameters) for each in configurations}
        handover = configurations[0].handover
        replayed += redecide(rows, load_game("hall"), settings, {bundle.policy_id: bundle}, handover=handover)
    return replayed


def test_a_robot_is_operated_without_a_coordinator_and_in_a_world_without_a_floor(start_executable):
    start_executable("robot", robot_id=5, game="warehouse")
    code, said = run(["altmarl", "robot", "hold", "5"])
    assert (code, "robot 5 held by" in said) == (0, True), said
    for words, expected, text in (
        (["send", "5", "1"], 1, "no floor to drive on"),
        (["remove", "5"], 0, "leaves the fleet"),
        (["hold", "7", "--timeout", "2"], 1, "those that did are 5"),
        (["hold", "-1"], 2, "-1"),
        (["hold", "5", "--as", "\n"], 2, "printable"),
    ):
        code, said = run(["altmarl", "robot", *words])
        assert (code, text in said) == (expected, True), said
