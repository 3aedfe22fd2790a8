"""Figure of an identified kernel: heat maps by local action."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.games.identification import IdentifiedKernel
from altmarl_ros.plotting import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = ("model", "identified", "standard error")
_NAMES_SHOWN = 24  # states; more names are not legible


def kernel_figure(game: TabularGame, kernel: IdentifiedKernel) -> Figure:
    """Draw a row of panels for each local action: model, identified kernel and standard error, s_l down, s_l' across.

    Where rows are not pooled over s_g, each cell is the mean over the s_g in which the row was seen.
    """
    actions = game.n_local_actions
    figure = new_figure(2.9 * actions + 0.6, 12.0)
    axes = figure.subplots(actions, len(_COLUMNS), squeeze=False, sharex=True, sharey=True)
    seen = kernel.evidence.sum(axis=-1)  # [s_l, S, a_l]
    tables = [_over_global_states(table, seen) for table in (kernel.prior, kernel.mean, kernel.deviation)]
    top_error = max(float(tables[2].max()), 1e-9)
    for column, (title, table) in enumerate(zip(_COLUMNS, tables, strict=True)):
        error = column == 2
        for a_l in range(actions):
            panel = axes[a_l, column]
            image = panel.imshow(
                table[:, a_l], cmap="Oranges" if error else "Blues", vmin=0, vmax=top_error if error else 1, aspect="auto"
            )
            _label(panel, game, seen[:, :, a_l].sum(axis=1) if column == 1 else None)
            panel.set_title(f"{game.local_action_names[a_l]}: {title}", fontsize=9, loc="left", parse_math=False)
        figure.colorbar(image, ax=list(axes[:, column]), location="bottom", shrink=0.6, aspect=30, pad=0.02, label=title)
    return figure


def _over_global_states(table: FloatArray, seen: FloatArray) -> FloatArray:
    """Average over s_g, weighted by how often each was seen [s_l, a_l, s_l']."""
    weights = seen + 1e-9  # weights all s_g of a row alike that was never seen
    return np.asarray((table * weights[..., None]).sum(axis=1) / weights.sum(axis=1)[..., None])


def _label(axes: Axes, game: TabularGame, seen: FloatArray | None) -> None:
    states = range(game.n_local_states)
    if game.n_local_states <= _NAMES_SHOWN:
        axes.set_xticks(states, game.local_state_names, rotation=45, ha="right", fontsize=8, parse_math=False)
        axes.set_yticks(states, game.local_state_names, fontsize=8, parse_math=False)
    if seen is not None and game.n_local_states <= _NAMES_SHOWN:
        for s_l in states:  # beside each row, how many transitions it rests on
            axes.annotate(
                f"{seen[s_l]:,}", (1.01, s_l), xycoords=("axes fraction", "data"), fontsize=7, va="center", color="#555555"
            )
