"""Reads navigation graphs of Open-RMF (`nav_graphs/0.yaml`): vertices and lanes by level, in metres."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from altmarl_ros.errors import GameError, shown
from altmarl_ros.floors.importing.lane_graph import Lane, LaneGraph, Node
from altmarl_ros.floors.importing.route_geojson import is_number

ROLES = {"is_charger": "charger", "is_parking_spot": "parking", "is_holding_point": "holding", "is_cleaning_zone": "cleaning"}
"""What properties of a vertex that are true say of it."""

NAMED_ROLES = {"pickup_dispenser": "pickup", "dropoff_ingestor": "dropoff", "dock_name": "dock"}
"""What properties of a vertex that are not empty say of it."""


def read_rmf_graph(document: Mapping[Any, Any]) -> LaneGraph:
    """The graph of all levels; vertices that name one lift on several levels are joined by it.

    Raises:
        GameError: naming the level and the vertex or lane and what is wrong with it.
    """
    nodes: list[Node] = []
    lanes: list[Lane] = []
    levels = document["levels"]
    for level, content in levels.items():
        where = f"levels.{level}"
        first = len(nodes)
        for i, vertex in enumerate(listed(content, "vertices", where)):
            nodes.append(_node(f"{where}.vertices[{i}]", i, vertex, str(level) if len(levels) > 1 else ""))
        n = len(nodes) - first
        for i, lane in enumerate(listed(content, "lanes", where)):
            start, end, about = edge(f"{where}.lanes[{i}]", lane, n)
            speed = about.get("speed_limit") or None
            if speed is not None and not is_number(speed):
                raise GameError(f"{where}.lanes[{i}].speed_limit is {shown(speed)}, must be a number")
            lanes.append(Lane(first + start, first + end, speed))
            if about.get("is_bidirectional") is True:
                lanes.append(Lane(first + end, first + start, speed))
    return LaneGraph(tuple(nodes), tuple(lanes), counts={"levels": len(levels)})


def listed(content: Any, key: str, where: str) -> list[Any]:
    """A list of a level that may be missing; raises GameError where it is something else."""
    if not isinstance(content, dict):
        raise GameError(f"{where} is {shown(content)}, must be a mapping of vertices, lanes and walls")
    found = content.get(key) or []
    if not isinstance(found, list):
        raise GameError(f"{where}.{key} is {shown(found)}, must be a list")
    return found


def edge(where: str, value: Any, n: int) -> tuple[int, int, Mapping[Any, Any]]:
    """Start, end and properties of [start, end, {properties}], among n vertices; raises GameError."""
    if not isinstance(value, list) or len(value) < 2:
        raise GameError(f"{where} is {shown(value)}, must be [start, end, properties]")
    for end in value[:2]:
        if not isinstance(end, int) or isinstance(end, bool) or not 0 <= end < n:
            raise GameError(f"{where} names vertex {shown(end)}; the level has the vertices 0 to {n - 1}")
    about = value[2] if len(value) > 2 and isinstance(value[2], dict) else {}
    return value[0], value[1], about


def roles_of(about: Mapping[Any, Any]) -> Iterator[str]:
    """The roles that the properties of a vertex give it."""
    yield from (role for key, role in ROLES.items() if about.get(key) is True)
    yield from (role for key, role in NAMED_ROLES.items() if about.get(key))


def _node(where: str, i: int, vertex: Any, level: str) -> Node:
    if not isinstance(vertex, list) or len(vertex) < 2 or not all(map(is_number, vertex[:2])):
        raise GameError(f"{where} is {shown(vertex)}, must be [x, y, properties]")
    about = vertex[2] if len(vertex) > 2 and isinstance(vertex[2], dict) else {}
    name, lift = about.get("name"), about.get("lift")
    return Node(
        name if isinstance(name, str) else "",
        float(vertex[0]),
        float(vertex[1]),
        level,
        tuple(roles_of(about)),
        str(i),
        lift if isinstance(lift, str) else "",
    )
