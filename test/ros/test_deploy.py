"""From a fleet file to robots that drive: `altmarl deploy` and `altmarl check`; a simulated floor stands in for the drivers."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import save_bundle

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

ALTMARL = str(Path(sys.executable).with_name("altmarl"))
FLEET = """
game: hall
policy: hall.npz
coordinator: {sampling.k: 1, tick.period: 6.0, start.timeout: 1.0, use_sim_time: true}
types:
  simulated:
    parameters:
      use_sim_time: true
      autostart: false
      frame_prefix: "{name}/"
      robot.radius: 0.25
      pose: {source: pose_with_covariance, odometry: odom}
robots:
  robot_0: {id: 0, type: simulated}
  robot_1: {id: 1, type: simulated, enabled: false}
"""


@pytest.fixture
def site(tmp_path):
    save_bundle(train(load_game("hall"), TrainingOptions(K=1, runs=20, n=20, certificate_runs=0)), tmp_path / "hall.npz")
    (tmp_path / "fleet.yaml").write_text(FLEET)
    return tmp_path


@pytest.fixture
def operator():
    """A node that asks, commands and listens."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    rclpy.init(args=[])
    node = rclpy.create_node("operator")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    node.until = lambda done, timeout, what: until(executor, done, timeout, what)
    yield node
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()


def until(executor, done, timeout, what):
    end = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < end, f"{what} not within {timeout} s"
        executor.spin_once(timeout_sec=0.02)


def transition(operator, number):
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    client = operator.create_client(ChangeState, "/robot_0/robot/change_state")
    operator.until(client.service_is_ready, 30, "the life cycle's service")
    future = client.call_async(ChangeState.Request(transition=Transition(id=number)))
    operator.until(future.done, 60, "the transition")
    assert future.result().success


