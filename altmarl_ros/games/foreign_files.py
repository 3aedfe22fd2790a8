"""Recognises files of other programs that somebody may give as a game or a floor, and says what can be done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from altmarl_ros.files import first_bytes

_PAGE = "docs/how-to/floor.md"
_DRAW = f"draw its zones into a floor map of your own, in metres in the same `map` frame ({_PAGE})"
_IMPORT = "altmarl floor import makes a floor map of it (docs/how-to/import-a-map.md)"
_MOST_BYTES = 256
_SIGNATURES = (
    (
        (b"P2", b"P5"),
        f"is an image in PGM format, as of a map_server map: altmarl floor import takes the YAML that names it; or {_DRAW}",
    ),
    ((b"\x89PNG", b"\xff\xd8\xff", b"BM", b"GIF8"), f"is an image: it has no zones; {_DRAW}"),
    ((b"PK\x03\x04",), "is an archive, as an .npz file of arrays or a policy bundle: give the YAML file that names it"),
    ((b"\x89MCAP",), "is a bag in MCAP format: give a game or a floor; altmarl replay reads bags"),
    ((b"SQLite format 3",), "is an SQLite database, as a bag in db3 format: give a game or a floor; altmarl replay reads bags"),
    ((b"\x28\xb5\x2f\xfd",), "is compressed by zstd, as files of a bag are: give a game or a floor; altmarl replay reads bags"),
    ((b"%PDF",), f"is a PDF document; {_DRAW}"),
)


def foreign_file(path: Path) -> str | None:
    """What a file is that is no YAML, by its first bytes, and what to do; None where they are not known."""
    try:
        content = first_bytes(path, _MOST_BYTES)
    except ValueError:
        return None
    for beginnings, about in _SIGNATURES:
        if content.startswith(beginnings):
            return about
    if content.lstrip().startswith((b"<?xml", b"<svg", b"<sdf", b"<robot", b"<osm")):
        return f"is an XML document (SDF, URDF, SVG or OpenStreetMap); {_DRAW}"
    return None


def foreign_document(document: Mapping[Any, Any]) -> str | None:
    """What a mapping is that another program's YAML or JSON holds, and what to do; None where it is not known."""
    keys = set(document)
    if {"image", "resolution", "origin"} <= keys:
        return f"is a map_server map of the image {document['image']}: it has walls and no zones; {_IMPORT}"
    if "levels" in keys and "zones" not in keys and isinstance(document["levels"], dict):
        levels = ", ".join(map(str, document["levels"]))
        return f"is a building map of Open-RMF (levels {levels}): it has lanes and no zones; {_IMPORT}"
    if document.get("type") in ("FeatureCollection", "Feature", "GeometryCollection"):
        return f"is GeoJSON, as a route graph of Nav2: it has points and lines and no zones; {_IMPORT}"
    if any(isinstance(value, dict) and "ros__parameters" in value for value in document.values()):
        return "is a file of ROS parameters: give a game or a floor; ros2 run and launch files take it by --params-file"
    return None
