"""Recognises the maps that people have, and makes floors of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Mapping

import numpy as np

from altmarl_ros import files
from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors.importing.building_rooms import building_rooms
from altmarl_ros.floors.importing.draft import Draft
from altmarl_ros.floors.importing.finishing import ImportedFloor, finish
from altmarl_ros.floors.importing.grid_zones import Grid, grid_draft
from altmarl_ros.floors.importing.lane_graph import about_offset, block_of
from altmarl_ros.floors.importing.lane_zones import lane_draft
from altmarl_ros.floors.importing.occupancy_grid import image_size, read_occupancy_grid
from altmarl_ros.floors.importing.options import ImportOptions
from altmarl_ros.floors.importing.rmf_building import Building, read_building
from altmarl_ros.floors.importing.rmf_graph import read_rmf_graph
from altmarl_ros.floors.importing.route_geojson import read_route_graph

_MOST_BYTES = 1 << 25


@dataclass(frozen=True, eq=False)
class Backdrop:
    """The original below a picture: an image and where its corners are, lower left, lower right, upper left [xy; m]."""

    image: Path
    corners: FloatArray


@dataclass(frozen=True, eq=False)
class Import:
    """A floor that was imported, the kind of its file, and the original by level."""

    made: ImportedFloor
    kind: str
    backdrops: Mapping[str, Backdrop]


def import_floor(path: Path, options: ImportOptions) -> Import:
    """Make a floor of a map_server map, an Open-RMF building or navigation graph, or a GeoJSON route graph.

    Raises:
        GameError: naming the file and the line or element in it, what is wrong, and what to do.
    """
    try:
        document = _document(path)
        kind, draft, backdrops = _draft(path, document, options)
        return Import(finish(draft, options), kind, backdrops)
    except GameError as error:
        raise GameError(f"{path}: {error}") from None


def _document(path: Path) -> dict[Any, Any]:
    try:
        content = files.read_regular(path, _MOST_BYTES)
    except ValueError as error:
        raise GameError(str(error)) from None
    if content[:2] in (b"P2", b"P5") or content[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"GIF8"):
        raise GameError("is an image without scale and origin: give the YAML file of map_server that names it")
    try:
        document = json.loads(content) if content.lstrip()[:1] == b"{" else files.parse_yaml(content)
    except RecursionError:
        raise GameError("is nested too deeply") from None
    except ValueError as error:
        raise GameError(str(error) if "YAML" in str(error) else f"is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise GameError(f"must be a mapping of keys, is {type(document).__name__}")
    return document


def _draft(path: Path, document: dict[Any, Any], options: ImportOptions) -> tuple[str, Draft, dict[str, Backdrop]]:
    keys = set(document)
    if {"image", "resolution"} <= keys:
        return _grid(path, document, options)
    if document.get("type") == "FeatureCollection":
        return "route graph", lane_draft(read_route_graph(document), _nodes_only(options)), {}
    if isinstance(document.get("levels"), dict) and document["levels"]:
        if _is_building(document["levels"]):
            return _building(path, document, options)
        return "navigation graph of Open-RMF", lane_draft(read_rmf_graph(document), _nodes_only(options)), {}
    raise GameError(
        "is none of the maps that can be imported: the YAML file of a map_server map (image, resolution, origin), an Open-RMF "
        "building (levels with walls or lanes) or navigation graph, or GeoJSON of Nav2's route server"
    )


def _grid(path: Path, document: dict[Any, Any], options: ImportOptions) -> tuple[str, Draft, dict[str, Backdrop]]:
    if options.zones == "nodes":
        raise GameError("has no nodes: give --zones rooms or --zones cells")
    grid = read_occupancy_grid(path, document)
    height, width = grid.free.shape
    corners = grid.to_map(np.array([[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]]) * grid.resolution)
    offset = block_of(corners)
    free = ~grid.occupied if options.unknown_is_free else grid.free
    unknown = int((~grid.free & ~grid.occupied).sum())
    moved = Grid(free, grid.resolution, lambda points: grid.to_map(points) - offset)
    draft = replace(grid_draft(moved, options, "cells" if options.zones == "cells" else "rooms"), offset=offset)
    if any(offset):
        draft = draft.with_notes(about_offset(corners))
    if unknown:
        told = "free, as --unknown free says" if options.unknown_is_free else "wall; --unknown free makes it free"
        draft = draft.with_notes(f"{unknown * grid.resolution**2:.1f} m² of unknown space count as {told}")
    return "map_server map", draft, {"": Backdrop(grid.image, corners[:3] - offset)}


def _nodes_only(options: ImportOptions) -> ImportOptions:
    if options.zones not in ("auto", "nodes"):
        raise GameError(f"has no walls, so it has no {options.zones}: leave out --zones")
    return options


def _is_building(levels: Mapping[Any, Any]) -> bool:
    """Whether levels are of a building file, whose vertices are [x, y, z, name, properties]; those of a graph have no z."""
    contents = [content for content in levels.values() if isinstance(content, dict)]
    if any({"walls", "floors", "measurements", "drawing", "elevation"} & set(content) for content in contents):
        return True
    found = [content["vertices"] for content in contents if isinstance(content.get("vertices"), list)]
    return any(isinstance(vertex, list) and len(vertex) > 3 for vertices in found for vertex in vertices[:1])


def _building(path: Path, document: dict[Any, Any], options: ImportOptions) -> tuple[str, Draft, dict[str, Backdrop]]:
    building = read_building(document, options.scale)
    if options.zones in ("rooms", "cells") or (options.zones == "auto" and not building.graph.lanes):
        draft = building_rooms(building.graph, options)
    else:
        draft = lane_draft(building.graph, options)
    return "building of Open-RMF", draft, _drawings(path, building, np.array(draft.offset))


def _drawings(path: Path, building: Building, offset: FloatArray) -> dict[str, Backdrop]:
    """The drawings of levels that are there."""
    found = {}
    for level, (name, placement) in building.drawings.items():
        image = path.parent / name
        try:
            width, height = image_size(image)
        except GameError:  # only a picture
            continue
        corners = placement.apply(np.array([[0.0, height], [width, height], [0.0, 0.0]]))
        found[level] = Backdrop(image, corners - offset)
    return found