def check(site, *arguments):
    """Exit code and checks by name."""
    run = subprocess.run(
        [ALTMARL, "check", "robot_0", "--json", *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        cwd=site,
    )
    assert run.stdout, run.stderr
    return run.returncode, {entry["name"]: entry for entry in json.loads(run.stdout)}


@contextmanager
def deployed(site, *arguments):
    """The fleet of the file, until it is told to stop."""
    line = [ALTMARL, "deploy", "fleet.yaml", *arguments]
    with (site / "deploy.log").open("w") as log:
        process = subprocess.Popen(line, cwd=site, stdout=log, stderr=log, env={**os.environ, "ROS_HOME": str(site)})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, (site / "deploy.log").read_text()


def test_a_robot_is_checked_at_every_step_until_it_drives(site, operator, start_executable):
    from geometry_msgs.msg import Twist
    from lifecycle_msgs.msg import Transition

    from altmarl_ros.msg import DriveState
    from altmarl_ros.nodes.common import qos

    code, checks = check(site, "--timeout", "0.5")
    assert (code, list(checks)) == (1, ["node"])

    start_executable("physical_world", game="hall", count=1)
    operator.until(lambda: operator.count_publishers("/robot_0/odom"), 90, "the simulated floor")
    with deployed(site):
        code, checks = check(site, "--timeout", "30")
        assert (code, checks["node"]["state"]) == (1, "failed")
        assert "unconfigured" in checks["node"]["detail"]

        transition(operator, Transition.TRANSITION_CONFIGURE)
        code, checks = check(site, "--fleet", "fleet.yaml")
        assert [name for name, entry in checks.items() if entry["state"] == "failed"] == [], checks
        assert code == 0
        assert checks["robot"]["state"] == "warning"  # it says nothing yet
        assert checks["settings"]["detail"].startswith("cmd_vel, differential base of radius 0.25 m, at most 0.5 m/s")

        states = []
        operator.create_subscription(DriveState, "/robot_0/robot/drive", states.append, qos.latched_qos())
        transition(operator, Transition.TRANSITION_ACTIVATE)
        operator.until(lambda: states and states[-1].session > 0, 40, "an action")
        code, checks = check(site, "--fleet", "fleet.yaml")
        assert (code, {entry["state"] for entry in checks.values()}) == (0, {"ok"}), checks

        joystick = operator.create_publisher(Twist, "/robot_0/cmd_vel", 1)
        (site / "fleet.yaml").write_text(FLEET.replace("robot.radius: 0.25", "robot.radius: 0.3"))
        code, checks = check(site, "--fleet", "fleet.yaml")
        assert code == 1
        assert {name for name, entry in checks.items() if entry["state"] == "failed"} == {"settings", "command"}
        assert "robot.radius is 0.25, in the file 0.3" in checks["settings"]["detail"]
        assert "/operator" in checks["command"]["detail"]
        operator.destroy_publisher(joystick)


def test_what_is_wrong_with_a_fleet_is_said_before_anything_starts(site):
    def deploy(*arguments):
        return subprocess.run(
            [ALTMARL, "deploy", "fleet.yaml", *arguments], capture_output=True, text=True, timeout=60, cwd=site
        )

    dry = deploy("--dry-run", "--only", "robot_0")
    assert dry.returncode == 0
    assert [line.partition(":")[0] for line in dry.stdout.splitlines()] == ["robot_0", "coordinator"]
    told = json.loads(deploy("--dry-run", "--json").stdout)
    assert [(plan["process"], plan["executable"]) for plan in told] == [("robot_0", "robot"), ("coordinator", "coordinator")]
    for arguments, named in ((["--only", "robot_1"], "'robot_1' is not enabled"), (["--only", "x"], "no robot 'x'")):
        refused = deploy(*arguments)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert named in refused.stderr
    (site / "fleet.yaml").write_text(FLEET.replace("frame_prefix", "frames_prefix"))
    refused = deploy()
    assert refused.returncode == 2
    assert "there is no parameter 'frames_prefix'; is 'frame_prefix' meant?" in refused.stderr


def test_robots_run_unchanged_on_a_recorded_bag_of_odometry(site, operator):
    """The drivers are a bag, played with its clock as `ros2 bag play --clock` does."""
    from nav_msgs.msg import Odometry
    from rclpy.serialization import deserialize_message, serialize_message
    from rosgraph_msgs.msg import Clock

    from altmarl_ros.games import load_floor_map
    from altmarl_ros.msg import RobotReport
    from altmarl_ros.nodes.common import qos
    from altmarl_ros.nodes.tools.recorder import qos_entry, type_name
    from altmarl_ros.records.bag import BagWriter, Topic
    from altmarl_ros.records.bag_reader import BagReader
    from altmarl_ros.records.message_definitions import message_definition, type_hash

    floor = load_floor_map("hall")
    begin, rate, seconds = 1000.0, 20, 20.0
    a, b = floor.plan.goals[0], floor.plan.goals[2]
    name = type_name(Odometry)
    with BagWriter(site / "odometry") as bag:
        bag.add_topic(Topic("/robot_0/odom", name, message_definition(name), type_hash(name), qos_entry(qos.sensor_qos())))
        for i in range(int(rate * seconds)):
            stamp = begin + i / rate
            place = a + (b - a) * min(1.0, max(0.0, (i / rate - 8.0) / 6.0))
            message = Odometry(child_frame_id="robot_0/base_link")
            message.header.frame_id = "robot_0/odom"
            message.header.stamp.sec, message.header.stamp.nanosec = int(stamp), round(stamp % 1.0 * 1e9)
            message.pose.pose.position.x, message.pose.pose.position.y = map(float, place)
            bag.write("/robot_0/odom", serialize_message(message), round(stamp * 1e9), round(stamp * 1e9))

    fleet = FLEET.replace("autostart: false", "autostart: true").replace("tick.period: 6.0", "tick.period: 0.5")
    fleet = fleet.replace("odometry: odom}", "odometry: ''}").replace("source: pose_with_covariance", "source: odometry")
    fleet = fleet.replace("robot.radius: 0.25", "scan: {topic: '', required: false}\n      drive.kind: none")
    (site / "fleet.yaml").write_text(fleet)
    reports, clock = [], operator.create_publisher(Clock, "/clock", 1)
    odometry = operator.create_publisher(Odometry, "/robot_0/odom", 10)
    operator.create_subscription(RobotReport, "/fleet/report", reports.append, qos.report_qos(100))
    with deployed(site):
        operator.until(lambda: odometry.get_subscription_count() == 1, 60, "the robot")
        began = time.monotonic()
        for entry in BagReader(site / "odometry"):
            due = began + entry.received * 1e-9 - begin
            operator.until(lambda due=due: time.monotonic() >= due, 5, "the next message")
            now = Clock()
            now.clock.sec, now.clock.nanosec = divmod(entry.received, 10**9)
            clock.publish(now)
            odometry.publish(deserialize_message(entry.data, Odometry))
        states = [report.local_state for report in reports]
        assert set(states) == {0, 2}, states
        assert states == sorted(states)  # it left one zone for the other, once


def test_a_deployment_that_is_killed_leaves_nothing_running(site):
    (site / "fleet.yaml").write_text(
        FLEET.replace("use_sim_time: true, ", "").replace("use_sim_time: true}", "use_sim_time: false}")
    )
    with (site / "deploy.log").open("w") as log:
        process = subprocess.Popen(
            [ALTMARL, "deploy", "fleet.yaml"], cwd=site, stdout=log, stderr=log, env={**os.environ, "ROS_HOME": str(site)}
        )
    try:
        end = time.monotonic() + 60.0
        while "started; logs in" not in (site / "deploy.log").read_text() and time.monotonic() < end:
            time.sleep(0.1)
        children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        time.sleep(3.0)
    finally:
        process.kill()
        process.wait()
    assert len(children) == 2
    end = time.monotonic() + 15.0
    while any(runs(pid) for pid in children):
        assert time.monotonic() < end, "a process still runs"
        time.sleep(0.1)


def test_a_process_that_is_killed_starts_again_if_it_shall_and_one_that_refuses_its_input_does_not(site):
    def children():
        pids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return {pid: Path(f"/proc/{pid}/cmdline").read_text().split("\0")[1].rpartition("/")[2] for pid in pids if runs(pid)}

    def wait_for(running, said):
        end = time.monotonic() + 60.0
        while sorted(children().values()) != running or said not in told.read_text():
            assert time.monotonic() < end, (running, said, children(), told.read_text())
            time.sleep(0.1)
        return {name: int(pid) for pid, name in children().items()}

    told = site / "deploy.log"
    (site / "fleet.yaml").write_text(FLEET.replace("autostart: false", "autostart: true"))
    with deployed(site, "--restart") as process:
        first = wait_for(["coordinator", "robot"], "started")
        os.kill(first["robot"], signal.SIGKILL)
        wait_for(["coordinator"], "robot_0 ended with exit code -9")
        second = wait_for(["coordinator", "robot"], "starts again in 1 s")
        assert second["robot"] != first["robot"]
        (site / "hall.npz").write_bytes(b"")
        os.kill(first["coordinator"], signal.SIGKILL)
        wait_for(["robot"], "coordinator ended with exit code 2")
        time.sleep(2.0)
        assert list(children().values()) == ["robot"]
    (line,) = [line for line in told.read_text().splitlines() if "coordinator ended with exit code 2" in line]
    assert "starts again" not in line


def runs(pid):
    """Whether a process runs, and is not only waiting to be reaped by whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_robots_that_are_not_in_the_fleet_file_may_not_join(site):
    def plans():
        run = subprocess.run(
            [ALTMARL, "deploy", "fleet.yaml", "--dry-run", "--json"], capture_output=True, text=True, timeout=60, cwd=site
        )
        return {plan["process"]: plan["parameters"] for plan in json.loads(run.stdout)}

    assert plans()["coordinator"]["roster.allow"] == "0"
    (site / "fleet.yaml").write_text(FLEET.replace("enabled: false", "enabled: true"))
    assert plans()["coordinator"]["roster.allow"] == "0-1"
    (site / "fleet.yaml").write_text(FLEET.replace("sampling.k: 1", "sampling.k: 1, roster.allow: 0-9, failover.lease: 9.0"))
    assert plans()["coordinator"]["roster.allow"] == "0-9"
    assert plans()["robot_0"]["coordinator.lease"] == 9.0
