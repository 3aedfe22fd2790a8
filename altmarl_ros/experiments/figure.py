"""Drawing shared by the figures of experiments: panels over a caption, curves with error bars, axes of reports."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Sequence

from altmarl_ros.experiments.table import Row, series
from altmarl_ros.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED, "#17829b", "#a0522d", GREY)

_CAPTION_WIDTH = 130  # characters across 10 inches


def panels(count: int, caption: str, *, height: float = 4.2, width: float = 10.0, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """Make a figure [inches] of `count` panels in `rows` equal rows, with the caption (the command) below them."""
    figure = new_figure(height, width)
    axes = list(figure.subplots(rows, count // rows, squeeze=False).flat)
    for each in axes:
        tidy(each)
    if caption:
        lines = textwrap.wrap(caption, int(_CAPTION_WIDTH * width / 10.0), break_long_words=False, break_on_hyphens=False)
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7.5, color="#555555", family="monospace")
    return figure, axes


def curve(
    axes: Axes, rows: Sequence[Row], label: str, color: str, *, x: str = "k", scale: float = 1.0, line: str = "o-"
) -> None:
    """Draw means against the column `x`, with error bars of one standard error; both are multiplied by `scale`."""
    xs, means, errors = series(rows, x)
    axes.errorbar(
        xs, [scale * y for y in means], [scale * e for e in errors], fmt=line, color=color, ms=4, lw=1.5, capsize=2, label=label
    )


def level(axes: Axes, rows: Sequence[Row], label: str, color: str, scale: float = 1.0) -> None:
    """Draw a horizontal line at the mean of the only row; draw nothing without rows."""
    if rows:
        axes.axhline(scale * float(rows[0]["mean"]), color=color, lw=1.2, ls=":", label=label)


def integer_ticks(axes: Axes, values: Sequence[float]) -> None:
    """Make the x axis logarithmic, with ticks at the given numbers of reports where there is room for them."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    apart = [v for i, v in enumerate(values) if v > 0 and all(v / u > 1.17 for u in values[:i] if u > 0)]
    axes.set_xscale("log" if min(values) > 0 else "symlog")
    axes.xaxis.set_major_locator(FixedLocator(apart))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def plain_log_scale(axes: Axes) -> None:
    """Make the y axis logarithmic, with ticks in plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def shared_legend(figure: Figure, axes: Axes, columns: int) -> None:
    """Draw one legend for all panels, above them, where it covers no data."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, frameon=False, fontsize=9)
