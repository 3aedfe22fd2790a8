"""Where robots can cross from one zone into the next: the stretches of a shared border on which no wall stands.

A wall closes the stretch of a border that it runs along, at up to WALL_DISTANCE, since walls have some thickness and are
drawn on either side of it. A wall that crosses the border splits it in two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable

import numpy as np
import shapely
from shapely.geometry import LineString, MultiLineString, Point, Polygon
from shapely.ops import substring

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors import polygons

WALL_DISTANCE = 0.25
"""How far from a border a wall may stand that closes it [m]; entries may be as far from the borders of their zones."""

_SAMPLES = 0.1  # m, between the points of a wall whose places along a bent border are looked up


@dataclass(frozen=True)
class Passage:
    """A stretch of the border of two zones on which no wall stands, as a line [m]."""

    line: LineString

    @property
    def width(self) -> float:
        """The stretch's length [m]."""
        return float(self.line.length)

    @property
    def middle(self) -> FloatArray:
        """The stretch's middle [xy; m]."""
        return np.asarray(shapely.get_coordinates(self.line.interpolate(0.5, normalized=True))[0])


def find_passages(a: Polygon, b: Polygon, walls: MultiLineString) -> list[Passage]:
    """The stretches of the border of two zones on which no wall stands, the widest first; none where they share no border."""
    found: list[Passage] = []
    for border in _border_lines(a, b):
        closed = _closed(border, walls)
        edges = [0.0, *(edge for stretch in closed for edge in stretch), border.length]
        found += [
            Passage(_stretch(border, start, end))
            for start, end in zip(edges[::2], edges[1::2], strict=True)
            if end - start > polygons.TOLERANCE
        ]
    return sorted(found, key=lambda passage: -passage.width)


def widest(stretches: Iterable[Passage]) -> float:
    """Width of the widest passage [m]; 0 without any."""
    return max((passage.width for passage in stretches), default=0.0)


def nearest_points(a: Polygon, b: Polygon) -> LineString:
    """The shortest line from one zone to another that does not touch it."""
    line = shapely.shortest_line(a, b)
    assert isinstance(line, LineString)
    return line


def _border_lines(a: Polygon, b: Polygon) -> list[LineString]:
    ring = shapely.get_coordinates(a.exterior)
    twice = LineString(np.vstack([ring, ring[1:]]))  # a stretch may pass the first corner
    return [_stretch(twice, start, end) for start, end in polygons.shared_border(a, b)]


def _stretch(line: LineString, start: float, end: float) -> LineString:
    stretch = substring(line, start, end)
    assert isinstance(stretch, LineString)  # a point only where start and end are one
    return stretch


def _closed(border: LineString, walls: MultiLineString) -> list[tuple[float, float]]:
    """Stretches of a border that walls close [start, end; m along it], in order and apart; a wall across has no length."""
    near = border.buffer(WALL_DISTANCE, cap_style="flat").intersection(walls)
    shadows: list[tuple[float, float]] = []
    for piece in shapely.get_parts(near):
        if isinstance(piece, Point) or not piece.length:
            continue
        points = shapely.points(shapely.get_coordinates(piece.segmentize(_SAMPLES)))
        places = shapely.line_locate_point(border, points)
        shadows.append((float(places.min()), float(places.max())))
    joined: list[tuple[float, float]] = []
    for start, end in sorted(shadows):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
