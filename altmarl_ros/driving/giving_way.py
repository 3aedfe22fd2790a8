"""Backs a robot out of a narrow place the way it came, where it is blocked by another one that it cannot pass.

Robots see each other by laser alone, so two that meet in a corridor too narrow to pass both stand, and have to break the tie
without a word. While it drives, a robot drops a crumb every `SPACING`, and notes whether there was room beside its way to stand
aside. Blocked where there is none, it waits for a time that grows with the way back to the last such room, and by a share that
depends on its id and on how often it tried: who has the shorter way back gives way. It turns back along its crumbs, stands
aside as soon as it sees room, and drives on along the same crumbs once nothing has stood on them for a while, and nothing is
seen to come when it looks into the narrow place again. The other one finds its way free as soon as the first turns back. Where
both turned back, nobody follows: then one in two, by the same numbers, drives on at once.

On a one-way passage nobody turns back: crumbs end where one was left.
"""

from __future__ import annotations

import math
from random import Random

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.planar import Pose

SPACING = 0.25
"""Distance between crumbs [m]."""

_MOST = 120  # crumbs, 30 m
_CARRIED = 3.0  # m from the last crumb; who is farther away was carried there
_BEYOND = 3  # crumbs to the one that is driven to
_REACHED = 0.3  # m
_IN_PLACE = 0.15  # m
_FARTHER = (0.5, 0.25, 0.0)  # m to stand beside the way, beyond what another robot of this size needs to pass
_NEAR, _FAR = 8, 24  # crumbs ahead, to see whether somebody follows, and whether somebody comes
_PER_METRE = 1.5  # s of patience per metre of the way back
_SPREAD = 10.0  # s by which patience differs
_STUCK = 10.0  # s without a step back, after which the robot drives on
_FREE = 4.0  # s for which the way ahead must be free
_LONGEST = 20.0  # s to stand aside


