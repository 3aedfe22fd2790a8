"""Poses and velocities in the plane (REP-103, REP-105).

Units are metres, radians and seconds; x points forward, y to the left, and yaw is counter-clockwise. Numbers are taken as
they come, NaN included: callers check `is_finite` before they act on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pose:
    """Position [m] and yaw [rad] of base_link in the map frame."""

    x: float
    y: float
    yaw: float = 0.0

    @property
    def is_finite(self) -> bool:
        """Whether position and yaw are finite numbers."""
        return math.isfinite(self.x) and math.isfinite(self.y) and math.isfinite(self.yaw)

    def to_local(self, x: float, y: float) -> tuple[float, float]:
        """Transform a point from the map [m] to base_link [m]."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return cos * (x - self.x) + sin * (y - self.y), cos * (y - self.y) - sin * (x - self.x)

    def to_map(self, x: float, y: float) -> tuple[float, float]:
        """Transform a point from base_link [m] to the map [m]."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return self.x + cos * x - sin * y, self.y + sin * x + cos * y


@dataclass(frozen=True, slots=True)
class Velocity:
    """Linear velocity [m/s] and turn rate [rad/s] in base_link."""

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0

    @property
    def is_finite(self) -> bool:
        """Whether all components are finite numbers."""
        return math.isfinite(self.x) and math.isfinite(self.y) and math.isfinite(self.yaw)

    @property
    def speed(self) -> float:
        """Linear speed [m/s]."""
        return math.hypot(self.x, self.y)

    @property
    def is_zero(self) -> bool:
        """Whether the base neither moves nor turns."""
        return self.x == 0.0 and self.y == 0.0 and self.yaw == 0.0


STILL = Velocity()
"""The velocity of a base at rest."""


def wrap_angle(angle: float) -> float:
    """Return the same direction in (-pi, pi] [rad]; NaN if the angle is not finite."""
    return math.pi - (math.pi - angle) % (2.0 * math.pi)
