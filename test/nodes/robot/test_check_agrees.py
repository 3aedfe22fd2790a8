"""`altmarl check` and the running robot never disagree: a grid of setups, each with one piece missing at a time.

Robot and check run their own code on the same messages, those of one stage; the check comes some seconds after the robot.
"""

import math
from dataclasses import replace
from itertools import pairwise, product
from types import SimpleNamespace

import pytest
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, TransformStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import LaserScan
from vehicle_stage import PERIOD, VALUES, Stage

from altmarl_ros.deployment.readiness import check_readiness
from altmarl_ros.deployment.robot_observations import CoordinatorObservations, RobotObservations
from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.robot_topics import TWIST, TWIST_STAMPED, command_fault
from altmarl_ros.driving.sensor_health import DRIVER_REASONS, POSE_REASONS, SCAN_REASONS, lasting, sensor_reasons
from altmarl_ros.nodes.robot.parameters import drive_settings
from altmarl_ros.nodes.robot.sensors import Sensors, sensor_types
from altmarl_ros.nodes.robot.shared_resources import load_goal_map
from altmarl_ros.nodes.robot.topic_observation import observe_command, type_name
from altmarl_ros.nodes.robot.transform_listener import OwnBuffer

pytestmark = pytest.mark.slow

TF = "tf2_msgs/msg/TFMessage"
COMES, ENDS = 1.5, 3.6  # s after the robot: the check comes, and judges
SOURCES = {
    "odometry": {"pose.source": "odometry"},
    "pose": {"pose.source": "pose"},
    "amcl alone": {"pose.source": "pose_with_covariance"},
    "amcl and odometry": {"pose.source": "pose_with_covariance", "pose.odometry": "odom"},
    "motion capture and odometry": {"pose.source": "pose", "pose.odometry": "odom"},
    "tf": {"pose.source": "tf"},
    "tf with a prefix": {"pose.source": "tf", "frame_prefix": "robot_{id}/"},
    "tf, and an odometry that it does not read": {"pose.source": "tf", "pose.odometry": "odom"},
}
CARRIED = ("amcl and odometry", "motion capture and odometry")  # whose odometry continues the pose
SCANS = {
    "required": {"scan.topic": "scan", "scan.required": True},
    "not required": {"scan.topic": "scan", "scan.required": False},
    "none": {"scan.topic": "", "scan.required": False},
}
DRIVES = {
    "twist": {"drive.stamped": False},
    "stamped": {"drive.stamped": True},
    "dry run": {"drive.kind": "none"},
}
FAULTS = (
    "nothing",
    "pose silent",
    "pose once, before the check",
    "pose old",
    "pose from the future",
    "pose in another frame",
    "pose not a number",
    "pose published by nobody",
    "pose of another type",
    "pose now and then",
    "odometry silent",
    "odometry old",
    "odometry in another frame",
    "odometry of another base",
    "scan silent",
    "scan silent since then",
    "scan old",
    "scan invalid",
    "no driver",
    "driver of the other type",
)


@pytest.fixture(scope="module")
def goal_map():
    return load_goal_map({**VALUES, "park_zone": ""})


class Transforms:
    """What a TransformListener hears, without a node."""

    topic, static_topic = "/tf", "/tf_static"

    def __init__(self):
        self.buffer = OwnBuffer()

    @property
    def frames(self):
        return self.buffer.frames

    def newest(self, target, source):
        return self.buffer.newest(target, source)


