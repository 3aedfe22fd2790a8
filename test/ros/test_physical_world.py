"""A physical world over DDS, heard and driven as hardware would be."""

import math
import time
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from wrong_actions import wrong_actions

from altmarl_ros.deployment.fleet_plan import FleetPlan, types_in_fleet
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.games.moves import goal_zones
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import save_bundle

pytestmark = pytest.mark.ros

FACTOR = 5.0
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FAULTS = """
faults:
  - {kind: pose_lost, robot: 0, start: 4.0, end: 6.0}
  - {kind: pose_nan, robot: 1, start: 4.0, end: 6.0}
  - {kind: kidnapped, robot: 2, start: 4.0, place: [8.0, 6.0], magnitude: 0.0}
  - {kind: driver_holds, robot: 3, start: 4.0, end: 6.0}
"""


class Driver:
    """Drives every robot of a world and keeps what it hears, by topic: (stamp [s], message)."""

    def __init__(self, robots, stamped=False):
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from geometry_msgs.msg import PoseWithCovarianceStamped, Twist, TwistStamped
        from nav_msgs.msg import Odometry
        from rclpy.executors import SingleThreadedExecutor
        from rosgraph_msgs.msg import Clock
        from sensor_msgs.msg import LaserScan

        from altmarl_ros.msg import Contact, FloorTruth
        from altmarl_ros.nodes.common import qos

        self._rclpy, self._stamped = rclpy, stamped
        self._type = TwistStamped if stamped else Twist
        self.decided = None  # simulated time that commands are stamped with; None: the present one
        rclpy.init(args=[])
        self.node = rclpy.create_node("driver")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.heard = defaultdict(list)
        self.time = self._commanded = 0.0
        self.wanted = dict.fromkeys(range(robots), (0.0, 0.0))
        topics = {"odom": Odometry, "pose": PoseWithCovarianceStamped, "scan": LaserScan}
        kept = [(message_type, f"/robot_{i}/{name}") for i in range(robots) for name, message_type in topics.items()]
        kept += [(Contact, "/world/contacts"), (FloorTruth, "/world/floor")]
        for message_type, topic in kept:
            self._listen(message_type, topic, qos.simulated_qos())
        self.node.create_subscription(Clock, "/clock", self._hear_clock, qos.simulated_qos())
        self.diagnostics = {}
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._hear_diagnostics, qos.diagnostics_qos())
        self._commands = [
            self.node.create_publisher(self._type, f"/robot_{i}/cmd_vel", qos.velocity_qos()) for i in range(robots)
        ]

    def _listen(self, message_type, topic, profile):
        def keep(message):
            stamp = message.stamp if hasattr(message, "stamp") else message.header.stamp
            self.heard[topic].append((stamp.sec + 1e-9 * stamp.nanosec, message))

        self.node.create_subscription(message_type, topic, keep, profile)

    def _hear_clock(self, message):
        self.time = message.clock.sec + 1e-9 * message.clock.nanosec
        if self.time >= self._commanded + 0.1:
            self._commanded = self.time
            self.command()

    def command(self):
        for i, (ahead, turn) in self.wanted.items():
            message = self._type()
            twist = message.twist if self._stamped else message
            twist.linear.x, twist.angular.z = ahead, turn
            if self._stamped:
                seconds, rest = divmod(self.time if self.decided is None else self.decided, 1.0)
                message.header.stamp.sec, message.header.stamp.nanosec = int(seconds), int(1e9 * rest)
            self._commands[i].publish(message)

    def _hear_diagnostics(self, message):
        self.diagnostics |= {status.name.partition(": ")[2]: status for status in message.status}

    def until(self, condition, timeout=30.0):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"not within {timeout} s; the world's time is {self.time}"
            self._executor.spin_once(timeout_sec=0.02)

    def stamps(self, topic, begin, end):
        return [stamp for stamp, _ in self.heard[topic] if begin <= stamp < end]

    def close(self):
        self._executor.shutdown()
        self.node.destroy_node()
        self._rclpy.try_shutdown()


