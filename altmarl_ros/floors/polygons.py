"""Simple polygons in the plane as zones need them (shapely), in metres.

Plans are written with rounded numbers, so that zones that touch in the building overlap or stand apart by some millimetres
in the file. Lengths up to ROUNDING therefore count as zero where two outlines are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
import shapely
from shapely.geometry import Point, Polygon
from shapely.ops import polylabel

from altmarl_ros.arrays import FloatArray

TOLERANCE = 1e-6
"""What rounding of floating-point numbers makes of a length of zero [m]."""

ROUNDING = 0.02
"""How far outlines that are meant to touch may overlap or stand apart [m]: corners rounded to 1 cm are off by 7 mm each."""

DISC_CORNERS = 64
"""A disc is the regular polygon of so many corners on its circle: 1 mm per metre of radius is missing at most."""

_CENTRE_ROOM = 0.5  # a centroid serves as centre if it has at least this share of the best clearance
_PARALLEL = 0.5  # sine of the largest angle at which two edges may run along each other


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


@dataclass(frozen=True)
class Overlap:
    """The largest piece that two polygons have in common.

    Attributes:
        depth, length: sides of the smallest rectangle around it [m], the shorter one first.
        x, y: a point in it [m].
        share: its area as a share of the smaller polygon's.
    """

    depth: float
    length: float
    x: float
    y: float
    share: float


def overlap(a: Polygon, b: Polygon) -> Overlap | None:
    """Where two polygons overlap by more than ROUNDING, or None."""
    common = a.intersection(b)
    if common.area <= TOLERANCE * common.length or common.buffer(-ROUNDING / 2).is_empty:
        return None
    largest = max(shapely.get_parts(common), key=lambda part: part.area)
    corners = shapely.get_coordinates(largest.minimum_rotated_rectangle)
    sides = sorted(float(side) for side in np.hypot(*np.diff(corners[:3], axis=0).T))
    inside = largest.representative_point()
    return Overlap(sides[0], sides[1], inside.x, inside.y, largest.area / min(a.area, b.area))


def shared_border(a: Polygon, b: Polygon) -> list[tuple[float, float]]:
    """Where the outline of a runs along that of b, to ROUNDING: stretches of a's outline [start, end; m along it].

    A stretch that passes the first corner of a has an end beyond the outline's length. The interiors must be disjoint.
    """
    edges, others = (np.stack([ring[:-1], ring[1:]], axis=1) for ring in map(_corners, (a, b)))  # [edge, end, xy]
    near = shapely.STRtree(np.asarray(shapely.linestrings(others))).query(
        shapely.linestrings(edges), predicate="dwithin", distance=ROUNDING
    )
    starts, vectors = edges[near[0], 0], edges[near[0], 1] - edges[near[0], 0]
    lengths = np.hypot(*vectors.T)
    along = vectors / lengths[:, None]
    from_start = others[near[1]] - starts[:, None]  # [pair, end, xy]
    s = np.einsum("pex,px->pe", from_start, along)  # of b's edge, along and off a's [pair, end]
    h = along[:, None, 0] * from_start[..., 1] - along[:, None, 1] * from_start[..., 0]
    run, rise = s[:, 1] - s[:, 0], h[:, 1] - h[:, 0]
    parallel = np.abs(rise) <= _PARALLEL * np.hypot(run, rise)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        bounds = (ROUNDING * np.array([-1.0, 1.0]) - h[:, :1]) / rise[:, None]  # where b's edge is within ROUNDING of a's line
    bounds = np.where(rise[:, None] == 0.0, [-np.inf, np.inf], bounds)
    t = np.clip(np.sort(bounds, axis=1), 0.0, 1.0)
    reached = np.sort(np.clip(s[:, :1] + t * run[:, None], 0.0, lengths[:, None]), axis=1)
    offsets = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(_corners(a), axis=0).T))])
    stretches = (offsets[near[0]][:, None] + reached)[parallel & ((rise != 0.0) | (np.abs(h[:, 0]) <= ROUNDING))]
    return _joined_around(_joined(stretches[np.diff(stretches, axis=1)[:, 0] > TOLERANCE]), float(offsets[-1]))


def _corners(polygon: Polygon) -> FloatArray:
    return shapely.get_coordinates(polygon.exterior)


def _joined(stretches: FloatArray) -> list[tuple[float, float]]:
    """Stretches [start, end] in order, those joined that touch or are apart by what rounding makes."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(map(tuple, stretches.tolist())):
        if joined and start <= joined[-1][1] + ROUNDING:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _joined_around(stretches: list[tuple[float, float]], length: float) -> list[tuple[float, float]]:
    """The same with the last stretch joined to the first where both meet at the outline's first corner."""
    if len(stretches) > 1 and stretches[0][0] <= TOLERANCE and stretches[-1][1] >= length - TOLERANCE:
        return [*stretches[1:-1], (stretches[-1][0], length + stretches[0][1])]
    return stretches
