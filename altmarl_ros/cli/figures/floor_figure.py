"""Picture of a floor, in metres in the `map` frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Mapping

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Point, Polygon

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.floor_map import FloorMap, Level
from altmarl_ros.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED)
_WIDTH = 10.0  # inches
_ARROW = 0.7  # m
_MANY = 20  # zones, whose names are written small


@dataclass(frozen=True, eq=False)
class Underlay:
    """A picture below a level of a floor: its pixels [row from the top, column], and where its corners are.

    `corners` are those at the lower left, the lower right and the upper left [corner, xy; m].
    """

    pixels: NDArray[np.uint8]
    corners: FloatArray


def floor_figure(floor: FloorMap, robot_radius: float, underlays: Mapping[str, Underlay] | None = None) -> Figure:
    """Draw zones, goals, slots with parked robots to scale, entries, adjacency, area and walls, each level by itself.

    Args:
        floor: what to draw.
        robot_radius: of the parked robots [m].
        underlays: pictures below the levels, by their names; a floor without levels has the level "".
    """
    levels = {name: [i for i, zone in enumerate(floor.plan.zones) if zone.level == name] for name in floor.levels}
    levels = levels or {"": list(range(len(floor.plan.zones)))}
    extents = [_extent(floor, name) for name in levels]
    most = max(map(len, levels.values()))
    width = _WIDTH if most <= 2 * _MANY else 2.0 * _WIDTH
    heights = [float(np.clip(width * (high - low)[1] / (high - low)[0], 3.0, 20.0)) + 0.6 for low, high in extents]
    figure = new_figure(sum(heights), width)
    panels = figure.subplots(len(levels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, (name, zones), extent in zip(panels, levels.items(), extents, strict=True):
        tidy(axes)
        if underlays and name in underlays:
            _draw_underlay(axes, underlays[name])
        _draw_level(axes, floor, name, zones, robot_radius)
        axes.set_aspect("equal")
        axes.set_xlim(extent[0][0], extent[1][0])
        axes.set_ylim(extent[0][1], extent[1][1])
        axes.set_xlabel(f"{name}: x [m]" if name else "x [m]")
        axes.set_ylabel("y [m]")
        if axes is panels[0]:
            handles, labels = axes.get_legend_handles_labels()
            kinds = dict(zip(labels, handles, strict=True))
            axes.legend(kinds.values(), kinds, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=6, frameon=False)
    return figure


def _draw_underlay(axes: Axes, underlay: Underlay) -> None:
    from matplotlib.transforms import Affine2D

    height, width = underlay.pixels.shape[:2]
    origin, right, up = underlay.corners
    (a, b), (c, d) = (right - origin) / width, (up - origin) / height
    place = Affine2D.from_values(a, b, -c, -d, *up)
    axes.imshow(
        underlay.pixels,
        cmap="gray",
        vmin=0,
        vmax=255,
        extent=(0, width, height, 0),
        transform=place + axes.transData,
        interpolation="nearest",
        zorder=0,
    )


def _draw_level(axes: Axes, floor: FloorMap, level: str, zones: list[int], robot_radius: float) -> None:
    shape = floor.levels[level] if floor.levels else Level(floor.area, floor.walls)
    for ring in shapely.get_parts(shape.area.boundary):
        axes.plot(*shapely.get_coordinates(ring).T, color=GREY, lw=1, ls="--", label="area")
    _draw_zones(axes, floor, zones)
    _draw_passages(axes, floor, zones)
    for i in zones:
        for x, y in floor.slots[i]:
            _circle(axes, x, y, robot_radius, _COLORS[i % len(_COLORS)])
    width = 2.5 if len(zones) <= _MANY else 1.2
    for wall in shape.walls:
        axes.plot(*wall.T, color="black", lw=width, solid_capstyle="round", label="wall")
    axes.plot(*floor.plan.goals[zones].T, "+", color="black", ms=9, mew=1.6, label="goal", ls="none")
    axes.plot([], [], "o", ms=12, mfc="white", mec=GREY, ls="none", label="slot, robot to scale")


def _draw_zones(axes: Axes, floor: FloorMap, zones: list[int]) -> None:
    for i in zones:
        zone = floor.plan.zones[i]
        color = _COLORS[i % len(_COLORS)]
        axes.fill(*_ring(zone.polygon), color=color, alpha=0.13, lw=0)
        axes.plot(*_ring(zone.polygon), color=color, lw=1)
        axes.annotate(
            zone.name,
            (zone.goal[0], zone.goal[1]),
            xytext=(0, 14 if len(zones) <= _MANY else 7),
            textcoords="offset points",
            ha="center",
            fontsize=11 if len(zones) <= _MANY else 6,
            weight="bold",
            bbox={"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 1.5},
            zorder=5,
        )


def _draw_passages(axes: Axes, floor: FloorMap, zones: list[int]) -> None:
    goals, here = floor.plan.goals, set(zones)
    for a, b in np.argwhere(np.triu(floor.plan.adjacency | floor.plan.adjacency.T)).tolist():
        if not {a, b} <= here:
            continue
        points = [goals[a], goals[b]]
        entries = [floor.entries[way] for way in ((a, b), (b, a)) if way in floor.entries]
        if entries:
            points.insert(1, np.mean(entries, axis=0))
        axes.plot(*np.transpose(points), color=GREY, lw=1, ls=":", label="adjacent")
    for (a, b), entry in floor.entries.items():
        if a not in here:
            continue
        dx, dy = _ARROW / 2 * _across(floor.plan.zones[a].polygon, entry, goals[b])
        x, y = entry
        axes.annotate(
            "",
            xy=(x + dx, y + dy),
            xytext=(x - dx, y - dy),
            zorder=6,
            arrowprops={
                "arrowstyle": "-|>",
                "color": "black",
                "lw": 1.4,
                "shrinkA": 0,
                "shrinkB": 0,
                "mutation_scale": 10 if len(zones) <= _MANY else 6,
            },
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


def _extent(floor: FloorMap, level: str) -> tuple[FloatArray, FloatArray]:
    shape = floor.levels[level] if floor.levels else Level(floor.area, floor.walls)
    points = np.vstack([shapely.get_coordinates(shape.area), *shape.walls])
    return points.min(axis=0) - 0.3, points.max(axis=0) + 0.3


def _ring(polygon: Polygon) -> FloatArray:
    return shapely.get_coordinates(polygon.exterior).T
