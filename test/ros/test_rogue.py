"""What a hostile participant of the domain achieves without DDS-Security (rogue.py): no motion, no exit, no lost roster."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from wrong_actions import wrong_actions

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.policies import load_bundle

pytestmark = pytest.mark.ros  # seconds within which a fleet recovers are bounded

ROGUE = Path(__file__).with_name("rogue.py")
ROBOTS, PERIOD, SECONDS = 8, 0.2, 2.6
HARMLESS = (
    "larger_sessions",
    "one_larger_session",
    "own_session_far_ahead",
    "false_resignations",
    "other_policy_of_the_same_id",
    "goodbyes_of_others",
    "hellos_and_goodbyes_under_their_ids",
    "robots_that_do_not_exist",
    "reports_for_others",
    "parameters_beyond_ceilings",
    "odd_messages",
)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "security.md"


@pytest.fixture
def attack(tmp_path):
    """Lets one rogue try one thing after another, each while a function is called that takes seconds."""
    output = tmp_path / "rogue.log"
    command = [sys.executable, str(ROGUE), "--asked", "--robots", str(ROBOTS)]
    started = []

    def run(name, listen, seconds=SECONDS):
        if not started:
            with output.open("w") as log:
                started.append(
                    subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True)
                )
        (rogue,) = started
        before = len(output.read_text())
        print(name, seconds, file=rogue.stdin, flush=True)
        end = time.monotonic() + seconds + 30.0
        while f"{name}: said {{'" not in output.read_text()[before:]:
            assert rogue.poll() is None, output.read_text()
            assert time.monotonic() < end, output.read_text()
            listen(0.1)

    yield run
    for rogue in started:
        rogue.kill()
        rogue.communicate()


def whole(running, robots=ROBOTS):
    if not running.log.truths or running.observer.latest is None:
        return False
    truth = next(reversed(running.log.truths.values()))
    return sum(action is not None for action in truth.local_actions) == robots and running.observer.latest.live >= robots


def heard_again(running):
    """Whether all robots act, and at least those polls are answered that robots which never answered may not take."""
    return whole(running) and running.observer.latest.heard >= 2  # of the 3


@pytest.mark.alone
def test_nothing_that_it_says_stops_or_misleads_a_fleet(fleet, policy, attack, tmp_path):
    plan = FleetPlan(
        "warehouse",
        policy,
        robots=ROBOTS,
        k=3,
        period=PERIOD,
        processes=2,
        start_timeout=5.0,
        standby=True,
        state_file=str(tmp_path / "state"),
    )
    running = fleet(plan)
    children = running.start()
    running.wait_until(partial(whole, running), 60, "all robots acting")
    session = running.observer.latest.session
    report = {}
    for name in HARMLESS:
        first = max(tick for of, tick in running.log.statuses if of == session)
        attack(name, running.listen)
        seconds = running.wait_until(partial(heard_again, running), 20, f"all robots acting, and enough heard, after {name}")
        running.wait_until(lambda since=first: len(ticks_since(running, session, since)) > 10, 20, f"ten ticks, after {name}")
        report[name] = acted(running, session, first), round(seconds, 1)
        assert [child.exit_code for child in children.values()] == [None] * len(children), name
        assert {of for of, _ in running.log.truths} == {session}, f"{name}: a robot followed it"
    print(report)
    assert all(share > 0.8 for share, _ in report.values()), report
    assert {row.session for row in running.log.statuses.values() if row.session < 2**32 - 1} <= {session, 0}
    record = running.log.record({}, None)
    assert wrong_actions(record, load_bundle(policy).pi_l) == 0
    assert not Path("/tmp/rogue_state").exists(), "a file of a stranger's name was written"


def test_a_fleet_whose_numbers_were_used_up_by_a_forger_has_a_new_session_within_seconds(fleet, policy, attack):
    """What remains possible ends with who does it: the coordinator notices that nobody hears it, and begins again."""
    plan = FleetPlan("warehouse", policy, robots=ROBOTS, k=3, period=PERIOD, processes=2, start_timeout=5.0)
    running = fleet(plan)
    children = running.start()
    running.wait_until(partial(whole, running), 60, "all robots acting")
    session = running.observer.latest.session
    attack("next_ticks_of_the_session", running.listen)
    last = max(tick for _, tick in running.log.statuses)
    seconds = running.wait_until(
        lambda: whole(running) and (running.observer.latest.session != session or running.observer.latest.tick > last + 5),
        30,
        "all robots acting again",
    )
    print(f"all robots act again after {seconds:.1f} s")
    assert [child.exit_code for child in children.values()] == [None] * len(children)


def ticks_since(running, session, first):
    """What robots did in each tick since."""
    return [truth for (of, tick), truth in running.log.truths.items() if of == session and tick > first + 1]


def acted(running, session, first):
    """Share of robots that acted, in the ticks since."""
    truths = ticks_since(running, session, first)
    return round(float(np.mean([action is not None for truth in truths for action in truth.local_actions])), 3)


def test_the_roster_heals_within_seconds_whatever_was_lost(fleet, policy):
    """Robots say hello again as soon as ticks tell that somebody else is counted under their ids."""
    from altmarl_ros.msg import RobotHello
    from altmarl_ros.nodes.common import qos

    plan = FleetPlan("warehouse", policy, robots=4, k=2, period=PERIOD, processes=1, start_timeout=2.0)
    running = fleet(plan)
    running.start()
    running.wait_until(lambda: running.observer.latest and running.observer.latest.live == 4, 40, "the robots")
    hellos = []
    node = running.observer
    node.create_subscription(RobotHello, "/fleet/hello", hellos.append, qos.latched_from_many_qos())
    running.wait_until(lambda: len(hellos) >= 4, 10, "their hellos")
    genuine = hellos[0]
    forged = node.create_publisher(RobotHello, "/fleet/hello", qos.latched_qos(10))
    running.wait_until(lambda: forged.get_subscription_count() >= 2, 10, "the coordinator")
    # Somebody takes over all ids, and could give them back.
    forged.publish(RobotHello(robot_id=0, count=4, name="/rogue"))
    before = len(hellos)
    running.wait_until(
        lambda: {hello.robot_id for hello in hellos[before:] if hello.mark == genuine.mark} == set(range(4)), 15, "new hellos"
    )
    forged.publish(RobotHello(event=RobotHello.LEAVE, robot_id=0, count=4, name="/rogue"))
    running.listen(1.0)
    assert running.observer.latest.live == 4


def test_two_robots_of_one_id_raise_an_alarm_on_both_and_on_the_coordinator(fleet, policy, start_executable):
    from diagnostic_msgs.msg import DiagnosticArray

    plan = FleetPlan("warehouse", policy, robots=4, k=2, period=PERIOD, processes=1, start_timeout=2.0)
    running = fleet(plan)
    running.start()
    running.wait_until(lambda: running.observer.latest and running.observer.latest.live == 4, 40, "the robots")
    found = {}

    def on_diagnostics(message):
        for status in message.status:
            found[status.name] = (ord(status.level), status.message)

    running.observer.create_subscription(DiagnosticArray, "/diagnostics", on_diagnostics, 10)
    second = running.group.start(
        "second", [start_path("robot"), "--ros-args", "-r", "__ns:=/other", "-p", "robot_id:=2", "-p", "game:=warehouse"]
    )
    alarms = ("/coordinator: robot ids", "/robots_0: robots", "/other/robot: robots")
    running.wait_until(lambda: all(found.get(name, (0, ""))[0] == 2 for name in alarms), 40, "the alarms")
    assert "used by two robots: 2 by" in found[alarms[0]][1]
    assert all("another robot uses the id 2" in found[name][1] for name in alarms[1:])
    logs = {child.name: child.log.read_text() for child in running.group.children}
    assert "robot id 2 is used by two robots" in logs["coordinator"]
    assert "another robot uses the id 2 too" in logs["second"]
    second.process.terminate()
    second.process.wait(20)
    running.listen(2.0)
    assert running.observer.latest.live == 4, "the goodbye of one removed the other"


def start_path(name):
    from altmarl_ros.resources import executable

    return str(executable(name))


def test_no_motion_beyond_the_limits_and_no_stop_released(scene, attack):
    """A robot that drives: parameters, life cycle, forged ticks, and releases of both emergency stops."""
    from std_msgs.msg import Bool
    from std_srvs.srv import SetBool

    from altmarl_ros.nodes.common import qos
    from stage import BRAKING, LAG, ROBOT, SPEED

    stage = scene.stage

    def listen(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            scene.executor.spin_once(timeout_sec=0.01)

    process = scene.start()
    scene.until_full_speed()
    for name in ("parameters_beyond_ceilings", "larger_sessions", "other_policy_of_the_same_id"):
        stage.x = 1.0
        attack(name, listen, 2.0)
    assert max(abs(forward) for forward, _, _ in stage.commands) <= SPEED + 1e-6
    press = stage.create_publisher(Bool, "/fleet/emergency_stop", qos.latched_qos())
    scene.wait_until(lambda: press.get_subscription_count() >= 2, 10, "the robot's ears")
    for what in ("fleet", "robot"):
        stage.x = 1.0
        scene.until_full_speed()
        if what == "fleet":
            press.publish(Bool(data=True))
        else:
            assert scene.call(SetBool, "emergency_stop", SetBool.Request(data=True)).success
        scene.wait_until(lambda: stage.rests, SPEED / BRAKING + LAG, f"the stop of the {what}")
        for name in ("release_of_the_emergency_stop", "life_cycle_of_robots"):
            begin, count = stage.x, len(stage.commands)
            attack(name, listen, 2.0)
            assert not any(any(command) for command in stage.commands[count:]), f"{name} released the stop of the {what}"
            assert stage.x == pytest.approx(begin, abs=0.01)
        release(scene, what, press)
    assert process.poll() is None
    assert ROBOT < ROBOTS


def release(scene, what, press):
    """Release a stop as its presser does, with the second word where others could have spoken."""
    from lifecycle_msgs.msg import Transition
    from std_msgs.msg import Bool, String
    from std_srvs.srv import SetBool, Trigger

    from altmarl_ros.nodes.common import qos

    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        scene.change_state(transition)  # wherever the rogue left it
    if what == "robot":
        assert not scene.call(SetBool, "emergency_stop", SetBool.Request(data=False)).success
        assert scene.call(Trigger, "release", Trigger.Request()).success
        return
    press.publish(Bool(data=False))
    word = scene.stage.create_publisher(String, "/fleet/emergency_stop_release", qos.report_qos())
    scene.wait_until(lambda: word.get_subscription_count() >= 1, 10, "the second word's topic")

    def released():
        word.publish(String(data="/stage"))  # again and again, since the topic is best effort
        return "emergency stop of the fleet released" in scene.log()

    scene.wait_until(released, 10, "the release")


def test_the_table_of_the_documentation_is_the_one_that_was_tried():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.run([sys.executable, str(ROGUE), "--list"], capture_output=True, text=True, timeout=60, env=environment)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() in DOCS.read_text()
    rows = [line for line in run.stdout.splitlines() if line.startswith("| ")]
    assert len(rows) > len(HARMLESS)
