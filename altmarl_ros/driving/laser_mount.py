"""Where a laser is on its robot: by the transform from the base to the laser, or by parameters.

Only a planar scan can be used: the laser's axis has to be vertical, up or down. The rays of a laser that hangs upside down
turn the other way round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from transforms3d.quaternions import quat2mat

from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.transforms import Transform

_LEAST_UPRIGHT = math.cos(math.radians(10.0))  # of the laser's axis


@dataclass(frozen=True, slots=True)
class LaserMount:
    """Place of a laser on the base.

    Attributes:
        pose: of the laser in base_link; its yaw is the direction of the ray of angle 0.
        upside_down: whether the laser's axis points down.
    """

    pose: Pose
    upside_down: bool = False

    def __str__(self) -> str:
        """The place in words."""
        down = ", upside down" if self.upside_down else ""
        return f"{self.pose.x:.3f} m, {self.pose.y:.3f} m, {self.pose.yaw:.3f} rad{down}"


def mount_from_transform(transform: Transform) -> LaserMount | None:
    """Return the mount that a transform from the base to the laser describes; None: the laser is tilted."""
    axes = quat2mat(transform.rotation)  # columns: the laser's axes in the base
    if not abs(axes[2, 2]) >= _LEAST_UPRIGHT:
        return None
    x, y, _ = transform.translation.tolist()
    return LaserMount(Pose(x, y, math.atan2(axes[1, 0], axes[0, 0])), bool(axes[2, 2] < 0.0))
