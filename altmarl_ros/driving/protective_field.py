"""Computes how far a robot can go before it touches what its laser sees, and how fast it may therefore be.

A circle of radius h that moves with constant (v_x, v_y, w) keeps its centre on an arc, or on a line for w = 0. It touches
a point p at the arc length s(p); the free path is min_p s(p). With rho = |v| / |w| the arc's radius and q the distance of p
from the arc's centre, contact is where rho^2 + q^2 - 2 rho q cos(delta) = h^2, delta the angle between robot and p seen from
that centre. This is the distance of the dynamic window approach (Fox, Burgard, Thrun 1997, IEEE RAM 4(1)), exact.

A robot at speed v that reacts after T and then brakes with b is at rest after the time T + v / b and the distance

    s(v) = v T + v^2 / (2 b).

Meanwhile anything else that moves, at speed K at most, comes nearer by K (T + v / b), from any side: the disc is enlarged by
as much. This is S = K T + C of ISO 13855 in all directions, and the speed-dependent protective field of ISO 3691-4:
`field_speed` is the largest v with s(v) + margin <= free path. Two robots that brake for each other share the work, so that
half their speed suffices for K. It is an aid, built from ordinary software and an ordinary laser: **no certified safety
function**, and nobody may rely on it as one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.driving.planar import Velocity

_HALVINGS = 8  # of the speed, to 1 %


class ProtectiveField(NamedTuple):
    """The numbers that determine how large the protective field is at each speed.

    Attributes:
        outline: radius of the robot and what it keeps to the sides [m].
        margin: distance kept ahead [m].
        reach: of the laser [m]; what is beyond may be occupied.
        reaction: T [s].
        braking: b [m/s^2].
        approach: K [m/s].
    """

    outline: float
    margin: float
    reach: float
    reaction: float
    braking: float
    approach: float


@njit(nogil=True, cache=True)
def free_path(points, vx, vy, w, h):  # type: ignore[no-untyped-def]
    """Path length [m] until a disc of radius h [m] that moves by (vx, vy, w) meets one of `points`; inf: never.

    At most zero where a point is within the disc and the motion leads towards it.

    Args:
        points: what the laser hit [m, base_link; point, 2].
        vx: speed ahead [m/s]; not zero together with `vy`.
        vy: speed to the left [m/s].
        w: turn rate [rad/s].
        h: radius of the disc [m].
    """
    v = math.hypot(vx, vy)
    free = np.inf
    if abs(w) <= 1e-3 * v:  # equal where both vanish
        for i in range(len(points)):
            along = (points[i, 0] * vx + points[i, 1] * vy) / v
            across = (points[i, 1] * vx - points[i, 0] * vy) / v
            if along > 0.0 and abs(across) < h:
                free = min(free, along - math.sqrt(h * h - across * across))
        return free
    rho = v / abs(w)
    cx, cy = -vy / w, vx / w
    turn = 1.0 if w > 0.0 else -1.0
    for i in range(len(points)):
        px, py = points[i, 0], points[i, 1]
        x, y = px - cx, py - cy
        q = math.hypot(x, y)
        if abs(q - rho) >= h or q == 0.0:
            continue
        if px * px + py * py <= h * h or rho * q == 0.0:  # in touch already: free only where the motion leads away
            if px * vx + py * vy > 0.0:
                free = min(free, 0.0)
            continue
        cos = (rho * rho + q * q - h * h) / (2.0 * rho * q)
        angle = turn * (math.atan2(y, x) - math.atan2(-cy, -cx))
        delta = math.acos(min(1.0, max(-1.0, cos)))
        free = min(free, rho * ((angle - delta) % (2.0 * math.pi)))
    return free


def safe_speed(free: float, reaction: float, braking: float) -> float:
    """Return the largest speed [m/s] from which a robot that reacts after `reaction` [s] rests within `free` [m].

    It brakes with `braking` [m/s^2]. Where nothing is free the speed is 0.
    """
    return float(_safe_speed(free, reaction, braking)) if free > 0.0 else 0.0


@njit(nogil=True, cache=True)
def _safe_speed(free, reaction, braking):  # type: ignore[no-untyped-def]
    p = braking * reaction
    return math.sqrt(p * p + 2.0 * braking * free) - p


def field_speed(points: FloatArray, motion: Velocity, field: ProtectiveField) -> float:
    """Return the largest speed [m/s] in the direction of `motion`, up to its own, that the protective field allows.

    Args:
        points: what the laser hit [m, base_link; point, 2].
        motion: direction, turn and highest speed.
        field: margins, reaction and braking.
    """
    return float(_field_speed(points, (motion.x, motion.y, motion.yaw), field))


@njit(nogil=True, cache=True)
def _field_speed(points, motion, field):  # type: ignore[no-untyped-def]
    vx, vy, w = motion
    reaction, braking = field.reaction, field.braking
    top = math.hypot(vx, vy)
    low, high = 0.0, top
    for trial in range(_HALVINGS):
        v = high if trial == 0 else 0.5 * (low + high)
        h = field.outline + field.approach * (reaction + v / braking)
        # A brake that is not in step with the turn leaves the arc for something between it and the tangent.
        free = min(free_path(points, vx, vy, w, h), free_path(points, vx, vy, 0.0, h), field.reach)
        if v * reaction + v * v / (2.0 * braking) + field.margin <= free:
            low = v
            if trial == 0:
                break
        else:
            high = v
    return low


def nearest(points: FloatArray) -> float:
    """Return the distance [m] of the nearest of `points` [m, base_link; point, 2]; inf if there is none."""
    return float(_nearest(points)) if len(points) else math.inf


@njit(nogil=True, cache=True)
def _nearest(points):  # type: ignore[no-untyped-def]
    d = np.inf
    for i in range(len(points)):
        d = min(d, math.hypot(points[i, 0], points[i, 1]))
    return d
