"""Tracks a robot's pose in the map from odometry and from poses that correct it.

Odometry is frequent and smooth but drifts. A localisation (AMCL, motion capture) knows the map but is infrequent; AMCL says
nothing at all while the robot stands. With O the pose of odometry's origin in the map and T_o the odometry (REP-105),

    T_map = O T_o,    and a pose T measured at the time of T_o gives    O = T T_o^-1
"""

from __future__ import annotations

import math
from collections import deque

from altmarl_ros.driving.planar import Pose, wrap_angle

_KEPT = 100  # odometry poses, a few seconds


def compose(a: Pose, b: Pose) -> Pose:
    """Return the pose b, which is given in the frame of a, in the frame in which a is given."""
    return Pose(*a.to_map(b.x, b.y), wrap_angle(a.yaw + b.yaw))


def inverse(pose: Pose) -> Pose:
    """Return the pose that composed with the given one is the origin."""
    return Pose(*pose.to_local(0.0, 0.0), wrap_angle(-pose.yaw))


class Localiser:
    """Tracks the pose of one robot; poses that are not finite are passed on unchanged and correct nothing."""

    def __init__(self, origin: Pose | None = None) -> None:
        """`origin` is odometry's in the map; None: unknown until a pose tells it."""
        self._origin = origin
        self._recent: deque[tuple[float, Pose]] = deque(maxlen=_KEPT)
        self._early: tuple[float, Pose] | None = None  # a correction that came before any odometry

    def odometry(self, stamp: float, pose: Pose) -> Pose | None:
        """Return the pose in the map when odometry says `pose` at time `stamp` [s]; None while the origin is unknown."""
        if pose.is_finite and math.isfinite(stamp):
            self._recent.append((stamp, pose))
            if self._early is not None:
                early, self._early = self._early, None
                self.correct(*early)
        return None if self._origin is None else compose(self._origin, pose)

    def correct(self, stamp: float, pose: Pose) -> None:
        """Note that the robot was at `pose` in the map at time `stamp` [s]; before any odometry, that odometry begins there."""
        if not (pose.is_finite and math.isfinite(stamp)):
            return
        if not self._recent:
            self._early = (stamp, pose)
        else:
            _, then = min(self._recent, key=lambda entry: abs(entry[0] - stamp))
            self._origin = compose(pose, inverse(then))
