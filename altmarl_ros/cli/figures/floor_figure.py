"""Picture of a floor, in metres in the `map` frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely.geometry import Point, Polygon

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED)
_WIDTH = 10.0  # inches
_ARROW = 0.7  # m


def floor_figure(floor: FloorMap, robot_radius: float) -> Figure:
    """Draw zones, goals, slots with parked robots to scale, entries, adjacency, area and walls; `robot_radius` is in [m]."""
    low, high = _extent(floor)
    width, height = high - low
    figure = new_figure(float(np.clip(_WIDTH * height / width, 3.0, 20.0)) + 0.6, _WIDTH)
    axes = figure.add_subplot()
    tidy(axes)
    for ring in shapely.get_parts(floor.area.boundary):
        axes.plot(*shapely.get_coordinates(ring).T, color=GREY, lw=1, ls="--", label="area")
    _draw_zones(axes, floor)
    _draw_passages(axes, floor)
    for i, slots in enumerate(floor.slots):
        for x, y in slots:
            _circle(axes, x, y, robot_radius, _COLORS[i % len(_COLORS)])
    for wall in floor.walls:
        axes.plot(*wall.T, color="black", lw=2.5, solid_capstyle="round", label="wall")
    axes.plot(*floor.plan.goals.T, "+", color="black", ms=9, mew=1.6, label="goal", ls="none")
    axes.plot([], [], "o", ms=12, mfc="white", mec=GREY, ls="none", label="slot, robot to scale")
    axes.set_aspect("equal")
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_xlabel("x [m]")
    axes.set_ylabel("y [m]")
    handles, labels = axes.get_legend_handles_labels()
    kinds = dict(zip(labels, handles, strict=True))
    axes.legend(kinds.values(), kinds, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=6, frameon=False)
    return figure


def _draw_zones(axes: Axes, floor: FloorMap) -> None:
    for i, zone in enumerate(floor.plan.zones):
        color = _COLORS[i % len(_COLORS)]
        axes.fill(*_ring(zone.polygon), color=color, alpha=0.13, lw=0)
        axes.plot(*_ring(zone.polygon), color=color, lw=1)
        axes.annotate(
            zone.name,
            (zone.goal[0], zone.goal[1]),
            xytext=(0, 14),
            textcoords="offset points",
            ha="center",
            fontsize=11,
            weight="bold",
            bbox={"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 1.5},
            zorder=5,
        )


def _draw_passages(axes: Axes, floor: FloorMap) -> None:
    goals = floor.plan.goals
    for a, b in np.argwhere(np.triu(floor.plan.adjacency | floor.plan.adjacency.T)):
        points = [goals[a], goals[b]]
        entries = [floor.entries[way] for way in ((a, b), (b, a)) if way in floor.entries]
        if entries:
            points.insert(1, np.mean(entries, axis=0))
        axes.plot(*np.transpose(points), color=GREY, lw=1, ls=":", label="adjacent")
    for (a, b), entry in floor.entries.items():
        dx, dy = _ARROW / 2 * _across(floor.plan.zones[a].polygon, entry, goals[b])
        x, y = entry
        axes.annotate(
            "",
            xy=(x + dx, y + dy),
            xytext=(x - dx, y - dy),
            zorder=6,
            arrowprops={"arrowstyle": "-|>", "color": "black", "lw": 1.4, "shrinkA": 0, "shrinkB": 0},
        )
    if floor.entries:
        axes.plot([], [], ls="none", marker=r"$\rightarrow$", ms=13, color="black", label="entry")


def _across(zone: Polygon, entry: FloatArray, towards: FloatArray) -> FloatArray:
    """Return the unit normal of the zone's border at its entry, pointing to the side of the other zone's goal [xy]."""
    border = zone.exterior
    along = border.project(Point(entry))
    ends = [border.interpolate((along + step) % border.length) for step in (-1e-3, 1e-3)]
    x, y = ends[1].x - ends[0].x, ends[1].y - ends[0].y
    normal = np.array([-y, x]) / np.hypot(x, y)
    return np.asarray(normal if normal @ (towards - entry) >= 0 else -normal)


def _circle(axes: Axes, x: float, y: float, radius: float, color: str) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((x, y), radius, facecolor="white", edgecolor=color, lw=1))


def _extent(floor: FloorMap) -> tuple[FloatArray, FloatArray]:
    points = np.vstack([shapely.get_coordinates(floor.area), *floor.walls])
    return points.min(axis=0) - 0.3, points.max(axis=0) + 0.3


def _ring(polygon: Polygon) -> FloatArray:
    return shapely.get_coordinates(polygon.exterior).T
