"""Locates a robot on the floor: its zone, its parking slot in a zone, the way there, and the nearest border of the area.

A robot on a border would change its zone with every centimetre of noise in its pose. With h the hysteresis, T >= h the
tolerance and d_i the distance to zone i (0 inside), a robot

    stays in i           while d_i <= h, or while it is in no zone and d_i <= T
    is in j at once      when it is inside j and does not stay in i, however far it has jumped
    is in the nearest j  when it is inside none, does not stay in i and d_j <= T - h
    is in no zone        otherwise, and where its pose is not finite or beyond any map

so a pose that moves by less than h around the place where the zone was last found does not change it back. All is a pure
function of the pose and the last zone. Positions are in metres in the `map` frame (REP-105).
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from math import atan2, hypot, inf, nan

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiLineString, Point

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.governor_types import Border
from altmarl_ros.driving.planar import Pose
from altmarl_ros.errors import AltmarlError, GameError
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.floors.floor_plan import MAX_COORDINATE, OUTSIDE


class Zones:
    """Locates robots on a floor; one object serves all robots of a process.

    Args:
        floor: zones, slots, entries and area.
        hysteresis: how far beyond its zone a robot still counts as in it [m].
        tolerance: how far from all zones a robot still counts as in the last one [m].
        robot_radius: distance that ways keep from walls [m].

    Raises:
        GameError: not 0 <= hysteresis <= tolerance < inf, or not 0 < robot_radius < inf.
    """

    def __init__(self, floor: FloorMap, hysteresis: float = 0.2, tolerance: float = 0.5, robot_radius: float = 0.2) -> None:
        if not 0.0 <= hysteresis <= tolerance < inf:
            raise GameError(f"hysteresis {hysteresis:g} m and tolerance {tolerance:g} m: must be 0 <= hysteresis <= tolerance")
        if not 0.0 < robot_radius < inf:
            raise GameError(f"robot_radius is {robot_radius:g} m, must be finite and above 0")
        self.floor = floor
        self.hysteresis = hysteresis
        self.tolerance = tolerance
        self.robot_radius = robot_radius
        self._outlines = [zone.polygon for zone in floor.plan.zones]
        self._border = floor.area.boundary
        shapely.prepare(floor.area)
        floor.prepare(robot_radius)

    def locate(self, x: float, y: float, last: int | None) -> int | None:
        """Return the zone of a robot at (x, y) that was in zone `last`, on its level; None: in no zone, or not known."""
        if not _on_a_map(x, y):
            return None
        point = Point(x, y)
        beyond = self._outlines[last].distance(point) if last is not None else inf
        if beyond <= self.hysteresis:
            return last
        level = None if last is None else self.floor.plan.zones[last].level
        inside = int(self.floor.plan.locate((x, y), level))
        if inside != OUTSIDE:
            return inside
        if beyond <= self.tolerance:
            return last
        nearest, metres = self.floor.plan.nearest((x, y), level)
        return int(nearest) if metres <= self.tolerance - self.hysteresis else None

    def find(self, text: str) -> int:
        """Return the zone with this name, or with this number.

        Raises:
            AltmarlError: there is none.
        """
        names = self.floor.plan.names
        if text in names:
            return names.index(text)
        if text.isdecimal() and len(text) < 10 and int(text) < len(names):
            return int(text)
        raise AltmarlError(f"{text[:80]!r} is no zone; zones are {', '.join(names[:30])}{', ...' if len(names) > 30 else ''}")

    def at(self, x: float, y: float) -> str:
        """Return the name of the zone that holds a point in the map frame [m].

        Raises:
            AltmarlError: none does.
        """
        zone = int(self.floor.plan.locate((x, y))) if _on_a_map(x, y) else OUTSIDE
        if zone == OUTSIDE:
            raise AltmarlError(f"no zone holds the point ({x:g}, {y:g})")
        return self.floor.plan.names[zone]

    def slot_of(self, zone: int, robot_id: int) -> FloatArray:
        """Return a robot's parking slot in a zone [xy]; ids that differ modulo the number of slots have different ones."""
        slots = self.floor.slots[zone]
        return np.asarray(slots[robot_id % len(slots)])

    def way(self, x: float, y: float, zone: int, robot_id: int, *, through: int | None = None) -> FloatArray:
        """Return the points to drive through to the robot's slot in a zone [point, xy]; see `legs`."""
        return np.array([point for point, _ in self.legs(x, y, zone, robot_id, through=through)]).reshape(-1, 2)

    def legs(
        self, x: float, y: float, zone: int, robot_id: int, *, through: int | None = None
    ) -> list[tuple[tuple[float, float], bool]]:
        """Return the points to drive through to the robot's slot in a zone [xy], and whether a one-way passage leads to each.

        None are returned for a pose beyond any map.

        To an adjacent zone the way is direct, else it leads over the shortest chain of zones; through the entry of each
        passage, and where a passage has none to the next zone's goal, but to the slot in the last, straight where no wall and
        no edge of the area is between. It begins in the zone that contains the pose or is nearest, so an entry that has just
        been passed is not in it. Where levels overlap it is taken to be on the level of the zone that it is sent to. A
        neighbour that it is to lead `through` comes first.
        """
        start = int(self.floor.plan.nearest((x, y), self.floor.plan.zones[zone].level)[0])
        if start == OUTSIDE:
            return []
        floor, radius, points, one_way = self.floor, self.robot_radius, [np.array([x, y])], [False]
        slot = self.slot_of(zone, robot_id)
        for here, there in pairwise(self._zones_to(start, zone, through)):
            if (here, there) in floor.entries:
                points += floor.leg(here, points[-1], floor.entries[here, there], radius)
            else:
                points += floor.across((here, there), points[-1], slot if there == zone else floor.plan.goals[there], radius)
            one_way += [not floor.plan.adjacency[there, here]] * (len(points) - len(one_way))
        if points[-1] is not slot:
            points += floor.leg(zone, points[-1], slot, radius)
        one_way += [False] * (len(points) - len(one_way))
        return [((float(px), float(py)), passage) for (px, py), passage in zip(points[1:], one_way[1:], strict=True)]

    def chain(self, x: float, y: float, zone: int, *, through: int | None = None) -> list[int]:
        """The zones that `way` leads through, that of the pose and the last one included; none for a pose beyond any map."""
        start = int(self.floor.plan.nearest((x, y), self.floor.plan.zones[zone].level)[0])
        return [] if start == OUTSIDE else self._zones_to(start, zone, through)

    @cached_property
    def walls(self) -> MultiLineString:
        """All walls of the floor [m, map]."""
        lines = MultiLineString(list(self.floor.walls))
        shapely.prepare(lines)
        return lines

    def border(self, pose: Pose) -> Border:
        """Return the nearest border of the allowed area, seen from a pose, at a distance below 0 outside.

        It is -inf beyond any map; there and exactly on the border the direction is NaN.
        """
        if not _on_a_map(pose.x, pose.y):
            return Border(-inf, nan)
        line = shapely.shortest_line(self._border, shapely.points(pose.x, pose.y))
        (x, y), _ = shapely.get_coordinates(line)
        off_x, off_y = pose.x - float(x), pose.y - float(y)
        side = 1.0 if shapely.intersects_xy(self.floor.area, pose.x, pose.y) else -1.0
        distance = side * hypot(off_x, off_y)
        return Border(distance, atan2(side * off_y, side * off_x) - pose.yaw if distance else nan)

    def _zones_to(self, start: int, end: int, through: int | None) -> list[int]:
        if through is not None and through != start and self.floor.plan.adjacency[start, through]:
            return [start, *self._zones_to(through, end, None)]
        if start != end and self.floor.plan.adjacency[start, end]:
            return [start, end]
        zones = [end]
        while zones[-1] != start:
            zones.append(int(self._before[start, zones[-1]]))
        return zones[::-1]

    @cached_property
    def _before(self) -> NDArray[np.int32]:
        """The last zone but one on the shortest way between zones [from, to], by metres between goals through the entries."""
        from scipy.sparse.csgraph import shortest_path  # imported here: robots without a floor do without, and start sooner

        plan = self.floor.plan
        metres = np.full(plan.adjacency.shape, inf)
        for a, b in np.argwhere(plan.adjacency):
            via = self.floor.entries.get((int(a), int(b)), plan.goals[b])
            metres[a, b] = max(1e-9, np.hypot(*(via - plan.goals[a])) + np.hypot(*(plan.goals[b] - via)))  # 0 is no edge
        return np.asarray(shortest_path(metres, return_predecessors=True)[1])


def _on_a_map(x: float, y: float) -> bool:
    return abs(x) <= MAX_COORDINATE and abs(y) <= MAX_COORDINATE  # false for NaN
