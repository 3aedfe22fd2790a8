"""Colours, sizes and file formats that all figures share; matplotlib draws them without a display."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#3b6fb6", "#d9822b", "#3a9a5b", "#8a8f98"
PURPLE, RED = "#7a5195", "#c0392b"


def new_figure(height: float, width: float = 10.0) -> Figure:
    """Make an empty figure; sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def tidy(axes: Axes) -> None:
    """Hide the upper and the right line of the frame."""
    axes.spines["top"].set_visible(False)
    axes.spines["right"].set_visible(False)


def legend_above(axes: Axes, columns: int) -> None:
    """Put the legend between title and data, where it covers neither."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, frameon=False)


def as_png(figure: Figure, dpi: int = 110) -> bytes:
    """Return the figure as the content of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def as_rgb(figure: Figure) -> NDArray[np.uint8]:
    """Return the figure as a picture [row, column, rgb] at its own resolution."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()  # type: ignore[no-untyped-call]


def as_svg(figure: Figure) -> bytes:
    """Return the figure as the content of an SVG file; only its random ids differ from one call to the next."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