class GivingWay:
    """Remembers the way of one robot, and drives it back.

    Attributes:
        active: whether the robot drives back, or stands aside.
    """

    def __init__(self, radius: float, clearance: float, robot_id: int) -> None:
        """Give way with a robot of this radius and clearance [m], which others are taken to have too."""
        self._radius, self._keep, self._id = radius, radius + clearance, robot_id
        self._offsets = [2.0 * self._keep + farther for farther in _FARTHER]
        self._crumbs: list[tuple[float, float]] = []
        self._roomy: list[bool] = []  # whether there was room beside each
        self._at = 0  # crumbs that lie behind the robot; the others lie ahead, since it drove back
        self._turned = 0  # crumbs that lay behind it when it turned back, and then when it stood aside
        self._target = (0.0, 0.0)
        self._aside: tuple[float, float] | None = None
        self._since = 0.0  # of the last step back, or since when the way is free
        self._until = 0.0
        self._tries, self._share, self._insists = 0, 0.0, False
        self.active = False

    def note(self, now: float, pose: Pose, points: FloatArray, target: tuple[float, float], *, one_way: bool) -> None:
        """Note where the robot is on its way to a target [m, map], and what it sees [m, base_link; point, 2]."""
        here, self._target = (pose.x, pose.y), target
        away = math.dist(self._crumbs[self._at - 1], here) if self._at else math.inf
        if one_way or away > _CARRIED:
            self._crumbs, self._roomy, self._at = [], [], 0
        for k in range(self._at, min(self._at + _BEYOND, len(self._crumbs))):
            if math.dist(self._crumbs[k], here) < _REACHED:
                self._at = k + 1
        if self.ahead:
            looks = self._aside is not None and self._at <= self._turned + _BEYOND and now < self._until
            if looks and self._is_taken(pose, points, _FAR):
                self._draw()
                near = self._is_taken(pose, points, len(self._crumbs) - self._at)
                self.active, self._since = near or not self._insists, now
                self._until = now + _LONGEST if self.active else now
        elif away >= SPACING and not one_way:
            self._crumbs.append(here)
            self._roomy.append(self._find_room(pose, points) is not None)
            del self._crumbs[:-_MOST], self._roomy[:-_MOST]
            self._at = len(self._crumbs)

    def forget_ahead(self) -> None:
        """Drive on from here by another way."""
        del self._crumbs[self._at :], self._roomy[self._at :]

    @property
    def ahead(self) -> bool:
        """Whether there are crumbs ahead, since the robot drove back."""
        return self._at < len(self._crumbs)

    def left(self, x: float, y: float, target: tuple[float, float]) -> float:
        """Return the length of the way from a place over all crumbs ahead to a target [m, map]."""
        crumbs = SPACING * (len(self._crumbs) - self._at - 1)
        return math.dist((x, y), self._crumbs[self._at]) + crumbs + math.dist(self._crumbs[-1], target)

    def next_crumb(self, x: float, y: float) -> tuple[float, float]:
        """Return where to drive on to from a place while there are crumbs ahead [m, map]."""
        if math.dist((x, y), self._crumbs[self._at]) > _BEYOND * SPACING:
            return self._crumbs[self._at]
        return self._crumbs[min(self._at + _BEYOND, len(self._crumbs) - 1)]

    def way_back(self, pose: Pose, points: FloatArray) -> float:
        """Return how far it is back to where there is room [m]; infinite where there is room here, or none on the way back."""
        if True not in self._roomy[: self._at] or self._find_room(pose, points) is not None:
            return math.inf
        return SPACING * self._roomy[: self._at][::-1].index(True)

    def patience(self, way_back: float) -> float:
        """Return for how long to wait before turning back that far [m; s], another time at each try."""
        self._draw()
        return _PER_METRE * way_back + self._share * _SPREAD

    def _draw(self) -> None:
        self._tries += 1
        numbers = Random(f"{self._id} {self._tries}")
        self._share, self._insists = numbers.random(), numbers.random() < 0.5

    def begin(self, now: float) -> None:
        """Turn back."""
        self.active, self._aside, self._since, self._turned = True, None, now, self._at

    def step(self, now: float, pose: Pose, points: FloatArray) -> tuple[float, float] | None:
        """Return where to drive while giving way [m, map]; None: stand."""
        here = (pose.x, pose.y)
        if self._aside is None:
            self._aside = self._find_room(pose, points)
            if self._aside is not None:
                self._since, self._until, self._turned = now, now + _LONGEST, self._at
        if self._aside is not None:
            return self._stand_aside(now, pose, points, self._aside)
        while self._at > 1 and math.dist(self._crumbs[self._at - 1], here) < _REACHED:
            self._at -= 1
            self._since = now
        alone = self._turned - self._at >= _NEAR // 2 and not self._is_taken(pose, points, _NEAR)
        self.active = now - self._since <= _STUCK and not (alone and self._insists)
        return self._crumbs[max(self._at - _BEYOND, 0)]

    def _stand_aside(
        self, now: float, pose: Pose, points: FloatArray, place: tuple[float, float]
    ) -> tuple[float, float] | None:
        if self._is_taken(pose, points, _NEAR):
            self._since = now
        self.active = now - self._since < _FREE * (1.0 + self._share) and now < self._until
        return place if math.dist(place, (pose.x, pose.y)) > _IN_PLACE else None

    def _is_taken(self, pose: Pose, points: FloatArray, crumbs: int) -> bool:
        """Whether something stands on the next crumbs ahead, or from the last one to the target, as far as the robot sees."""
        ahead = self._crumbs[self._at : self._at + crumbs]
        (x, y), (to_x, to_y) = self._crumbs[-1], self._target
        length = math.hypot(to_x - x, to_y - y)
        beyond = min(crumbs - len(ahead), int(min(length, 100.0) / SPACING))
        for share in (k * SPACING / length for k in range(1, beyond + 1)):
            ahead.append((x + share * (to_x - x), y + share * (to_y - y)))
        if not ahead or not len(points):
            return False
        places = np.array([pose.to_local(*crumb) for crumb in ahead])
        off = places[:, None] - points
        return bool((np.hypot(off[..., 0], off[..., 1]) < self._radius).any())

    def _find_room(self, pose: Pose, points: FloatArray) -> tuple[float, float] | None:
        """Return a free place beside the way that leaves the way itself to another robot [m, map]; None: none is seen."""
        before = pose.to_local(*self._crumbs[max(self._at - 2, 0)]) if self._at else (0.0, 0.0)
        way = math.atan2(-before[1], -before[0]) if math.hypot(*before) > 0.1 else 0.0
        for offset in self._offsets:
            for side in (-0.5 * math.pi, 0.5 * math.pi):
                place = np.array([math.cos(way + side), math.sin(way + side)])
                along = np.clip(points @ place, 0.0, offset)
                off = points - along[:, None] * place
                if not len(points) or np.hypot(off[:, 0], off[:, 1]).min() >= self._keep:
                    x, y = offset * place
                    return pose.to_map(float(x), float(y))
        return None
