"""Finds where a robot of a given radius can be on an occupancy grid, in one piece; what it cannot get to is an island."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError

_CORNER = 1.5  # what a robot in a corner is away from it, in radii: a little more than the square root of 2


@dataclass(frozen=True, eq=False)
class FreeSpace:
    """Where a robot can be.

    Attributes:
        clear: cells that the centre of a robot can be driven to, in one piece [row, column].
        floor: those cells and the floor around them, up to the walls [row, column].
        room: distance from what is not free [row, column; m].
        resolution: side of a cell [m].
        islands: area [m^2] and a place [xy; m, the grid's frame] of each other piece, the largest first.
    """

    clear: NDArray[np.bool_]
    floor: NDArray[np.bool_]
    room: FloatArray
    resolution: float
    islands: tuple[tuple[float, float, float], ...]


def free_space(free: NDArray[np.bool_], resolution: float, radius: float) -> FreeSpace:
    """Where a robot of this radius [m] can be.

    Raises:
        GameError: it fits nowhere.
    """
    room = np.asarray(ndimage.distance_transform_edt(np.pad(free, 1)))[1:-1, 1:-1] * resolution - 0.5 * resolution
    pieces, n = ndimage.label(room >= radius)
    if not n:
        widest = max(0.0, 2.0 * float(room.max(initial=0.0)))
        raise GameError(
            f"a robot that needs {2.0 * radius:.2f} m fits nowhere: the widest free place of the map has {widest:.2f} m; "
            "check resolution, negate and the thresholds, or give the radius of your robot"
        )
    cells = np.bincount(pieces.ravel())
    cells[0] = 0
    order = np.argsort(-cells, kind="stable")[:n]
    clear = pieces == order[0]
    near = ndimage.distance_transform_edt(~clear) * resolution <= _CORNER * radius + resolution
    islands: list[tuple[float, float, float]] = []
    for piece in order[1:]:
        rows, columns = np.nonzero(pieces == piece) if len(islands) < 20 else ([0], [0])  # the small ones are only counted
        middle = len(rows) // 2
        islands.append(
            (
                float(cells[piece]) * resolution**2,
                (float(columns[middle]) + 0.5) * resolution,
                (float(rows[middle]) + 0.5) * resolution,
            )
        )
    return FreeSpace(clear, free & near, room, resolution, tuple(islands))
