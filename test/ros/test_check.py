"""`altmarl check` and the running robot say the same over DDS, and name the parameter and the value that mend a fault."""

import pytest
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from lifecycle_msgs.msg import Transition

from stage import ROBOT

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

SENSORS = {
    "no fresh pose": {"pose", "odometry"},
    "no fresh laser scan": {"scan"},
    "no driver listens to the velocity commands": {"command"},
    "the driver listens to another type of velocity commands (drive.stamped)": {"command"},
    "no navigate_to_pose server": {"navigator"},
    "no velocity from the navigator": {"velocity"},
}


def agree(scene):
    """The check, after an assertion that it fails exactly where the robot says that it stands."""
    checks = scene.check()
    failed = {name for name, check in checks.items() if check["state"] == "failed"} & set().union(*SENSORS.values())
    rows = [SENSORS[reason] for reason in scene.stage.reasons if reason in SENSORS]
    assert all(failed & row for row in rows), (scene.stage.reasons, checks)
    assert failed <= set().union(*rows), (scene.stage.reasons, checks)
    return checks


def test_a_robot_that_stands_is_well_localised_while_amcl_is_silent(scene):
    stage = scene.stage
    amcl = stage.create_publisher(PoseWithCovarianceStamped, f"/robot_{ROBOT}/amcl_pose", 1)  # volatile: a check hears nothing
    pose = PoseWithCovarianceStamped()
    pose.header.frame_id, pose.header.stamp = "map", stage.get_clock().now().to_msg()
    pose.pose.pose.position.x, pose.pose.pose.position.y, pose.pose.pose.orientation.w = 5.0, 1.0, 1.0
    scene.start(autostart=False, pose__source="pose_with_covariance", pose__topic="amcl_pose", pose__odometry="odom")
    assert scene.change_state(Transition.TRANSITION_CONFIGURE)
    scene.wait_until(lambda: stage.reasons == ["not active", "no fresh pose"], 20, "a robot without a pose")
    checks = agree(scene)
    assert checks["pose"]["state"] == "failed"
    assert "AMCL says nothing before its initial pose is set" in checks["pose"]["remedy"]
    amcl.publish(pose)  # once
    scene.wait_until(lambda: stage.reasons == ["not active"], 20, "a localised robot")
    checks = agree(scene)
    assert (checks["pose"]["state"], checks["odometry"]["state"], checks["zone"]["state"]) == ("ok", "ok", "ok"), checks
    assert "'B'" in checks["zone"]["detail"]
    assert scene.change_state(Transition.TRANSITION_ACTIVATE)
    scene.wait_until(lambda: stage.reasons == [], 20, "motion")
    assert agree(scene)["pose"]["state"] == "ok"


def test_a_laser_that_is_not_required_must_speak_on_once_it_spoke(scene):
    stage = scene.stage
    stage.sends_scan = False
    scene.start(scan__required=False)
    scene.until_full_speed()
    assert agree(scene)["scan"]["state"] == "warning"
    stage.sends_scan, stage.obstacle = True, 0.3
    scene.wait_until(lambda: "obstacle in the protective field" in stage.reasons, 20, "a scan that is heard")
    stage.sends_scan = False
    scene.wait_until(lambda: "no fresh laser scan" in stage.reasons, 20, "rest")
    assert agree(scene)["scan"]["state"] == "failed"


def test_a_driver_of_the_other_type_is_said_by_robot_and_check(scene):
    stage = scene.stage
    scene.start(drive__stamped=True)
    scene.wait_until(lambda: any("drive.stamped" in reason for reason in stage.reasons), 60, "the type")
    says = (
        f"/stage expects geometry_msgs/msg/Twist on /robot_{ROBOT}/cmd_vel, the robot publishes geometry_msgs/msg/TwistStamped"
    )
    scene.wait_until(lambda: f"{says}: set drive.stamped to false" in scene.log(), 10, "the log")
    command = agree(scene)["command"]
    assert (command["detail"], command["remedy"]) == (says, "set drive.stamped to false")


def test_frames_of_ros_gz_are_refused_with_the_parameters_that_mend_it(scene):
    stage = scene.stage
    stage.odom_frame, stage.base_frame = f"robot_{ROBOT}/odom", f"robot_{ROBOT}/base_footprint"
    process = scene.start()
    remedy = "set frame_prefix to 'robot_{id}/' and frames.base to 'base_footprint'"
    scene.wait_until(lambda: remedy in scene.log(), 60, "the log")
    assert agree(scene)["pose"]["remedy"] == remedy
    process.terminate()
    process.wait()
    scene.start(frame_prefix="robot_{id}/", frames__base="base_footprint")
    scene.until_full_speed()


def test_topics_of_another_name_or_type_are_said_with_the_parameters_that_mend_it(scene):
    stage = scene.stage
    stage.create_publisher(PoseWithCovarianceStamped, f"/robot_{ROBOT}/pose", 1)
    elsewhere = stage.create_publisher(PoseStamped, f"/robot_{ROBOT}/mocap/pose", 1)
    scene.start(pose__source="pose", scan__topic="lidar")
    for remedy in ("set pose.source to 'pose_with_covariance'", "set scan.topic to 'scan'"):
        scene.wait_until(lambda remedy=remedy: remedy in scene.log(), 60, remedy)
    checks = agree(scene)
    assert checks["pose"]["remedy"] == "set pose.source to 'pose_with_covariance'"
    assert "set scan.topic to 'scan'" in checks["scan"]["remedy"]
    stage.destroy_publisher(elsewhere)


def test_a_navigator_that_is_not_there_is_said_before_the_robot_is_switched_on(scene):
    pytest.importorskip("nav2_msgs.action", reason="nav2_msgs is not built: python test/interfaces/build.py")
    scene.start(drive__kind="nav2", autostart=False)
    assert scene.change_state(Transition.TRANSITION_CONFIGURE)
    scene.wait_until(lambda: "no navigate_to_pose server" in scene.stage.reasons, 20, "no server")
    navigator = agree(scene)["navigator"]
    assert navigator["state"] == "failed"
    assert f"nobody serves /robot_{ROBOT}/navigate_to_pose" in navigator["detail"]
    assert "drive.action" in navigator["remedy"]
