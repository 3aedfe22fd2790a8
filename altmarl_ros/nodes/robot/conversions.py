"""Pure conversions between standard messages and the plain data of a robot that drives (REP-103, REP-105, REP-117).

Numbers are taken as they come, NaN included: who acts on them asks first.
"""

from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np
from geometry_msgs.msg import Twist, Vector3
from transforms3d.euler import quat2euler

from altmarl_ros.driving.governor_types import Command, State
from altmarl_ros.driving.planar import Pose, Velocity
from altmarl_ros.driving.scan import Scan
from altmarl_ros.driving.transforms import Transform
from altmarl_ros.msg import DriveState

_UNIT = 0.05  # by which the length of a quaternion may differ from 1
_STATES = {
    State.STOPPED: DriveState.STOPPED,
    State.STOPPING: DriveState.STOPPING,
    State.SLOWING: DriveState.SLOWING,
    State.MOVING: DriveState.MOVING,
}


def yaw_from_message(quaternion: Any) -> float:
    """Yaw [rad] of a geometry_msgs/Quaternion; NaN for what is no rotation."""
    return _yaw((quaternion.w, quaternion.x, quaternion.y, quaternion.z))


def _yaw(wxyz: Sequence[float]) -> float:
    if not abs(math.sqrt(sum(value * value for value in wxyz)) - 1.0) <= _UNIT:
        return math.nan
    return float(quat2euler(wxyz, "rzyx")[0])


def pose_from_message(message: Any) -> Pose:
    """The plain form of a geometry_msgs/Pose; its numbers may be no numbers."""
    return Pose(message.position.x, message.position.y, yaw_from_message(message.orientation))


def transform_from_message(message: Any) -> Transform:
    """The plain form of a geometry_msgs/Transform; its numbers may be no numbers."""
    place, turn = message.translation, message.rotation
    return Transform(np.array([place.x, place.y, place.z]), np.array([turn.w, turn.x, turn.y, turn.z]))


def pose_from_transform(transform: Transform) -> Pose:
    """Where a transform from the map to the base has the base in the plane."""
    x, y, _ = transform.translation.tolist()
    return Pose(x, y, _yaw(transform.rotation.tolist()))


def velocity_from_message(message: Twist) -> Velocity:
    """The plain form of a twist in the plane; its numbers may be no numbers."""
    return Velocity(message.linear.x, message.linear.y, message.angular.z)


def velocity_to_message(velocity: Velocity) -> Twist:
    """A velocity as a twist."""
    return Twist(linear=Vector3(x=velocity.x, y=velocity.y), angular=Vector3(z=velocity.yaw))


def scan_from_message(message: Any, mount: Pose) -> Scan:
    """The plain form of a sensor_msgs/LaserScan of a laser mounted so on the base; its numbers may be no numbers."""
    return Scan(
        np.asarray(message.ranges),
        message.angle_min,
        message.angle_increment,
        message.range_min,
        message.range_max,
        mount,
    )


def drive_to_message(command: Command, stamp: object, **fields: Any) -> DriveState:
    """What a drive does; the other fields as in the message."""
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