class Surroundings:
    """The drivers of one robot, with one fault, and who listens to them: the robot, later the check as well."""

    def __init__(self, goal_map, values, fault):
        self.fault, self.heard = fault, {}
        self.values = {**VALUES, "timeout.pose": 0.5, "timeout.scan": 0.5, **values}
        stamped = self.values["drive.stamped"] != (fault == "driver of the other type")
        driven = self.values["drive.kind"] != "none" and fault != "no driver"
        matches = driven and stamped == self.values["drive.stamped"]
        self.transforms = [Transforms(), Transforms()]
        self.stage = Stage(goal_map, readers=int(matches), transforms=self.transforms[0], **self.values)
        self.clock, self.began = self.stage.clock, self.stage.clock.time
        if driven:
            self.stage.subscribed["/robot_3/cmd_vel"] = [TWIST_STAMPED if stamped else TWIST]
        self.types = sensor_types(self.values)
        for purpose, message_type in self.types.items():
            if not (purpose == "pose" and fault == "pose published by nobody"):
                of_another = purpose == "pose" and fault == "pose of another type"
                self.stage.published[self.topic(purpose)] = ["x/msg/Y" if of_another else type_name(message_type)]
        if self.values["pose.source"] == "tf" and fault != "pose published by nobody":
            self.stage.published["/tf"] = [TF]
        self.check = None

    def topic(self, purpose):
        names = {"pose": "odom" if self.values["pose.source"] == "odometry" else "pose", "odometry": "odom", "scan": "scan"}
        return f"/robot_3/{names[purpose]}"

    def start_check(self):
        callbacks = {}
        make = SimpleNamespace(subscription=lambda _type, topic, callback, _qos: callbacks.__setitem__(topic, callback))
        check = Sensors(self.stage.node, make, self.values, self.clock, lambda fix: None, transforms=self.transforms[1])
        self.check, self.callbacks = check, callbacks

    def says(self, purpose, name=None):
        """Whether the driver speaks now, as its fault lets it."""
        name, since = name or purpose, self.clock.time - self.began
        if self.fault in (f"{name} silent", f"{name} published by nobody", f"{name} of another type"):
            return False
        if self.fault == f"{name} once, before the check":
            return since < 0.5
        if self.fault == f"{name} silent since then":
            return since < COMES - 0.8
        if self.fault == f"{name} now and then":
            return since % 1.2 < PERIOD
        return True

    def stamp(self, message, name):
        age = {f"{name} old": 0.7, f"{name} from the future": -0.3}.get(self.fault, 0.01)
        at = self.clock.time - age
        message.header.stamp.sec, message.header.stamp.nanosec = int(at), int(1e9 * (at % 1.0))
        return age

    def deliver(self, purpose, message, age):
        topic = self.topic(purpose).rpartition("/")[2]
        self.stage.callbacks[topic](message)
        if self.check is not None:
            self.callbacks[topic](message)
            self.heard.setdefault(purpose, []).append((self.clock.time, age))

    def speak(self):
        source = self.values["pose.source"]
        if source == "tf":
            self.speak_transforms()
        elif source == "odometry":
            self.speak_odometry("pose")
        else:
            if self.says("pose"):
                message = (PoseStamped if source == "pose" else PoseWithCovarianceStamped)()
                pose = message.pose if source == "pose" else message.pose.pose
                pose.position.x, pose.position.y, pose.orientation.w = self.x("pose"), 1.0, 1.0
                message.header.frame_id = "world" if self.fault == "pose in another frame" else "map"
                self.deliver("pose", message, self.stamp(message, "pose"))
            if "odometry" in self.types:
                self.speak_odometry("odometry")
        if "scan" in self.types and self.says("scan"):
            invalid = self.fault == "scan invalid"
            scan = LaserScan(
                angle_min=-math.pi, angle_increment=0.0 if invalid else math.pi / 50, range_min=0.05, range_max=8.0
            )
            scan.ranges = [math.inf] * 100
            self.deliver("scan", scan, self.stamp(scan, "scan"))

    def x(self, name):
        return math.nan if self.fault == f"{name} not a number" else 1.0

    def speak_odometry(self, name):
        if not self.says(name):
            return
        message = Odometry(child_frame_id="base" if self.fault == "odometry of another base" else "base_link")
        message.header.frame_id = "world" if self.fault == f"{name} in another frame" else "odom"
        message.pose.pose.position.x, message.pose.pose.orientation.w = self.x(name) - 1.0, 1.0
        self.deliver(name, message, self.stamp(message, name))

    def speak_transforms(self):
        if not self.says("pose"):
            return
        prefix = "robot_3/" if self.values["frame_prefix"] else ""
        message = TransformStamped(child_frame_id="base" if self.fault == "pose in another frame" else f"{prefix}base_link")
        message.header.frame_id, message.transform.rotation.w = "map", 1.0
        message.transform.translation.x = self.x("pose") if self.fault != "pose not a number" else 1.0
        message.transform.translation.y = 1.0
        self.stamp(message, "pose")
        for transforms in self.transforms[: 1 + (self.check is not None)]:
            transforms.buffer.add(message, static=False)

    def run(self):
        """Let robot and check run; returns what the check observes."""
        said, judged, settings = [], [], drive_settings(self.values).governor
        known = {reason.value: reason for reason in Reason}
        while (since := self.clock.time - self.began) < ENDS:
            self.clock.time += PERIOD
            if self.check is None and since >= COMES:
                self.start_check()
            self.speak()
            self.stage.vehicle.tick_received(self.clock.time)
            self.clock.step()
            if self.check is not None:
                self.check.poll()
                said.append([known[text] for text in self.stage.state.reasons])
                judged.append(sensor_reasons(self.clock.time, self.check.inputs(), settings))
        judged = lasting(judged)
        command = None
        if self.values["drive.kind"] != "none":
            wanted = TWIST_STAMPED if self.values["drive.stamped"] else TWIST
            command = observe_command(self.stage.node, "/robot_3/cmd_vel", wanted)
            judged |= {Reason.NO_DRIVER} if command_fault(command) else set()
        return RobotObservations(
            node="/robot_3/robot",
            count=1,
            state="active",
            values=self.values,
            streams=self.streams(),
            command=command,
            coordinator=CoordinatorObservations(("/coordinator",), 0.4, 1.0, 0.1, 0.0, "abc"),
            game_hash="abc",
            zone="somewhere",
            reasons=tuple(self.stage.state.reasons),
            said=lasting(said),
            judged=judged,
        )

    def streams(self):
        found = {}
        for purpose, stream in self.check.streams("/robot_3").items():
            times = [at for at, _ in self.heard.get(purpose, ())]
            ages = [age for _, age in self.heard.get(purpose, ())]
            if self.values["pose.source"] == "tf" and purpose == "pose" and self.check.fix is not None:
                times, ages = [self.check.fix.arrived - PERIOD, self.check.fix.arrived], [self.check.fix.delay]
            intervals = tuple(b - a for a, b in pairwise(times))
            age = sorted(ages)[len(ages) // 2] if ages else math.nan
            found[purpose] = replace(stream, messages=len(times), intervals=intervals, age=age)
        return found


def failed(seen):
    rows = {"pose": "pose", "odometry": "pose", "scan": "scan", "command": "command"}
    return {rows[check.name] for check in check_readiness(seen, Limits()) if check.state == "failed" and check.name in rows}


def missing(reasons):
    rows = {"pose": POSE_REASONS, "scan": SCAN_REASONS, "command": DRIVER_REASONS}
    return {row for row, of in rows.items() if of & reasons}


def combinations(fault):
    """Kinds of lasers and drives that matter to a fault, all of them at least once."""
    if fault.startswith("scan"):
        return list(product(SCANS, ["twist"]))
    if "driver" in fault:
        return list(product(["required"], DRIVES))
    return list(zip(SCANS, DRIVES, strict=True))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("source", SOURCES)
def test_a_check_fails_exactly_where_the_robot_stands(goal_map, source, fault):
    for scan, drive in combinations(fault):
        values = {**SOURCES[source], **SCANS[scan], **DRIVES[drive]}
        seen = Surroundings(goal_map, values, fault).run()
        setup = f"{source}, scan {scan}, {drive}, {fault}: {sorted(reason.value for reason in seen.said)}"
        assert failed(seen) == missing(seen.said), setup
        # Without the robot's word the same code judges; only what was said before the check came is not known to it.
        earlier = fault.endswith(("before the check", "since then")) or (fault == "pose now and then" and source in CARRIED)
        if not earlier:
            assert failed(replace(seen, said=None)) == missing(seen.said), setup


def test_the_grid_has_robots_that_drive_and_robots_that_stand_for_each_reason(goal_map):
    """Else nothing would be tested: a setup without a fault drives, and each fault stops some robot."""
    for source, (scan, drive) in product(SOURCES, combinations("nothing")):
        assert Surroundings(goal_map, {**SOURCES[source], **SCANS[scan], **DRIVES[drive]}, "nothing").run().said == set()
    harmless = {"nothing", "pose from the future"}
    for fault in FAULTS:
        stands = [
            Surroundings(goal_map, {**SOURCES[source], **SCANS["required"], **DRIVES["twist"]}, fault).run().said
            for source in ("amcl and odometry", "pose", "odometry")
        ]
        assert any(stands) or fault in harmless, fault
