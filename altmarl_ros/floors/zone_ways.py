"""Finds ways within a zone that keep off walls and, where there is a choice, lead through the aisles between parked robots.

A straight line from a door to a slot leads through whoever is parked in between, and a robot that plans by what its laser
sees gets caught there. Here every slot is taken to be occupied. The shortest way round a corner hugs the wall, where the
planner keeps its clearance by going slowly, and robots that come out of a door hold up those behind them. So a metre of way
costs, on a grid,

    1 + OCCUPIED where a parked robot would be touched, less and less up to COMFORT beyond + WALL next to walls, and BESIDE less
    and less up to ROOMY beyond + TIGHT where a step could come nearer to a wall than the radius, which is the last resort,

the way is the cheapest (Dijkstra), and what a straight line does no worse is left out of it. Occupied places cost, and are
not barred: a slot amid others is reached between them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree
from shapely.geometry import LineString, MultiLineString
from shapely.geometry.base import BaseGeometry

from altmarl_ros.arrays import FloatArray

_OCCUPIED, _COMFORT, _NEAR_SLOT = 15.0, 0.25, 4.0  # per m, m, per m
_WALL, _NEAR_WALL, _BESIDE_WALL, _ROOMY = 3.0, 0.15, 2.0, 0.3  # per m, m, per m, m
_TIGHT = 1000.0  # per m, where a step could come nearer to a wall than the radius: the last resort
_MOST_CELLS = 100_000
_BEYOND = 0.5  # m outside the zone that ways may use
_NO_WORSE = 1.05
_DIAGONAL = 0.71  # half of a diagonal step
_NEIGHBOURS = ((1, 0), (0, 1), (1, 1), (1, -1))


class ZoneWays:
    """Finds the cheapest ways within one zone for robots of one radius.

    Args:
        zone: its outline, with what else robots may cross on their way to a neighbour.
        area: what robots never leave.
        walls: that a robot's centre keeps its radius from.
        slots: where robots park, here and next door [slot, xy; m].
        radius: of a robot [m].
    """

    def __init__(
        self, zone: BaseGeometry, area: BaseGeometry, walls: MultiLineString, slots: FloatArray, radius: float
    ) -> None:
        reachable = zone.buffer(_BEYOND).intersection(area)
        low_x, low_y, high_x, high_y = reachable.bounds
        self._step = max(0.5 * radius, float(np.sqrt((high_x - low_x) * (high_y - low_y) / _MOST_CELLS)))
        self._low = np.array([low_x, low_y])
        shape = tuple(int(size / self._step) + 2 for size in (high_x - low_x, high_y - low_y))
        cells = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
        points = self._low + self._step * cells
        handles = shapely.points(points)
        shapely.prepare(reachable)
        self._reachable = reachable
        # Those farther off change nothing: neither what is free nor what it costs.
        near = shapely.box(*reachable.bounds).buffer(2.0 * (radius + _NEAR_WALL + _ROOMY + self._step))
        self._walls = walls.intersection(near)
        self._radius = radius
        shapely.prepare(self._walls)
        to_wall = np.full(shape, np.inf) if self._walls.is_empty else shapely.distance(handles, self._walls)
        # On a coarse grid two neighbours might be on either side of a wall.
        free = shapely.intersects(reachable, handles) & (to_wall >= max(radius - 0.25 * self._step, _DIAGONAL * self._step))
        to_slot, _ = cKDTree(slots).query(points)
        self._cost = (
            1.0
            + np.where(
                to_slot < 2.0 * radius, _OCCUPIED, _NEAR_SLOT * np.clip(1.0 - (to_slot - 2.0 * radius) / _COMFORT, 0.0, 1.0)
            )
            + np.where(to_wall < radius + _NEAR_WALL, _WALL, 0.0)
            + _BESIDE_WALL * np.clip(1.0 - (to_wall - radius - _NEAR_WALL) / _ROOMY, 0.0, 1.0)
            # Between two cells that are farther off than this, a straight step keeps the radius from every corner.
            + np.where(to_wall < np.hypot(radius, _DIAGONAL * self._step), _TIGHT, 0.0)
        )
        self._cost[~free] = np.inf
        self._points = points[free]
        self._graph = _graph(free, self._cost, self._step)
        self._piece = connected_components(self._graph, directed=False)[1]
        self._nearest = cKDTree(self._points) if len(self._points) else None
        self._towards = lru_cache(maxsize=256)(self._dijkstra)
        # Most legs of a way lead from entry to entry or slot, where many robots pass.
        self._found = lru_cache(maxsize=4096)(self._way)

    def way(self, start: FloatArray, end: FloatArray) -> list[FloatArray] | None:
        """What to drive through from start to end [xy; m], the end included; None: there is no way, or they are elsewhere."""
        way = self._found((float(start[0]), float(start[1])), (float(end[0]), float(end[1])))
        return None if way is None else [np.array(point) for point in way]

    def _way(self, start: tuple[float, float], end: tuple[float, float]) -> list[FloatArray] | None:
        here, there = self._cell(start), self._cell(end)
        if here is None or there is None:
            return None
        costs, following = self._towards(there)
        if not np.isfinite(costs[here]):
            return None
        path = [here]
        while path[-1] != there:
            path.append(int(following[path[-1]]))
        points = [np.asarray(start), *self._points[path[1:-1]], np.asarray(end)]
        rest = [costs[here], *costs[path[1:-1]], 0.0]
        kept, at = [], 0
        while at < len(points) - 1:
            farther = range(len(points) - 1, at + 1, -1)
            at = next((j for j in farther if self._straight(points[at], points[j], rest[at] - rest[j])), at + 1)
            kept.append(points[at])
        return kept

    def reached(self, start: FloatArray, ends: list[FloatArray]) -> NDArray[np.bool_]:
        """Whether a way leads from start to each of the ends [xy; m]."""
        here, cells = self._cell(start), [self._cell(end) for end in ends]
        if here is None:
            return np.zeros(len(ends), dtype=bool)
        return np.array([cell is not None and bool(self._piece[cell] == self._piece[here]) for cell in cells])

    def _cell(self, point: FloatArray | tuple[float, float]) -> int | None:
        """The free cell next to a point; None: there is none near."""
        if self._nearest is None:
            return None
        far, cell = self._nearest.query(np.asarray(point))
        return int(cell) if float(far) <= 2.0 * self._step else None

    def _straight(self, a: FloatArray, b: FloatArray, cost: float) -> bool:
        """Whether the straight line costs hardly more than that, keeps the radius from walls, and stays in the area."""
        length = float(np.hypot(*(b - a)))
        samples = a + (b - a) * np.linspace(0.0, 1.0, max(2, int(2.0 * length / self._step)))[:, None]
        cells = np.clip(np.rint((samples - self._low) / self._step).astype(int), 0, np.array(self._cost.shape) - 1)
        if not length * self._cost[cells[:, 0], cells[:, 1]].mean() <= _NO_WORSE * cost + self._step:
            return False
        line = LineString([a, b])
        return bool((self._walls.is_empty or self._walls.distance(line) >= self._radius) and self._reachable.covers(line))

    def _dijkstra(self, there: int) -> tuple[FloatArray, NDArray[np.int32]]:
        """Cost to that cell from every cell, and the next one on the way."""
        costs, following = dijkstra(self._graph, indices=np.array([there]), return_predecessors=True)
        return costs[0], following[0]


def _graph(free: NDArray[np.bool_], cost: FloatArray, step: float) -> csr_matrix:
    """Edges between free cells and their eight neighbours, by length times mean cost; both ways."""
    number = np.full(free.shape, -1)
    number[free] = np.arange(free.sum())
    froms, tos, weights = [], [], []
    for dx, dy in _NEIGHBOURS:
        a = (slice(0, free.shape[0] - dx), slice(max(0, -dy), free.shape[1] - max(0, dy)))
        b = (slice(dx, free.shape[0]), slice(max(0, dy), free.shape[1] + min(0, dy)))
        both = free[a] & free[b]
        weight = step * np.hypot(dx, dy) * 0.5 * (cost[a][both] + cost[b][both])
        for one, other in ((number[a][both], number[b][both]), (number[b][both], number[a][both])):
            froms.append(one)
            tos.append(other)
            weights.append(weight)
    n = int(free.sum())
    return csr_matrix((np.concatenate(weights), (np.concatenate(froms), np.concatenate(tos))), shape=(n, n))
