"""The floor that physical robots drive on: its zones, where robots park in them, how they pass, and where they may be at all.

    slots    where robots park, several in each zone, so that robots sent to one zone do not want one spot
    entries  the point by which robots drive from a zone into its neighbour, such as the middle of a door;
             one for each direction where two-way traffic keeps to its side; a direction without one is barred where the
             other has one
    area     what robots never leave, zones and the ways between them
    walls    which close passages, which ways lead around, and which simulated lasers see

All in metres in the `map` frame (REP-105). A floor serves any game: `moves` say where each local action leads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Mapping

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors import polygons
from altmarl_ros.floors.floor_plan import FloorPlan, Zone
from altmarl_ros.floors.passages import WALL_DISTANCE, Passage, find_passages, nearest_points

if TYPE_CHECKING:
    from altmarl_ros.floors.zone_ways import ZoneWays


@dataclass(frozen=True, eq=False)
class Level:
    """One storey of a floor.

    Attributes:
        area: where robots may be.
        walls: corners of each line of walls [vertex, xy; m].
    """

    area: Polygon | MultiPolygon
    walls: tuple[FloatArray, ...] = ()

    @cached_property
    def lines(self) -> MultiLineString:
        """All walls; the distance to none is NaN, which is not below any radius."""
        return MultiLineString(list(self.walls))

    @cached_property
    def roomy(self) -> BaseGeometry:
        """The area, with what rounding takes from its edge."""
        return self.area.buffer(polygons.ROUNDING)


@dataclass(frozen=True)
class PassageTerms:
    """What the file of a floor says about driving through a passage.

    Attributes:
        speed: limit in the unit of the file, such as a share of the full speed; None: none.
        cost: in the unit of the file; None: none.
    """

    speed: float | None = None
    cost: float | None = None


ENTRY_TOLERANCE = WALL_DISTANCE
"""How far an entry may be from the borders of its two zones [m]: walls between them have some thickness."""


@dataclass(frozen=True, eq=False)
class FloorMap:
    """A validated floor.

    Attributes:
        plan: zones, in the order of the local states, and their adjacency.
        slots: where robots park in each zone, at least one: [slot, xy; m] per zone.
        entries: where robots cross from one zone into another, by (from, to) [xy; m]; not all passages have one.
        area: where robots may be, on any level.
        walls: corners of each line of walls [vertex, xy; m], of all levels.
        moves: the zone that each zone leads to, by local action (its index, or its name); None if nothing was said.
        levels: area and walls of each level by its name; empty: all zones are on one level, which has `area` and `walls`.
        offset: what to add to coordinates here to get those of the file that the floor was imported from [xy; m].
        terms: speed limits and costs of passages, by (from, to); of those that the file has a word of.

    Raises:
        GameError: naming the slot outside its zone, the entry that is at no border, or the zone outside the area.
    """

    plan: FloorPlan
    slots: tuple[FloatArray, ...]
    entries: Mapping[tuple[int, int], FloatArray]
    area: Polygon | MultiPolygon
    walls: tuple[FloatArray, ...] = ()
    moves: Mapping[int | str, tuple[int, ...]] | None = None
    levels: Mapping[str, Level] = field(default_factory=dict)
    offset: tuple[float, float] = (0.0, 0.0)
    terms: Mapping[tuple[int, int], PassageTerms] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for i, (zone, slots) in enumerate(zip(self.plan.zones, self.slots, strict=True)):
            level = self._level(i)
            if not level.roomy.covers(zone.polygon):
                corners = shapely.get_coordinates(zone.polygon.difference(level.area))
                metres = np.asarray(shapely.distance(level.area, shapely.points(corners)))
                place = corners[int(metres.argmax())]
                raise GameError(f"zone {zone.name!r} is outside the area at {_at(place)}, by {metres.max():.3g} m")
            metres = np.asarray(shapely.distance(zone.polygon, shapely.points(slots)))
            outside = np.flatnonzero(metres > polygons.ROUNDING)
            if outside.size:
                slot = f"slot {outside[0]} {_at(slots[outside[0]])}"
                raise GameError(f"zone {zone.name!r}: {slot} is outside the zone, by {metres[outside[0]]:.3g} m")
        for (a, b), entry in self.entries.items():
            self._check_entry(a, b, entry)

    def _check_entry(self, a: int, b: int, entry: FloatArray) -> None:
        name = f"entry {_at(entry)} from {self.plan.names[a]!r} to {self.plan.names[b]!r}"
        if not self.plan.adjacency[a, b]:
            raise GameError(f"{name}: the zones are not adjacent; list them under 'adjacency', or make 'opening' smaller")
        for i in (a, b):
            metres = self.plan.zones[i].polygon.boundary.distance(Point(entry))
            if metres > ENTRY_TOLERANCE:
                raise GameError(f"{name} is {metres:.2f} m from the border of {self.plan.names[i]!r}, must be at both borders")
        if self._level(a).area.distance(Point(entry)) > polygons.ROUNDING:
            raise GameError(f"{name} is outside the area")

    def check_room(self, robot_radius: float) -> None:
        """Whether round robots of this radius [m] can park in all slots at once and pass between all neighbours.

        Raises:
            GameError: naming the slots that are too near to each other or to a wall, the entry that is too near to a wall,
                the passage that is too narrow, the slot that no way leads to, or an area that is not of one piece.
        """
        for name, level in (self.levels or {"": self._only}).items():
            if isinstance(level.area, MultiPolygon):
                raise GameError(self._about_pieces(level.area, name))
        self._check_slots(robot_radius)
        for a, b in np.argwhere(self.plan.adjacency).tolist():
            self._check_width(a, b, robot_radius)
            entry = self.entries.get((a, b))
            crossing = self.crossing(a, b) if entry is None else entry
            for zone in (a, b):
                self._check_ways(zone, crossing, robot_radius, "border" if entry is None else "entry")

    def _about_pieces(self, area: MultiPolygon, level: str) -> str:
        piece = max(area.geoms, key=lambda part: part.area)
        apart = [zone.name for zone in self.plan.zones if zone.level == level and not piece.intersects(zone.polygon)]
        return (
            f"area is in {len(area.geoms)} pieces: give an 'area', or a larger 'area_margin', that joins "
            f"{', '.join(map(repr, apart))} to the rest, or give storeys a 'level' each"
        )

    def _check_slots(self, robot_radius: float) -> None:
        for level in dict.fromkeys(zone.level for zone in self.plan.zones):
            self._check_slots_of(level, robot_radius)

    def _check_slots_of(self, level: str, robot_radius: float) -> None:
        from scipy.spatial import cKDTree  # most processes do without, and start sooner

        here = [i for i, zone in enumerate(self.plan.zones) if zone.level == level]
        walls = self._level(here[0]).lines
        named = [(f"slot {i} of zone {self.plan.names[z]!r}", slot) for z in here for i, slot in enumerate(self.slots[z])]
        pairs = cKDTree([slot for _, slot in named]).query_pairs(2 * robot_radius - polygons.TOLERANCE)
        if pairs:
            (a, one), (b, other) = (named[i] for i in min(pairs))
            metres = float(np.hypot(*(one - other)))
            raise GameError(f"{a} is {metres:.2f} m from {b}, nearer than a robot's diameter of {2 * robot_radius:g} m")
        entries = [(a, entry) for (a, _), entry in self.entries.items() if a in here]
        named += [(f"entry {_at(entry)} of zone {self.plan.names[a]!r}", entry) for a, entry in entries]
        distances = shapely.distance(walls, shapely.points([point for _, point in named]))
        for (name, _), metres in zip(named, distances.tolist(), strict=True):
            if metres < robot_radius - polygons.TOLERANCE:
                raise GameError(f"{name} is {metres:.2f} m from a wall, nearer than a robot's radius of {robot_radius:g} m")

    def _check_width(self, a: int, b: int, robot_radius: float) -> None:
        """Raise GameError where two zones share a border and the passage in it is narrower than a robot."""
        if not self._shares_border(a, b):
            return
        name = f"passage from {self.plan.names[a]!r} to {self.plan.names[b]!r}"
        advice = "leave it out of 'adjacency', or make 'opening' larger"
        stretches, entry = self._passages(a, b), self.entries.get((a, b))
        if not stretches:
            raise GameError(f"{name}: a wall closes their common border; {advice}")
        passage = stretches[0] if entry is None else min(stretches, key=lambda each: each.line.distance(Point(entry)))
        if passage.width < 2 * robot_radius - polygons.ROUNDING:
            raise GameError(
                f"{name} at {_at(passage.middle)} is {passage.width:.2f} m wide, narrower than a robot's diameter of "
                f"{2 * robot_radius:g} m; {advice}"
            )

    def crossing(self, a: int, b: int) -> FloatArray:
        """Where robots cross from a zone into its neighbour if no entry says where [xy; m].

        It is the middle of the widest stretch of their border without walls, and where they share no border, the middle
        between their nearest points.
        """
        if self.plan.zones[a].level != self.plan.zones[b].level:
            return np.asarray(self.plan.goals[a])  # a lift
        stretches = self._passages(a, b)
        if stretches:
            return stretches[0].middle
        between = nearest_points(self.plan.zones[a].polygon, self.plan.zones[b].polygon)
        return np.asarray(shapely.get_coordinates(between).mean(axis=0))

    def prepare(self, robot_radius: float) -> None:
        """Find the ways in all zones, which takes a moment, before a robot that moves waits for them."""
        for zone in range(len(self.slots)):
            self._ways(zone, robot_radius)

    def reached(self, zone: int, start: FloatArray, ends: list[FloatArray], robot_radius: float) -> NDArray[np.bool_]:
        """Whether a way leads within a zone from start to each of the ends [xy; m]."""
        return self._ways(zone, robot_radius).reached(start, ends)

    def leg(self, zone: int, start: FloatArray, end: FloatArray, robot_radius: float) -> list[FloatArray]:
        """What to drive through from start to end [xy; m] in a zone (zone_ways.py): the end alone where there is no way."""
        return self._ways(zone, robot_radius).way(start, end) or [end]

    def across(self, passage: tuple[int, int], start: FloatArray, end: FloatArray, robot_radius: float) -> list[FloatArray]:
        """What to drive through from start in one zone to end [xy; m] in its neighbour, by a passage without an entry.

        From near the border it is the cheapest way in the neighbour (zone_ways.py), else a straight line; where a wall or the
        edge of the area is in between, it leads through the crossing.
        """
        here, there = passage
        way = self._ways(there, robot_radius).way(start, end)
        if way:
            return way
        line, level = LineString([start, end]), self._level(here)
        if level.lines.distance(line) < robot_radius or not level.roomy.covers(line):
            crossing = self.crossing(here, there)
            first = self._ways(here, robot_radius).way(start, crossing)
            second = self._ways(there, robot_radius).way(crossing, end)
            if first and second:
                return first + second
        return [end]

    def _check_ways(self, zone: int, crossing: FloatArray, robot_radius: float, kind: str) -> None:
        places = [(f"slot {i}", slot) for i, slot in enumerate(self.slots[zone])]
        if kind != "entry":
            places.append(("the goal", self.plan.goals[zone]))  # which a way through the zone leads over
        reached = self.reached(zone, crossing, [point for _, point in places], robot_radius)
        if not reached.all():
            place, point = places[int(reached.argmin())]
            raise GameError(
                f"no way leads from the {kind} {_at(crossing)} to {place} {_at(point)} of zone {self.plan.names[zone]!r} "
                f"for a robot of radius {robot_radius:g} m"
            )

    def shared_slots(self, n_robots: int) -> dict[str, int]:
        """Zones with fewer slots than robots, where some robots may be sent to one spot, and their numbers of slots."""
        return {zone.name: len(slots) for zone, slots in self._by_zone() if len(slots) < n_robots}

    def _by_zone(self) -> list[tuple[Zone, FloatArray]]:
        return list(zip(self.plan.zones, self.slots, strict=True))

    def _ways(self, zone: int, robot_radius: float) -> ZoneWays:
        key = (zone, robot_radius)
        if key not in self._found:
            from altmarl_ros.floors.zone_ways import ZoneWays  # robots without wheels do without, and start sooner

            outline = self._outline(zone)
            here, level = self.plan.zones[zone].level, self._level(zone)
            on_level = [slots for other, slots in self._by_zone() if other.level == here]
            slots = np.vstack(on_level)  # those next door stand in the way as well
            self._found[key] = ZoneWays(outline, level.area, level.lines, slots, robot_radius)
        return self._found[key]

    def _outline(self, zone: int) -> BaseGeometry:
        """A zone, with the gaps that robots cross to those neighbours that it shares no border with."""
        polygon = self.plan.zones[zone].polygon
        neighbours = np.flatnonzero(self.plan.adjacency[zone] | self.plan.adjacency[:, zone]).tolist()
        level = self.plan.zones[zone].level
        neighbours = [b for b in neighbours if self.plan.zones[b].level == level]
        apart = [b for b in neighbours if not self._shares_border(zone, b) and (zone, b) not in self.entries]
        return unary_union([polygon, *(nearest_points(polygon, self.plan.zones[b].polygon) for b in apart)])

    def _shares_border(self, a: int, b: int) -> bool:
        one, other = self.plan.zones[a], self.plan.zones[b]
        return one.level == other.level and bool(polygons.shared_border(one.polygon, other.polygon))

    def _passages(self, a: int, b: int) -> list[Passage]:
        pair = (min(a, b), max(a, b))
        if pair not in self._stretches:
            self._stretches[pair] = find_passages(
                self.plan.zones[pair[0]].polygon, self.plan.zones[pair[1]].polygon, self._level(a).lines
            )
        return self._stretches[pair]

    @cached_property
    def _stretches(self) -> dict[tuple[int, int], list[Passage]]:
        return {}

    @cached_property
    def _found(self) -> dict[tuple[int, float], ZoneWays]:
        return {}

    @cached_property
    def _only(self) -> Level:
        return Level(self.area, self.walls)

    def _level(self, zone: int) -> Level:
        return self.levels[self.plan.zones[zone].level] if self.levels else self._only


def _at(point: FloatArray) -> str:
    return f"({point[0]:g}, {point[1]:g})"
