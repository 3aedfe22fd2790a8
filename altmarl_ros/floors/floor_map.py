"""A floor for physical robots: its zones, where in them robots park, how they pass, and where they may be at all.

    slots    where robots park, several in each zone, so that robots sent to one zone do not want one spot
    entries  the point by which robots drive from a zone into its neighbour, such as the middle of a door;
             one for each direction where two-way traffic keeps to its side
    area     what robots never leave, zones and the ways between them
    walls    for simulated lasers and for drawings

All in metres in the `map` frame (REP-105). A floor serves any game: `moves` say where each local action leads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Mapping

import numpy as np
import shapely
from shapely.geometry import MultiLineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors import polygons
from altmarl_ros.floors.floor_plan import FloorPlan, Zone

if TYPE_CHECKING:
    from altmarl_ros.floors.zone_ways import ZoneWays

ENTRY_TOLERANCE = 0.25
"""How far an entry may be from the borders of its two zones [m]: walls between them have some thickness."""


@dataclass(frozen=True, eq=False)
class FloorMap:
    """A validated floor.

    Attributes:
        plan: zones, in the order of the local states, and their adjacency.
        slots: where robots park in each zone, at least one: [slot, xy; m] per zone.
        entries: where robots cross from one zone into another, by (from, to) [xy; m]; not all passages have one.
        area: where robots may be.
        walls: corners of each line of walls [vertex, xy; m].
        moves: the zone that each zone leads to, by local action (its index, or its name); None if nothing was said.

    Raises:
        GameError: naming the slot outside its zone, the entry that is at no border, or the zone outside the area.
    """

    plan: FloorPlan
    slots: tuple[FloatArray, ...]
    entries: Mapping[tuple[int, int], FloatArray]
    area: Polygon | MultiPolygon
    walls: tuple[FloatArray, ...] = ()
    moves: Mapping[int | str, tuple[int, ...]] | None = None

    def __post_init__(self) -> None:
        for zone, slots in zip(self.plan.zones, self.slots, strict=True):
            if not self._roomy.covers(zone.polygon):
                raise GameError(f"zone {zone.name!r} is outside the area")
            outside = np.flatnonzero(shapely.distance(zone.polygon, shapely.points(slots)) > polygons.TOLERANCE)
            if outside.size:
                raise GameError(f"zone {zone.name!r}: slot {outside[0]} {_at(slots[outside[0]])} is outside the zone")
        for (a, b), entry in self.entries.items():
            self._check_entry(a, b, entry)

    def _check_entry(self, a: int, b: int, entry: FloatArray) -> None:
        name = f"entry {_at(entry)} from {self.plan.names[a]!r} to {self.plan.names[b]!r}"
        if not self.plan.adjacency[a, b]:
            raise GameError(f"{name}: the zones are not adjacent")
        for i in (a, b):
            metres = self.plan.zones[i].polygon.boundary.distance(Point(entry))
            if metres > ENTRY_TOLERANCE:
                raise GameError(f"{name} is {metres:.2f} m from the border of {self.plan.names[i]!r}, must be at both borders")
        if self.area.distance(Point(entry)) > polygons.TOLERANCE:
            raise GameError(f"{name} is outside the area")

    def check_room(self, robot_radius: float) -> None:
        """Whether round robots of this radius [m] can park in all slots at once and pass between them.

        Raises:
            GameError: naming the slots that are too near to each other or to a wall, the entry that is too near to a wall,
                the way from an entry to a slot that a wall blocks, or an area that is not of one piece.
        """
        from scipy.spatial import cKDTree  # most processes do without, and start sooner

        if isinstance(self.area, MultiPolygon):
            raise GameError(f"area is in {len(self.area.geoms)} pieces: give an 'area', or a larger 'area_margin'")
        named = [(f"slot {i} of zone {zone.name!r}", slot) for zone, slots in self._by_zone() for i, slot in enumerate(slots)]
        pairs = cKDTree([slot for _, slot in named]).query_pairs(2 * robot_radius - polygons.TOLERANCE)
        if pairs:
            (a, here), (b, there) = (named[i] for i in min(pairs))
            metres = float(np.hypot(*(here - there)))
            raise GameError(f"{a} is {metres:.2f} m from {b}, nearer than a robot's diameter of {2 * robot_radius:g} m")
        named += [(f"entry {_at(entry)} of zone {self.plan.names[a]!r}", entry) for (a, _), entry in self.entries.items()]
        for name, point in named:
            metres = self._walls.distance(Point(point))
            if metres < robot_radius - polygons.TOLERANCE:
                raise GameError(f"{name} is {metres:.2f} m from a wall, nearer than a robot's radius of {robot_radius:g} m")
        for passage, entry in self.entries.items():
            for index in passage:
                self._check_ways(index, entry, robot_radius)

    def prepare(self, robot_radius: float) -> None:
        """Find the ways in all zones, which takes a moment, before a robot that moves waits for them."""
        for zone in range(len(self.slots)):
            self._ways(zone, robot_radius)

    def leg(self, zone: int, start: FloatArray, end: FloatArray, robot_radius: float) -> list[FloatArray]:
        """What to drive through from start to end [xy; m] in a zone (zone_ways.py): the end alone where there is no way."""
        return self._ways(zone, robot_radius).way(start, end) or [end]

    def _check_ways(self, zone: int, entry: FloatArray, robot_radius: float) -> None:
        for i, slot in enumerate(self.slots[zone]):
            if self._ways(zone, robot_radius).way(entry, slot) is None:
                raise GameError(
                    f"no way leads from the entry {_at(entry)} to slot {i} {_at(slot)} of zone {self.plan.names[zone]!r} "
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

            outline = self.plan.zones[zone].polygon
            slots = np.vstack(self.slots)  # those next door stand in the way as well
            self._found[key] = ZoneWays(outline, self.area, self._walls, slots, robot_radius)
        return self._found[key]

    @cached_property
    def _found(self) -> dict[tuple[int, float], ZoneWays]:
        return {}

    @cached_property
    def _walls(self) -> MultiLineString:
        """All walls; the distance to none is NaN, which is not below any radius."""
        return MultiLineString(list(self.walls))

    @cached_property
    def _roomy(self) -> BaseGeometry:
        """The area, with what rounding takes from its edge."""
        return self.area.buffer(polygons.TOLERANCE)


def _at(point: FloatArray) -> str:
    return f"({point[0]:g}, {point[1]:g})"
