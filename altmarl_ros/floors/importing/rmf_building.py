"""Reads buildings of Open-RMF's traffic editor (`building.yaml`): walls, floors, doors, vertices and lanes by level, and lifts.

Vertices are in pixels of a drawing, with y downwards. A level's scale is the mean of its measurements; the other levels are
laid on the reference level by the fiducials that both have: with z = x + i y, by the complex a, b of least
sum |a z_level + b - z_reference|^2.
Buildings in metres (`cartesian_meters`) are taken as they are, those in degrees (`wgs84`) are laid on a plane that touches the
earth in the middle of the site.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, radians, sin, sqrt
from typing import Any, Mapping

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError, shown
from altmarl_ros.floors.importing.lane_graph import Ground, Lane, LaneGraph, Node
from altmarl_ros.floors.importing.rmf_graph import edge, listed, roles_of
from altmarl_ros.floors.importing.route_geojson import is_number

_SYSTEMS = ("reference_image", "cartesian_meters", "wgs84")
_RADIUS, _FLATTENING = 6378137.0, 1.0 / 298.257223563  # m, of the earth in WGS 84
_FAR_OFF = 0.3  # m, between fiducials of two levels, that a person should know of


@dataclass(frozen=True)
class Placement:
    """How coordinates of a level become metres: z -> a z + b, after y has been turned over."""

    a: complex
    b: complex
    turned_over: bool = True

    def apply(self, points: FloatArray) -> FloatArray:
        """Points of the file [point, xy] in metres."""
        z = self.a * (points[:, 0] + (-1j if self.turned_over else 1j) * points[:, 1]) + self.b
        return np.stack([z.real, z.imag], axis=1)


@dataclass(frozen=True, eq=False)
class Building:
    """A building in metres: its graph and grounds, and where each level's drawing is.

    Attributes:
        graph: of lanes.
        drawings: the name of the image of each level that has one, and how its pixels become metres.
    """

    graph: LaneGraph
    drawings: Mapping[str, tuple[str, Placement]]


def read_building(document: Mapping[Any, Any], scale: float | None) -> Building:
    """Read a building.

    Args:
        document: of the file.
        scale: metres per pixel of levels without measurements; None: these are refused.

    Raises:
        GameError: naming the level and the element and what is wrong with it.
    """
    system = document.get("coordinate_system", "reference_image")
    if system not in _SYSTEMS:
        raise GameError(f"coordinate_system is {shown(system)}, must be one of {', '.join(_SYSTEMS)}; convert it in the editor")
    levels = {str(name): content for name, content in document["levels"].items()}
    notes: list[str] = []
    vertices = {name: _vertices(name, content) for name, content in levels.items()}
    if system == "reference_image":
        placements = _placements(document, levels, vertices, scale, notes)
    else:
        placements = dict.fromkeys(levels, Placement(1.0, 0.0, turned_over=False))
        if system == "wgs84":
            vertices = _projected(vertices, notes)
    several = len(levels) > 1
    nodes: list[Node] = []
    lanes: list[Lane] = []
    grounds: dict[str, Ground] = {}
    counts = {"levels": len(levels), "lifts": len(document.get("lifts") or {}), "walls": 0, "doors": 0}
    lifts = _cabins(document.get("lifts") or {}, placements, next(iter(levels)))
    for name, content in levels.items():
        where, label, first = f"levels.{name}", name if several else "", len(nodes)
        points = placements[name].apply(vertices[name])
        for i, (x, y) in enumerate(points.tolist()):
            nodes.append(_node(listed(content, "vertices", where)[i], i, (x, y), label))
        n = len(points)
        for i, value in enumerate(listed(content, "lanes", where)):
            lanes += _lanes(f"{where}.lanes[{i}]", value, n, first)
        walls = [edge(f"{where}.walls[{i}]", value, n)[:2] for i, value in enumerate(listed(content, "walls", where))]
        counts["walls"] += len(walls)
        doors = [edge(f"{where}.doors[{i}]", value, n)[:2] for i, value in enumerate(listed(content, "doors", where))]
        counts["doors"] += len(doors)
        cabins = [shape for lift, shape in lifts.items() if any(node.lift == lift for node in nodes[first:])]
        floor = _floor(where, content, points, cabins)
        lines = [tuple(points[[a, b]] for a, b in ends if (points[a] != points[b]).any()) for ends in (walls, doors)]
        grounds[label] = Ground(floor, lines[0], doors=lines[1])
    graph = LaneGraph(tuple(nodes), tuple(lanes), grounds, counts=counts, notes=tuple(notes))
    drawings = {}
    for name, content in levels.items():
        drawing = content.get("drawing")
        if system == "reference_image" and isinstance(drawing, dict) and isinstance(drawing.get("filename"), str):
            drawings[name if several else ""] = (drawing["filename"], placements[name])
    return Building(graph, drawings)


def _vertices(name: str, content: Any) -> FloatArray:
    found = listed(content, "vertices", f"levels.{name}")
    for i, vertex in enumerate(found):
        if not isinstance(vertex, list) or len(vertex) < 2 or not all(map(is_number, vertex[:2])):
            raise GameError(f"levels.{name}.vertices[{i}] is {shown(vertex)}, must be [x, y, z, name, properties]")
    return np.array([vertex[:2] for vertex in found], dtype=np.float64).reshape(-1, 2)


def _node(vertex: list[Any], i: int, at: tuple[float, float], level: str) -> Node:
    about = _values(vertex[4] if len(vertex) > 4 else {})
    name, lift = vertex[3] if len(vertex) > 3 else "", about.get("lift_cabin")
    return Node(
        name if isinstance(name, str) else "", *at, level, tuple(roles_of(about)), str(i), lift if isinstance(lift, str) else ""
    )


def _lanes(where: str, value: Any, n: int, first: int) -> list[Lane]:
    start, end, properties = edge(where, value, n)
    about = _values(properties)
    limit = about.get("speed_limit")
    if limit is not None and not is_number(limit):
        raise GameError(f"{where}.speed_limit is {shown(limit)}, must be a number")
    there = Lane(first + start, first + end, float(limit) if limit else None)
    both = about.get("bidirectional") is True
    return [there, Lane(there.end, there.start, there.speed)] if both else [there]


def _values(properties: Any) -> dict[str, Any]:
    """The values of the editor's properties, which are pairs of a type and a value."""
    if not isinstance(properties, dict):
        return {}
    pairs = ((key, value) for key, value in properties.items() if isinstance(value, list) and len(value) == 2)
    return {str(key): value[1] for key, value in pairs}


