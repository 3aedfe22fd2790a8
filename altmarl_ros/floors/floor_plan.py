"""Zones on a floor: which zone a position is in, where a zone's goal is, and from which zone robots can drive into which.

Coordinates are metres in the right-handed `map` frame (REP-103, REP-105). Zones are simple polygons whose interiors are
disjoint where they are on one level; they need not cover the floor. Everything here is a pure function of the
plan: a point on a common edge belongs to the zone with the lowest index, always, with no memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Iterable, Literal, Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import MultiLineString, Point, Polygon

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors import polygons
from altmarl_ros.floors.passages import find_passages, widest

OUTSIDE = -1
"""Index of a point that is in no zone."""

MAX_ZONES = 256
MAX_COORDINATE = 1e6
"""Largest coordinate [m]; a floor's own origin is nearer, and floating-point numbers are fine there to far below 1 mm."""


@dataclass(frozen=True, eq=False)
class Zone:
    """A named simple polygon.

    Attributes:
        name: for people and for adjacency.
        polygon: its outline [m, map frame].
        goal: where a robot sent to the zone drives [xy; m, map frame]; by default the centroid, or
            where that is not well inside, the point farthest from the walls.
        level: the storey that it is on; zones of different levels may overlap.
        roles: what it is for, such as "charger", in the words of the file that it comes from.
    """

    name: str
    polygon: Polygon
    goal: FloatArray
    level: str = ""
    roles: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        corners: ArrayLike,
        goal: Sequence[float] | None = None,
        *,
        level: str = "",
        roles: Sequence[str] = (),
    ) -> Zone:
        """A validated zone from its corners in order, either way round [vertex, xy; m, map frame].

        Raises:
            GameError: naming the zone and what is wrong with its polygon or goal.
        """
        outline = polygon_of(f"zone {name!r}: polygon", corners)
        if goal is None:
            centre = checked_points(name, shapely.get_coordinates(polygons.centre(outline)))[0]
            return cls(name, outline, centre, level, tuple(roles))
        point = checked_points(f"zone {name!r}: goal", [goal])[0]
        metres = float(outline.distance(Point(point)))
        if metres > polygons.ROUNDING:
            raise GameError(f"zone {name!r}: goal ({point[0]:g}, {point[1]:g}) is outside its polygon, by {metres:.3g} m")
        return cls(name, outline, point, level, tuple(roles))


