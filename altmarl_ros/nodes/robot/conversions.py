"""Pure conversions between standard messages and the plain data of a robot that drives (REP-103, REP-105, REP-117).

Numbers are taken as they come, NaN included: callers check them before they act on them.
"""

from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np
from geometry_msgs.msg import Twist, Vector3
from transforms3d.euler import quat2euler

from altmarl_ros.driving import Pose, Velocity
from altmarl_ros.driving.governor_types import Command, State
from altmarl_ros.driving.laser_mount import LaserMount
from altmarl_ros.driving.scan import Scan
from altmarl_ros.driving.transforms import Transform
from altmarl_ros.msg import DriveState

_UNIT_TOLERANCE = 0.05  # by which the length of a quaternion may differ from 1
_STATES = {
    State.STOPPED: DriveState.STOPPED,
    State.STOPPING: DriveState.STOPPING,
    State.SLOWING: DriveState.SLOWING,
    State.MOVING: DriveState.MOVING,
}


def yaw_from_message(quaternion: Any) -> float:
    """Return the yaw [rad] of a geometry_msgs/Quaternion; NaN if it is no rotation."""
    return _yaw((quaternion.w, quaternion.x, quaternion.y, quaternion.z))


def _yaw(wxyz: Sequence[float]) -> float:
    if not abs(math.sqrt(sum(value * value for value in wxyz)) - 1.0) <= _UNIT_TOLERANCE:
        return math.nan
    return float(quat2euler(wxyz, "rzyx")[0])


def pose_from_message(message: Any) -> Pose:
    """Convert a geometry_msgs/Pose; the result may contain NaN."""
    return Pose(message.position.x, message.position.y, yaw_from_message(message.orientation))


def transform_from_message(message: Any) -> Transform:
    """Convert a geometry_msgs/Transform; the result may contain NaN."""
    place, rotation = message.translation, message.rotation
    return Transform(np.array([place.x, place.y, place.z]), np.array([rotation.w, rotation.x, rotation.y, rotation.z]))


def pose_from_transform(transform: Transform) -> Pose:
    """Return the pose of the base in the plane, from the transform from the map to the base; it may contain NaN."""
    x, y, _ = transform.translation.tolist()
    return Pose(x, y, _yaw(transform.rotation.tolist()))


def velocity_from_message(message: Twist) -> Velocity:
    """Convert the planar part of a twist; the result may contain NaN."""
    return Velocity(message.linear.x, message.linear.y, message.angular.z)


def velocity_to_message(velocity: Velocity) -> Twist:
    """Convert a velocity to a twist."""
    return Twist(linear=Vector3(x=velocity.x, y=velocity.y), angular=Vector3(z=velocity.yaw))


def scan_from_message(message: Any, mount: LaserMount) -> Scan:
    """Convert a sensor_msgs/LaserScan of a laser mounted at `mount` on the base; the result may contain NaN."""
    turn = -1.0 if mount.upside_down else 1.0
    return Scan(
        np.asarray(message.ranges),
        turn * message.angle_min,
        turn * message.angle_increment,
        message.range_min,
        message.range_max,
        mount.pose,
    )


def drive_to_message(command: Command, stamp: object, **fields: Any) -> DriveState:
    """Convert a velocity command to a DriveState; `fields` are its other fields, by their names in the message."""
    velocity = command.velocity
    return DriveState(
        stamp=stamp,
        state=_STATES[command.state],
        reasons=[reason.value for reason in command.reasons],
        velocity_x=velocity.x,
        velocity_y=velocity.y,
        velocity_yaw=velocity.yaw,
        **fields,
    )
