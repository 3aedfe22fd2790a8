"""A robot that is driven by TF alone: prefixed frames on /tf, and plain frames on its own topic; what is missing is said."""

import math

import pytest
import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile

from altmarl_ros.nodes.common.clock import seconds
from stage import BRAKING, LAG, ROBOT, SPEED, TIMEOUT

pytestmark = pytest.mark.ros

tf2_msgs = pytest.importorskip("tf2_msgs.msg", reason="tf2_msgs is not built: python test/interfaces/build.py")

ORIGIN = 0.5  # m; odometry's place in the map


class TransformDrivers:
    """Localisation, odometry and the robot's description, as they publish transforms."""

    def __init__(self, stage, *, topic="/tf", prefix=""):
        self.stage, self.prefix = stage, prefix
        self.localised = self.on_wheels = True
        self.moving = stage.create_publisher(tf2_msgs.TFMessage, topic, 100)
        static_qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.static = stage.create_publisher(tf2_msgs.TFMessage, f"{topic}_static", static_qos)
        self.static.publish(tf2_msgs.TFMessage(transforms=[self.link("base_footprint", "base_link")]))
        stage.sends_odometry = False
        stage.create_timer(0.02, self.say_odometry)
        stage.create_timer(0.1, self.say_map)

    def link(self, parent, child, x=0.0, y=0.0, yaw=0.0, later=0.0):
        stamp = self.stage.get_clock().now() + rclpy.duration.Duration(seconds=later)
        message = TransformStamped(child_frame_id=self.prefix + child)
        message.header.frame_id = parent if parent == "map" else self.prefix + parent
        message.header.stamp = stamp.to_msg()
        message.transform.translation.x, message.transform.translation.y = x, y
        message.transform.rotation.z, message.transform.rotation.w = math.sin(yaw / 2), math.cos(yaw / 2)
        return message

    def say_odometry(self):
        if self.on_wheels:
            stage = self.stage
            base = self.link("odom", "base_footprint", stage.x - ORIGIN, stage.y, stage.yaw)
            self.moving.publish(tf2_msgs.TFMessage(transforms=[base]))

    def say_map(self):
        if self.localised:  # dated ahead, as AMCL does
            self.moving.publish(tf2_msgs.TFMessage(transforms=[self.link("map", "odom", ORIGIN, later=0.5)]))


def conventions(convention):
    """Of the drivers, and of the robot that goes with them."""
    if convention == "prefixed frames on /tf":
        return {"prefix": f"robot_{ROBOT}/"}, {"frame_prefix": "robot_{id}/"}, {}
    return {"topic": f"/robot_{ROBOT}/tf"}, {}, {"/tf": "tf", "/tf_static": "tf_static"}


@pytest.mark.parametrize("convention", ["prefixed frames on /tf", "frames on the robot's own topic"])
def test_a_robot_drives_by_transforms_and_stops_without_them(scene, convention):
    stage = scene.stage
    drivers, parameters, remappings = conventions(convention)
    drivers = TransformDrivers(stage, **drivers)
    scene.start(pose__source="tf", pose__odometry="odom", remappings=remappings, **parameters)  # an odometry that TF makes idle
    scene.wait_until(lambda: stage.reports and stage.reports[-1].local_state == 0, 60, "report from zone A")
    checks = scene.check()
    assert checks["pose"]["state"] == "ok", checks
    assert checks["zone"]["state"] == "ok", checks
    for what in ("on_wheels", "localised"):
        scene.until_full_speed()
        setattr(drivers, what, False)
        late = 0.0 if what == "on_wheels" else 0.5  # the map is dated ahead
        scene.wait_until(lambda: stage.rests, late + TIMEOUT + SPEED / BRAKING + LAG, f"stop without {what}")
        assert "no fresh pose" in stage.reasons
        setattr(drivers, what, True)
    stage.goal = 0
    scene.wait_until(lambda: stage.states[-1].goal_zone == 0 and stage.states[-1].arrived, 40, "arrival in zone A")
    assert math.dist((stage.x, stage.y), (1.5, 1.0)) < 0.15
    assert seconds(stage.states[-1].stamp) > 0.0


def test_a_tf_of_the_robots_own_is_said_where_the_robot_listens_to_the_shared_one(scene):
    TransformDrivers(scene.stage, topic=f"/robot_{ROBOT}/tf")
    scene.start(pose__source="tf")
    scene.wait_until(lambda: "remap /tf to tf and /tf_static to tf_static" in scene.log(), 30, "remedy")


def test_the_lasers_place_is_taken_from_tf_and_its_parameters_are_the_fallback(scene):
    """The laser looks backwards: what it sees straight ahead of itself is behind the robot."""
    stage = scene.stage
    static_qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    static = stage.create_publisher(tf2_msgs.TFMessage, "/tf_static", static_qos)
    backwards = TransformStamped(child_frame_id="laser")
    backwards.header.frame_id = "base_link"
    backwards.transform.translation.x, backwards.transform.rotation.z, backwards.transform.rotation.w = 0.05, 1.0, 0.0
    stage.laser_frame, stage.ahead_of_laser = "laser", 0.35  # m; it goes with the robot
    scene.start()
    scene.wait_until(lambda: "by scan.mount" in scene.log(), 60, "the fallback")
    assert max(forward for forward, *_ in stage.commands) < 0.8 * SPEED  # towards what it takes to be ahead
    static.publish(tf2_msgs.TFMessage(transforms=[backwards]))
    scene.wait_until(lambda: "by the transform from 'base_link' to 'laser'" in scene.log(), 10, "the place by TF")
    scene.until_full_speed()
    detail = scene.check()["clearance"]["detail"]
    assert "the nearest obstacle is 0.30 m from the robot's centre" in detail
    assert "the laser's place by the transform from 'base_link' to 'laser'" in detail


def test_what_transform_is_missing_is_said_with_the_parameters(scene):
    stage = scene.stage
    TransformDrivers(stage, prefix="robot_8/")
    scene.start(pose__source="tf", frame_prefix="robot_{id}/")
    scene.wait_until(lambda: "no transform" in scene.log(), 30, "complaint")
    line = next(line for line in scene.log().splitlines() if "no transform" in line)
    check = scene.check()["pose"]
    assert check["state"] == "failed"
    for word in ("frames.map 'map'", f"frames.base 'robot_{ROBOT}/base_link'", "frame_prefix"):
        assert word in line
        assert word in check["detail"]
    assert "set frame_prefix to 'robot_8/', unless it is another robot's (this one is 7)" in line
    assert check["remedy"] in line
    assert not stage.commands or all(command == (0.0, 0.0, 0.0) for command in stage.commands)
