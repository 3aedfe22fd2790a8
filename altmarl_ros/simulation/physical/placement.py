"""Places robots without overlap and walls on the floor at the start."""

from __future__ import annotations

from itertools import pairwise
from typing import Sequence

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.floors import polygons
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.simulation.physical.contacts import OBSTACLE, WALL

_DARTS = 2000  # thrown at once
_THROWS = 100


def wall_array(walls: ArrayLike) -> FloatArray:
    """Convert walls [w, 4] or [w, 2, 2] to segments [w, 4; x, y of both ends, m].

    Raises:
        AltmarlError: naming the wall that is not finite or has no length.
    """
    try:
        segments = np.array(walls, dtype=np.float64).reshape(-1, 4)
    except (TypeError, ValueError):
        raise AltmarlError("walls must be segments [w, 4] or [w, 2, 2], x and y of both ends in metres") from None
    for w, (x0, y0, x1, y1) in enumerate(segments):
        if not np.isfinite(segments[w]).all() or np.hypot(x1 - x0, y1 - y0) < polygons.TOLERANCE:
            raise AltmarlError(f"wall {w} from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) must be finite and have a length")
    return segments


def polygon_walls(corners: ArrayLike) -> FloatArray:
    """Return the edges of a polygon [corner, xy; m] as walls [w, 4]."""
    points = np.asarray(corners, dtype=np.float64)
    return np.hstack([points, np.roll(points, -1, axis=0)])


def random_starts(
    n: int, areas: Sequence[ArrayLike], radius: float, seed: int, walls: ArrayLike = (), *, clearance: float = 0.05
) -> FloatArray:
    """Draw poses of n discs that lie inside the areas and overlap neither each other nor walls [n, 3; m, m, rad; map].

    The first ones do not depend on n.

    Args:
        n: robots.
        areas: polygons [corner, xy; m]; a disc lies inside one of them.
        radius: of a disc [m].
        seed: of everything random.
        walls: [w, 4] or [w, 2, 2; m].
        clearance: least gap to anything [m].

    Raises:
        AltmarlError: an area is not a polygon, or there seems to be no room for n.
    """
    corners = [np.asarray(area, dtype=np.float64).reshape(-1, 2) for area in areas]
    for i, polygon in enumerate(corners):
        fault = polygons.fault(polygon) if np.isfinite(polygon).all() else "has a coordinate that is not finite"
        if fault:
            raise AltmarlError(f"start area {i}: polygon {fault}")
    if not corners:
        raise AltmarlError("there is no area to start in")
    rng = np.random.default_rng([seed, 21])
    reach = radius + 0.5 * clearance  # two such discs keep the clearance
    segments = wall_array(walls)
    boxes = np.array([[*polygon.min(axis=0), *polygon.max(axis=0)] for polygon in corners])
    shares = np.cumsum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    placed = np.zeros((0, 3))
    for _ in range(_THROWS):
        if len(placed) >= n:
            break
        chosen = np.searchsorted(shares / shares[-1], rng.random(_DARTS), side="right")
        darts = boxes[chosen, :2] + rng.random((_DARTS, 2)) * (boxes[chosen, 2:] - boxes[chosen, :2])
        yaws = rng.uniform(-np.pi, np.pi, _DARTS)
        fits = np.zeros(_DARTS, dtype=bool)
        for i, polygon in enumerate(corners):
            mine = np.flatnonzero(chosen == i)
            inner = shapely.intersects_xy(shapely.Polygon(polygon), darts[mine])
            free = apart_from_walls(darts[mine], radius + clearance, np.vstack([segments, polygon_walls(polygon)]))
            fits[mine] = inner & free
        for dart in np.flatnonzero(fits):
            if len(placed) < n and (np.hypot(*(placed[:, :2] - darts[dart]).T) >= 2.0 * reach).all():
                placed = np.vstack([placed, [*darts[dart], yaws[dart]]])
    if len(placed) < n:
        raise AltmarlError(f"the start areas have room for {len(placed)} robots of radius {radius:g} m, there are {n}")
    return placed


def parked_starts(ids: Sequence[int], floor: FloorMap, shares: FloatArray, seed: int) -> FloatArray:
    """Park robots in slots, each in a zone drawn from `shares` [zone] and facing anywhere [n, 3; m, m, rad; map].

    A robot's zone and yaw depend on (seed, id) alone; where its slot is taken, it gets the next one that is free.

    Raises:
        AltmarlError: a zone has fewer slots than robots that start there.
    """
    taken: set[tuple[int, int]] = set()
    poses = np.empty((len(ids), 3))
    for pose, robot_id in zip(poses, ids, strict=True):
        rng = np.random.default_rng([seed, 22, robot_id])
        zone = int(rng.choice(len(shares), p=shares))
        slots = floor.slots[zone]
        free = [j % len(slots) for j in range(robot_id, robot_id + len(slots)) if (zone, j % len(slots)) not in taken]
        if not free:
            raise AltmarlError(f"zone {floor.plan.names[zone]!r} has {len(slots)} slots, fewer than robots that start there")
        taken.add((zone, free[0]))
        pose[:] = *slots[free[0]], rng.uniform(-np.pi, np.pi)
    return poses


def spread_starts(ids: Sequence[int], floor: FloorMap, seed: int) -> FloatArray:
    """Park robots in slots that are drawn from all of the floor, facing anywhere [n, 3; m, m, rad; map].

    Raises:
        AltmarlError: there are fewer slots than robots.
    """
    slots = np.concatenate(floor.slots)
    if len(slots) < len(ids):
        raise AltmarlError(f"the floor has {len(slots)} slots, fewer than {len(ids)} robots")
    rng = np.random.default_rng([seed, 23])
    chosen = slots[rng.permutation(len(slots))[: len(ids)]]
    return np.column_stack([chosen, rng.uniform(-np.pi, np.pi, len(ids))])


def floor_walls(floor: FloorMap) -> FloatArray:
    """Return the walls of a floor map as segments [w, 4; x, y of both ends, m; map]."""
    return wall_array([(*a, *b) for corners in floor.walls for a, b in pairwise(corners)])


def apart_from_walls(points: FloatArray, radius: float, walls: FloatArray) -> NDArray[np.bool_]:
    """Which discs around points [n, xy; m] overlap no wall [w, 4; m]."""
    return np.asarray((wall_distances(points, walls) >= radius).all(axis=1))


def first_overlap(point: FloatArray, radius: float, others: FloatArray, walls: FloatArray, obstacles: FloatArray) -> int | None:
    """What a robot at a point [xy; m] would overlap: the index of a robot in `others` [m, xy; m], WALL, OBSTACLE, or None."""
    if (wall_distances(point[None, :2], walls) < radius).any():
        return WALL
    if (np.hypot(obstacles[:, 0] - point[0], obstacles[:, 1] - point[1]) < radius + obstacles[:, 2]).any():
        return OBSTACLE
    near = np.flatnonzero(np.hypot(others[:, 0] - point[0], others[:, 1] - point[1]) < 2.0 * radius)
    return int(near[0]) if len(near) else None


def wall_distances(points: FloatArray, walls: FloatArray) -> FloatArray:
    """Distances of points [n, xy; m] from walls [w, 4; m] [n, w; m]."""
    starts, edges = walls[:, :2], walls[:, 2:] - walls[:, :2]
    offsets = points[:, None, :2] - starts
    shares = np.clip((offsets * edges).sum(axis=-1) / (edges * edges).sum(axis=-1), 0.0, 1.0)
    nearest = offsets - shares[..., None] * edges
    return np.asarray(np.hypot(nearest[..., 0], nearest[..., 1]))
