"""Reads the maps of map_server: a YAML file that names an image, as SLAM and people with a drawing program make them.

A pixel of lightness v in 0..255 is occupied with p = (255 - v) / 255, or v / 255 where the file says `negate`. With the two
thresholds of the file

    trinary   occupied where p > occupied_thresh, free where p < free_thresh, unknown otherwise
    scale     the same; what is between counts as partly occupied
    raw       v itself is the occupancy in percent: 0 is free, above 100 is unknown

and a transparent pixel is unknown. The lower left corner of the image is at `origin`, turned by its yaw.
"""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from math import cos, isfinite, sin
from pathlib import Path
from typing import Any, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError, shown
from altmarl_ros.files import read_regular

MOST_PIXELS = 1 << 26
"""An image of more pixels is refused before it is unpacked."""

_MOST_BYTES = 1 << 28
_FORMATS = ("PPM", "PNG", "BMP", "JPEG", "TIFF")
_MODES = ("trinary", "scale", "raw")


@dataclass(frozen=True, eq=False)
class OccupancyGrid:
    """A map in cells.

    Attributes:
        free, occupied: of each cell, what is neither is unknown [row, column]; row 0 is at the bottom, y grows with the row.
        resolution: side of a cell [m].
        origin: lower left corner in the map frame, and how the grid is turned there [x, y, yaw; m, m, rad].
        image: the file that the cells come from.
    """

    free: NDArray[np.bool_]
    occupied: NDArray[np.bool_]
    resolution: float
    origin: tuple[float, float, float]
    image: Path

    def to_map(self, points: FloatArray) -> FloatArray:
        """Points of the grid's own frame [..., xy; m] in the map frame."""
        x, y, yaw = self.origin
        turn = np.array([[cos(yaw), -sin(yaw)], [sin(yaw), cos(yaw)]])
        return np.asarray(points @ turn.T + (x, y))


def read_occupancy_grid(path: Path, document: Mapping[Any, Any]) -> OccupancyGrid:
    """Read the image that a map's YAML document names, relative to its file.

    Raises:
        GameError: naming the key or the image and what is wrong with it.
    """
    resolution = _number(document, "resolution")
    if not 1e-3 <= resolution <= 10.0:
        raise GameError(f"resolution is {resolution:g}, must be 0.001 to 10 metres per pixel")
    origin = document.get("origin")
    if not isinstance(origin, list) or len(origin) not in (2, 3) or not all(map(_is_number, origin)):
        raise GameError(f"origin is {shown(origin)}, must be [x, y, yaw] in metres and radians")
    mode = document.get("mode", "trinary")
    if mode not in _MODES:
        raise GameError(f"mode is {shown(mode)}, must be one of {', '.join(_MODES)}")
    name = document.get("image")
    if not isinstance(name, str) or not name:
        raise GameError(f"image is {shown(name)}, must be the name of an image file")
    image = path.parent / name
    lightness, opaque = read_image(image)
    free, occupied = _cells(document, lightness, mode)
    return OccupancyGrid(
        free=np.ascontiguousarray((free & opaque)[::-1]),
        occupied=np.ascontiguousarray((occupied & opaque)[::-1]),
        resolution=resolution,
        origin=(float(origin[0]), float(origin[1]), float(origin[2]) if len(origin) == 3 else 0.0),
        image=image,
    )


def read_image(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Lightness 0..255 and opaqueness of each pixel of an image [row from the top, column].

    Raises:
        GameError: the image cannot be read, or is too large.
    """
    with _opened(path) as image:
        width, height = image.size
        opaque = np.ones((height, width), dtype=bool)
        if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
            opaque = np.asarray(image.convert("RGBA").getchannel("A")) > 0
        if image.mode.startswith(("I", "F")):  # 16 bits
            values = np.asarray(image, dtype=np.float64)
            return np.clip(values / 257.0, 0, 255).round().astype(np.uint8), opaque
        return np.asarray(image.convert("RGB").convert("L")), opaque


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of an image in pixels; raises GameError as `read_image` does."""
    with _opened(path) as image:
        return int(image.size[0]), int(image.size[1])


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from PIL import Image, UnidentifiedImageError  # most commands do without

    try:
        content = io.BytesIO(read_regular(path, _MOST_BYTES))
        with warnings.catch_warnings():  # of Pillow's own limit, which is larger
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(content, formats=_FORMATS)
        with opened as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise GameError(f"image {path}: has {width} x {height} pixels, more than {MOST_PIXELS} in all; scale it down")
            yield image
    except UnidentifiedImageError:
        raise GameError(f"image {path}: is no image in one of the formats {', '.join(_FORMATS)}") from None
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise GameError(f"image {path}: {' '.join(str(error).split()) or type(error).__name__}") from None


def _cells(document: Mapping[Any, Any], lightness: NDArray[np.uint8], mode: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    if mode == "raw":
        return lightness == 0, (lightness > 0) & (lightness <= 100)
    negate = document.get("negate", 0)
    if negate not in (0, 1):
        raise GameError(f"negate is {shown(negate)}, must be 0 or 1")
    occupied_thresh, free_thresh = _number(document, "occupied_thresh", 0.65), _number(document, "free_thresh", 0.196)
    if not 0.0 <= free_thresh <= occupied_thresh <= 1.0:
        raise GameError(
            f"free_thresh is {free_thresh:g} and occupied_thresh {occupied_thresh:g}, must be 0 <= free <= occupied <= 1"
        )
    share = lightness / 255.0 if negate else 1.0 - lightness / 255.0
    free = share < free_thresh
    return free, (share > occupied_thresh if mode == "trinary" else ~free)


def _number(document: Mapping[Any, Any], key: str, default: float | None = None) -> float:
    value = document.get(key, default)
    if not _is_number(value):
        raise GameError(f"{key} is {shown(value)}, must be a number")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
