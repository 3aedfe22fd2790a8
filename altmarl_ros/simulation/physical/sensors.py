"""Schedules the sensors of the robots, and applies sensor faults to their values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.random_streams import spread


@dataclass(frozen=True, eq=False)
class Odometry:
    """Odometry that is due, of m robots.

    Attributes:
        robots: indices [m].
        stamps: times [m; s].
        poses: in frame odom [m, 3; m, m, rad].
        velocities: in base_link [m, 3; m/s, m/s, rad/s].
    """

    robots: IntArray
    stamps: FloatArray
    poses: FloatArray
    velocities: FloatArray


@dataclass(frozen=True, eq=False)
class Localisation:
    """Localised poses that are due, of m robots.

    Attributes:
        robots: indices [m].
        stamps: times [m; s].
        poses: in frame map [m, 3; m, m, rad].
        covariance: of x, y, yaw, the same for all [3, 3; m^2, m^2, rad^2].
    """

    robots: IntArray
    stamps: FloatArray
    poses: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, eq=False)
class Scans:
    """Laser scans that are due, of m robots.

    Attributes:
        robots: indices [m].
        stamps: times [m; s].
        ranges: [m, beams; m]; inf: nothing hit, -inf: too near (REP-117).
    """

    robots: IntArray
    stamps: FloatArray
    ranges: FloatArray


@dataclass(frozen=True, eq=False)
class Due:
    """Values [m, width] that some robots [m] publish, with their stamps [m; s]."""

    robots: IntArray
    stamps: FloatArray
    values: FloatArray


class Sensor:
    """The same sensor on n robots: each publishes `rate` times a second [Hz], not all at the same instant."""

    def __init__(self, n: int, rate: float, width: int) -> None:
        self._rate = rate
        self._phases = np.array([spread(i) for i in range(n)]) + 1e-9  # whole turns must not be lost to rounding
        self._stamps = np.full(n, -np.inf)
        self._values = np.zeros((n, width))

    def due(self, before: float, now: float) -> IntArray:
        """Return the robots whose turn came after `before` and not after `now` [s]."""
        turns = np.floor(self._phases + self._rate * now) > np.floor(self._phases + self._rate * before)
        return np.asarray(turns.nonzero()[0])

    def publish(self, robots: IntArray, now: float, values: FloatArray, faults: FloatArray) -> Due:
        """Return what robots publish of `values` [len(robots), width] under faults [lost, frozen, stale, nan; n]."""
        if not faults.any():
            self._values[robots], self._stamps[robots] = values, now
            return Due(robots, self._stamps[robots], values)
        lost, frozen, stale, nan = faults[:, robots] > 0.0
        repeats = frozen | stale
        fresh = robots[~repeats]
        self._values[fresh], self._stamps[fresh] = values[~repeats], now
        published = ~lost & np.isfinite(self._stamps[robots])  # a sensor that never published has nothing to repeat
        stamps = np.where(stale, self._stamps[robots], now)
        values = np.where(nan[:, None], np.nan, self._values[robots])
        return Due(robots[published], stamps[published], values[published])
