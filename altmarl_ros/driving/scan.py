"""Reads a planar laser scan by REP-117: which points it hits, and which directions it covers.

A ray at or beyond `range_max`, +inf included, is free up to `range_max`. A ray of -inf hits something nearer than
`range_min`, which is taken to be at `range_min`. NaN and finite ranges below `range_min` (drivers report 0 for "nothing
came back") carry no information: such a ray covers no direction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.driving.planar import Pose

_FEWEST_RAYS = 2
_FULL_TURN = 2.0 * math.pi


@dataclass(frozen=True, eq=False)
class Scan:
    """One revolution of the laser; the derived arrays are computed once.

    Attributes:
        ranges: [m, ray].
        angle_min: bearing of the first ray in the laser's frame [rad].
        increment: angle between rays [rad].
        range_min: shortest range that the laser measures [m].
        range_max: longest range that the laser measures [m].
        mount: pose of the laser in base_link.
        points: points that were hit [m, base_link; hit, 2].
        bearings: directions of the rays that carry information [rad, base_link; known ray].
        is_valid: whether the numbers describe a scan; if not, `points` and `bearings` are empty.
    """

    ranges: FloatArray
    angle_min: float
    increment: float
    range_min: float
    range_max: float
    mount: Pose = field(default=Pose(0.0, 0.0))
    points: FloatArray = field(init=False, repr=False)
    bearings: FloatArray = field(init=False, repr=False)
    is_valid: bool = field(init=False)

    def __post_init__(self) -> None:
        ranges = np.asarray(self.ranges, dtype=np.float64)
        numbers = (self.angle_min, self.increment, self.range_min, self.range_max)
        valid = (
            ranges.ndim == 1
            and len(ranges) >= _FEWEST_RAYS
            and all(map(math.isfinite, numbers))
            and self.mount.is_finite
            and self.increment != 0.0
            and abs(self.increment) * (len(ranges) - 1) < _FULL_TURN + abs(self.increment)
            and 0.0 <= self.range_min < self.range_max
        )
        points: FloatArray = np.empty((0, 2))
        bearings: FloatArray = np.empty(0)
        if valid:
            angles = self.mount.yaw + self.angle_min + self.increment * np.arange(len(ranges), dtype=np.float64)
            known = (ranges >= self.range_min) | np.isneginf(ranges)
            hit = known & (ranges < self.range_max)
            r, at = np.maximum(ranges[hit], self.range_min), angles[hit]
            points = np.column_stack([self.mount.x + r * np.cos(at), self.mount.y + r * np.sin(at)])
            bearings = angles[known]
        for name, value in (("ranges", ranges), ("points", points), ("bearings", bearings), ("is_valid", bool(valid))):
            object.__setattr__(self, name, value)

    def covers(self, direction: float, half_width: float, widest_gap: float) -> bool:
        """Return whether no gap between rays within `half_width` of a direction is wider than `widest_gap` [rad]."""
        return bool(_widest_gap(self.bearings, direction, half_width) <= widest_gap)


@njit(nogil=True, cache=True)
def _widest_gap(bearings, direction, half_width):  # type: ignore[no-untyped-def]
    offsets = np.empty(len(bearings) + 2)
    offsets[0], offsets[1] = -half_width, half_width
    count = 2
    for bearing in bearings:
        offset = math.pi - (math.pi - bearing + direction) % _FULL_TURN
        if abs(offset) < half_width:
            offsets[count] = offset
            count += 1
    return np.diff(np.sort(offsets[:count])).max()
