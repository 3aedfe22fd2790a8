"""The figure of a heatmap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

import numpy as np

from altmarl_ros.experiments.figure import panels
from altmarl_ros.experiments.table import Row, distinct, pick

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABELS = {
    "k": "reports per tick, k",
    "robots": "robots in the fleet, n",
    "loss": "share of reports lost",
    "turnover": "share of the subset drawn anew",
    "spread": "spread of the robots' kernels",
    "horizon": "ticks per episode",
    "model": "observation model",
}
_QUANTITIES = {"value": ("discounted team reward", "viridis"), "gap_to_all_seen": ("gap to every robot seen", "magma_r")}


def draw_heatmap(rows: Sequence[Row], caption: str = "") -> Figure:
    """Value and gap to all seen over two parameters, the numbers written into the cells."""
    figure, axes = panels(2, caption, height=4.6, width=12)
    for panel, (quantity, (label, colors)) in zip(axes, _QUANTITIES.items(), strict=True):
        _map(panel, pick(rows, quantity=quantity), label, colors)
    return figure


def _map(axes: Axes, rows: Sequence[Row], label: str, colors: str) -> None:
    xs, ys = distinct(rows, "x_value"), distinct(rows, "y_value")
    cells = np.full((len(ys), len(xs)), np.nan)
    for each in rows:
        cells[ys.index(each["y_value"]), xs.index(each["x_value"])] = float(each["mean"])
    image = axes.imshow(cells, origin="lower", aspect="auto", cmap=colors)
    for (i, j), value in np.ndenumerate(cells):
        shade = image.cmap(image.norm(value))
        dark = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2] < 0.5
        axes.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=8, color="white" if dark else "black")
    axes.set_xticks(range(len(xs)), [_tick(x) for x in xs])
    axes.set_yticks(range(len(ys)), [_tick(y) for y in ys])
    axes.set_xlabel(_LABELS.get(str(rows[0]["x"]), str(rows[0]["x"])))
    axes.set_ylabel(_LABELS.get(str(rows[0]["y"]), str(rows[0]["y"])))
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.colorbar(image, ax=axes, label=label, pad=0.02)


def _tick(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
