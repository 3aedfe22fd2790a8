"""Publishes `odom`, `pose` and `scan` as the drivers of a robot do, in REP-105's frames below its namespace.

A message of each kind is made once and filled again, since thousands are published in a second.
"""

from __future__ import annotations

from array import array
from math import cos, sin

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import LaserScan

from altmarl_ros.arrays import FloatArray
from altmarl_ros.nodes.common.qos import simulated_qos
from altmarl_ros.simulation.physical import PhysicalConfig
from altmarl_ros.simulation.physical.laser import Laser

_PLANAR = np.ix_([0, 1, 5], [0, 1, 5])  # x, y, yaw among x, y, z, roll, pitch, yaw


def to_time(seconds: float) -> Time:
    """Convert a simulated time [s] to a stamp, to the nanosecond."""
    sec, nanosec = divmod(round(seconds * 1e9), 10**9)
    return Time(sec=sec, nanosec=nanosec)


class SensorTopics:
    """Publishes the sensors of one simulated robot.

    Publishers: <namespace>/odom (nav_msgs/msg/Odometry), <namespace>/pose (geometry_msgs/msg/PoseWithCovarianceStamped),
    <namespace>/scan (sensor_msgs/msg/LaserScan).
    """

    def __init__(self, node: Node, namespace: str, config: PhysicalConfig, laser: Laser) -> None:
        """`namespace` is absolute, such as /robot_3."""
        frame = namespace.lstrip("/")
        self._odometry = Odometry(child_frame_id=f"{frame}/base_link")
        self._odometry.header.frame_id = f"{frame}/odom"
        self._pose = PoseWithCovarianceStamped()
        self._pose.header.frame_id = "map"
        c = config.laser
        self._scan = LaserScan(
            angle_min=laser.angle_min,
            angle_max=laser.angle_min + (c.beams - 1) * laser.angle_increment,
            angle_increment=laser.angle_increment,
            range_min=c.range_min,
            range_max=c.range_max,
            scan_time=1.0 / c.rate if c.rate else 0.0,
        )
        self._scan.header.frame_id = f"{frame}/laser"
        self._publish_odometry = node.create_publisher(Odometry, f"{namespace}/odom", simulated_qos()).publish
        self._publish_pose = node.create_publisher(PoseWithCovarianceStamped, f"{namespace}/pose", simulated_qos()).publish
        self._publish_scan = node.create_publisher(LaserScan, f"{namespace}/scan", simulated_qos()).publish

    def odometry(self, stamp: float, pose: list[float], velocity: list[float]) -> None:
        """Publish odometry: stamp [s], x, y, yaw in odom [m, m, rad], velocity in base_link [m/s, m/s, rad/s]."""
        message = self._odometry
        message.header.stamp = to_time(stamp)
        _set_pose(message.pose.pose, *pose)
        twist = message.twist.twist
        twist.linear.x, twist.linear.y, twist.angular.z = velocity
        self._publish_odometry(message)

    def pose(self, stamp: float, pose: list[float], covariance: FloatArray) -> None:
        """Publish a localised pose: stamp [s], x, y, yaw in map [m, m, rad], their covariance [3, 3]."""
        message = self._pose
        message.header.stamp = to_time(stamp)
        _set_pose(message.pose.pose, *pose)
        message.pose.covariance.reshape(6, 6)[_PLANAR] = covariance
        self._publish_pose(message)

    def scan(self, stamp: float, ranges: FloatArray) -> None:
        """Publish a scan: stamp [s], ranges [beams; m]."""
        message = self._scan
        message.header.stamp = to_time(stamp)
        message.ranges = array("f", ranges.astype(np.float32).tobytes())
        self._publish_scan(message)


def _set_pose(pose, x: float, y: float, yaw: float) -> None:  # type: ignore[no-untyped-def]
    pose.position.x, pose.position.y = x, y
    pose.orientation.z, pose.orientation.w = sin(0.5 * yaw), cos(0.5 * yaw)
