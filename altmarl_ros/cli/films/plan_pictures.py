"""Draws the scenes of a run as a plan from above, by matplotlib: what any machine can do, without OpenGL."""

from __future__ import annotations

from typing import Iterable, Iterator

import numpy as np

from altmarl_ros.cli.films.video_file import Frame
from altmarl_ros.monitoring import Layout, Scene
from altmarl_ros.plotting import BLUE, GREEN, GREY, ORANGE, as_rgb, new_figure

_DPI = 100


def plan_pictures(layout: Layout, scenes: Iterable[Scene], width: int, robot_radius: float | None) -> Iterator[Frame]:
    """Iterate over pictures `width` pixels wide; robots have a radius [m] (None: that suits the zones)."""
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Circle

    corners = np.vstack([*(zone.outline for zone in layout.zones), *layout.walls])
    low, high = corners.min(axis=0) - 0.5, corners.max(axis=0) + 0.5
    high[1] = max(high[1], *(zone.label[1] + 1.0 for zone in layout.zones))  # of two lines
    height = float(np.clip(width * (high[1] - low[1]) / (high[0] - low[0]), 240, 2 * width)) + 40
    figure = new_figure(round(height) / _DPI, width / _DPI)
    figure.set_dpi(_DPI)
    axes = figure.add_subplot()
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axes.axis("off")
    fills = [axes.fill(*zone.outline.T, color=GREY, alpha=0.12, lw=1)[0] for zone in layout.zones]
    names = [axes.text(zone.label[0], zone.label[1], zone.name, ha="center", va="center", fontsize=8) for zone in layout.zones]
    for wall in layout.walls:
        axes.plot(*wall.T, color="black", lw=2)
    title = axes.set_title("", fontsize=10, loc="left")
    for scene in scenes:
        radius = robot_radius or 0.5 * scene.size
        for zone, (fill, name) in enumerate(zip(fills, names, strict=True)):
            fill.set_facecolor(ORANGE if zone == scene.zone else GREEN if zone == scene.next_zone else GREY)
            name.set_text(scene.labels[zone])
        title.set_text(scene.caption)
        bodies = PatchCollection([Circle((x, y), radius) for x, y in scene.places], zorder=4)
        bodies.set_facecolor([ORANGE if heard else BLUE for heard in scene.heard])
        known = np.isfinite(scene.headings)
        tips = scene.places + radius * np.stack([np.cos(scene.headings), np.sin(scene.headings)], axis=1)
        noses = LineCollection(list(np.stack([scene.places, tips], axis=1)[known]), colors="white", linewidths=1.2, zorder=5)
        axes.add_collection(bodies)
        axes.add_collection(noses)
        yield as_rgb(figure)
        bodies.remove()
        noses.remove()
