"""Reads route graphs of Nav2's route server: Points with an `id`, and line strings with `startid` and `endid`, in GeoJSON."""

from __future__ import annotations

from math import isfinite
from typing import Any, Mapping, TypeGuard

from altmarl_ros.errors import GameError, shown
from altmarl_ros.floors.importing.lane_graph import MOST_NODES, Lane, LaneGraph, Node

_MOST_LANES = 200_000
_LINES = ("LineString", "MultiLineString")


def read_route_graph(document: Mapping[Any, Any]) -> LaneGraph:
    """The graph of a FeatureCollection; an edge leads from its `startid` to its `endid` and not back.

    Raises:
        GameError: naming the feature and what is wrong with it.
    """
    features = document.get("features")
    if not isinstance(features, list):
        raise GameError("features: must be a list")
    numbers: dict[int, int] = {}
    nodes: list[Node] = []
    edges: list[tuple[str, Mapping[Any, Any]]] = []
    others = 0
    for i, feature in enumerate(features):
        where = f"features[{i}]"
        if not isinstance(feature, dict) or not isinstance(feature.get("geometry"), dict):
            raise GameError(f"{where} is {shown(feature)}, must be a feature with a geometry")
        geometry, properties = feature["geometry"], feature.get("properties") or {}
        if not isinstance(properties, dict):
            raise GameError(f"{where}.properties is {shown(properties)}, must be a mapping")
        if str(feature.get("feature_type", "")).startswith("rmf_"):
            raise GameError(f"{where} is of Open-RMF in degrees: give its building.yaml, or its navigation graph in metres")
        if geometry.get("type") == "Point" and "id" in properties:
            number = _id(properties, "id", where)
            if number in numbers:
                raise GameError(f"{where}: the id {number} stands twice, first in {nodes[numbers[number]].where}")
            numbers[number] = len(nodes)
            nodes.append(_node(where, number, geometry, properties))
        elif geometry.get("type") in _LINES and ("startid" in properties or "endid" in properties):
            edges.append((where, properties))
        else:
            others += 1
    if len(nodes) > MOST_NODES or len(edges) > _MOST_LANES:
        raise GameError(f"has {len(nodes)} nodes and {len(edges)} edges, at most {MOST_NODES} and {_MOST_LANES} are read")
    if not nodes:
        raise GameError("has no node: points of a route graph have an 'id' in their properties")
    lanes = [_lane(where, properties, numbers) for where, properties in edges]
    counts = {"other features": others} if others else {}
    return LaneGraph(tuple(nodes), tuple(lanes), counts=counts)


def _node(where: str, number: int, geometry: Mapping[Any, Any], properties: Mapping[Any, Any]) -> Node:
    coordinates = geometry.get("coordinates")
    if not isinstance(coordinates, list) or len(coordinates) < 2 or not all(map(is_number, coordinates[:2])):
        raise GameError(f"{where}.geometry.coordinates is {shown(coordinates)}, must be [x, y] in metres")
    metadata = properties.get("metadata")
    about = {**properties, **(metadata if isinstance(metadata, dict) else {})}
    name, level, roles = about.get("name"), about.get("level"), about.get("roles")
    return Node(
        name if isinstance(name, str) else "",
        float(coordinates[0]),
        float(coordinates[1]),
        level if isinstance(level, str) else "",
        tuple(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else (),
        str(number),
    )


def _lane(where: str, properties: Mapping[Any, Any], numbers: Mapping[int, int]) -> Lane:
    ends = []
    for key in ("startid", "endid"):
        number = _id(properties, key, where)
        if number not in numbers:
            raise GameError(f"{where}: {key} is {number}, which is no node: no point has that id")
        ends.append(numbers[number])
    metadata = properties.get("metadata")
    speed = (metadata if isinstance(metadata, dict) else {}).get("speed_limit")
    cost = properties.get("cost")
    for key, value in (("metadata.speed_limit", speed), ("cost", cost)):
        if value is not None and not is_number(value):
            raise GameError(f"{where}.properties.{key} is {shown(value)}, must be a number")
    return Lane(ends[0], ends[1], speed, cost)


def _id(properties: Mapping[Any, Any], key: str, where: str) -> int:
    value = properties.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise GameError(f"{where}.properties.{key} is {shown(value)}, must be a whole number")
    return value


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value of a document is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
