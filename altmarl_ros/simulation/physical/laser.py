"""A planar laser scanner: exact ray casting against discs and line segments.

A ray from the origin in direction u hits a disc with centre c and radius rho at t = u.c - sqrt((u.c)^2 - |c|^2 + rho^2),
and a segment from p along e at t = (p x e) / (u x e). An object covers an interval of bearings, so that only the beams in
it are cast. Ranges follow REP-117: inf where nothing is hit, -inf where something is too near to measure.
"""

from __future__ import annotations

from math import asin, atan2, ceil, cos, floor, inf, pi, sin, sqrt

import numpy as np

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.compiled import njit
from altmarl_ros.random_streams import Streams, normal
from altmarl_ros.simulation.physical.config import LaserConfig
from altmarl_ros.simulation.physical.dynamics import wrap

_FULL = 2.0 * pi
_SLACK = 1e-7  # beams; rounding must not lose a beam at an object's edge


class Laser:
    """The scanners of all robots.

    Attributes:
        angle_min, angle_increment: bearing of the first beam and the step to the next [rad; sensor's frame]. A full circle
            has no beam twice.
    """

    def __init__(self, config: LaserConfig, streams: Streams) -> None:
        self._config, self._streams = config, streams
        full = config.field_of_view >= _FULL - 1e-9
        self.angle_min = -0.5 * config.field_of_view
        self.angle_increment = config.field_of_view / (config.beams if full else config.beams - 1)
        bearings = self.angle_min + self.angle_increment * np.arange(config.beams)
        self._beams = np.stack([np.cos(bearings), np.sin(bearings)], axis=1)
        self._mount = (config.x, config.y, config.yaw)
        self._sensor = (self._beams, self.angle_min, self.angle_increment, config.range_max)

    def scan(self, robots: IntArray, poses: FloatArray, radius: float, walls: FloatArray, obstacles: FloatArray) -> FloatArray:
        """Ranges that some robots measure [len(robots), beams; m].

        Args:
            robots: which ones [m].
            poses: of all robots, discs for each other's lasers [n, 3; m, m, rad; map].
            radius: of the robots [m].
            walls: segments [w, 4; x, y of both ends, m; map].
            obstacles: discs [o, 3; x, y, radius, m; map].
        """
        c = self._config
        out = np.full((len(robots), c.beams), np.inf)
        _cast(robots, (poses, radius, walls, obstacles), self._mount, self._sensor, out)
        _measure(robots, self._streams, (c.noise, c.range_min, c.range_max), out)
        return out


@njit(nogil=True, cache=True)
def _cast(robots, floor, mount, sensor, out):  # type: ignore[no-untyped-def]
    (poses, radius, walls, obstacles), range_max = floor, sensor[3]
    for k in range(len(robots)):
        i, ranges = robots[k], out[k]
        yaw = poses[i, 2]
        x = poses[i, 0] + cos(yaw) * mount[0] - sin(yaw) * mount[1]
        y = poses[i, 1] + sin(yaw) * mount[0] + cos(yaw) * mount[1]
        c, s = cos(yaw + mount[2]), sin(yaw + mount[2])
        for j in range(len(poses)):
            if j != i:
                _cast_disc((poses[j, 0] - x, poses[j, 1] - y, radius), (c, s), sensor, ranges)
        for j in range(len(obstacles)):
            _cast_disc((obstacles[j, 0] - x, obstacles[j, 1] - y, obstacles[j, 2]), (c, s), sensor, ranges)
        for j in range(len(walls)):
            a_x, a_y, b_x, b_y = walls[j, 0] - x, walls[j, 1] - y, walls[j, 2] - x, walls[j, 3] - y
            if (
                min(a_x, b_x) > range_max
                or max(a_x, b_x) < -range_max
                or min(a_y, b_y) > range_max
                or max(a_y, b_y) < -range_max
            ):
                continue
            begin, end = (c * a_x + s * a_y, c * a_y - s * a_x), (c * b_x + s * b_y, c * b_y - s * b_x)
            _cast_segment(begin, end, sensor, ranges)


@njit(nogil=True, cache=True)
def _cast_disc(disc, rotation, sensor, ranges):  # type: ignore[no-untyped-def]
    (d_x, d_y, radius), (c, s), (beams, angle_min, increment, range_max) = disc, rotation, sensor
    square = d_x * d_x + d_y * d_y
    if square >= (range_max + radius) ** 2:
        return
    if square <= radius * radius:  # the sensor is inside
        ranges[:] = 0.0
        return
    x, y = c * d_x + s * d_y, c * d_y - s * d_x
    half = asin(radius / sqrt(square))
    first = (atan2(y, x) - half - angle_min) % _FULL
    for turn in range(2):  # the interval of bearings, and where it goes on past a full turn
        low = first - turn * _FULL
        for b in range(
            max(0, ceil(low / increment - _SLACK)), min(len(beams), floor((low + 2.0 * half) / increment + _SLACK) + 1)
        ):
            along = beams[b, 0] * x + beams[b, 1] * y
            below = along * along - square + radius * radius
            if along > 0.0 and below >= 0.0:
                ranges[b] = min(ranges[b], along - sqrt(below))


@njit(nogil=True, cache=True)
def _cast_segment(begin, end, sensor, ranges):  # type: ignore[no-untyped-def]
    (p_x, p_y), (q_x, q_y), (beams, angle_min, increment, _) = begin, end, sensor
    bearing = atan2(p_y, p_x)
    width = wrap(atan2(q_y, q_x) - bearing)
    first = (min(bearing, bearing + width) - angle_min) % _FULL
    e_x, e_y = q_x - p_x, q_y - p_y
    level = p_x * e_y - p_y * e_x
    for turn in range(2):
        low = first - turn * _FULL
        for b in range(
            max(0, ceil(low / increment - _SLACK)), min(len(beams), floor((low + abs(width)) / increment + _SLACK) + 1)
        ):
            across = beams[b, 0] * e_y - beams[b, 1] * e_x
            if across != 0.0 and level / across >= 0.0:
                ranges[b] = min(ranges[b], level / across)


@njit(nogil=True, cache=True)
def _measure(robots, streams, limits, out):  # type: ignore[no-untyped-def]
    noise, range_min, range_max = limits
    for k in range(len(robots)):
        for b in range(out.shape[1]):
            z = noise * normal(streams, robots[k]) if noise > 0.0 else 0.0
            if out[k, b] > range_max:
                out[k, b] = inf
                continue
            out[k, b] += z
            if out[k, b] < range_min:
                out[k, b] = -inf
            elif out[k, b] > range_max:
                out[k, b] = inf
