"""Plans the next motion by trajectory sampling: rolls out every candidate and takes the one of least cost.

A candidate is a heading and a share of the top speed, handed to the controller that drives the robot: turn at
|w| <= sqrt(2 alpha |e|) by the heading error e, drive at v cos(e), in place where e is large, never faster than
sqrt(2 a d) at distance d from the goal. Its closed loop is rolled out from the present velocity over the horizon under
the acceleration limits: the dynamic window of Fox, Burgard and Thrun (IEEE RAM 4(1), 1997), with the closed-loop
prediction of Kuwata et al. (IEEE TCST 17(5), 2009) in place of constant arcs, so that turning in place and rounding an
obstacle are candidates like any other. A rollout that would touch something counts as waiting in front of it, and is
inadmissible where it could not stop. The cost, in metres, of a rollout that ends at p:

    (|p - goal| + mean distance to the goal on the way) / 2  + blocked (1 - free share of the segment p -> goal)
    + clearance (1 - c / c_far)_+^2 + keep_right (left turns past obstacles) + change |heading - previous heading|
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from altmarl_ros.compiled import njit

HEADINGS = 32
EASE = 0.8
"""Share of the acceleration by which to stop at a goal; the rest is for errors."""

_SECTORS = 120
_STEPS = 20
_STEP = 0.15  # s
_TURN_IN_PLACE = math.radians(70)
_FAR = 0.3  # m of clearance beyond which more is worth nothing
_SHARES = (1.0, 0.4)
_BLOCKED, _CLEARANCE, _KEEP_RIGHT, _CHANGE, _DISSENT = 0.8, 0.6, 0.4, 0.06, 0.02


class Kinematics(NamedTuple):
    """What a base can do, and what it keeps clear of.

    Attributes:
        forward: highest speed ahead [m/s].
        lateral: highest speed to either side [m/s]; above 0, the base needs no turning.
        turn: highest turn rate [rad/s].
        acceleration: highest gain of speed [m/s^2].
        braking: highest loss of speed [m/s^2].
        angular_acceleration: highest change of the turn rate [rad/s^2].
        keep: least distance of the base's centre from points [m].
    """

    forward: float
    lateral: float
    turn: float
    acceleration: float
    braking: float
    angular_acceleration: float
    keep: float


class Choice(NamedTuple):
    """The candidate of least cost.

    Attributes:
        heading: to drive in [rad, base_link].
        top: highest speed to drive at [m/s].
        admissible: whether any candidate can still stop in front of what it would touch.
    """

    heading: float
    top: float
    admissible: bool


@njit(nogil=True, cache=True)
def thin(points, reach):  # type: ignore[no-untyped-def]
    """Keep the nearest of `points` [point, 2] in every sector, as far as `reach`; leave out what is not finite."""
    best = np.full(_SECTORS, reach * reach)
    kept = np.zeros((_SECTORS, 2))
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        d2 = x * x + y * y
        if not d2 < reach * reach:
            continue
        sector = int((math.atan2(y, x) + math.pi) * (_SECTORS / (2.0 * math.pi))) % _SECTORS
        if d2 < best[sector]:
            best[sector] = d2
            kept[sector, 0], kept[sector, 1] = x, y
    out = np.empty((_SECTORS, 2))
    count = 0
    for sector in range(_SECTORS):
        if best[sector] < reach * reach:
            out[count] = kept[sector]
            count += 1
    return out[:count]


@njit(nogil=True, cache=True, fastmath=True)  # finite by `thin`
def _nearest(points, x, y):  # type: ignore[no-untyped-def]
    d2 = 1e18
    for i in range(len(points)):
        dx, dy = points[i, 0] - x, points[i, 1] - y
        d2 = min(d2, dx * dx + dy * dy)
    return math.sqrt(d2)


@njit(nogil=True, cache=True, fastmath=True)
def _free_share(points, start, goal, width):  # type: ignore[no-untyped-def]
    """Share of the way from start (x, y) to the goal that a disc of radius `width` gets before it meets a point."""
    (x, y), (gx, gy) = start, goal
    length = math.hypot(gx - x, gy - y)
    if length < 1e-6:
        return 1.0
    ux, uy = (gx - x) / length, (gy - y) / length
    free = length
    for i in range(len(points)):
        dx, dy = points[i, 0] - x, points[i, 1] - y
        along, across = dx * ux + dy * uy, abs(dy * ux - dx * uy)
        if along > 0.0 and across < width:
            free = min(free, max(along - width, 0.0))
    return free / length


@njit(nogil=True, cache=True)
def wrap(angle):  # type: ignore[no-untyped-def]
    """The same direction in (-pi, pi]."""
    return math.pi - (math.pi - angle) % (2.0 * math.pi)


@njit(nogil=True, cache=True)
def approach(distance, braking, dt):  # type: ignore[no-untyped-def]
    """Return the speed that, kept for dt, still comes to rest within `distance`: v dt + v^2 / (2 b) = distance."""
    return braking * (math.sqrt(dt * dt + 2.0 * max(distance, 0.0) / braking) - dt)


@njit(nogil=True, cache=True)
def _towards(value, target, change):  # type: ignore[no-untyped-def]
    return min(max(target, value - change), value + change)


@njit(nogil=True, cache=True)
def control(error, top, distance, base, dt):  # type: ignore[no-untyped-def]
    """Return speed and turn rate of a differential base with heading error [rad], `distance` [m] from its goal."""
    size = abs(error)
    rate = math.copysign(min(base.turn, approach(size, EASE * base.angular_acceleration, dt)), error)
    if size > _TURN_IN_PLACE:
        return 0.0, rate
    return min(top, approach(distance, EASE * base.acceleration, dt)) * math.cos(error), rate


@njit(nogil=True, cache=True)
def _rollout(points, goal, velocity, base, candidate):  # type: ignore[no-untyped-def]
    """Roll out a candidate (heading, top speed, whether it heads for the goal all the way).

    Returns whether the base could stop in time, x and y at the end, mean distance to the goal, least distance of the points.
    """
    (gx, gy), (heading0, top, home), keep = goal, candidate, base.keep
    x, y, yaw = 0.0, 0.0, 0.0
    vx, vy, w = velocity
    way_to_rest = (vx * vx + vy * vy) / (2.0 * base.braking)
    here = _nearest(points, 0.0, 0.0)
    nearest, mean, path, sure = here, 0.0, 0.0, here - keep  # sure: path on which nothing is nearer than `keep`
    waits = False
    for _ in range(_STEPS):
        if not waits:
            distance = math.hypot(gx - x, gy - y)
            heading = math.atan2(gy - y, gx - x) if home else heading0
            if base.lateral > 0.0:
                want = min(top, approach(distance, EASE * base.acceleration, _STEP))
                vx = _towards(vx, want * math.cos(heading), base.acceleration * _STEP)
                vy = _towards(vy, want * math.sin(heading), base.acceleration * _STEP)
                dx, dy = vx * _STEP, vy * _STEP
            else:
                want, rate = control(wrap(heading - yaw), top, distance, base, _STEP)
                w = _towards(w, rate, base.angular_acceleration * _STEP)
                vx = _towards(vx, want, (base.acceleration if want > vx else base.braking) * _STEP)
                middle = yaw + 0.5 * w * _STEP
                dx, dy, yaw = vx * _STEP * math.cos(middle), vx * _STEP * math.sin(middle), yaw + w * _STEP
            moved = math.hypot(dx, dy)
            sure -= moved
            if sure < _FAR:
                gap = _nearest(points, x + dx, y + dy)
                sure = gap - keep
                # A base that stands too near something already may move away from it.
                if sure < 0.0 and gap < here + 1e-9 and moved > 0.0:
                    if path < way_to_rest:
                        return False, x, y, mean, nearest
                    waits, gap, dx, dy = True, keep, 0.0, 0.0
                nearest = min(nearest, gap)
            x, y, path = x + dx, y + dy, path + moved
        mean += math.hypot(gx - x, gy - y) / _STEPS
    return True, x, y, mean, nearest


@njit(nogil=True, cache=True)
def search(points, goal, velocity, base, previous):  # type: ignore[no-untyped-def]
    """Return the best candidate, a Choice.

    Args:
        points: [m, base_link; point, 2], finite.
        goal: (x, y) [m, base_link].
        velocity: present (x, y, yaw) [m/s, m/s, rad/s; base_link].
        base: Kinematics.
        previous: the heading chosen last [rad, base_link], or NaN.
    """
    to_goal = math.atan2(goal[1], goal[0])
    near_goal = min(math.hypot(goal[0], goal[1]), 1.0)  # weights fade where there is little left to gain
    blocked = _free_share(points, (0.0, 0.0), goal, base.keep) < 1.0
    best_cost, best_heading, best_top = np.inf, to_goal, 0.0
    for k in range(HEADINGS):
        offset = wrap(2.0 * math.pi * k / HEADINGS)
        heading = wrap(to_goal + offset)
        fixed = _DISSENT * abs(offset)
        if blocked and offset > 0.0:
            fixed += _KEEP_RIGHT * math.sin(min(offset, 0.5 * math.pi)) * near_goal
        if not math.isnan(previous):
            fixed += _CHANGE * abs(wrap(heading - previous))
        for share in _SHARES:
            top = share * base.forward
            if base.lateral > 0.0:
                top = share / max(abs(math.cos(heading)) / base.forward, abs(math.sin(heading)) / base.lateral)
            admissible, x, y, mean, nearest = _rollout(points, goal, velocity, base, (heading, top, k == 0))
            if not admissible:
                continue
            end = math.hypot(goal[0] - x, goal[1] - y)
            shortfall = max(0.0, 1.0 - (nearest - base.keep) / _FAR)
            cost = fixed + 0.5 * (end + mean) + _CLEARANCE * shortfall * shortfall * near_goal
            cost += _BLOCKED * (1.0 - _free_share(points, (x, y), goal, base.keep)) * min(end, 1.0)
            if cost < best_cost:
                best_cost, best_heading, best_top = cost, heading, top
    return Choice(best_heading, best_top, best_cost < np.inf)
