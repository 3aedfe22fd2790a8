"""Drives one robot to a goal around what its laser sees, on a differential or omnidirectional base.

`trajectory_rollout` chooses the motion; here are arrival, and what to do when the robot makes no progress. Within
`tolerance` of the goal the robot has arrived, and stays so until it is `HYSTERESIS` times as far away, so that it does not
hunt. A robot that came no nearer for some seconds is blocked, most often by one that waits for it. It then heads aside,
backs off or waits, for a time that depends on its id and on how often it tried, so that no two robots repeat the same
moves. Where there is no room to pass it gives way (`giving_way`). What comes of it is told as its `problem`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.giving_way import GivingWay
from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.planar import STILL, Pose, Velocity, wrap_angle
from altmarl_ros.driving.trajectory_rollout import EASE, Kinematics, approach, control, search, thin
from altmarl_ros.errors import AltmarlError
from altmarl_ros.random_streams import GOLDEN, spread

HYSTERESIS = 2.0
"""Factor on the tolerance before an arrived robot drives again."""

NO_WAY_AFTER = 90.0
"""Time without progress after which a robot tells that it finds no way on [s]."""

PASSING = 0.3
"""Distance at which a via point counts as passed [m]."""

_LANE = 3.0 * PASSING  # m; how far aside a via point may be passed
_PATIENCE = 3.0  # s without progress, before the robot tries something else
_PROGRESS = 0.1  # m nearer the goal is progress
_NEARER = 0.5  # m; the same for a robot that comes again and again to the same place, which it knows to centimetres
_REACH = 3.5  # m, of points that matter
_DEEP = 1.0  # m back to where there is room; from there, a robot heads aside in vain
_AHEAD = 1.0  # rad; who waits whether the other turns back does not turn away
_FARTHEST = 100.0  # m; a point farther away, or not finite, is none
_LONGEST_STEP = 0.2  # s
_TOO_NEAR = 0.3  # of the clearance; from what is nearer, the robot first moves away


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a robot is to stand.

    Attributes:
        x, y: [m, map].
        via: points to pass first, in order [m, map].
        one_way: whether each leg, to a point to pass or at last to the goal, leads along a one-way passage; empty: none does.
    """

    x: float
    y: float
    via: tuple[tuple[float, float], ...] = ()
    one_way: tuple[bool, ...] = ()

    @property
    def is_finite(self) -> bool:
        """Whether all coordinates are finite numbers."""
        return all(map(math.isfinite, (self.x, self.y, *(c for point in self.via for c in point))))


