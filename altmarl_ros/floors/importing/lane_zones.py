"""Zones around the nodes of a graph of lanes: floor belongs to the nearest half of a lane, up to walls and doors.

Where the file has walls, zones reach to them; where it has none, they are corridors around the lanes, and robots stay in these.
Nodes that are nearer to each other than robots that park there become one zone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Mapping

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points, unary_union

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors import polygons
from altmarl_ros.floors.floor_map import Level
from altmarl_ros.floors.floor_plan import MAX_ZONES
from altmarl_ros.floors.importing.draft import Crossing, Draft, DraftZone, filled
from altmarl_ros.floors.importing.labels import Joining
from altmarl_ros.floors.importing.lane_graph import Ground, Lane, LaneGraph, Node, near_origin
from altmarl_ros.floors.importing.nearest_floor import nearest_floor
from altmarl_ros.floors.importing.options import ImportOptions

_FARTHER = 1.25
_SAMPLED = 0.1  # m, between the places of a lane that are looked at


def lane_draft(graph: LaneGraph, options: ImportOptions) -> Draft:
    """Make a zone of every node that a lane or a lift leads to.

    Raises:
        GameError: there is no lane.
    """
    graph = near_origin(graph)
    graph, notes = _joined(graph, options)
    points, names = graph.points(), _names(graph)
    found: dict[int, Polygon] = {}
    levels: dict[str, Level] = {}
    for level in dict.fromkeys(node.level for node in graph.nodes):
        here = [i for i, node in enumerate(graph.nodes) if node.level == level]
        ground = graph.grounds.get(level, Ground())
        free = drivable(graph, level, options)
        outlines = nearest_floor(graph, here, free, options.clear)
        found |= outlines
        if not outlines:
            continue
        area = unary_union([shapely.set_precision(shape, 1e-6) for shape in outlines.values()])
        if isinstance(area, MultiPolygon) or ground.walls:
            area = filled(unary_union([area, *_between(graph, here, outlines, options)]))
        walls = unary_union([wall_shape(ground)]) if ground.walls else Polygon()
        lines = tuple(shapely.get_coordinates(ring) for ring in shapely.get_parts(walls.boundary).tolist())
        assert isinstance(area, (Polygon, MultiPolygon))
        levels[level] = Level(area, lines)
    lost = [names[i] for i in range(len(graph.nodes)) if i not in found]
    if lost:
        notes.append(f"{len(lost)} nodes are where no robot fits, such as {lost[0]!r}: they were left out")
    order = sorted(found)
    index = {node: i for i, node in enumerate(order)}
    zones = tuple(
        DraftZone(
            names[i],
            found[i],
            _goal(points[i], found[i], levels[graph.nodes[i].level], options),
            graph.nodes[i].level,
            graph.nodes[i].roles,
        )
        for i in order
    )
    crossings: dict[tuple[int, int], Crossing] = {}
    detours = 0
    for lane in graph.lanes:
        if lane.start in index and lane.end in index and graph.nodes[lane.start].level == graph.nodes[lane.end].level:
            chain = _chain(lane, graph, found)
            detours += len(chain) > 2
            for a, b in pairwise(chain):
                near = _crossing_point(lane, graph) if len(chain) == 2 else None
                crossings.setdefault((index[a], index[b]), Crossing(index[a], index[b], near, lane.speed, lane.cost))
    if detours:
        notes.append(f"{detours} lanes pass over zones of other nodes: robots on them are in these zones meanwhile")
    rides = [Crossing(index[a], index[b], ride=True) for a, b in rides_of(graph) if a in index and b in index]
    counts = {**graph.counts, "nodes": len(graph.nodes), "lanes": len(graph.lanes), "rides": len(rides)}
    return Draft(zones, (*crossings.values(), *rides), levels, graph.offset, counts, (*graph.notes, *notes))


def drivable(graph: LaneGraph, level: str, options: ImportOptions) -> BaseGeometry:
    """Where robots can be on a level: its floor and the corridors of its lanes, without its walls, and not too narrow."""
    ground = graph.grounds.get(level, Ground())
    nodes = graph.nodes
    lines = [
        shapely.linestrings([(nodes[lane.start].x, nodes[lane.start].y), (nodes[lane.end].x, nodes[lane.end].y)])
        for lane in graph.lanes
        if nodes[lane.start].level == level == nodes[lane.end].level
    ]
    places = [Point(node.x, node.y) for node in nodes if node.level == level]
    has_walls = bool(ground.walls) or ground.floor is not None
    width = 2.0 * options.clear + 0.1 if has_walls else options.corridor
    around: list[BaseGeometry] = [shapely.buffer(shapely.union_all([*lines, *places]), width / 2.0, quad_segs=4)]
    if ground.floor is not None:
        around.append(ground.floor)
    elif ground.walls:
        around.append(shapely.convex_hull(shapely.union_all([wall_shape(ground)])))
    free = unary_union(around)
    if ground.walls:
        free = free.difference(wall_shape(ground))
    if has_walls:
        free = free.buffer(-options.clear).buffer(options.clear, join_style="mitre", mitre_limit=2.0).intersection(free)
    return free


def wall_shape(ground: Ground) -> BaseGeometry:
    """The walls of a level with their thickness."""
    return MultiLineString(list(ground.walls)).buffer(ground.thickness / 2.0, cap_style="square", join_style="mitre")


def rides_of(graph: LaneGraph) -> list[tuple[int, int]]:
    """Pairs of nodes (from, to) in one lift on different levels."""
    by_lift: dict[str, list[int]] = {}
    for i, node in enumerate(graph.nodes):
        if node.lift:
            by_lift.setdefault(node.lift, []).append(i)
    return [(a, b) for stops in by_lift.values() for a in stops for b in stops if graph.nodes[a].level != graph.nodes[b].level]


def _joined(graph: LaneGraph, options: ImportOptions) -> tuple[LaneGraph, list[str]]:
    """The graph without nodes that nothing leads to, and with one node where several are within a robot's width."""
    used = {i for lane in graph.lanes for i in (lane.start, lane.end)} | {i for ride in rides_of(graph) for i in ride}
    if not used:
        raise GameError("has no lanes: there is nothing to drive on")
    notes = []
    if len(used) < len(graph.nodes):
        graph = replace(graph, counts={**graph.counts, "unused nodes": len(graph.nodes) - len(used)})
    near, points = 2.0 * options.clear, graph.points()
    while True:
        joining = _join_near(graph, points, sorted(used), near)
        kept = sorted({joining.root(i + 1) - 1 for i in used})
        if len(kept) <= MAX_ZONES:
            break
        near *= _FARTHER
    if len(kept) < len(used):
        notes.append(f"{len(used) - len(kept)} nodes within {near:.2f} m of another one became one zone with it")
    number = {i: n for n, i in enumerate(kept)}
    members: dict[int, list[Node]] = {i: [] for i in kept}
    for i in sorted(used):
        members[joining.root(i + 1) - 1].append(graph.nodes[i])
    nodes = tuple(
        replace(
            graph.nodes[i],
            name=next((node.name for node in (graph.nodes[i], *members[i]) if node.name), ""),
            roles=tuple(dict.fromkeys(role for node in members[i] for role in node.roles)),
            lift=next((node.lift for node in members[i] if node.lift), ""),
        )
        for i in kept
    )
    ends = [(number[joining.root(lane.start + 1) - 1], number[joining.root(lane.end + 1) - 1], lane) for lane in graph.lanes]
    lanes = tuple(replace(lane, start=a, end=b) for a, b, lane in ends if a != b)
    return replace(graph, nodes=nodes, lanes=lanes), notes


