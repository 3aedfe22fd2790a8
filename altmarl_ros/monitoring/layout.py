"""Lays out zones and robots for drawing: on the game's floor, or as discs on a ring or in rows for a game without a floor.

All is in metres in the `map` frame. A robot whose pose is not known is drawn in its zone. Its place there depends on the
robot alone, so that only a change of zone moves it. The places are a sunflower: point i of n lies at radius
R sqrt((i + 1/2) / n) and angle i times the golden angle, which fills a disc evenly whatever n is (Vogel, 1979).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import pi, sqrt
from typing import Sequence

import numpy as np
import shapely
from shapely.geometry import Point, Polygon

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games.zone_places import grid_places
from altmarl_ros.monitoring.floor_places import floor_places

HUB = "hub"
"""Name of a zone that lies amid the others."""

_GOLDEN_ANGLE = pi * (3.0 - sqrt(5.0))
_FILLED = 0.8  # part of the disc around a zone's centre in which robots are placed
_ZONE_RADIUS = 2.0  # m; of the discs on the ring
_GAP = 1.5  # m between the discs, with room for labels
_LABEL = 0.5  # m from a zone's border to the middle of its label
_WAY_RADIUS = 0.5  # m; of the disc of robots at a place under way
_STEP = 0.5  # m, the longest step along the border of a filled zone


@dataclass(frozen=True, eq=False)
class ZoneShape:
    """The drawing of one zone.

    Attributes:
        name: of the local state.
        outline: closed border [vertex, xy; m].
        triangles: that fill it, three vertices each [vertex, xy; m].
        centre: of the places for robots [xy; m].
        label: middle of the label [xy; m].
        radius: of the disc that the places fill [m].
    """

    name: str
    outline: FloatArray
    triangles: FloatArray
    centre: FloatArray
    label: FloatArray
    radius: float


@dataclass(frozen=True, eq=False)
class Layout:
    """Where all that is drawn of a game lies.

    Attributes:
        zones: in the order of the game's places.
        walls: of the floor [vertex, xy; m].
        under_way: the game's further places, which are on the ways between zones and are not drawn themselves [place, xy; m].
    """

    zones: tuple[ZoneShape, ...]
    walls: tuple[FloatArray, ...] = ()
    under_way: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))

    @property
    def n_places(self) -> int:
        """Number of places at which robots are drawn: zones, and those under way."""
        return len(self.zones) + len(self.under_way)

    @property
    def top(self) -> FloatArray:
        """Point above the middle of all zones [xy; m]."""
        corners = np.vstack([zone.outline for zone in self.zones])
        return np.array([(corners[:, 0].min() + corners[:, 0].max()) / 2, corners[:, 1].max() + 2.0])

    @property
    def scale(self) -> float:
        """Width of a drawn robot that suits the size of the zones [m]."""
        return float(np.clip(0.12 * min(zone.radius for zone in self.zones), 0.05, 0.5))

    def centre(self, place: int) -> FloatArray:
        """Return the middle of a place [xy; m]."""
        zones = len(self.zones)
        return self.zones[place].centre if place < zones else np.asarray(self.under_way[place - zones])

    def places(self, place: int, ranks: FloatArray, n: int) -> FloatArray:
        """Return where at a place the robots with these ranks among n are drawn [robot, xy; m]."""
        radius = self.zones[place].radius if place < len(self.zones) else _WAY_RADIUS
        radii = _FILLED * radius * np.sqrt((ranks + 0.5) / max(1, n))
        angles = _GOLDEN_ANGLE * ranks
        return np.asarray(self.centre(place) + np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=-1))


def floor_layout(floor: FloorMap, names: Sequence[str] | None = None) -> Layout:
    """Lay out the zones of a floor, where they are.

    Args:
        floor: with the zones.
        names: of the game's places, which may lie on the ways between zones too; None: the zones alone.

    Raises:
        AltmarlError: the game's places are not on this floor.
    """
    places = floor_places(floor, floor.plan.names if names is None else names)
    if places is None:
        raise AltmarlError(f"a floor of {len(floor.plan.zones)} zones is not that of a game of {len(names or ())} places")
    zones = []
    for zone in floor.plan.zones:
        centre = np.asarray(zone.goal, dtype=np.float64)
        room = max(zone.polygon.boundary.distance(Point(centre)), 0.2)
        left, _, right, upper = zone.polygon.bounds
        label = np.array([(left + right) / 2, upper - _LABEL])
        if not zone.polygon.contains(Point(label)):
            label = centre
        zones.append(_shape(zone.name, zone.polygon, centre, label, room))
    return Layout(tuple(zones), floor.walls, places[len(zones) :])


def disc_layout(names: tuple[str, ...]) -> Layout:
    """Lay out zones as discs: on a circle, clockwise from the top, about a hub if one is called so, or many of them in rows."""
    centres = grid_places(names)
    if centres is None:
        outer = [place for place, name in enumerate(names) if name != HUB]
        n, centres = len(outer), np.zeros((len(names), 2))
        ring = 0.0 if n < 2 else (_ZONE_RADIUS + _GAP / 2) / np.sin(pi / n)
        if 1 < n < len(names):
            ring = max(ring, 2 * _ZONE_RADIUS + _GAP)
        angles = pi / 2 - 2 * pi * np.arange(n) / max(n, 1)
        centres[outer] = ring * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        centres = (2 * _ZONE_RADIUS + _GAP) * centres
    zones = []
    for name, centre in zip(names, centres, strict=True):
        label = centre + np.array([0.0, _ZONE_RADIUS + _LABEL])
        zones.append(_shape(name, Point(centre).buffer(_ZONE_RADIUS, quad_segs=12), centre, label, _ZONE_RADIUS))
    return Layout(tuple(zones))


def _shape(name: str, polygon: Polygon, centre: FloatArray, label: FloatArray, radius: float) -> ZoneShape:
    # The points are so near to each other that Delaunay triangles cross the border by slivers at most.
    fine = polygon.segmentize(max(_STEP, polygon.length / 200))
    found = shapely.get_parts(shapely.delaunay_triangles(fine))
    inside = [part for part in found if polygon.contains(part.representative_point())]
    triangles = np.vstack([shapely.get_coordinates(part)[:3] for part in inside])
    outline = shapely.get_coordinates(polygon.exterior)
    return ZoneShape(name, outline, triangles, centre, label, float(radius))