@dataclass(frozen=True, eq=False)
class FloorPlan:
    """A validated plan.

    Attributes:
        zones: in the order of the local states.
        adjacency: whether a robot can drive from a zone straight into another [from, to]; not symmetric where a passage is
            one-way.
        closed: the pairs (i, j), i < j, of zones that share a border and have no passage there, with the width of the
            widest stretch without a wall [m].

    Raises:
        GameError: naming the zones that overlap, share a name, cannot be reached or cannot be left.
    """

    zones: tuple[Zone, ...]
    adjacency: NDArray[np.bool_]
    closed: Mapping[tuple[int, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = self.names
        if not 1 <= len(names) <= MAX_ZONES:
            raise GameError(f"zones: there are {len(names)}, must be 1 to {MAX_ZONES}")
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise GameError(f"zones: the name {twice!r} stands twice")
        for i, j in _neighbouring(self.zones):
            found = polygons.overlap(self.zones[i].polygon, self.zones[j].polygon)
            if found:
                raise GameError(
                    f"zones {names[i]!r} and {names[j]!r} overlap by {found.depth:.3g} m x {found.length:.3g} m around "
                    f"({found.x:.6g}, {found.y:.6g}), may by {polygons.ROUNDING:g} m"
                    + ("; give each storey a 'level'" if found.share > 0.5 else "")
                )
        self._check_reachable()

    def _check_reachable(self) -> None:
        names, main = self.names, _largest_part(self.adjacency, "weak")
        cut_off = np.flatnonzero(~main)
        if cut_off.size:
            walled = [names[a if b == cut_off[0] else b] for a, b in self.closed if cut_off[0] in (a, b)]
            gap = max((width for pair, width in self.closed.items() if cut_off[0] in pair), default=0.0)
            raise GameError(
                f"zone {names[cut_off[0]]!r} cannot be reached from {names[int(main.argmax())]!r}: the adjacency is not "
                f"connected ({len(cut_off)} of {len(names)} zones are cut off)"
                + (
                    f"; its border with {_listed(walled)} is open over {gap:.3g} m at most, less than 'opening'"
                    if walled
                    else ""
                )
            )
        main = _largest_part(self.adjacency, "strong")
        if not main.all():
            zone, home = int(main.argmin()), int(main.argmax())
            one, other = (zone, home) if self.hops[zone, home] < 0 else (home, zone)
            raise GameError(
                f"no way leads from zone {names[one]!r} to {names[other]!r}, though one leads back: passages whose entry is "
                "given in one direction only are one-way"
            )

    @classmethod
    def of(
        cls,
        zones: Iterable[Zone],
        passages: Sequence[tuple[str, str]] | None = None,
        opening: float = 0.5,
        *,
        walls: Sequence[FloatArray] = (),
        one_way: Iterable[tuple[int, int]] = (),
    ) -> FloorPlan:
        """A plan whose zones have passages where they share a border, or as said.

        Args:
            zones: in the order of the local states.
            passages: pairs of names of zones with a passage between; None: those whose borders
                coincide over `opening` without a wall.
            opening: least width of a passage [m].
            walls: corners of each line of walls [vertex, xy; m].
            one_way: passages (from, to) that must not be taken the other way.

        Raises:
            GameError: as the class does; or a pair names an unknown zone, or one zone twice.
        """
        known = tuple(zones)
        index = {zone.name: i for i, zone in enumerate(known)}
        adjacency = np.zeros((len(known), len(known)), dtype=bool)
        closed = {}
        if passages is None:
            lines = MultiLineString(list(walls))
            for i, j in _neighbouring(known):
                if not polygons.shared_border(known[i].polygon, known[j].polygon):
                    continue
                width = widest(find_passages(known[i].polygon, known[j].polygon, lines))
                adjacency[i, j] = width >= opening - polygons.TOLERANCE
                if not adjacency[i, j]:
                    closed[i, j] = width
        for a, b in passages or ():
            unknown = next((name for name in (a, b) if name not in index), None)
            if unknown is not None:
                raise GameError(f"adjacency names {unknown!r}, which is no zone; zones are {', '.join(index)}")
            if a == b:
                raise GameError(f"adjacency names {a!r} as its own neighbour")
            adjacency[index[a], index[b]] = True
        adjacency |= adjacency.T
        for origin, target in one_way:
            adjacency[target, origin] = False
        adjacency.setflags(write=False)
        return cls(known, adjacency, closed)

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

    def locate(self, points: ArrayLike, level: str | None = None) -> NDArray[np.int64]:
        """The zone of each point [..., xy; m, map frame] -> [...]; OUTSIDE where it is in none, on the level or on any.

        A point on common edges belongs to the lowest index; one that is not within MAX_COORDINATE, or no number, is OUTSIDE.
        """
        xy = np.asarray(points, dtype=np.float64)
        flat = xy.reshape(-1, 2)
        known = np.flatnonzero(_on_the_map(flat))
        near = self._tree.query(shapely.points(flat[known]), predicate="dwithin", distance=polygons.TOLERANCE)
        near = near[:, self._on(level)[near[1]]]
        found = np.full(len(flat), len(self.zones), dtype=np.int64)
        np.minimum.at(found, known[near[0]], near[1])
        found[found == len(self.zones)] = OUTSIDE
        return found.reshape(xy.shape[:-1])

    def nearest(self, points: ArrayLike, level: str | None = None) -> tuple[NDArray[np.int64], FloatArray]:
        """The nearest zone of each point [..., xy; m] and its distance [m], 0 inside, on the level or on any.

        A point that is not within MAX_COORDINATE, or no number, is OUTSIDE, and its distance is infinite.
        """
        xy = np.asarray(points, dtype=np.float64)
        flat = xy.reshape(-1, 2)
        known = _on_the_map(flat)
        outlines = np.array([zone.polygon for zone in self.zones])
        away = shapely.distance(outlines[:, None], shapely.points(flat[known]))  # [zone, point]
        away[~self._on(level)] = np.inf
        found, metres = np.full(len(flat), OUTSIDE, dtype=np.int64), np.full(len(flat), np.inf)
        found[known], metres[known] = away.argmin(axis=0), away.min(axis=0)
        return found.reshape(xy.shape[:-1]), metres.reshape(xy.shape[:-1])

    def _on(self, level: str | None) -> NDArray[np.bool_]:
        """Whether each zone is on a level; all are on None."""
        return np.array([level is None or zone.level == level for zone in self.zones])

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree([zone.polygon for zone in self.zones])

    def neighbours(self, zone: int) -> tuple[int, ...]:
        """The zones that a robot can drive into from this one, in order of index."""
        return tuple(int(i) for i in np.flatnonzero(self.adjacency[zone]))

    @property
    def one_way(self) -> list[tuple[str, str]]:
        """The names of the zones (from, to) of each passage that must not be taken the other way."""
        return [(self.names[a], self.names[b]) for a, b in np.argwhere(self.adjacency & ~self.adjacency.T).tolist()]

    @cached_property
    def hops(self) -> NDArray[np.int64]:
        """Least number of passages between zones [from, to]; -1 where there is no way."""
        from scipy.sparse.csgraph import shortest_path  # processes without a floor do without, and start sooner

        passages = shortest_path(self.adjacency.astype(np.int8), unweighted=True)
        return np.where(np.isfinite(passages), passages, -1.0).astype(np.int64)


def _neighbouring(zones: Sequence[Zone]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of zones of one level that touch or overlap, to ROUNDING, in the order of j and then i."""
    if not zones:
        return []
    outlines = [zone.polygon for zone in zones]
    found = shapely.STRtree(outlines).query(outlines, predicate="dwithin", distance=polygons.ROUNDING)
    pairs = ((int(i), int(j)) for i, j in found.T if i < j)
    return sorted((pair for pair in pairs if zones[pair[0]].level == zones[pair[1]].level), key=lambda pair: pair[::-1])


def _largest_part(adjacency: NDArray[np.bool_], connection: Literal["weak", "strong"]) -> NDArray[np.bool_]:
    """The zones of the largest part of a plan, of equal ones that with the lowest zone [zone]."""
    from scipy.sparse.csgraph import connected_components  # as above

    _, part = connected_components(adjacency, connection=connection)
    sizes = np.bincount(part)[part]
    return np.asarray(part == part[int(sizes.argmax())])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _on_the_map(points: FloatArray) -> NDArray[np.bool_]:
    return np.asarray((np.abs(points) <= MAX_COORDINATE).all(axis=1))


def _origin(points: FloatArray) -> str:
    x, y = np.floor(points.min(axis=0) / 100.0) * 100.0
    return f"({x:.12g}, {y:.12g})"


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
        raise GameError(
            f"{name} has the coordinate {np.abs(points).max():.12g}, must be within {MAX_COORDINATE:g} m of the map's origin: "
            f"take a corner of the site as origin of the map frame, here as in the localisation, such as {_origin(points)}"
        )
    points.setflags(write=False)
    return points