@dataclass(frozen=True)
class PlannerSettings:
    """Settings of one robot's planner.

    Attributes:
        radius: of the outline [m].
        clearance: distance kept from what the laser sees, where there is a choice [m]; more than the governor's margins.
        tolerance: distance from its goal at which a robot has arrived [m].

    Raises:
        AltmarlError: naming the attribute and its rule.
    """

    radius: float = 0.2
    clearance: float = 0.12
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        for name in ("radius", "tolerance"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise AltmarlError(f"planner: {name} is {getattr(self, name)}, must be positive")
        if not 0.0 <= self.clearance < math.inf:
            raise AltmarlError(f"planner: clearance is {self.clearance}, must not be negative")


@dataclass(frozen=True, eq=False)
class _Situation:
    """Where the robot is, how it moves, what its laser hit [m, base_link; point, 2], and the time since the last step [s]."""

    pose: Pose
    velocity: Velocity
    points: FloatArray
    dt: float


class LocalPlanner:
    """Steers one robot; its limits tell whether its base is differential or omnidirectional.

    Attributes:
        arrived: whether the robot stands at its goal.
    """

    def __init__(self, limits: Limits, settings: PlannerSettings, robot_id: int = 0) -> None:
        self._limits, self._settings, self._id = limits, settings, robot_id
        self._base = Kinematics(
            forward=limits.forward,
            lateral=limits.lateral,
            turn=limits.turn,
            acceleration=limits.acceleration,
            braking=limits.braking,
            angular_acceleration=limits.angular_acceleration,
            keep=settings.radius + settings.clearance,
        )
        self._giving_way = GivingWay(settings.radius, settings.clearance, robot_id)
        self._now = math.nan
        self._origin = (0.0, 0.0)  # where the robot was sent to its goal
        self._left, self._left_since = math.inf, math.nan  # of the way to the goal at least so far [m], and since when
        self._begin(None)

    def steer(self, now: float, pose: Pose, goal: Goal, velocity: Velocity, points: FloatArray) -> Velocity:
        """Return the velocity to want now; zero where the numbers make no sense.

        Args:
            now: monotonic [s].
            pose: in the map.
            goal: where to.
            velocity: the last command, or what the base measures.
            points: what the laser hit [m, base_link; point, 2]; may be empty.
        """
        points = np.asarray(points, dtype=np.float64)
        sound = pose.is_finite and goal.is_finite and velocity.is_finite and math.isfinite(now)
        if not sound or points.ndim != 2 or points.shape[1] != 2:
            return STILL
        points = points[(np.abs(points) < _FARTHEST).all(axis=1)]
        dt = min(max(now - self._now, 0.0), _LONGEST_STEP) if not math.isnan(self._now) else 0.0
        self._now = now
        if goal != self._goal:
            if self._goal is None or (goal.x, goal.y) != (self._goal.x, self._goal.y):
                self._left, self._left_since = math.inf, now
            self._begin(goal)
            self._giving_way.forget_ahead()
            self._origin = (pose.x, pose.y)
        wanted = self._wanted(now, goal, _Situation(pose, velocity, points, dt))
        return self._limits.ramp(self._limits.clip(velocity), self._limits.clip(wanted), dt)

    def forget(self) -> None:
        """Begin anew with the next goal, even if it is the same, since something held the robot for a while."""
        self._begin(None)
        self._giving_way.active = False

    @property
    def problem(self) -> Reason | None:
        """What keeps the robot from the straight way to its goal while it goes on trying; None: nothing."""
        if self._goal is None or self.arrived:
            return None
        if self._now - self._left_since > NO_WAY_AFTER:
            return Reason.NO_WAY
        return Reason.GIVES_WAY if self._giving_way.active else None

    def _begin(self, goal: Goal | None) -> None:
        self._goal, self.arrived, self._passed = goal, False, 0
        self._heading = math.nan  # chosen last [rad, map]
        self._nearest, self._since = math.inf, math.nan  # to the goal, and since when
        self._escapes, self._escape_until, self._escape_to = 0, -math.inf, (0.0, 0.0)
        self._turns_back = math.inf  # when

    def _wanted(self, now: float, goal: Goal, situation: _Situation) -> Velocity:
        pose, tolerance = situation.pose, self._settings.tolerance
        giving_way, points = self._giving_way, situation.points
        if giving_way.active:
            place = giving_way.step(now, pose, points)
            self._nearest, self._since = math.inf, math.nan
            return STILL if place is None else self._plan(place, True, situation)
        route = (self._origin, *goal.via, (goal.x, goal.y))
        while self._passed < len(goal.via) and _is_passed(pose, route[self._passed : self._passed + 3]):
            self._passed += 1
            self._nearest = math.inf
        target = route[self._passed + 1]
        last = self._passed == len(goal.via)
        distance = math.dist(target, (pose.x, pose.y))
        self.arrived = last and distance <= (HYSTERESIS * tolerance if self.arrived else tolerance)
        if self.arrived:
            self._left, self._left_since = math.inf, now
            return STILL
        giving_way.note(now, pose, points, target, one_way=self._passed < len(goal.one_way) and goal.one_way[self._passed])
        if giving_way.ahead:
            distance = giving_way.left(pose.x, pose.y, target)
            target, last = giving_way.next_crumb(pose.x, pose.y), False
        left = distance + sum(map(math.dist, route[self._passed + 1 :], route[self._passed + 2 :]))
        if left < self._left - _NEARER:
            self._left, self._left_since = left, now
        self._escape_if_blocked(now, pose, target, distance, points)
        if now < self._escape_until:
            target, last = self._escape_to, True
        return self._plan(target, last, situation)

    def _plan(self, target: tuple[float, float], last: bool, situation: _Situation) -> Velocity:
        """Return the velocity towards a target [m, map]; at the `last` one of the route the robot is to stop."""
        pose, velocity, dt = situation.pose, situation.velocity, situation.dt
        near = thin(np.ascontiguousarray(situation.points), _REACH)
        away = self._away(near)
        if away is not None:
            return away
        x, y = pose.to_local(*target)
        previous = wrap_angle(self._heading - pose.yaw)
        choice = search(near, (x, y), (velocity.x, velocity.y, velocity.yaw), self._base, previous)
        if not choice.admissible:
            return STILL
        ahead = math.atan2(y, x)
        if self._turns_back < math.inf and abs(wrap_angle(choice.heading - ahead)) > _AHEAD:
            choice = choice._replace(heading=ahead, top=0.0)
        self._heading = pose.yaw + choice.heading
        distance = math.hypot(x, y) if last else math.inf
        if self._limits.is_omnidirectional:
            speed = min(choice.top, approach(distance, EASE * self._limits.acceleration, dt))
            return Velocity(speed * math.cos(choice.heading), speed * math.sin(choice.heading))
        forward, rate = control(choice.heading, choice.top, distance, self._base, dt)
        return Velocity(forward, 0.0, rate)

    def _away(self, points: FloatArray) -> Velocity | None:
        """Return the velocity straight away from what stands so near that a turn might touch it; None if nothing does."""
        if not len(points):
            return None
        distances = np.hypot(points[:, 0], points[:, 1])
        if distances.min() >= self._settings.radius + _TOO_NEAR * self._settings.clearance:
            return None
        nearness = np.maximum(self._base.keep - distances, 0.0) / np.maximum(distances, 1e-6)
        x, y = -(nearness @ points)
        size = max(math.hypot(x, y), 1e-9)
        limits = self._limits
        if limits.is_omnidirectional:
            return Velocity(limits.lateral * float(x) / size, limits.lateral * float(y) / size)
        return Velocity(0.5 * limits.forward) if x > 0.0 else Velocity(-limits.backward)

    def _escape_if_blocked(
        self, now: float, pose: Pose, target: tuple[float, float], distance: float, points: FloatArray
    ) -> None:
        """Notice that the robot is blocked, and choose a point aside to drive to for a while, or turn back."""
        if now < self._escape_until:
            return
        if math.isnan(self._since) or distance < self._nearest - _PROGRESS:
            self._nearest, self._since, self._turns_back = distance, now, math.inf
            return
        if now >= self._turns_back:
            self._giving_way.begin(now)
            self._turns_back = math.inf
            return
        fraction = spread(self._id + self._escapes * GOLDEN)
        if now - self._since < _PATIENCE * (1.0 + fraction) or self._turns_back < math.inf:
            return
        way_back = self._giving_way.way_back(pose, points)
        if way_back < math.inf and (self._escapes or way_back > _DEEP):
            self._turns_back = now + self._giving_way.patience(way_back)
            return
        self._escapes += 1
        # To the right of the way, or back: between 45 and 180 degrees.
        aside = math.atan2(target[1] - pose.y, target[0] - pose.x) - math.pi * (0.25 + 0.75 * fraction)
        self._escape_to = (pose.x + math.cos(aside), pose.y + math.sin(aside))
        self._escape_until = now + 1.0 + 1.5 * fraction
        self._nearest, self._since = math.inf, self._escape_until


def _is_passed(pose: Pose, points: tuple[tuple[float, float], ...]) -> bool:
    """Return whether the second of three points has been reached, or lies behind: not all who make for it need to touch it.

    It lies behind once it has been crossed, seen from the first point, and the third is farther on. Seen from the third alone,
    a robot beside a door would be through it if its way goes on to the next door in the same wall.
    """
    before, via, following = points
    x, y = pose.x - via[0], pose.y - via[1]
    distance = math.hypot(x, y)
    if distance < PASSING:
        return True
    crossed = x * (via[0] - before[0]) + y * (via[1] - before[1])
    beyond = x * (following[0] - via[0]) + y * (following[1] - via[1])
    return distance < _LANE and crossed > 0.0 and beyond > 0.0
