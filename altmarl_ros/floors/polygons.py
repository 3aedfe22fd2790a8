"""What zones ask of simple polygons in the plane (shapely), in metres.

Lengths below TOLERANCE count as zero, so that plans may be written with rounded numbers.
"""

from __future__ import annotations

from math import hypot

import shapely
from shapely.geometry import Point, Polygon
from shapely.ops import polylabel

from altmarl_ros.arrays import FloatArray

TOLERANCE = 1e-6
"""[m]"""

DISC_CORNERS = 64
"""A disc is the regular polygon of so many corners on its circle: 1 mm per metre of radius is missing at most."""

_CENTRE_ROOM = 0.5  # a centroid serves as centre if it has at least this share of the best clearance


def fault(corners: FloatArray) -> str | None:
    """What keeps vertices [vertex, xy] from being a simple polygon with an area, or None."""
    n = len(corners)
    if n < 3:
        return f"has {n} corners, must have at least 3"
    for (x, y), (next_x, next_y) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if hypot(next_x - x, next_y - y) <= TOLERANCE:
            return f"has the corner ({x:g}, {y:g}) twice in a row"
    polygon = Polygon(corners)
    if not polygon.is_valid:
        where = shapely.is_valid_reason(polygon).partition("[")[2].rstrip("]").split()
        return f"intersects itself at ({float(where[0]):g}, {float(where[1]):g})"
    return "has no area" if polygon.area <= TOLERANCE * polygon.length else None


def disc(x: float, y: float, radius: float) -> FloatArray:
    """Corners of a disc [vertex, xy]."""
    return shapely.get_coordinates(Point(x, y).buffer(radius, quad_segs=DISC_CORNERS // 4))[:-1]


def centre(polygon: Polygon) -> Point:
    """The centroid where it is well inside, else a point with about the most clearance."""
    fine = max(0.1 * polygon.area / polygon.length, polygon.length / 1000)  # a share of the width, unless that is tiny
    best = max(polylabel(polygon, fine), polygon.representative_point(), key=lambda point: clearance(polygon, point))
    enough = _CENTRE_ROOM * clearance(polygon, best)
    return polygon.centroid if clearance(polygon, polygon.centroid) >= enough else best


def clearance(polygon: Polygon, point: Point) -> float:
    """Distance to the boundary [m], negative outside."""
    metres = float(polygon.boundary.distance(point))
    return metres if polygon.intersects(point) else -metres


def overlap(a: Polygon, b: Polygon) -> bool:
    """Whether the interiors of two polygons meet in more than a sliver."""
    common = a.intersection(b)
    return bool(common.area > TOLERANCE * common.length)


def common_edge(a: Polygon, b: Polygon) -> float:
    """Total length over which the boundaries of two polygons with disjoint interiors coincide, to a few TOLERANCE [m]."""
    return float(a.boundary.intersection(b.boundary.buffer(TOLERANCE)).length)
