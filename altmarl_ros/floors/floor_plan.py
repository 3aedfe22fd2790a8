"""Zones on a floor: where a pose is, where a zone's goal is, and which zones touch.

Coordinates are metres in the right-handed `map` frame (REP-103, REP-105). Zones are simple polygons
whose interiors are disjoint; they need not cover the floor. Everything here is a pure function of the
plan: a point on a common edge belongs to the zone with the lowest index, always, with no memory.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Iterable, Sequence

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import Point, Polygon

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors import polygons

OUTSIDE = -1
"""Index of a point that is in no zone."""

MAX_ZONES = 256
MAX_COORDINATE = 1e6
"""[m]; what is farther from the map's origin is a slip."""


@dataclass(frozen=True, eq=False)
class Zone:
    """A named simple polygon.

    Attributes:
        name: for people and for adjacency.
        polygon: its outline [m, map frame].
        goal: where a robot sent to the zone drives [xy; m, map frame]; by default the centroid, or
            where that is not well inside, the point farthest from the walls.
    """

    name: str
    polygon: Polygon
    goal: FloatArray

    @classmethod
    def of(cls, name: str, corners: ArrayLike, goal: Sequence[float] | None = None) -> Zone:
        """A validated zone from its corners in order, either way round [vertex, xy; m, map frame].

        Raises:
            GameError: naming the zone and what is wrong with its polygon or goal.
        """
        outline = polygon_of(f"zone {name!r}: polygon", corners)
        if goal is None:
            return cls(name, outline, checked_points(name, shapely.get_coordinates(polygons.centre(outline)))[0])
        point = checked_points(f"zone {name!r}: goal", [goal])[0]
        if outline.distance(Point(point)) > polygons.TOLERANCE:
            raise GameError(f"zone {name!r}: goal ({point[0]:g}, {point[1]:g}) is outside its polygon")
        return cls(name, outline, point)


