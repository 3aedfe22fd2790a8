"""Outlines with few corners for zones that cover a floor: common borders stay common, and nothing overlaps.

The borders of all zones are cut into arcs from junction to junction, every arc is simplified once for both its sides, and the
zones are put together from them again. An arc between two zones becomes straight where that moves it little. Arcs that would
cross another one keep their corners.
"""

from __future__ import annotations

from typing import Callable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.importing.labels import Labels

_TRIES = 6
_FLAT = 0.75  # cells: what makes a slanting line of the steps of its cells, and leaves corners of walls alone
_GRID = 1e-6  # m, that lines are rounded to


def cell_outlines(labels: Labels, resolution: float) -> tuple[dict[int, Polygon], list[LineString]]:
    """Outlines of labelled cells without holes, by label, and the arcs with no zone on one side [m, the grid's frame].

    Walls move by at most a cell, straight borders between zones by at most 0.3 m or 3 cells.
    """
    padded = np.pad(labels, 1)
    arcs = _arcs(shapely.multilinestrings(_cell_edges(padded)))
    middles = np.array([_side_points(arc) for arc in arcs])  # [arc, side, xy; cells]
    sides = padded[tuple(np.floor(middles[..., ::-1]).astype(int).transpose(2, 0, 1) + 1)]
    is_wall = (sides == 0).any(axis=1)
    simple = _simplified(arcs, is_wall, _FLAT, max(3.0, 0.3 / resolution))
    faces = _faces(simple)
    at = np.array([shapely.get_coordinates(face.representative_point())[0] for face in faces])
    of = padded[tuple(np.floor(at[:, ::-1]).astype(int).T + 1)]
    scaled = shapely.transform(np.array(faces), lambda xy: xy * resolution)
    walls = shapely.transform(
        np.array([arc for arc, wall in zip(simple, is_wall, strict=True) if wall]), lambda xy: xy * resolution
    )
    return _largest_faces(scaled, of.tolist()), list(walls)


def line_outlines(
    borders: list[LineString], shape: BaseGeometry, number_of: Callable[[FloatArray], NDArray[np.int64]], tolerance: float
) -> list[tuple[int, Polygon]]:
    """The pieces that lines cut a shape into, without holes, each with the number of a point in it.

    Args:
        borders: lines between pieces of different numbers; they may reach beyond the shape.
        shape: what is cut.
        number_of: the number of each point [point, xy] -> [point].
        tolerance: by which corners move at most [m].
    """
    noded = shapely.union_all([*borders, shape.boundary], grid_size=_GRID)
    lines = np.array([line for line in shapely.get_parts(noded).tolist() if isinstance(line, LineString)])
    inside = shapely.distance(shapely.line_interpolate_point(lines, 0.5, normalized=True), shape) <= _GRID
    arcs = _arcs(shapely.multilinestrings(lines[inside].tolist()))
    faces = _faces(_simplified(arcs, np.ones(len(arcs), dtype=bool), tolerance, tolerance))
    points = shapely.points([shapely.get_coordinates(face.representative_point())[0] for face in faces])
    kept = shapely.distance(points, shape) <= tolerance
    numbers = number_of(shapely.get_coordinates(points))
    return [(int(n), Polygon(face.exterior)) for face, n, fine in zip(faces, numbers, kept, strict=True) if fine]


def rings(walls: list[LineString]) -> list[LineString]:
    """The same lines joined at their ends, closed where they go around something."""
    merged = shapely.line_merge(shapely.multilinestrings(walls)) if walls else shapely.multilinestrings([])
    return [line for line in shapely.get_parts(merged).tolist() if line.length > 0.0]


def _cell_edges(labels: NDArray[np.int32]) -> list[LineString]:
    """Runs of edges between cells of different labels; the cell [1, 1] of the array has its corner at (0, 0)."""
    found: list[FloatArray] = []
    for turned in (False, True):
        grid = labels.T if turned else labels
        differs = grid[:, 1:] != grid[:, :-1]  # an edge at x = column + 1, from row to row + 1
        rows, columns = np.nonzero(differs)
        ends = np.stack([np.stack([columns, rows - 1.0], axis=1), np.stack([columns, rows + 0.0], axis=1)], axis=1)
        found.append(ends[..., ::-1] if turned else ends)
    edges = np.concatenate(found).astype(np.float64)
    return [line for line in np.asarray(shapely.linestrings(edges)).tolist() if isinstance(line, LineString)]