@pytest.fixture
def drive():
    drivers = []

    def make(robots, **options):
        drivers.append(Driver(robots, **options))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.close()


def test_topics_rates_clock_and_faults(start_executable, drive, tmp_path):
    (tmp_path / "faults.yaml").write_text(FAULTS)
    driver = drive(4)
    options = {"base.radius": 0.2, "seed": 1, "faults_file": str(tmp_path / "faults.yaml"), "diagnostics.period": 0.2}
    start_executable("physical_world", game="hall", count=4, real_time_factor=FACTOR, **options)
    driver.until(lambda: driver.time > 0.0)
    driver.wanted = dict.fromkeys(range(4), (0.0, 0.3))
    driver.until(lambda: driver.time > 5.0)
    assert "robot 0 pose_lost" in driver.diagnostics["faults"].message
    driver.wanted = dict.fromkeys(range(4), (0.0, 0.0))
    driver.until(lambda: driver.time > 10.0)
    heard = driver.heard

    for topic, rate in (("odom", 20.0), ("pose", 10.0), ("scan", 10.0)):
        stamps = driver.stamps(f"/robot_3/{topic}", 2.0, 10.0)
        assert len(stamps) == pytest.approx(8.0 * rate, rel=0.1)
        assert np.all(np.diff(stamps) > 0.0)
    odometry, pose, scan = (heard[f"/robot_3/{topic}"][-1][1] for topic in ("odom", "pose", "scan"))
    assert (odometry.header.frame_id, odometry.child_frame_id) == ("robot_3/odom", "robot_3/base_link")
    assert (pose.header.frame_id, scan.header.frame_id) == ("map", "robot_3/laser")
    assert pose.pose.covariance[0] == pytest.approx(0.02**2)
    assert len(scan.ranges) == 120
    assert scan.angle_min + 119 * scan.angle_increment == pytest.approx(scan.angle_max)

    floor = heard["/world/floor"][-1][1]
    assert list(floor.robot_id) == [0, 1, 2, 3]
    assert floor.real_time_factor == pytest.approx(FACTOR, rel=0.4)  # on a busy machine
    assert (pose.pose.pose.position.x, pose.pose.pose.position.y) == pytest.approx((floor.x[3], floor.y[3]), abs=0.1)

    assert driver.stamps("/robot_0/pose", 4.1, 5.9) == []
    assert len(driver.stamps("/robot_0/pose", 6.1, 9.0)) > 20
    nan = [message.pose.pose.position.x for stamp, message in heard["/robot_1/pose"] if 4.1 <= stamp < 5.9]
    assert len(nan) > 10
    assert np.isnan(nan).all()
    carried = [message.pose.pose.position for stamp, message in heard["/robot_2/pose"] if stamp >= 4.2]
    assert all((place.x, place.y) == pytest.approx((8.0, 6.0), abs=0.2) for place in carried)
    turns = {
        i: [message.twist.twist.angular.z for stamp, message in heard[f"/robot_{i}/odom"] if 5.6 <= stamp < 5.9] for i in (0, 3)
    }
    assert np.mean(turns[0]) == pytest.approx(0.0, abs=0.03)  # told to stand since 5 s
    assert np.mean(turns[3]) == pytest.approx(0.3, abs=0.05)  # its driver holds the last command


def test_contacts_are_told_and_a_base_without_commands_stops(start_executable, drive):
    driver = drive(1)
    start_executable("physical_world", game="hall", count=1, real_time_factor=0.0, **{"base.radius": 0.2})
    driver.until(lambda: driver.time > 0.0)
    driver.wanted = {0: (1.0, 0.0)}
    driver.until(lambda: driver.heard["/world/contacts"])
    _, contact = driver.heard["/world/contacts"][0]
    assert (contact.robot_id, contact.partner) == (0, contact.WALL)
    driver.until(lambda: driver.diagnostics.get("contacts") and driver.diagnostics["contacts"].message != "0 contacts")
    driver.wanted = {0: (-0.5, 0.0)}
    driver.until(lambda: driver.heard["/robot_0/odom"][-1][1].twist.twist.linear.x < -0.4)
    driver.wanted = {}
    silent = driver.time
    driver.until(lambda: driver.time > silent + 3.0)
    assert driver.heard["/robot_0/odom"][-1][1].twist.twist.linear.x == pytest.approx(0.0, abs=0.05)