@dataclass(frozen=True, eq=False)
class FloorPlan:
    """A validated plan.

    Attributes:
        zones: in the order of the local states.
        adjacency: whether a robot can drive from a zone straight into another [zone, zone], symmetric.

    Raises:
        GameError: naming the zones that overlap, share a name or cannot be reached.
    """

    zones: tuple[Zone, ...]
    adjacency: NDArray[np.bool_]

    def __post_init__(self) -> None:
        names = self.names
        if not 1 <= len(names) <= MAX_ZONES:
            raise GameError(f"zones: there are {len(names)}, must be 1 to {MAX_ZONES}")
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise GameError(f"zones: the name {twice!r} stands twice")
        for i, zone in enumerate(self.zones):
            for other in self.zones[:i]:
                if polygons.overlap(other.polygon, zone.polygon):
                    raise GameError(f"zones {other.name!r} and {zone.name!r} overlap")
        unreached = [name for name, hops in zip(names, self.hops[0], strict=True) if hops < 0]
        if unreached:
            raise GameError(
                f"zone {unreached[0]!r} cannot be reached from {names[0]!r}: the adjacency is not connected "
                f"({len(unreached)} of {len(names)} zones are cut off)"
            )

    @classmethod
    def of(cls, zones: Iterable[Zone], passages: Sequence[tuple[str, str]] | None = None, opening: float = 0.5) -> FloorPlan:
        """A plan whose zones are adjacent where their edges touch over `opening` [m], or as `passages` (pairs of names) say.

        Raises:
            GameError: as the class does; or a passage names an unknown zone, or one zone twice.
        """
        known = tuple(zones)
        index = {zone.name: i for i, zone in enumerate(known)}
        adjacency = np.zeros((len(known), len(known)), dtype=bool)
        if passages is None:
            for i, zone in enumerate(known):
                for j in range(i):
                    adjacency[i, j] = polygons.common_edge(zone.polygon, known[j].polygon) >= opening - polygons.TOLERANCE
        for a, b in passages or ():
            unknown = next((name for name in (a, b) if name not in index), None)
            if unknown is not None:
                raise GameError(f"adjacency names {unknown!r}, which is no zone; zones are {', '.join(index)}")
            if a == b:
                raise GameError(f"adjacency names {a!r} as its own neighbour")
            adjacency[index[a], index[b]] = True
        adjacency |= adjacency.T
        adjacency.setflags(write=False)
        return cls(known, adjacency)

    def renamed(self, names: Sequence[str]) -> FloorPlan:
        """The same plan with other names of the zones, in order.

        Raises:
            GameError: their number is wrong, or one stands twice.
        """
        if len(names) != len(self.zones):
            raise GameError(f"zones: {len(names)} names for {len(self.zones)} zones")
        zones = tuple(replace(zone, name=name) for zone, name in zip(self.zones, names, strict=True))
        return replace(self, zones=zones)

    @property
    def names(self) -> tuple[str, ...]:
        """One per zone."""
        return tuple(zone.name for zone in self.zones)

    @cached_property
    def goals(self) -> FloatArray:
        """Where robots sent to each zone drive [zone, xy; m, map frame]."""
        return np.array([zone.goal for zone in self.zones])

    def locate(self, points: ArrayLike) -> NDArray[np.int64]:
        """The zone of each point [..., xy; m, map frame] -> [...]; OUTSIDE where it is in none.

        A point on common edges belongs to the lowest index; one that is not within MAX_COORDINATE, or no number, is OUTSIDE.
        """
        xy = np.asarray(points, dtype=np.float64)
        flat = xy.reshape(-1, 2)
        known = np.flatnonzero(_on_the_map(flat))
        near = self._tree.query(shapely.points(flat[known]), predicate="dwithin", distance=polygons.TOLERANCE)
        found = np.full(len(flat), len(self.zones), dtype=np.int64)
        np.minimum.at(found, known[near[0]], near[1])
        found[found == len(self.zones)] = OUTSIDE
        return found.reshape(xy.shape[:-1])

    def nearest(self, points: ArrayLike) -> tuple[NDArray[np.int64], FloatArray]:
        """The nearest zone of each point [..., xy; m] and its distance [m], 0 inside; for poses just off the plan.

        A point that is not within MAX_COORDINATE, or no number, is OUTSIDE, inknownly far.
        """
        xy = np.asarray(points, dtype=np.float64)
        flat = xy.reshape(-1, 2)
        known = _on_the_map(flat)
        outlines = np.array([zone.polygon for zone in self.zones])
        away = shapely.distance(outlines[:, None], shapely.points(flat[known]))  # [zone, point]
        found, metres = np.full(len(flat), OUTSIDE, dtype=np.int64), np.full(len(flat), np.inf)
        found[known], metres[known] = away.argmin(axis=0), away.min(axis=0)
        return found.reshape(xy.shape[:-1]), metres.reshape(xy.shape[:-1])

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree([zone.polygon for zone in self.zones])

    def neighbours(self, zone: int) -> tuple[int, ...]:
        """Adjacent zones, in order of index."""
        return tuple(int(i) for i in np.flatnonzero(self.adjacency[zone]))

    @cached_property
    def hops(self) -> NDArray[np.int64]:
        """Least number of passages between zones [from, to]; -1 where there is no way."""
        table = np.full(self.adjacency.shape, -1, dtype=np.int64)
        for origin in range(len(table)):
            table[origin, origin] = 0
            queue = deque([origin])
            while queue:
                zone = queue.popleft()
                for neighbour in self.neighbours(zone):
                    if table[origin, neighbour] < 0:
                        table[origin, neighbour] = table[origin, zone] + 1
                        queue.append(neighbour)
        return table


def _on_the_map(points: FloatArray) -> NDArray[np.bool_]:
    return np.asarray((np.abs(points) <= MAX_COORDINATE).all(axis=1))


def polygon_of(name: str, corners: ArrayLike) -> Polygon:
    """The simple polygon with these corners [vertex, xy; m].

    Raises:
        GameError: naming it and what is wrong with it.
    """
    vertices = checked_points(name, corners)
    fault = polygons.fault(vertices)
    if fault:
        raise GameError(f"{name} {fault}")
    return Polygon(vertices)


def checked_points(name: str, values: ArrayLike) -> FloatArray:
    """Points as a read-only array [point, xy; m].

    Raises:
        GameError: naming them and what is wrong with them.
    """
    try:
        points = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise GameError(f"{name} must be pairs of numbers [x, y] in metres") from None
    if points.ndim != 2 or points.shape[1] != 2:
        raise GameError(f"{name} must be pairs of numbers [x, y] in metres")
    if not np.isfinite(points).all():
        raise GameError(f"{name} has the coordinate {points[~np.isfinite(points)][0]}, must be finite")
    if len(points) and np.abs(points).max() > MAX_COORDINATE:
        raise GameError(f"{name} has the coordinate {np.abs(points).max():g}, must be within {MAX_COORDINATE:g} m")
    points.setflags(write=False)
    return points
