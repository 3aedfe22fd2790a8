"""A planar laser scanner: MuJoCo casts its rays against walls, obstacles and other robots; noise and limits are ours.

The scanner is kept level. Ranges follow REP-117: inf where nothing is hit, -inf where something is too near to measure.
"""

from __future__ import annotations

from math import inf, pi

import numpy as np

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.compiled import njit
from altmarl_ros.random_streams import Streams, normal
from altmarl_ros.simulation.physical.bodies import Bodies
from altmarl_ros.simulation.physical.config import LaserConfig

_FULL = 2.0 * pi


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
        self._bearings = self.angle_min + self.angle_increment * np.arange(config.beams)

    def scan(self, robots: IntArray, bodies: Bodies) -> FloatArray:
        """Ranges that some robots measure [len(robots), beams; m].

        Args:
            robots: which ones [m].
            bodies: of all robots, where they are now.
        """
        c = self._config
        out = np.full((len(robots), c.beams), np.inf)
        if not len(robots):
            return out
        poses = bodies.poses
        for k, i in enumerate(robots.tolist()):
            x, y, yaw = poses[i].tolist()
            cosine, sine = np.cos(yaw), np.sin(yaw)
            origin = np.array([x + cosine * c.x - sine * c.y, y + sine * c.x + cosine * c.y, c.z])
            angles = self._bearings + (yaw + c.yaw)
            directions = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)
            out[k] = bodies.rays(i, origin, directions, c.range_max)
        _measure(robots, self._streams, (c.noise, c.range_min, c.range_max), out)
        return out


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
