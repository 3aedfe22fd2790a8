"""Writes an imported floor as a map file, with the keys of docs/how-to/floor.md."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Polygon

from altmarl_ros.floors.floor_map import Level
from altmarl_ros.floors.importing.finishing import ImportedFloor


def floor_text(imported: ImportedFloor, source: str, radius: float) -> str:
    """The YAML text of a floor; names of zones stand in one place each but for adjacency and entries.

    Args:
        imported: the floor.
        source: the name of the file that it was made of.
        radius: of the robots that it was made for [m].
    """
    floor = imported.floor
    lines = [f"# Made of {source} by altmarl floor import, for robots of radius {radius:g} m:", f"# {imported.summary}."]
    if any(floor.offset):
        x, y = floor.offset
        lines.append(f"# Coordinates of the file are these and ({x:.12g}, {y:.12g}): give the localisation the same origin.")
    lines += ["# Names may be changed; each stands in 'adjacency' and 'entries' as well.", "zones:"]
    for zone, slots in zip(floor.plan.zones, floor.slots, strict=True):
        about: dict[str, Any] = {"name": zone.name}
        if zone.level:
            about["level"] = zone.level
        if zone.roles:
            about["roles"] = list(zone.roles)
        about["polygon"] = _points(shapely.get_coordinates(zone.polygon.exterior)[:-1])
        about["goal"] = _points(zone.goal)
        about["slots"] = _points(slots)
        lines += _item(about)
    adjacency, names = floor.plan.adjacency, floor.plan.names
    pairs = np.argwhere(np.triu(adjacency | adjacency.T)).tolist()
    lines.append("adjacency:" + ("" if pairs else " []"))
    lines += [f"  - {_flow([names[a], names[b]])}" for a, b in pairs]
    lines.append("entries:" + ("" if adjacency.any() else " []"))
    for a, b in np.argwhere(adjacency).tolist():
        entry: dict[str, Any] = {"from": names[a], "to": names[b]}
        if (a, b) in floor.entries:
            entry["at"] = _points(floor.entries[a, b])
        terms = floor.terms.get((a, b))
        if terms is not None:
            entry |= {key: value for key, value in (("speed", terms.speed), ("cost", terms.cost)) if value is not None}
        lines.append(f"  - {_flow(entry)}")
    if any(floor.offset):
        lines.append(f"offset: {_flow(list(floor.offset))}")
    if floor.levels:
        lines.append("floor_levels:")
        for name, level in floor.levels.items():
            lines.append(f"  {_flow(name)}:")
            lines += ["    " + line for line in _level(level)]
    else:
        lines += _level(Level(floor.area, floor.walls))
    return "\n".join(lines) + "\n"


def _level(level: Level) -> list[str]:
    area = level.area if isinstance(level.area, Polygon) else max(level.area.geoms, key=lambda part: part.area)
    lines = [f"area: {_flow(_points(shapely.get_coordinates(area.exterior)[:-1]))}"]
    if area.interiors:
        lines.append("area_holes:")
        lines += [f"  - {_flow(_points(shapely.get_coordinates(hole)[:-1]))}" for hole in area.interiors]
    if level.walls:
        lines.append("walls:")
        lines += [f"  - {_flow(_points(wall))}" for wall in level.walls]
    return lines


def _item(about: dict[str, Any]) -> list[str]:
    lines = [f"{key}: {_flow(value)}" for key, value in about.items()]
    return [f"  {'- ' if i == 0 else '  '}{line}" for i, line in enumerate(lines)]


def _flow(value: Any) -> str:
    """A value in one line: JSON is YAML, and quotes every name."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _points(points: Any) -> Any:
    return (np.asarray(points, dtype=np.float64).round(3) + 0.0).tolist()
