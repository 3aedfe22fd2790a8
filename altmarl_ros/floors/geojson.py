"""Writes a floor as GeoJSON (RFC 7946 in shape, metres of the map frame in place of degrees) for tools that draw.

Zones are also the nodes, and passages the edges, of a route graph as Nav2's route server reads it: a Point with an `id` for
each zone's goal, and a MultiLineString with `startid` and `endid` for each passage, through its entry. Everything else has the
property `kind` and is no Point or line string, so that the route server passes over it.
"""

from __future__ import annotations

import json
from typing import Any, Iterator, Mapping

import numpy as np
import shapely
from shapely.geometry import MultiPoint, MultiPolygon, Polygon, mapping

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.floor_map import FloorMap, Level

_DIGITS = 3  # of coordinates [m]


def floor_geojson(floor: FloorMap) -> str:
    """The floor as a FeatureCollection, in the coordinates of the file that it was imported from, if it was."""
    features = [*_nodes(floor), *_edges(floor), *_shapes(floor)]
    document = {"type": "FeatureCollection", "name": "floor", "features": features}
    return json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def _nodes(floor: FloorMap) -> Iterator[dict[str, Any]]:
    for i, zone in enumerate(floor.plan.zones):
        metadata: dict[str, Any] = {"name": zone.name}
        if zone.level:
            metadata["level"] = zone.level
        if zone.roles:
            metadata["roles"] = list(zone.roles)
        properties = {"id": i, "frame": "map", "metadata": metadata}
        yield _feature({"type": "Point", "coordinates": _listed(floor, zone.goal)}, properties)


def _edges(floor: FloorMap) -> Iterator[dict[str, Any]]:
    n = len(floor.plan.zones)
    for i, (a, b) in enumerate(np.argwhere(floor.plan.adjacency).tolist()):
        goals = floor.plan.goals
        points = [goals[a], goals[b]]
        if (a, b) in floor.entries:
            points.insert(1, floor.entries[a, b])
        properties: dict[str, Any] = {"id": n + i, "startid": a, "endid": b}
        terms = floor.terms.get((a, b))
        if terms is not None and terms.cost is not None:
            properties["cost"] = terms.cost
        if terms is not None and terms.speed is not None:
            properties["metadata"] = {"speed_limit": terms.speed}
        line = [_listed(floor, point) for point in points]
        yield _feature({"type": "MultiLineString", "coordinates": [line]}, properties)


def _shapes(floor: FloorMap) -> Iterator[dict[str, Any]]:
    for zone, slots in zip(floor.plan.zones, floor.slots, strict=True):
        about = {"kind": "zone", "name": zone.name, "level": zone.level}
        yield _feature(_geometry(floor, zone.polygon), about)
        yield _feature(_geometry(floor, MultiPoint(slots)), {**about, "kind": "slots"})
    for name, level in (floor.levels or {"": Level(floor.area, floor.walls)}).items():
        yield _feature(_geometry(floor, level.area), {"kind": "area", "level": name})
        for wall in level.walls:
            yield _feature(_wall(floor, wall), {"kind": "wall", "level": name})


def _wall(floor: FloorMap, wall: FloatArray) -> dict[str, Any]:
    """A wall as a polygon where it is closed, else as a flat one there and back, which is drawn as a line."""
    ring = wall if (wall[0] == wall[-1]).all() and len(wall) > 3 else np.vstack([wall, wall[-2::-1]])
    if len(ring) < 4:
        ring = np.vstack([ring, ring[-1:]])
    return {"type": "Polygon", "coordinates": [[_listed(floor, point) for point in ring]]}


def _geometry(floor: FloorMap, shape: Polygon | MultiPolygon | MultiPoint) -> dict[str, Any]:
    moved = shapely.transform(shape, lambda xy: (xy + floor.offset).round(_DIGITS))
    return dict(mapping(moved))


def _listed(floor: FloorMap, point: FloatArray) -> list[float]:
    return [float(value) for value in (point + floor.offset).round(_DIGITS)]


def _feature(geometry: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": dict(properties), "geometry": dict(geometry)}