def test_the_world_waits_for_a_robot_that_is_behind_with_what_it_hears(start_executable, drive):
    """However often it commands: what counts is the time by which it decided, which the stamps tell."""
    driver = drive(1, stamped=True)
    start_executable("physical_world", game="hall", count=1, real_time_factor=0.0, stamped_commands=True, answer_time=0.5)
    driver.until(lambda: driver.time > 3.0)
    driver.decided = driver.time
    ends = time.monotonic() + 1.0  # many of the world's seconds, if it went on
    driver.until(lambda: driver.command() or time.monotonic() > ends)
    assert driver.time < driver.decided + 1.0
    driver.decided, since = None, driver.time
    driver.until(lambda: driver.command() or driver.time > since + 3.0)


def test_frames_and_descriptions_are_published(start_executable, drive):
    """map -> odom -> base_link is where the robot is, and base_link -> laser where the scanner is mounted."""
    messages = pytest.importorskip("tf2_msgs.msg", reason="tf2_msgs is not built: python test/interfaces/build.py")
    from std_msgs.msg import String

    from altmarl_ros.nodes.common import qos
    from altmarl_ros.nodes.robot.transform_listener import tf_qos

    driver = drive(2)
    links, texts = {}, {}

    def hear(message):
        links.update({link.child_frame_id: link for link in message.transforms})

    for topic, static in (("/tf", False), ("/tf_static", True)):
        driver.node.create_subscription(messages.TFMessage, topic, hear, tf_qos(static=static))
    driver.node.create_subscription(
        String, "/robot_1/robot_description", lambda message: texts.update(urdf=message.data), qos.latched_qos()
    )
    start_executable("physical_world", game="hall", count=2, real_time_factor=2.0, **{"base.radius": 0.2, "laser.x": 0.1})
    driver.until(lambda: driver.time > 1.0 and {"robot_1/odom", "robot_1/base_link", "robot_1/laser"} <= links.keys() and texts)
    assert links["robot_1/laser"].header.frame_id == "robot_1/base_link"
    assert links["robot_1/laser"].transform.translation.x == pytest.approx(0.1)
    assert links["robot_1/base_link"].header.frame_id == "robot_1/odom"
    assert links["robot_1/odom"].header.frame_id == "map"
    place, told = links["robot_1/odom"].transform.translation, driver.heard["/robot_1/pose"][-1][1].pose.pose.position
    assert (place.x, place.y) == pytest.approx((told.x, told.y), abs=0.2)  # it has not moved since odometry began
    assert '<link name="base_link">' in texts["urdf"]


def test_a_mistake_is_one_line(start_executable):
    for parameters, named in (
        ({"laser.rate": -1.0}, "laser.rate"),
        ({"faults_file": "nowhere.yaml"}, "nowhere.yaml"),
        ({"base.model": "no.xml"}, "no.xml"),
    ):
        process = start_executable("physical_world", **parameters)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 2
        assert output.strip().startswith("error: ")
        assert named in output


