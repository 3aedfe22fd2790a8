"""Zones, passages and walls from cells: an occupancy grid, or a building that was drawn on one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors.floor_map import Level
from altmarl_ros.floors.floor_plan import MAX_ZONES
from altmarl_ros.floors.importing.cells import cells
from altmarl_ros.floors.importing.draft import Crossing, Draft, DraftZone, filled
from altmarl_ros.floors.importing.free_space import FreeSpace, free_space
from altmarl_ros.floors.importing.labels import Labels, borders, grown, in_pieces, open_rings, renumbered
from altmarl_ros.floors.importing.options import ImportOptions
from altmarl_ros.floors.importing.outlines import cell_outlines, rings
from altmarl_ros.floors.importing.rooms import rooms

_FINEST, _MOST_CELLS = 4.0, 3_000_000  # cells per radius that are enough, and cells beyond which coarser ones are taken
_INNER = 0.7  # of a zone's widest place, that its goal has at least


@dataclass(frozen=True, eq=False)
class Grid:
    """Free cells [row, column; y grows with the row], and how points of their frame become points of the map [..., xy; m]."""

    free: NDArray[np.bool_]
    resolution: float
    to_map: Callable[[FloatArray], FloatArray]


def grid_draft(grid: Grid, options: ImportOptions, kind: str, level: str = "") -> Draft:
    """Cut the free space of a grid into zones.

    Args:
        grid: the cells.
        options: radius and sizes.
        kind: "rooms" or "cells".
        level: that the zones are on.

    Raises:
        GameError: the robot fits nowhere, or there are too many zones.
    """
    cropped, corner, coarser = _cropped(grid, options.radius)
    resolution = grid.resolution * coarser
    space = free_space(cropped, resolution, options.clear)
    if kind == "cells":
        labels = cells(space, options.cell)
        remedy = "give a larger --cell"
    else:
        labels = rooms(space, options.narrow, options.least_area)
        remedy = "give a larger --smallest, a smaller --narrow, or --zones cells with a larger --cell"
    labels = renumbered(open_rings(in_pieces(labels), space.floor))
    n = int(labels.max())
    if n > MAX_ZONES:
        raise GameError(f"{n} zones were found, a floor has at most {MAX_ZONES}: {remedy}")
    word = "cell" if kind == "cells" else "room"
    draft = _draft(space, labels, lambda points: grid.to_map(points + corner), level, f"{level} {word}".strip())
    notes = _about_islands(space, lambda points: grid.to_map(points + corner), level)
    if coarser > 1:
        notes.append(
            f"the grid was made {coarser} times coarser, to {resolution:g} m: a coarse cell is free where all its fine ones are"
        )
    return draft.with_notes(*notes)


def _cropped(grid: Grid, radius: float) -> tuple[NDArray[np.bool_], FloatArray, int]:
    """The part of a grid that has free cells, its lower left corner [xy; m], and how many cells were made one."""
    rows, columns = (np.flatnonzero(grid.free.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        raise GameError("the map has no free cell; check negate and the thresholds")
    free = grid.free[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    corner = np.array([columns[0], rows[0]]) * grid.resolution
    coarser = max(1, int(radius / _FINEST / grid.resolution + 1e-9)) if free.size > _MOST_CELLS else 1
    if coarser > 1:
        height, width = (-(-side // coarser) * coarser for side in free.shape)
        padded = np.pad(free, ((0, height - free.shape[0]), (0, width - free.shape[1])))
        free = np.asarray(padded.reshape(height // coarser, coarser, width // coarser, coarser).all(axis=(1, 3)))
    return free, corner, coarser


def _draft(space: FreeSpace, labels: Labels, to_map: Callable[[FloatArray], FloatArray], level: str, word: str) -> Draft:
    over = grown(labels, space.floor)
    outlines, walls = cell_outlines(over, space.resolution)
    goals = [_goal(labels == number, space) for number in outlines]
    index = {number: i for i, number in enumerate(outlines)}
    zones = tuple(
        DraftZone(f"{word} {number}", shapely.transform(outline, to_map), to_map(np.array(goal)), level)
        for goal, (number, outline) in zip(goals, outlines.items(), strict=True)
    )
    crossings = [
        Crossing(index[here], index[there])
        for a, b in borders(labels, space.room)
        if a in index and b in index
        for here, there in ((a, b), (b, a))
    ]
    area = filled(shapely.union_all([shapely.set_precision(zone.polygon, 1e-6) for zone in zones]))
    lines = tuple(to_map(shapely.get_coordinates(ring)) for ring in rings(walls))
    return Draft(
        zones,
        tuple(crossings),
        {level: Level(area, lines)},
        counts={"zones": len(zones), "walls": len(lines)},
    )


def _goal(mask: NDArray[np.bool_], space: FreeSpace) -> tuple[float, float]:
    """A place in a zone with much room around it, near its middle [xy; m, the grid's frame]."""
    rows, columns = np.nonzero(mask)
    room = space.room[rows, columns]
    inner = room >= _INNER * room.max()
    away = np.hypot(rows - rows.mean(), columns - columns.mean())
    best = int(np.flatnonzero(inner)[away[inner].argmin()])
    return (float(columns[best]) + 0.5) * space.resolution, (float(rows[best]) + 0.5) * space.resolution


def _about_islands(space: FreeSpace, to_map: Callable[[FloatArray], FloatArray], level: str) -> list[str]:
    if not space.islands:
        return []
    area, x, y = space.islands[0]
    place = to_map(np.array([x, y]))
    total = sum(island[0] for island in space.islands)
    where = f" of level {level!r}" if level else ""
    return [
        f"{len(space.islands)} islands{where} were left out, {total:.1f} m² in all, which no robot can drive to; the largest "
        f"has {area:.1f} m², at ({place[0]:.2f}, {place[1]:.2f})"
    ]


def shape_grid(shape: BaseGeometry, resolution: float) -> Grid:
    """A shape as cells: free where their middle is inside; coarser than `resolution` [m] where they would be too many."""
    low_x, low_y, high_x, high_y = shape.bounds
    step = max(resolution, float(np.sqrt((high_x - low_x) * (high_y - low_y) / _MOST_CELLS)))
    columns, rows = int((high_x - low_x) / step) + 1, int((high_y - low_y) / step) + 1
    shapely.prepare(shape)
    xs, ys = np.meshgrid(low_x + step * (np.arange(columns) + 0.5), low_y + step * (np.arange(rows) + 0.5))
    return Grid(np.asarray(shapely.contains_xy(shape, xs, ys)), step, lambda points: points + np.array([low_x, low_y]))
