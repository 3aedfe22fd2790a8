"""Motion in the plane: where a robot is and how it moves (REP-103, REP-105).

Metres, radians, seconds; x forward, y left, yaw counter-clockwise. Numbers are taken as they come, NaN included:
whoever acts on them asks `is_finite` first.
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
        """Whether all three are numbers."""
        return math.isfinite(self.x) and math.isfinite(self.y) and math.isfinite(self.yaw)

    def to_local(self, x: float, y: float) -> tuple[float, float]:
        """A point of the map, as seen from this pose [m, base_link]."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return cos * (x - self.x) + sin * (y - self.y), cos * (y - self.y) - sin * (x - self.x)

    def to_map(self, x: float, y: float) -> tuple[float, float]:
        """A point of base_link, in the map [m]."""
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
        """Whether all three are numbers."""
        return math.isfinite(self.x) and math.isfinite(self.y) and math.isfinite(self.yaw)

    @property
    def speed(self) -> float:
        """Of the base's centre [m/s]."""
        return math.hypot(self.x, self.y)

    @property
    def is_zero(self) -> bool:
        """Whether nothing moves."""
        return self.x == 0.0 and self.y == 0.0 and self.yaw == 0.0


STILL = Velocity()
"""At rest."""


def wrap_angle(angle: float) -> float:
    """The same direction in (-pi, pi]; NaN for what is not finite."""
    return math.pi - (math.pi - angle) % (2.0 * math.pi)
