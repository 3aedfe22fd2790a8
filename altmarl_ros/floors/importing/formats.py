"""Recognises the maps that people have, and makes floors of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

import numpy as np

from altmarl_ros import files
from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors.importing.draft import Draft
from altmarl_ros.floors.importing.finishing import ImportedFloor, finish
from altmarl_ros.floors.importing.grid_zones import Grid, grid_draft
from altmarl_ros.floors.importing.occupancy_grid import read_occupancy_grid
from altmarl_ros.floors.importing.options import ImportOptions

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
    raise GameError(
        "is none of the maps that can be imported: the YAML file of a map_server map (image, resolution, origin), an Open-RMF "
        "building (levels with walls or lanes) or navigation graph, or GeoJSON of Nav2's route server"
    )


def _grid(path: Path, document: dict[Any, Any], options: ImportOptions) -> tuple[str, Draft, dict[str, Backdrop]]:
    if options.zones == "nodes":
        raise GameError("has no nodes: give --zones rooms or --zones cells")
    grid = read_occupancy_grid(path, document)
    free = ~grid.occupied if options.unknown_is_free else grid.free
    unknown = int((~grid.free & ~grid.occupied).sum())
    draft = grid_draft(Grid(free, grid.resolution, grid.to_map), options, "cells" if options.zones == "cells" else "rooms")
    if unknown:
        told = "free, as --unknown free says" if options.unknown_is_free else "wall; --unknown free makes it free"
        draft = draft.with_notes(f"{unknown * grid.resolution**2:.1f} m² of unknown space count as {told}")
    height, width = grid.free.shape
    corners = grid.to_map(np.array([[0.0, 0.0], [width, 0.0], [0.0, height]]) * grid.resolution)
    return "map_server map", draft, {"": Backdrop(grid.image, corners)}