def test_a_fleet_of_a_users_robots_is_described_by_its_model_and_moves(fleet, hall_policy, tmp_path):
    from std_msgs.msg import String

    from altmarl_ros.nodes.common import qos

    model = EXAMPLES / "robots" / "carrier.urdf"
    params_file = tmp_path / "carrier.yaml"
    params_file.write_text((EXAMPLES / "robots" / "carrier.yaml").read_text().replace(model.name, str(model)))
    plan = FleetPlan("hall", hall_policy, robots=2, k=1, period=10.0, processes=1, backend="physical", params_file=params_file)
    running, described = fleet(replace(plan, real_time_factor=0.0)), []
    running.observer.create_subscription(String, "/robot_1/robot_description", described.append, qos.latched_qos())
    running.start()

    def moved():
        floors = list(running.log.floors.values())
        return len(floors) > 1 and any(math.dist(floors[0].places[i], floors[-1].places[i]) > 0.5 for i in (0, 1))

    running.wait_until(moved, 90.0, "half a metre of way")
    assert [message.data for message in described] == [model.read_text()]
    assert next(reversed(running.log.floors.values())).contacts == 0


@pytest.fixture
def hall_policy(tmp_path):
    bundle = train(load_game("hall"), TrainingOptions(K=2, runs=20, n=20, certificate_runs=0))
    return save_bundle(bundle, tmp_path / "hall.npz")


def test_robots_drive_where_their_policy_says_without_contact(fleet, tmp_path):
    game, floor = load_game("hall"), load_floor_map("hall")
    bundle = train(game, TrainingOptions(K=2, runs=20, n=20, certificate_runs=0))
    plan = FleetPlan(
        "hall",
        save_bundle(bundle, tmp_path / "hall.npz"),
        robots=4,
        k=2,
        period=75.0,
        processes=1,
        ticks=2,
        backend="physical",
        real_time_factor=0.0,
    )
    for _ in range(2):  # where the machine stalls, robots stop for want of fresh scans and come late
        running = fleet(plan)
        running.start()
        running.wait_until(
            partial(lambda log: len(log.truths.keys() & log.statuses.keys()) >= 2, running.log), 150.0, "two ticks"
        )
        run, last = running.record(2), next(reversed(running.log.floors.values()))
        running.close()
        assert run.local_state.shape == (2, 4)
        assert wrong_actions(run, bundle.pi_l) == 0
        assert last.contacts == 0
        acted = run.local_action[:-1] >= 0
        goals = goal_zones(game, floor)[run.local_state[:-1], np.maximum(run.local_action[:-1], 0)]
        moves = acted & (goals != run.local_state[:-1])
        assert moves.sum() >= 3, run.local_action
        arrived = (run.local_state[1:] == goals)[acted].mean()
        if arrived >= 0.75:
            break
    assert arrived >= 0.75


def test_the_truth_about_robots_of_two_types_names_their_types(fleet, tmp_path):
    path = tmp_path / "two.yaml"
    zones = [
        {"name": name, "rectangle": [x, 0, x + 5, 5], "slots": [[x + 1, 1], [x + 1, 4], [x + 3, 1]]}
        for name, x in (("a", 0), ("b", 5))
    ]
    types = {"fast": {"robots": 2}, "slow": {"robots": 1, "parameters": {"motion_success": 0.4}}}
    document = {"name": "two", "builder": "floor", "parameters": {"zones": zones, "tick": 5.0}, "types": types}
    path.write_text(yaml.safe_dump(document))
    game = load_game(path)
    bundle = train(game, TrainingOptions(K=1, rounds=1, n=3, runs=4, horizon=4, certificate_runs=0))
    plan = FleetPlan(
        str(path),
        save_bundle(bundle, tmp_path / "two.npz"),
        robots=3,
        k=1,
        period=5.0,
        processes=2,
        backend="physical",
        real_time_factor=0.0,
        types=types_in_fleet(game, 3),
    )
    running = fleet(plan)
    running.start()
    running.wait_until(lambda: len(running.log.truths) >= 4, 90.0, "some ticks")
    told = [truth for truth in running.log.truths.values() if len(truth.robot_ids) == 3]
    assert told
    for truth in told:
        states = dict(zip(truth.robot_ids, truth.local_states, strict=True))
        assert [states[i] in range(*game.types.block(int(i == 2)).indices(4)) for i in range(3)] == [True] * 3, states
