"""Divides the floor of a level among the nodes of a graph of lanes.

Doors part the floor into pieces, such as rooms and a corridor. Within a piece, a place belongs to the node whose half of a lane
is nearest; of a lane that leads through a door, each side belongs to the node on that side. So zones end at doors where there
are doors, and in the middle of lanes where there are none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import Voronoi, cKDTree
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.importing.lane_graph import Ground, LaneGraph
from altmarl_ros.floors.importing.outlines import line_outlines

_SAMPLES = 12  # of half a lane
_TOLERANCE = 0.05  # m, of outlines


class _Sites(NamedTuple):
    """Places on lanes [place, xy; m], and the node that each one belongs to [place]."""

    places: FloatArray
    owners: NDArray[np.int64]


def nearest_floor(graph: LaneGraph, here: list[int], free: BaseGeometry, clear: float) -> dict[int, Polygon]:
    """The floor that belongs to each node, by node; nodes without any are left out.

    Args:
        graph: of lanes.
        here: the nodes of one level.
        free: where robots can be on this level.
        clear: a lane that is nearer than this to a third node [m] belongs to that one.
    """
    doors = _door_lines(graph, here)
    pieces = _pieces(free, doors)
    sites = _sites(graph, here, pieces, clear)
    borders = [line for piece, own in zip(pieces, sites, strict=True) for line in _borders(own, piece, len(pieces) > 1)]
    trees = [cKDTree(own.places) if len(own.places) else None for own in sites]

    def owner_of(points: FloatArray) -> NDArray[np.int64]:
        found = np.full(len(points), -1)
        for i, piece in enumerate(_piece_of(points, pieces).tolist()):
            tree = trees[piece]
            if tree is not None:
                found[i] = sites[piece].owners[tree.query(points[i])[1]]
        return found

    outlines = line_outlines([*borders, *doors], free, owner_of, _TOLERANCE)
    found: dict[int, Polygon] = {}
    points = graph.points()

    def order(i: int, outline: Polygon) -> tuple[float, float]:
        return round(outline.distance(Point(points[i])), 2), -outline.area

    for i, outline in outlines:
        if i >= 0 and (i not in found or order(i, outline) < order(i, found[i])):
            found[i] = outline
    return found


def _door_lines(graph: LaneGraph, here: list[int]) -> list[LineString]:
    """The doors of a level, as much longer as walls are thick."""
    ground = graph.grounds.get(graph.nodes[here[0]].level, Ground())
    lines = []
    for door in ground.doors:
        along = (door[1] - door[0]) / np.hypot(*(door[1] - door[0]))
        lines.append(LineString([door[0] - ground.thickness * along, door[1] + ground.thickness * along]))
    return lines


def _pieces(free: BaseGeometry, doors: list[LineString]) -> list[BaseGeometry]:
    """The free space cut at its doors, at least one piece."""
    if not doors:
        return [free]
    noded = shapely.union_all([free.boundary, *doors])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded).tolist()))
    inside = [face for face in faces.tolist() if free.covers(face.representative_point())]
    return inside or [free]


def _piece_of(points: FloatArray, pieces: list[BaseGeometry]) -> NDArray[np.int64]:
    """The piece that each point is in or nearest to [point]."""
    if len(pieces) == 1:
        return np.zeros(len(points), dtype=np.int64)
    return np.asarray(shapely.STRtree(pieces).nearest(shapely.points(points)), dtype=np.int64)


def _sites(graph: LaneGraph, here: list[int], pieces: list[BaseGeometry], clear: float) -> list[_Sites]:
    """The nodes and places along their halves of lanes, for each piece of floor."""
    points, level = graph.points(), set(here)
    at = dict(zip(here, _piece_of(points[here], pieces).tolist(), strict=True))
    places, owners, piece_of = [points[here]], [np.array(here)], [np.array([at[i] for i in here])]
    t = np.arange(1, _SAMPLES) / (2.0 * _SAMPLES)
    whole = np.concatenate([t, 1.0 - t])[:, None]
    for a, b in sorted({(min(lane.start, lane.end), max(lane.start, lane.end)) for lane in graph.lanes}):
        others = [i for i in here if i not in (a, b)]
        line = LineString(points[[a, b]])
        if not {a, b} <= level or (others and shapely.distance(line, shapely.points(points[others])).min() < clear):
            continue  # what passes over another node is that node's
        on_lane = points[a] + whole * (points[b] - points[a])
        owner = np.repeat([a, b], _SAMPLES - 1)
        piece = _piece_of(on_lane, pieces)
        if at[a] != at[b]:  # a door is in between: each side is of the node on that side
            owner = np.where(piece == at[a], a, b)
        kept = piece == np.where(owner == a, at[a], at[b])
        places.append(on_lane[kept])
        owners.append(owner[kept])
        piece_of.append(piece[kept])
    xy, first = np.unique(np.vstack(places).round(6), axis=0, return_index=True)
    owner, piece = np.concatenate(owners)[first], np.concatenate(piece_of)[first]
    return [_Sites(xy[piece == i], owner[piece == i]) for i in range(len(pieces))]


def _borders(sites: _Sites, piece: BaseGeometry, clip: bool) -> list[LineString]:
    """Lines halfway between places of different nodes; cut off at the piece's edge if there are others beside it."""
    if len(set(sites.owners.tolist())) < 2:
        return []
    low, high = np.array(piece.bounds[:2]), np.array(piece.bounds[2:])
    size = float((high - low).max()) + 1.0
    around = (low + high) / 2.0 + 10.0 * size * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    cells = Voronoi(np.vstack([sites.places, around]))
    owned = np.concatenate([sites.owners, np.full(len(around), -1)])
    lines = [
        LineString(cells.vertices[ends])
        for (a, b), ends in zip(cells.ridge_points.tolist(), cells.ridge_vertices, strict=True)
        if owned[a] != owned[b] and -1 not in ends
    ]
    if not clip:
        return lines
    parts = shapely.get_parts(shapely.intersection(np.array(lines), piece)).tolist()
    return [part for part in parts if isinstance(part, LineString)]
