"""Finds another parking slot when a robot's own one is taken.

A zone may have fewer slots than robots, and somebody may stand in a slot that is not theirs. Two robots that want one place
would push each other about for ever. So a robot that has come near to its slot and sees for `PATIENCE` that something stands in
it takes the next slot of the zone, in their order, that looks free from where it is. It goes by its laser alone, and by the
walls of the map, which are no obstacle in a slot beside them. The order is fixed: the same sight leads to the same slot.
"""

from __future__ import annotations

from math import cos, hypot, inf, sin

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiLineString

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.planar import Pose

NEAR = 1.5
"""Distance from which a robot looks whether its slot is taken [m]."""

PATIENCE = 2.0
"""Time for which a slot must be seen taken before a robot gives it up [s]."""

_MARGIN = 0.05  # m; who stands in a slot may stand as far beside it
_WALL = 0.12  # m; what is seen as near as this to a wall of the map is the wall


class FreeSlots:
    """Watches the slot that one robot drives to, and names another one when it is taken.

    Attributes:
        crowded: whether the robot has tried all slots of the zone, or sees none that is free.
    """

    def __init__(self, radius: float, walls: MultiLineString) -> None:
        """Watch for a robot of this radius [m], which others are taken to have too, between walls [m, map]."""
        self._radius, self._walls = radius, walls
        self.begin()

    def begin(self) -> None:
        """Begin anew, with another zone."""
        self._since = inf  # when the slot was seen taken first
        self._tried = 0
        self.crowded = False

    def look(self, now: float, pose: Pose, slots: FloatArray, own: int, points: FloatArray) -> int:
        """Return the slot to drive to: `own`, or the next one if that has been taken for a while.

        Args:
            now: monotonic [s].
            pose: in the map.
            slots: of the zone [slot, xy; m].
            own: the slot that the robot drives to.
            points: what the laser hit [m, base_link; point, 2]; what is not finite is left out.
        """
        away = hypot(slots[own, 0] - pose.x, slots[own, 1] - pose.y)
        if away <= self._radius:  # it stands there itself
            self.begin()
            return own
        if away > NEAR:
            self._since = inf
            return own
        taken = self._taken(pose, slots, points)
        if not taken[own]:
            self._since = inf
            return own
        self._since = min(self._since, now)
        if now - self._since < PATIENCE:
            return own
        others = (own + np.arange(1, len(slots))) % len(slots)
        free = others[~taken[others]]
        self._tried += 1
        self.crowded = not len(free) or self._tried >= len(slots)
        self._since = inf
        return int(free[0]) if len(free) else own

    def _taken(self, pose: Pose, slots: FloatArray, points: FloatArray) -> NDArray[np.bool_]:
        """Whether something other than a wall is seen in each slot [slot]."""
        points = points[np.isfinite(points).all(axis=1)]
        c, s = cos(pose.yaw), sin(pose.yaw)
        seen = points @ np.array([[c, s], [-s, c]]) + np.array([pose.x, pose.y])
        off = slots[:, None] - seen
        inside = np.hypot(off[..., 0], off[..., 1]) <= self._radius + _MARGIN  # [slot, point]
        hits = np.flatnonzero(inside.any(axis=0))
        if len(hits) and not self._walls.is_empty:
            walls = hits[shapely.distance(self._walls, shapely.points(seen[hits])) <= _WALL]
            inside[:, walls] = False
        return np.asarray(inside.any(axis=1))
