"""Driving one robot to a goal around what its laser sees, for differential and omnidirectional bases.

Local planning is `rollouts`; here are arrival, the final yaw, and what to do when nothing goes on. Within `tolerance`
of the goal the robot has arrived and stays so until it is `hysteresis` times as far away: it does not hunt. A robot that
came no nearer for some seconds is blocked, most often by one that waits for it. It then heads aside, backs off or waits,
for a time that depends on its id and on how often it tried, so that no two robots repeat the same dance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.planar import STILL, Pose, Velocity, wrap_angle
from altmarl_ros.driving.trajectory_rollout import EASE, approach, control, search, thin
from altmarl_ros.errors import AltmarlError

_REACH = 3.5  # m, of points that matter
_LONGEST_STEP = 0.2  # s
_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
_PROGRESS = 0.1  # m nearer the goal is progress
_LANE = 3.0  # of the passing distance: how far aside a via point may be passed
_TOO_NEAR = 0.3  # of the clearance: first of all, away


@dataclass(frozen=True, slots=True)
class Goal:
    """Where to stand.

    Attributes:
        x, y: [m, map].
        yaw: to face there [rad, map]; None: any.
        via: points to pass first, in order [m, map].
    """

    x: float
    y: float
    yaw: float | None = None
    via: tuple[tuple[float, float], ...] = ()

    @property
    def is_finite(self) -> bool:
        """Whether all are numbers."""
        flat = (self.x, self.y, self.yaw or 0.0, *(c for point in self.via for c in point))
        return all(map(math.isfinite, flat))


@dataclass(frozen=True)
class PlannerSettings:
    """Of one robot.

    Attributes:
        radius: of the outline [m].
        clearance: kept from what the laser sees, where there is a choice [m]; more than the governor's margins.
        tolerance: of arrival [m].
        yaw_tolerance: of the final yaw [rad].
        hysteresis: factor on both before an arrived robot drives again.
        passing: distance at which a via point counts as passed [m].
        patience: without progress, before the robot tries something else [s].

    Raises:
        AltmarlError: naming the attribute and its rule.
    """

    radius: float = 0.2
    clearance: float = 0.12
    tolerance: float = 0.05
    yaw_tolerance: float = 0.05
    hysteresis: float = 2.0
    passing: float = 0.3
    patience: float = 3.0

    def __post_init__(self) -> None:
        for name in ("radius", "tolerance", "yaw_tolerance", "passing", "patience"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise AltmarlError(f"steering: {name} is {getattr(self, name)}, must be positive")
        if not 0.0 <= self.clearance < math.inf:
            raise AltmarlError(f"steering: clearance is {self.clearance}, must not be negative")
        if not 1.0 <= self.hysteresis < math.inf:
            raise AltmarlError(f"steering: hysteresis is {self.hysteresis}, must be at least 1")


class Steering(Protocol):
    """What drives a robot to its goal."""

    @property
    def arrived(self) -> bool:
        """Whether the robot stands at its goal."""
        ...

    def steer(self, now: float, pose: Pose, goal: Goal, velocity: Velocity, points: FloatArray) -> Velocity:
        """The velocity to want now; at rest where the numbers make no sense.

        Args:
            now: monotonic [s].
            pose: in the map.
            goal: where to.
            velocity: the last command, or what the base measures.
            points: what the laser hit [m, base_link; point, 2]; may be empty.
        """
        ...


class LocalPlanner:
    """Steers either kind of base; which one is a matter of its limits."""

    def __init__(self, limits: Limits, settings: PlannerSettings, robot_id: int = 0) -> None:
        self.limits, self.settings, self._id = limits, settings, robot_id
        self._numbers = np.array(
            [
                limits.forward,
                limits.turn,
                limits.acceleration,
                limits.braking,
                limits.angular_acceleration,
                limits.lateral,
            ]
        )
        self._goal: Goal | None = None
        self._now = math.nan
        self._begin(None)

    @property
    def arrived(self) -> bool:
        """Whether the robot stands at its goal."""
        return self._arrived

    def steer(self, now: float, pose: Pose, goal: Goal, velocity: Velocity, points: FloatArray) -> Velocity:
        """See `Steering.steer`."""
        points = np.asarray(points, dtype=np.float64)
        sound = pose.is_finite and goal.is_finite and velocity.is_finite and math.isfinite(now)
        if not sound or points.ndim != 2 or points.shape[1] != 2:
            return STILL
        dt = min(max(now - self._now, 0.0), _LONGEST_STEP) if not math.isnan(self._now) else 0.0
        self._now = now
        if goal != self._goal:
            self._begin(goal)
        wanted = self._wanted(now, dt, pose, goal, velocity, points)
        return self.limits.ramp(self.limits.clip(velocity), self.limits.clip(wanted), dt)

    def forget(self) -> None:
        """Begin anew with the next goal, even if it is the same: something held the robot for a while."""
        self._begin(None)

    def _begin(self, goal: Goal | None) -> None:
        self._goal, self._arrived, self._passed = goal, False, 0
        self._heading = math.nan  # chosen last [rad, map]
        self._nearest, self._since = math.inf, math.nan  # to the goal, and since when
        self._escapes, self._escape_until, self._escape_to = 0, -math.inf, (0.0, 0.0)

    def _wanted(self, now: float, dt: float, pose: Pose, goal: Goal, velocity: Velocity, points: FloatArray) -> Velocity:
        s = self.settings
        route = (*goal.via, (goal.x, goal.y))
        while self._passed < len(goal.via) and _is_passed(pose, route[self._passed], route[self._passed + 1], s.passing):
            self._passed += 1
            self._nearest = math.inf
        target = route[self._passed]
        last = self._passed == len(goal.via)
        distance = math.dist(target, (pose.x, pose.y))
        turn = 0.0 if goal.yaw is None else wrap_angle(goal.yaw - pose.yaw)
        slack = s.hysteresis if self._arrived else 1.0
        if last and distance <= slack * s.tolerance:
            self._arrived = abs(turn) <= slack * s.yaw_tolerance
            return STILL if self._arrived else Velocity(0.0, 0.0, self._turning(turn, dt))
        self._arrived = False
        self._watch(now, pose, target, distance)
        if now < self._escape_until:
            target, last = self._escape_to, True
        return self._plan(dt, pose, target, last, turn, velocity, points)

    def _plan(
        self, dt: float, pose: Pose, target: tuple[float, float], end: bool, turn: float, velocity: Velocity, points: FloatArray
    ) -> Velocity:
        x, y = pose.to_local(*target)
        previous = wrap_angle(self._heading - pose.yaw)
        omni = self.limits.is_omnidirectional
        start = np.array([velocity.x, velocity.y, velocity.yaw])
        s = self.settings
        near = thin(np.ascontiguousarray(points), _REACH)
        away = self._away(near)
        if away is not None:
            return away
        heading, top, free = search(near, x, y, start, self._numbers, s.radius, s.clearance, previous)
        if not free:
            return STILL
        self._heading = pose.yaw + heading
        distance = math.hypot(x, y) if end else math.inf
        if omni:
            speed = min(top, approach(distance, EASE * self.limits.acceleration, dt))
            return Velocity(speed * math.cos(heading), speed * math.sin(heading), self._turning(turn, dt))
        forward, rate = control(heading, top, distance, self._numbers, dt)
        return Velocity(forward, 0.0, rate)

    def _away(self, points: FloatArray) -> Velocity | None:
        """Straight away from what stands so near that a turn might touch it; None if nothing does."""
        if not len(points):
            return None
        s = self.settings
        distances = np.hypot(points[:, 0], points[:, 1])
        if distances.min() >= s.radius + _TOO_NEAR * s.clearance:
            return None
        nearness = np.maximum(s.radius + s.clearance - distances, 0.0) / np.maximum(distances, 1e-6)
        x, y = -(nearness @ points)
        size = max(math.hypot(x, y), 1e-9)
        limits = self.limits
        if limits.is_omnidirectional:
            return Velocity(limits.lateral * float(x) / size, limits.lateral * float(y) / size)
        return Velocity(0.5 * limits.forward) if x > 0.0 else Velocity(-limits.backward)

    def _turning(self, error: float, dt: float) -> float:
        rate = approach(abs(error), EASE * self.limits.angular_acceleration, dt)
        return math.copysign(min(self.limits.turn, rate), error)

    def _watch(self, now: float, pose: Pose, target: tuple[float, float], distance: float) -> None:
        """Notices that the robot is blocked, and sends it aside."""
        if now < self._escape_until:
            return
        if math.isnan(self._since) or distance < self._nearest - _PROGRESS:
            self._nearest, self._since = distance, now
            return
        luck = (self._id * _GOLDEN + self._escapes * _GOLDEN * _GOLDEN) % 1.0
        if now - self._since < self.settings.patience * (1.0 + luck):
            return
        self._escapes += 1
        # To the right of the way, or back: between 45 and 180 degrees.
        aside = math.atan2(target[1] - pose.y, target[0] - pose.x) - math.pi * (0.25 + 0.75 * luck)
        self._escape_to = (pose.x + math.cos(aside), pose.y + math.sin(aside))
        self._escape_until = now + 1.0 + 1.5 * luck
        self._nearest, self._since = math.inf, now + 1.0 + 1.5 * luck


def _is_passed(pose: Pose, via: tuple[float, float], following: tuple[float, float], passing: float) -> bool:
    """Whether a via point has been reached, or lies behind: many that make for one point need not all touch it."""
    x, y = pose.x - via[0], pose.y - via[1]
    distance = math.hypot(x, y)
    if distance < passing:
        return True
    beyond = x * (following[0] - via[0]) + y * (following[1] - via[1])
    return distance < _LANE * passing and beyond > 0.0