def _floor(where: str, content: Any, points: FloatArray, cabins: list[Polygon]) -> BaseGeometry | None:
    """The floors of a level without their holes, with the lifts; None where it has no floor."""
    shapes: dict[str, list[BaseGeometry]] = {"floors": [], "holes": []}
    for key, found in shapes.items():
        for i, value in enumerate(listed(content, key, where)):
            corners = value.get("vertices") if isinstance(value, dict) else None
            name = f"{where}.{key}[{i}]"
            if not isinstance(corners, list) or len(corners) < 3:
                raise GameError(f"{name} has the vertices {shown(corners)}, must have at least 3")
            for corner in corners:
                edge(name, [corner, corner], len(points))
            found.append(shapely.make_valid(Polygon(points[corners])))
    if not shapes["floors"]:
        return None
    return unary_union([*shapes["floors"], *cabins]).difference(unary_union(shapes["holes"]))


def _placements(
    document: Mapping[Any, Any],
    levels: Mapping[str, Any],
    vertices: Mapping[str, FloatArray],
    scale: float | None,
    notes: list[str],
) -> dict[str, Placement]:
    """How each level's pixels become metres, all in the frame of the reference level."""
    reference = str(document.get("reference_level_name", next(iter(levels))))
    if reference not in levels:
        raise GameError(f"reference_level_name is {reference!r}; levels are {', '.join(levels)}")
    metres = _scale(reference, levels[reference], vertices[reference], scale)
    if metres is None:
        raise GameError(f"levels.{reference} has no measurement: draw one in the editor, or give --scale METRES_PER_PIXEL")
    found = {reference: Placement(metres, 0.0)}
    fixed = _fiducials(reference, levels[reference])
    for name, content in levels.items():
        if name == reference:
            continue
        own = _fiducials(name, content)
        common = sorted(set(fixed) & set(own))
        if len(common) < 2:
            alone = _scale(name, content, vertices[name], scale)
            notes.append(
                f"level {name!r} has {len(common)} fiducials in common with {reference!r}, fewer than 2: it lies there as drawn"
            )
            found[name] = Placement(metres if alone is None else alone, 0.0)
            continue
        here, there = (np.array([points[key] for key in common]) for points in (own, fixed))
        a, b = _least_squares(here, there)
        found[name] = Placement(metres * a, metres * b)
        off = float(np.abs(a * here + b - there).max()) * metres
        if off > _FAR_OFF:
            notes.append(f"fiducials of level {name!r} are up to {off:.2f} m from those of {reference!r}")
    return found


