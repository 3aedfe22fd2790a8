"""Lays out where robots park in a zone: in rows with aisles between, clear of doors and of the ways from door to door.

Distances are in radii of the robot, so that a floor for larger robots has larger aisles. What does not fit is given up in this
order: the ways from door to door, the places before doors, all places but one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.importing.options import ImportOptions

_ALONG, _ACROSS = 4.5, 8.0  # between neighbours of a row, and between rows
_DOOR, _WAY = 5.0, 2.5  # from a door, and from the way between two
_BY_WALL = 1.5  # what a slot beside a wall is worth: it leaves more room to others
_OFF_WALL, _OFF_WALLS = 0.7, 6.0  # how far from walls ways are: of the zone's room, and at most
_PHASES = (0.0, 1.0 / 3.0, 2.0 / 3.0)  # of the rows, that are tried


@dataclass(frozen=True, eq=False)
class Layout:
    """The slots of a zone [slot, xy; m], and whether robots in them stand in the way of others."""

    slots: FloatArray
    in_the_way: bool


def lay_out(zone: Polygon, edges: BaseGeometry, entries: FloatArray, goal: FloatArray, options: ImportOptions) -> Layout | None:
    """The slots of one zone; None: not even one fits.

    Args:
        zone: its outline [m].
        edges: walls, and the border of the area.
        entries: where robots come in and go out [entry, xy; m].
        goal: the zone's middle [xy; m].
        options: radius, and the most slots.
    """
    radius = options.radius
    near = shapely.intersection(edges, shapely.box(*zone.bounds).buffer(2.0 * options.clear))
    points, row_of = _grids(zone, radius)
    handles = np.asarray(shapely.points(points))
    to_wall = np.full(len(points), np.inf)
    if not near.is_empty:
        shapely.prepare(near)
        to_wall = np.asarray(shapely.distance(near, handles))
    fine = shapely.contains(zone, handles) & (shapely.distance(zone.exterior, handles) >= options.clear)
    fine &= to_wall >= options.clear
    points, row_of, handles = points[fine], row_of[fine], handles[fine]
    value = np.where(to_wall[fine] < options.clear + radius, _BY_WALL, 1.0)
    ways = _ways(zone, near, entries, goal, radius)
    to_way = np.full(len(points), np.inf) if ways.is_empty else shapely.distance(ways, handles)
    to_door = _nearest(points, entries)
    for keeps in ((to_way >= _WAY * radius) & (to_door >= _DOOR * radius), to_door >= _DOOR * radius, to_door >= 2.5 * radius):
        found = _best(points[keeps], row_of[keeps], value[keeps], to_way[keeps])[: options.most_slots]
        if len(found):
            return Layout(found, in_the_way=bool((to_way[keeps] < _WAY * radius).any()))
    alone = [goal, *points[np.argsort(-to_door)][:1]]
    for point in alone:
        if zone.contains(shapely.Point(point)) and (near.is_empty or near.distance(shapely.Point(point)) >= options.clear):
            return Layout(np.array([point]), in_the_way=len(entries) > 1)
    return None


def _grids(zone: Polygon, radius: float) -> tuple[FloatArray, NDArray[np.int64]]:
    """Points of grids along both sides of the zone, in several phases, and the grid of each [point, xy], [point]."""
    corners = shapely.get_coordinates(zone.minimum_rotated_rectangle)
    side = corners[1] - corners[0]
    angle = float(np.arctan2(side[1], side[0]))
    found: list[FloatArray] = []
    grid_of: list[NDArray[np.int64]] = []
    for turn, phase_x, phase_y in product((0.0, np.pi / 2), _PHASES, _PHASES):
        axes = np.array([[np.cos(angle + turn), np.sin(angle + turn)], [-np.sin(angle + turn), np.cos(angle + turn)]])
        local = corners @ axes.T
        low, high = local.min(axis=0), local.max(axis=0)
        xs = np.arange(low[0] + (phase_x + 0.3) * _ALONG * radius, high[0], _ALONG * radius)
        ys = np.arange(low[1] + (phase_y + 0.16) * _ACROSS * radius, high[1], _ACROSS * radius)
        points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2) @ axes
        grid_of.append(np.full(len(points), len(grid_of)))
        found.append(points)
    return np.concatenate(found), np.concatenate(grid_of)


def _ways(zone: Polygon, near: BaseGeometry, entries: FloatArray, goal: FloatArray, radius: float) -> BaseGeometry:
    """The ways from door to door: into the zone, away from walls, and straight, or over the zone's middle."""
    if len(entries) < 2:
        return shapely.MultiLineString()
    room = np.inf if near.is_empty else float(near.distance(shapely.Point(goal)))
    inner: BaseGeometry = zone.buffer(-min(_OFF_WALL * room, _OFF_WALLS * radius))
    if inner.is_empty:
        inner = shapely.Point(goal)
    inside = [shapely.get_coordinates(nearest_points(inner, shapely.Point(entry))[0])[0] for entry in entries]
    lines = [LineString([entry, point]) for entry, point in zip(entries, inside, strict=True)]
    for a, b in combinations(inside, 2):
        straight = LineString([a, b])
        free = zone.covers(straight) and (near.is_empty or near.distance(straight) >= radius)
        lines.append(straight if free else LineString([a, goal, b]))
    return shapely.multilinestrings(lines)


def _nearest(points: FloatArray, entries: FloatArray) -> FloatArray:
    if not len(entries):
        return np.full(len(points), np.inf)
    return np.asarray(np.hypot(*(points[:, None] - entries).transpose(2, 0, 1)).min(axis=1))


def _best(points: FloatArray, grid_of: NDArray[np.int64], value: FloatArray, to_way: FloatArray) -> FloatArray:
    """The points of the most valuable grid, those farthest from the ways first."""
    if not len(points):
        return points
    chosen = grid_of == int(np.bincount(grid_of, weights=value).argmax())
    return np.asarray(points[chosen][np.argsort(-to_way[chosen], kind="stable")])