def _arcs(lines: BaseGeometry) -> list[LineString]:
    return [arc for arc in shapely.get_parts(shapely.line_merge(lines)).tolist() if isinstance(arc, LineString)]


def _side_points(arc: LineString) -> FloatArray:
    """A point on either side of an arc's first edge, half a cell away [side, xy]."""
    (x0, y0), (x1, y1) = shapely.get_coordinates(arc)[:2]
    length = float(np.hypot(x1 - x0, y1 - y0))
    middle = np.array([x0 + 0.5 * (x1 - x0) / length, y0 + 0.5 * (y1 - y0) / length])
    normal = 0.5 * np.array([-(y1 - y0), x1 - x0]) / length
    return np.array([middle + normal, middle - normal])


def _simplified(arcs: list[LineString], is_wall: NDArray[np.bool_], tolerance: float, straight: float) -> list[LineString]:
    """Arcs with fewer corners that meet at their ends only."""
    steps: list[Callable[[LineString, bool], LineString]] = [
        lambda arc, wall: _fewer(arc, tolerance) if wall else _straight(arc, straight),
        lambda arc, wall: _fewer(arc, tolerance),
        lambda arc, wall: _fewer(arc, 0.5 * tolerance),
        lambda arc, wall: arc,
    ]
    level = np.zeros(len(arcs), dtype=int)
    simple = [steps[0](arc, bool(wall)) for arc, wall in zip(arcs, is_wall, strict=True)]
    for _ in range(_TRIES):
        crossing = _crossing(simple)
        if not crossing:
            return simple
        for i in crossing:
            level[i] = min(level[i] + 1, len(steps) - 1)
            simple[i] = steps[level[i]](arcs[i], bool(is_wall[i]))
    return arcs


def _crossing(arcs: list[LineString]) -> set[int]:
    """The arcs that cross themselves, or meet another one elsewhere than at the ends of both."""
    found = {i for i, arc in enumerate(arcs) if not arc.is_simple}
    pairs = shapely.STRtree(arcs).query(arcs, predicate="intersects").T
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    if len(pairs):
        geometries = np.array(arcs)
        common = shapely.intersection(geometries[pairs[:, 0]], geometries[pairs[:, 1]])
        for i, j, points in zip(*pairs.T.tolist(), common, strict=True):
            ends = [shapely.get_coordinates(arcs[k])[[0, -1]] for k in (i, j)]
            at = shapely.get_coordinates(points)
            fine = points.length == 0.0 and all(
                all((np.abs(each - point).max(axis=1) < 1e-9).any() for each in ends) for point in at
            )
            if not fine:
                found |= {i, j}
    return found


def _fewer(arc: LineString, tolerance: float) -> LineString:
    simple = arc.simplify(tolerance, preserve_topology=False)
    enough = 4 if arc.is_closed else 2
    return simple if isinstance(simple, LineString) and len(simple.coords) >= enough else arc


def _straight(arc: LineString, most: float) -> LineString:
    if arc.is_closed:
        return _fewer(arc, min(most, _FLAT))
    points = shapely.get_coordinates(arc)
    chord = LineString(points[[0, -1]])
    off = float(np.max(shapely.distance(chord, shapely.points(points))))
    return chord if off <= most else _fewer(arc, min(most, 2.0) if most > 1.0 else most)


def _faces(arcs: list[LineString]) -> list[Polygon]:
    return [face for face in shapely.get_parts(shapely.polygonize(arcs)).tolist() if isinstance(face, Polygon)]


def _largest_faces(faces: NDArray[np.object_], of: list[int]) -> dict[int, Polygon]:
    """The largest face of each number but 0, without its holes."""
    found: dict[int, Polygon] = {}
    for face, number in zip(faces.tolist(), of, strict=True):
        if number and (number not in found or face.area > found[number].area):
            found[number] = face
    return {number: Polygon(face.exterior) for number, face in sorted(found.items())}