def _least_squares(here: np.ndarray, there: np.ndarray) -> tuple[complex, complex]:
    """The complex a, b of least sum |a here + b - there|^2."""
    off = here - here.mean()
    if not np.abs(off).max():
        raise GameError("fiducials of one level are all at one place: draw them apart in the editor")
    a = complex((off.conj() * (there - there.mean())).sum() / (np.abs(off) ** 2).sum())
    return a, complex(there.mean() - a * here.mean())


def _scale(name: str, content: Any, points: FloatArray, scale: float | None) -> float | None:
    """Metres per pixel by a level's measurements."""
    found = []
    for i, value in enumerate(listed(content, "measurements", f"levels.{name}")):
        where = f"levels.{name}.measurements[{i}]"
        start, end, about = edge(where, value, len(points))
        distance, pixels = _values(about).get("distance"), float(np.hypot(*(points[end] - points[start])))
        if not is_number(distance) or not distance > 0 or not pixels:
            raise GameError(f"{where} is {shown(value)}, must join two places and have a distance in metres")
        found.append(float(distance) / pixels)
    return float(np.mean(found)) if found else scale


def _fiducials(name: str, content: Any) -> dict[str, complex]:
    found = {}
    for i, value in enumerate(listed(content, "fiducials", f"levels.{name}")):
        if not isinstance(value, list) or len(value) < 3 or not all(map(is_number, value[:2])):
            raise GameError(f"levels.{name}.fiducials[{i}] is {shown(value)}, must be [x, y, name]")
        found[str(value[2])] = complex(value[0], -value[1])
    return found


def _cabins(lifts: Any, placements: Mapping[str, Placement], first: str) -> dict[str, Polygon]:
    """The floor of each lift."""
    if not isinstance(lifts, dict):
        raise GameError(f"lifts is {shown(lifts)}, must be a mapping")
    found = {}
    for name, lift in lifts.items():
        numbers = [lift.get(key) if isinstance(lift, dict) else None for key in ("x", "y", "yaw", "width", "depth")]
        if not all(map(is_number, numbers)):
            raise GameError(f"lifts.{name} is {shown(lift)}, must have the numbers x, y, yaw, width and depth")
        x, y, yaw, width, depth = map(float, numbers)  # type: ignore[arg-type]
        placement = placements.get(str(lift.get("reference_floor_name", first)), placements[first])
        middle = placement.apply(np.array([[x, y]]))[0]
        turn = np.array([[cos(yaw), -sin(yaw)], [sin(yaw), cos(yaw)]])
        corners = 0.5 * np.array([[-width, -depth], [width, -depth], [width, depth], [-width, depth]])
        found[str(name)] = Polygon(corners @ turn.T + middle)
    return found


def _projected(vertices: Mapping[str, FloatArray], notes: list[str]) -> dict[str, FloatArray]:
    """Degrees of longitude and latitude as metres on the plane that touches the earth in the middle of the site."""
    points = np.vstack(list(vertices.values()))
    if not len(points):
        raise GameError("has no vertices")
    if np.abs(points[:, 0]).max() > 180.0 or np.abs(points[:, 1]).max() > 89.0:
        raise GameError("vertices of a wgs84 building must be degrees [longitude, latitude]")
    longitude, latitude = (points.min(axis=0) + points.max(axis=0)) / 2.0
    e2 = _FLATTENING * (2.0 - _FLATTENING)
    w = 1.0 - e2 * sin(radians(latitude)) ** 2
    north, east = _RADIUS * (1.0 - e2) / w**1.5, _RADIUS / sqrt(w) * cos(radians(latitude))
    notes.append(
        f"degrees became metres east and north of longitude {longitude:.7f}, latitude {latitude:.7f}, the middle of the site; "
        "the localisation must have that origin"
    )
    metres = np.array([east, north]) * pi / 180.0
    return {name: (each - (longitude, latitude)) * metres for name, each in vertices.items()}
