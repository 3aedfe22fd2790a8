"""Figure of a comparison: predicted bands and observed curves of recorded runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.games import TabularGame
from altmarl_ros.learning.prediction import Comparison
from altmarl_ros.plotting import BLUE, GREY, RED, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_ZONES = 24  # panels; of more zones those with the fewest ticks in the band are shown


def comparison_figure(game: TabularGame, comparison: Comparison, begins: NDArray[np.intp]) -> Figure:
    """Draw a panel per zone and one for the reward, with grey lines at the rows `begins`, where a run or a stretch begins."""
    zones = np.sort(np.argsort(comparison.shares[:-1], kind="stable")[:_MOST_ZONES])
    quantities = [*zones.tolist(), game.n_local_states]
    labels = (*game.local_state_names, "team reward per tick")
    figure = new_figure(1.6 * len(quantities) + 0.6)
    ticks = np.arange(len(comparison.observed))
    panels = figure.subplots(len(quantities), 1, squeeze=False, sharex=True)[:, 0]
    for axes, q in zip(panels, quantities, strict=True):
        tidy(axes)
        axes.fill_between(
            ticks, comparison.low[:, q], comparison.high[:, q], step="mid", color=BLUE, alpha=0.2, lw=0, label="95 % band"
        )
        axes.plot(ticks, comparison.mean[:, q], color=BLUE, lw=1.2, label="predicted")
        axes.plot(ticks, comparison.observed[:, q], color="black", lw=1.2, label="observed")
        outside = ~comparison.inside[:, q]
        axes.plot(ticks[outside], comparison.observed[outside, q], ".", color=RED, ms=5, label="outside the band")
        for row in begins[1:]:
            axes.axvline(row - 0.5, color=GREY, lw=0.8, ls=":")
        share, expected = 100 * comparison.shares[q], 100 * comparison.expected_shares[q]
        title = f"{labels[q]}: {share:.0f} % of ticks in the band, {expected:.0f} % expected"
        axes.set_title(title, fontsize=9, loc="left", parse_math=False)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=4, frameon=False)
    panels[-1].set_xlabel("tick")
    panels[-1].set_xlim(-0.5, max(0.5, len(ticks) - 0.5))
    return figure
