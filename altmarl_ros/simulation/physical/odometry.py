"""Dead reckoning and localisation: where robots believe themselves to be.

Odometry integrates what the wheels turned. With the way d [m] and the turn a [rad] of a step it measures

    d' = (1 + s) d + k sqrt(d) N,    a' = (1 + s_a) a + sqrt(k_a^2 |a| + k_d^2 d) N,    N ~ N(0, 1) independent,

s and s_a drawn once per robot. After a way D straight ahead its error has the variance std(s)^2 D^2 + k^2 D
(Thrun, Burgard and Fox, 2005, 5.4, with drift that is a random walk whatever the time step).
Wheels slip or stall as their motors and the floor's grip have it; they feel neither sliding sideways nor being carried.
Localisation is the truth with white noise.
"""

from __future__ import annotations

from math import hypot, sqrt

from altmarl_ros.compiled import njit
from altmarl_ros.random_streams import normal
from altmarl_ros.simulation.physical.dynamics import advance, wrap


@njit(nogil=True, cache=True)
def reckon(pose, wheels, scales, streams, settings):  # type: ignore[no-untyped-def]
    """Integrate one time step into every pose [n, 3; odom], in place.

    Args:
        pose: as the odometry has it [n, 3; m, m, rad; odom].
        wheels: velocity as the wheels turn [n, 3; m/s, m/s, rad/s; base_link].
        scales: 1 + s and 1 + s_a [n, 2].
        streams: of the odometry [4, n], see `random_streams`.
        settings: time step [s], whether the base can move sideways, and k, k_a and k_d.
    """
    dt, lateral, distance_walk, turn_walk, heading_walk = settings
    for i in range(len(pose)):
        x, y, turn = dt * wheels[i, 0], dt * wheels[i, 1], dt * wheels[i, 2]
        way = hypot(x, y)
        a, b = normal(streams, i), normal(streams, i)
        stretch = scales[i, 0] + (distance_walk * a / sqrt(way) if way > 0.0 else 0.0)
        turn = scales[i, 1] * turn + sqrt(turn_walk * turn_walk * abs(turn) + heading_walk * heading_walk * way) * b
        advance(pose, i, stretch * x, stretch * y if lateral else 0.0, turn)


@njit(nogil=True, cache=True)
def localise(robots, pose, streams, noise, out):  # type: ignore[no-untyped-def]
    """Write noisy poses of some robots [m] to out [m, 3; m, m, rad; map]; noise of position [m] and yaw [rad]."""
    position_noise, yaw_noise = noise
    for k in range(len(robots)):
        i = robots[k]
        out[k, 0] = pose[i, 0] + position_noise * normal(streams, i)
        out[k, 1] = pose[i, 1] + position_noise * normal(streams, i)
        out[k, 2] = wrap(pose[i, 2] + yaw_noise * normal(streams, i))
