"""Places the points by which robots cross from zone to zone: in the middle of what is passable, or one for each direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, MultiLineString, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.passages import find_passages

_STEP = 0.05  # m, between the places of a border that are looked at
_APART = 4.0  # radii at most from the middle to the entry of a direction: more is a detour


@dataclass(frozen=True, eq=False)
class Passage:
    """Where robots cross from a zone into another and back.

    Attributes:
        there, back: the entries of both directions [xy; m]; one point where robots cannot pass each other.
        width: of the floor there, from wall to wall [m].
    """

    there: FloatArray
    back: FloatArray
    width: float


@dataclass(frozen=True, eq=False)
class Border:
    """Two zones that touch, the walls along them, and all that a robot keeps off."""

    a: Polygon
    b: Polygon
    walls: MultiLineString
    edges: BaseGeometry


def find_passage(border: Border, radius: float, clear: float, near: FloatArray | None = None) -> Passage | None:
    """The passage of two zones; None: they do not touch, or no robot fits through.

    Args:
        border: the zones.
        radius: of a robot [m].
        clear: distance that entries keep from walls [m].
        near: the passage nearest to this point is taken, at the point of it that is nearest; None: the widest one's middle.
    """
    runs = [
        run
        for stretch in find_passages(border.a, border.b, border.walls)
        if stretch.width >= 2.0 * radius
        for run in _clear_runs(stretch.line, border.edges, clear)
    ]
    if not runs:
        return None
    if near is None:
        run = max(runs, key=lambda line: line.length)
        middle = run.length / 2.0
    else:
        point = shapely.Point(near)
        run = min(runs, key=lambda line: line.distance(point))
        middle = float(run.project(point))
    beside = 2.0 * clear  # from the one direction's entry to the other's
    if run.length < beside:
        at = shapely.get_coordinates(run.interpolate(middle))[0]
        return Passage(at, at, run.length + 2.0 * clear)
    off = min(run.length, _APART * radius) / 2.0
    middle = min(max(middle, off), run.length - off)
    ends = shapely.get_coordinates([run.interpolate(middle - off), run.interpolate(middle + off)])
    right = _is_right(border, ends[1], ends)
    there, back = (ends[1], ends[0]) if right else (ends[0], ends[1])
    return Passage(there, back, run.length + 2.0 * clear)


def _clear_runs(line: LineString, edges: BaseGeometry, clear: float) -> list[LineString]:
    """The stretches of a border where a robot keeps off walls; those of no length are made a little longer than that."""
    n = max(2, int(line.length / _STEP) + 1)
    places = np.linspace(0.0, line.length, n)
    fine = shapely.distance(shapely.line_interpolate_point(line, places), edges) >= clear
    changes = np.flatnonzero(np.diff(np.concatenate([[False], fine, [False]]).astype(int)))
    runs = []
    for first, last in zip(changes[::2], changes[1::2] - 1, strict=True):
        low, high = float(places[first]), float(places[last])
        if high - low < _STEP / 2.0:
            low, high = low - 1e-3, high + 1e-3
        run = substring(line, max(0.0, low), min(line.length, high))
        if isinstance(run, LineString):
            runs.append(run)
    return runs


def _is_right(border: Border, point: FloatArray, ends: FloatArray) -> bool:
    """Whether a point is the right one of two ends for who drives from a to b."""
    along = ends[1] - ends[0]
    across = np.array([-along[1], along[0]]) / np.hypot(*along)
    middle = ends.mean(axis=0)
    probe = shapely.Point(middle + 0.1 * across)
    if border.b.distance(probe) > border.a.distance(probe):
        across = -across
    right = np.array([across[1], -across[0]])
    return bool((point - middle) @ right > 0.0)