def _join_near(graph: LaneGraph, points: FloatArray, used: list[int], near: float) -> Joining:
    """Nodes of one level that are near to each other, the named ones first; labels are indices and 1."""
    joining = Joining(len(graph.nodes))
    pairs = np.array(used)[cKDTree(points[used]).query_pairs(near, output_type="ndarray")].reshape(-1, 2)
    lengths = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    for a, b in pairs[np.argsort(lengths, kind="stable")].tolist():
        one, other = graph.nodes[a], graph.nodes[b]
        if one.level != other.level or (one.lift and other.lift and one.lift != other.lift):
            continue
        if other.name and not one.name:
            a, b = b, a
        a, b = joining.root(a + 1), joining.root(b + 1)
        if a == b or np.hypot(*(points[a - 1] - points[b - 1])) > near:  # chains do not grow together
            continue
        joining.join(a, b)
    return joining


def _names(graph: LaneGraph) -> list[str]:
    """A name of its own for each node: the file's, with its level where several have it, or a number."""
    several = len({node.level for node in graph.nodes}) > 1
    plain = [node.name[:48] or f"node {node.where or i}" for i, node in enumerate(graph.nodes)]
    often = Counter(plain)
    names, seen = [], Counter[str]()
    for name, node in zip(plain, graph.nodes, strict=True):
        full = f"{node.level} {name}" if several and (often[name] > 1 or not node.name) else name
        seen[full] += 1
        names.append(full if seen[full] == 1 else f"{full} ({seen[full]})")
    return names


