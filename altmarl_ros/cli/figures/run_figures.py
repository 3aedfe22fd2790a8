"""Figures of a recorded run: occupancy, reward and reports over the ticks."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.cli.figures.reference_rewards import ReferenceRewards
from altmarl_ros.games import HiddenState, TabularGame
from altmarl_ros.games.trajectory import UNKNOWN, IntArray
from altmarl_ros.plotting import BLUE, GREEN, GREY, ORANGE, as_svg, legend_above, new_figure, tidy
from altmarl_ros.records.run_record import RunRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHTS = (4.2, 3.8, 3.2)  # inches
_BELIEF_HEIGHT = 2.6  # inch, of a run with a hidden state
_SMOOTH = 10  # ticks
_NAMES_SHOWN = 24  # zones; more names are not legible


def run_figures(record: RunRecord, game: TabularGame, references: ReferenceRewards) -> list[Figure]:
    """Draw occupancy, reward and reports, and what was believed of a hidden state, as one figure each, for a page."""
    figures = [new_figure(height) for height in _heights(record, game)]
    _draw_all([figure.add_subplot() for figure in figures], record, game, references)
    return figures


def run_picture(record: RunRecord, game: TabularGame, references: ReferenceRewards) -> Figure:
    """Draw occupancy, reward, reports and what was believed of a hidden state as one figure, for documents."""
    heights = _heights(record, game)
    figure = new_figure(sum(heights))
    _draw_all(list(figure.subplots(len(heights), 1, height_ratios=heights)), record, game, references)
    return figure


def as_data_uri(figure: Figure) -> str:
    """Convert a figure into an SVG data URI, for a page in one file."""
    return "data:image/svg+xml;base64," + base64.b64encode(as_svg(figure)).decode()


def _draw_all(axes: list[Axes], record: RunRecord, game: TabularGame, references: ReferenceRewards) -> None:
    for each in axes:
        tidy(each)
    _draw_occupancy(axes[0], record, game)
    _draw_reward(axes[1], record, record.rewards(game), references)
    _draw_reports(axes[2], record)
    if game.hidden is not None and record.belief is not None and has_belief(record, game):
        _draw_belief(axes[3], record.belief, record.hidden_state, game.hidden)


def has_belief(record: RunRecord, game: TabularGame) -> bool:
    """Return whether a run tells what the coordinator believed of the game's hidden state."""
    return record.belief is not None and record.belief.shape[1:] == (game.n_hidden_states,)


def _heights(record: RunRecord, game: TabularGame) -> tuple[float, ...]:
    return (*_HEIGHTS, _BELIEF_HEIGHT) if has_belief(record, game) else _HEIGHTS


def _draw_belief(axes: Axes, belief: FloatArray, truth: IntArray | None, hidden: HiddenState) -> None:
    extent = (-0.5, len(belief) - 0.5, -0.5, len(hidden) - 0.5)
    image = axes.imshow(
        100 * belief.T, aspect="auto", origin="lower", cmap="Blues", vmin=0, vmax=100, extent=extent, interpolation="nearest"
    )
    if truth is not None:
        true = np.where(truth == UNKNOWN, np.nan, truth)
        axes.plot(np.arange(len(true)), true, color=ORANGE, lw=2, drawstyle="steps-mid", label="true hidden state")
        legend_above(axes, columns=1)
    if len(hidden) <= _NAMES_SHOWN:
        axes.set_yticks(range(len(hidden)), hidden.names)
    else:
        axes.set_ylabel("hidden state, by its number")
    axes.set_xlabel("tick")
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.colorbar(image, ax=axes, label="believed [%]", pad=0.02)


def _draw_occupancy(axes: Axes, record: RunRecord, game: TabularGame) -> None:
    occupancy = record.occupancy(game.n_local_states)
    shares = occupancy / np.maximum(occupancy.sum(axis=1, keepdims=True), 1)
    ticks = np.arange(len(shares))
    extent = (-0.5, shares.shape[0] - 0.5, -0.5, shares.shape[1] - 0.5)
    image = axes.imshow(
        100 * shares.T, aspect="auto", origin="lower", cmap="Blues", vmin=0, extent=extent, interpolation="nearest"
    )
    axes.plot(ticks, shares.argmax(axis=1), color=ORANGE, lw=2, drawstyle="steps-mid", label="true mode")
    if game.n_global_actions == game.n_local_states:
        axes.plot(ticks, record.global_action, "o", ms=4, mfc="white", mec="black", mew=0.9, label="dispatcher's choice")
    if game.n_local_states <= _NAMES_SHOWN:
        axes.set_yticks(range(game.n_local_states), game.local_state_names)
    else:
        axes.set_ylabel("zone, by its number")
    axes.set_xlabel("tick")
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.colorbar(image, ax=axes, label="robots [%]", pad=0.02)
    legend_above(axes, columns=2)


def _draw_reward(axes: Axes, record: RunRecord, rewards: FloatArray, references: ReferenceRewards) -> None:
    n, k = record.local_state.shape[1], record.about["k"]
    ticks = np.arange(len(rewards))
    for label, color, runs in (
        (f"all {n} robots seen (simulated)", GREEN, references.all_seen),
        (f"k = {k} (simulated)", BLUE, references.same_k),
        ("random policy (simulated)", GREY, references.random),
    ):
        low, high = np.percentile(runs, [10, 90], axis=0)
        axes.fill_between(ticks, low, high, color=color, alpha=0.15, lw=0)
        axes.plot(ticks, runs.mean(axis=0), color=color, lw=1.8, label=label)
    axes.plot(ticks, rewards, color="black", lw=0.6, alpha=0.6, label=f"this run, k = {k}")
    if len(rewards) >= 2 * _SMOOTH:
        smooth = np.convolve(rewards, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid")
        axes.plot(ticks[_SMOOTH // 2 :][: len(smooth)], smooth, color="black", lw=2, label=f"its mean over {_SMOOTH} ticks")
    axes.set_xlabel("tick")
    axes.set_ylabel("team reward per tick")
    axes.set_xlim(0, max(1, len(rewards) - 1))
    legend_above(axes, columns=3)


def _draw_reports(axes: Axes, record: RunRecord) -> None:
    ticks = np.arange(len(record.tick))
    axes.bar(ticks, record.asked, width=1.0, color=GREY, alpha=0.35, label="asked")
    axes.step(ticks, record.heard, where="mid", color=BLUE, lw=1.5, label="heard in time")
    axes.set_xlabel("tick")
    axes.set_ylabel("reports per tick")
    axes.set_ylim(0, 1.35 * max(1, record.asked.max()))
    axes.set_xlim(-0.5, len(ticks) - 0.5)
    wire = axes.twinx()
    wire.step(ticks, record.report_bytes, where="mid", color=ORANGE, lw=1.2, ls="--", label="on the wire")
    wire.set_ylabel("on the wire [B]")
    wire.set_ylim(0, 1.7 * max(1, record.report_bytes.max()))  # so that this line lies below that of the reports
    wire.spines["top"].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    more_handles, more_labels = wire.get_legend_handles_labels()
    axes.legend([*handles, *more_handles], [*labels, *more_labels], loc="upper right", ncols=3, frameon=False)
