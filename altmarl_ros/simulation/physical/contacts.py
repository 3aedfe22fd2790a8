"""Discs that neither overlap nor pass through each other, walls (segments) or obstacles (discs).

After every time step, from poses without overlap, robots have moved by at most half a radius:

1. Overlaps are undone one after the other, some rounds long (projected Gauss-Seidel). A robot gives back its own way
   into the contact: it is stopped by others, not pushed. Its velocity into the contact is lost.
2. Who still overlaps, or was displaced by a radius, is put back to where it was before the step, until nobody overlaps;
   all put back is the state before, so this ends. Less than a radius of way also means that no centre has crossed a wall.

A contact is the beginning of an encounter, which lasts until the gap is a centimetre.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, sin

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.compiled import njit

WALL, OBSTACLE = -1, -2
"""Partners that are no robot."""

_NOBODY = -3
_NONE = np.zeros((0, 3))
_APART = 0.01  # m; ends an encounter
_ROUNDS = 10
_CLEAR = 1e-9  # m; beyond touching, so that rounding is no overlap
_MOST_NEAR = 12  # pairs per robot: within 4 radii of a centre are at most 24 others, a disc of 5 radii has room for 25


@dataclass(frozen=True)
class Contact:
    """The beginning of an encounter.

    Attributes:
        time: [s].
        robot: who; of two robots the lesser index.
        partner: the other robot, WALL or OBSTACLE.
        speed: at which they came together [m/s].
    """

    time: float
    robot: int
    partner: int
    speed: float


class Contacts:
    """Keeps n robots apart and counts who ran into what.

    Attributes:
        log: in order of time.
        counts: contacts that each robot was part of [n].
    """

    def __init__(self, n: int, radius: float, lateral: bool, walls: FloatArray) -> None:
        self.log: list[Contact] = []
        self.counts: IntArray = np.zeros(n, dtype=np.int64)
        self._radius, self._lateral, self._walls = radius, lateral, walls
        self._touching = np.zeros((n, n + 2), dtype=np.bool_)  # robot, then its partners; OBSTACLE and WALL from the end
        self._pairs = np.zeros((_MOST_NEAR * n, 2), dtype=np.int64)
        self._events = np.zeros((_MOST_NEAR * n + 2 * n, 2), dtype=np.int64)
        self._speeds = np.zeros(len(self._events))

    def resolve(
        self,
        time: float,
        before: FloatArray,
        *,
        pose: FloatArray,
        velocities: tuple[FloatArray, FloatArray, FloatArray],
        obstacles: FloatArray,
    ) -> None:
        """Correct poses [n, 3; map] and velocities [n, 3; base_link] in place after a step from `before`, and log contacts.

        `velocities` are the speed controller's, the wheels' and those over the floor.
        """
        shape, floor = (self._radius, self._lateral), (self._walls, obstacles)
        buffers = (self._touching, self._pairs, self._events, self._speeds)
        found = _resolve(before, (pose, velocities), shape, floor, buffers)
        for (robot, partner), speed in zip(self._events[:found].tolist(), self._speeds[:found].tolist(), strict=True):
            self.log.append(Contact(time, robot, partner, speed))
            self.counts[robot] += 1
            if partner >= 0:
                self.counts[partner] += 1


def apart_from_walls(points: FloatArray, radius: float, walls: FloatArray) -> NDArray[np.bool_]:
    """Which discs around points [n, xy; m] overlap no wall [w, 4; m]."""
    return np.array([_first_overlap(x, y, radius, walls, _NONE) != WALL for x, y in points[:, :2]], dtype=np.bool_)


def first_overlap(point: FloatArray, radius: float, others: FloatArray, walls: FloatArray, obstacles: FloatArray) -> int | None:
    """What a robot at a point [xy; m] would overlap: the index of a robot in `others` [m, xy; m], WALL, OBSTACLE, or None."""
    partner = _first_overlap(point[0], point[1], radius, walls, obstacles)
    if partner == _NOBODY:
        near = np.flatnonzero(np.hypot(others[:, 0] - point[0], others[:, 1] - point[1]) < 2.0 * radius)
        return int(near[0]) if len(near) else None
    return int(partner)


@njit(nogil=True, cache=True)
def wall_offset(walls, w, x, y):  # type: ignore[no-untyped-def]
    """From the nearest point of wall w to (x, y) [m]."""
    a_x, a_y = walls[w, 0], walls[w, 1]
    e_x, e_y = walls[w, 2] - a_x, walls[w, 3] - a_y
    share = ((x - a_x) * e_x + (y - a_y) * e_y) / (e_x * e_x + e_y * e_y)
    share = min(max(share, 0.0), 1.0)
    return x - a_x - share * e_x, y - a_y - share * e_y


@njit(nogil=True, cache=True)
def _first_overlap(x, y, radius, walls, obstacles):  # type: ignore[no-untyped-def]
    for w in range(len(walls)):
        d_x, d_y = wall_offset(walls, w, x, y)
        if hypot(d_x, d_y) < radius:
            return WALL
    for o in range(len(obstacles)):
        if hypot(x - obstacles[o, 0], y - obstacles[o, 1]) < radius + obstacles[o, 2]:
            return OBSTACLE
    return _NOBODY


@njit(nogil=True, cache=True)
def _lose(velocity, i, yaw, normal, lateral):  # type: ignore[no-untyped-def]
    """Takes from a body velocity what leads against the normal (map frame)."""
    n_x, n_y = normal
    b_x, b_y = cos(yaw) * n_x + sin(yaw) * n_y, cos(yaw) * n_y - sin(yaw) * n_x
    into = velocity[i, 0] * b_x + velocity[i, 1] * b_y
    if into < 0.0:
        velocity[i, 0] -= into * b_x
        if lateral:
            velocity[i, 1] -= into * b_y


@njit(nogil=True, cache=True)
def _approach(velocity, i, yaw, n_x, n_y):  # type: ignore[no-untyped-def]
    """Speed of robot i against the normal."""
    c, s = cos(yaw), sin(yaw)
    return -((c * velocity[i, 0] - s * velocity[i, 1]) * n_x + (s * velocity[i, 0] + c * velocity[i, 1]) * n_y)


@njit(nogil=True, cache=True)
def _near_pairs(before, radius, touching, pairs):  # type: ignore[no-untyped-def]
    """Pairs of robots that could touch in this step, in order; ends the encounters of those that are apart."""
    found = 0
    reach, apart = 4.0 * radius, 2.0 * radius + _APART
    for i in range(len(before)):
        for j in range(i + 1, len(before)):
            d_x, d_y = before[i, 0] - before[j, 0], before[i, 1] - before[j, 1]
            square = d_x * d_x + d_y * d_y
            if square > apart * apart:
                touching[i, j] = False
            if square < reach * reach:
                pairs[found, 0], pairs[found, 1] = i, j
                found += 1
    return found


@njit(nogil=True, cache=True)
def _fixture(floor, k, point, radius):  # type: ignore[no-untyped-def]
    """Wall k, or obstacle k - len(walls): offset from it to a point, least distance of a centre, kind of partner."""
    (walls, obstacles), (x, y) = floor, point
    if k < len(walls):
        d_x, d_y = wall_offset(walls, k, x, y)
        return d_x, d_y, radius, WALL
    o = k - len(walls)
    return x - obstacles[o, 0], y - obstacles[o, 1], radius + obstacles[o, 2], OBSTACLE


@njit(nogil=True, cache=True)
def _near_fixtures(before, radius, floor, touching):  # type: ignore[no-untyped-def]
    """Robots and the walls and obstacles (see `_fixture`) that they could touch in this step [m, 2]; ends encounters."""
    walls, obstacles = floor
    n, fixtures = len(before), len(walls) + len(obstacles)
    boxes = np.empty((fixtures, 4))  # outside of which a centre is too far away
    for k in range(fixtures):
        if k < len(walls):
            low_x, high_x = min(walls[k, 0], walls[k, 2]), max(walls[k, 0], walls[k, 2])
            low_y, high_y = min(walls[k, 1], walls[k, 3]), max(walls[k, 1], walls[k, 3])
            margin = 2.0 * radius
        else:
            low_x = high_x = obstacles[k - len(walls), 0]
            low_y = high_y = obstacles[k - len(walls), 1]
            margin = 2.0 * radius + obstacles[k - len(walls), 2]
        boxes[k, 0], boxes[k, 1], boxes[k, 2], boxes[k, 3] = low_x - margin, high_x + margin, low_y - margin, high_y + margin
    near = np.empty((64, 2), dtype=np.int64)
    found = 0
    for i in range(n):
        x, y = before[i, 0], before[i, 1]
        wall_gap, obstacle_gap = np.inf, np.inf
        for k in range(fixtures):
            if x < boxes[k, 0] or x > boxes[k, 1] or y < boxes[k, 2] or y > boxes[k, 3]:
                continue
            d_x, d_y, least, partner = _fixture(floor, k, (x, y), radius)
            gap = hypot(d_x, d_y) - least
            if partner == WALL:
                wall_gap = min(wall_gap, gap)
            else:
                obstacle_gap = min(obstacle_gap, gap)
            if gap < radius:
                if found == len(near):
                    near = np.concatenate((near, near))
                near[found, 0], near[found, 1] = i, k
                found += 1
        touching[i, WALL] &= wall_gap <= _APART
        touching[i, OBSTACLE] &= obstacle_gap <= _APART
    return near[:found]


@njit(nogil=True, cache=True)
def _resolve(before, state, shape, floor, buffers):  # type: ignore[no-untyped-def]
    (pose, velocities), (radius, lateral), (touching, pairs, events, speeds) = state, shape, buffers
    driven = velocities[2]
    near = _near_pairs(before, radius, touching, pairs)
    fixtures = _near_fixtures(before, radius, floor, touching)
    found = 0
    for _ in range(_ROUNDS):
        clean = True
        for p in range(near):
            i, j = pairs[p]
            d_x, d_y = pose[i, 0] - pose[j, 0], pose[i, 1] - pose[j, 1]
            d = hypot(d_x, d_y)
            if d >= 2.0 * radius or d == 0.0:
                continue
            clean = False
            n_x, n_y = d_x / d, d_y / d
            if not touching[i, j]:
                touching[i, j] = True
                events[found, 0], events[found, 1] = i, j
                speeds[found] = max(
                    0.0, _approach(driven, i, pose[i, 2], n_x, n_y) + _approach(driven, j, pose[j, 2], -n_x, -n_y)
                )
                found += 1
            own = max(0.0, (before[i, 0] - pose[i, 0]) * n_x + (before[i, 1] - pose[i, 1]) * n_y)
            other = max(0.0, (pose[j, 0] - before[j, 0]) * n_x + (pose[j, 1] - before[j, 1]) * n_y)
            share = own / (own + other) if own + other > 0.0 else 0.5
            push = 2.0 * radius - d + _CLEAR
            pose[i, 0] += share * push * n_x
            pose[i, 1] += share * push * n_y
            pose[j, 0] -= (1.0 - share) * push * n_x
            pose[j, 1] -= (1.0 - share) * push * n_y
            for moving in velocities:
                _lose(moving, i, pose[i, 2], (n_x, n_y), lateral)
                _lose(moving, j, pose[j, 2], (-n_x, -n_y), lateral)
        for p in range(len(fixtures)):
            i, k = fixtures[p]
            d_x, d_y, least, partner = _fixture(floor, k, (pose[i, 0], pose[i, 1]), radius)
            d = hypot(d_x, d_y)
            if d >= least or d == 0.0:
                continue
            clean = False
            n_x, n_y = d_x / d, d_y / d
            if not touching[i, partner]:
                touching[i, partner] = True
                events[found, 0], events[found, 1] = i, partner
                speeds[found] = max(0.0, _approach(driven, i, pose[i, 2], n_x, n_y))
                found += 1
            push = least - d + _CLEAR
            pose[i, 0] += push * n_x
            pose[i, 1] += push * n_y
            for moving in velocities:
                _lose(moving, i, pose[i, 2], (n_x, n_y), lateral)
        if clean:
            break
    _put_back(before, state, radius, floor, (pairs[:near], fixtures))
    return found


@njit(nogil=True, cache=True)
def _put_back(before, state, radius, floor, near):  # type: ignore[no-untyped-def]
    (pose, velocities), (pairs, fixtures) = state, near
    back = np.zeros(len(pose), dtype=np.bool_)
    wrong = np.zeros(len(pose), dtype=np.bool_)
    again = True
    while again:
        again = False
        for i in range(len(pose)):
            wrong[i] = hypot(pose[i, 0] - before[i, 0], pose[i, 1] - before[i, 1]) >= radius
        for p in range(len(pairs)):
            i, j = pairs[p]
            if hypot(pose[i, 0] - pose[j, 0], pose[i, 1] - pose[j, 1]) < 2.0 * radius:
                wrong[i] = wrong[j] = True
        for p in range(len(fixtures)):
            i, k = fixtures[p]
            d_x, d_y, least, _ = _fixture(floor, k, (pose[i, 0], pose[i, 1]), radius)
            wrong[i] |= hypot(d_x, d_y) < least
        for i in range(len(pose)):
            if wrong[i] and not back[i]:
                back[i] = again = True
                pose[i, 0], pose[i, 1] = before[i, 0], before[i, 1]
                for moving in velocities:
                    moving[i] = 0.0