def _crossing_point(lane: Lane, graph: LaneGraph) -> FloatArray:
    """Where a lane passes from the one zone into the other [xy; m]: at the door that it leads through, or in its middle."""
    ends = graph.points()[[lane.start, lane.end]]
    line = LineString(ends)
    doors = graph.grounds.get(graph.nodes[lane.start].level, Ground()).doors
    at = [LineString(door).intersection(line) for door in doors]
    passed = [point for point in at if isinstance(point, Point) and not point.is_empty]
    return np.asarray(shapely.get_coordinates(passed[0])[0] if len(passed) == 1 else ends.mean(axis=0))


def _chain(lane: Lane, graph: LaneGraph, found: Mapping[int, Polygon]) -> list[int]:
    """The nodes whose zones a lane leads through: its ends, and where their zones do not touch, those between."""
    a, b = lane.start, lane.end
    if found[a].distance(found[b]) <= polygons.ROUNDING:
        return [a, b]
    line = LineString(graph.points()[[a, b]])
    level = graph.nodes[a].level
    on_way = [i for i, zone in found.items() if graph.nodes[i].level == level and zone.intersects(line)]
    samples = shapely.line_interpolate_point(line, np.arange(0.0, line.length, _SAMPLED))
    chain = [a]
    for point in samples:
        here = next((i for i in on_way if i != chain[-1] and found[i].contains(point)), chain[-1])
        if not found[chain[-1]].contains(point) and here not in chain:
            chain.append(here)
    return chain if chain[-1] == b else [*chain, b]


def _between(graph: LaneGraph, here: list[int], outlines: dict[int, Polygon], options: ImportOptions) -> list[BaseGeometry]:
    """Corridors of the lanes of a level, which join zones that walls or missing floor leave apart."""
    points = graph.points()
    return [
        shapely.linestrings([points[lane.start], points[lane.end]]).buffer(options.clear, quad_segs=4)
        for lane in graph.lanes
        if lane.start in outlines and lane.end in outlines and lane.start in set(here)
    ]


def _goal(node: FloatArray, zone: Polygon, level: Level, options: ImportOptions) -> FloatArray:
    """The node itself, or the nearest place in its zone that keeps off walls."""
    room: BaseGeometry = zone.buffer(-options.radius)
    if level.walls:
        room = room.difference(level.lines.buffer(options.clear))
    point = Point(node)
    if room.is_empty or room.contains(point):
        return np.asarray(node) if zone.contains(point) else shapely.get_coordinates(zone.representative_point())[0]
    return np.asarray(shapely.get_coordinates(nearest_points(room, point)[0])[0])
