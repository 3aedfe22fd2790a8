"""Figures of a recorded run: occupancy, reward and reports over the ticks."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Callable, Mapping, NamedTuple, Sequence

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.cli.figures.reference_rewards import ReferenceRewards
from altmarl_ros.games import TabularGame
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.plotting import BLUE, GREEN, GREY, ORANGE, as_svg, legend_above, new_figure, tidy
from altmarl_ros.records.run_record import RunRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OCCUPANCY_HEIGHT, _REWARD_HEIGHT, _REPORTS_HEIGHT, _BELIEF_HEIGHT, _LEVELS_HEIGHT = 4.2, 3.8, 3.2, 2.6, 3.4  # inches
_SMOOTH = 10  # ticks
_VALUES_SHOWN = 3  # of k, each by its number
_CHANGED = " Dotted: k, the observation model or the policy was changed; simulated fleets start anew there, with the new one."
_NAMES_SHOWN = 24  # zones; more names are not legible


class Panel(NamedTuple):
    """One figure of a run: its heading, what it shows in a sentence, its height [inch], and what draws it."""

    title: str
    text: str
    height: float
    draw: Callable[[Axes], None]


def panels(record: RunRecord, game: TabularGame, references: ReferenceRewards) -> list[Panel]:
    """Choose what is shown of a run: of games with a hidden state first what was believed of it, and what that is worth."""
    n, asked = record.local_state.shape[1], reports_in_words(references)
    shown = [
        Panel(
            "Where the robots are, and what the coordinator chose" if _has_mode(game) else "Where the robots are",
            ("Shade: share of robots per state." if game.types is None else "Shade: share of robots per state and type.")
            + (" Line: the most populated one." if _has_mode(game) else "")
            + (f" Dots: the coordinator's choice, made from {asked} of {n} robots." if _names_states(game) else ""),
            _OCCUPANCY_HEIGHT,
            lambda axes: _draw_occupancy(axes, record, game),
        ),
        Panel(
            "What the team earned",
            "Coloured lines: mean of simulated fleets from this run's own start; bands: 10th to 90th percentile."
            + (_CHANGED if len(references.segments) > 1 else ""),
            _REWARD_HEIGHT,
            lambda axes: _draw_reward(axes, record, record.rewards(game), references),
        ),
        Panel(
            "What it cost on the limited topic",
            f"The coordinator asks for {asked}, whatever the size of the fleet, and asks others in place of robots that are "
            "silent. Shade: asked by the first broadcast of a tick. Line: heard in time. Dashed: their size on the wire.",
            _REPORTS_HEIGHT,
            lambda axes: _draw_reports(axes, record),
        ),
    ]
    if references.levels:
        text = (
            "Discounted reward of a robot in the same simulated episodes, with its standard error: rules of thumb, each with "
            "the robots that serve it best, and the learned pair, which knows more and more."
        )
        shown.insert(
            0, Panel("What reports are worth", text, _LEVELS_HEIGHT, lambda axes: _draw_levels(axes, references.levels))
        )
    if game.hidden is not None and has_belief(record, game):
        text = f"Shade: the probability of each hidden state to the coordinator, from {asked} of {n} robots." + (
            " Line: the true one, which nobody tells." if record.hidden_state is not None else ""
        )
        if len(game.hidden) == game.n_global_states:
            text += " Dots: where the coordinator's crew was."
        shown.insert(
            0, Panel("What the coordinator believed", text, _BELIEF_HEIGHT, lambda axes: _draw_belief(axes, record, game))
        )
    return shown


def reports_in_words(references: ReferenceRewards) -> str:
    """Say how many reports per tick were asked for, with all values that k had."""
    values = list(dict.fromkeys(part.k for part in references.segments))
    if len(values) > _VALUES_SHOWN:
        return f"{min(values)} to {max(values)} reports per tick"
    return f"{', then '.join(map(str, values))} report{'s' * (values != [1])} per tick"


def run_figures(shown: Sequence[Panel]) -> list[Figure]:
    """Draw every panel as one figure, for a page."""
    figures = [new_figure(panel.height) for panel in shown]
    for panel, figure in zip(shown, figures, strict=True):
        _draw(panel, figure.add_subplot())
    return figures


def run_picture(shown: Sequence[Panel]) -> Figure:
    """Draw all panels as one figure, for documents."""
    heights = [panel.height for panel in shown]
    figure = new_figure(sum(heights))
    for panel, axes in zip(shown, figure.subplots(len(heights), 1, height_ratios=heights), strict=True):
        _draw(panel, axes)
    return figure


def _draw(panel: Panel, axes: Axes) -> None:
    tidy(axes)
    panel.draw(axes)


def as_data_uri(figure: Figure) -> str:
    """Convert a figure into an SVG data URI, for a page in one file."""
    return "data:image/svg+xml;base64," + base64.b64encode(as_svg(figure)).decode()


def has_belief(record: RunRecord, game: TabularGame) -> bool:
    """Return whether a run tells what the coordinator believed of the game's hidden state."""
    return record.belief is not None and record.belief.shape[1:] == (game.n_hidden_states,)


def _draw_belief(axes: Axes, record: RunRecord, game: TabularGame) -> None:
    hidden, belief, truth = game.hidden, record.belief, record.hidden_state
    assert hidden is not None
    assert belief is not None
    _heat_map(axes, belief, names=hidden.names, what="hidden state", label="believed [%]", most=100.0)
    ticks = np.arange(len(belief))
    if truth is not None:
        true = np.where(truth == UNKNOWN, np.nan, truth)
        axes.plot(ticks, true, color=ORANGE, lw=2.5, drawstyle="steps-mid", label="true hidden state")
    if len(hidden) == game.n_global_states:
        axes.plot(ticks, record.global_state, "o", ms=2, color="black", label="the crew")
    legend_above(axes, columns=2)


def _heat_map(
    axes: Axes, shares: FloatArray, *, names: Sequence[str], what: str, label: str, most: float | None = None
) -> None:
    # Shares [T, rows] as shades, rows by their names where these are legible.
    extent = (-0.5, shares.shape[0] - 0.5, -0.5, shares.shape[1] - 0.5)
    image = axes.imshow(
        100 * shares.T, aspect="auto", origin="lower", cmap="Blues", vmin=0, vmax=most, extent=extent, interpolation="nearest"
    )
    if len(names) <= _NAMES_SHOWN:
        axes.set_yticks(range(len(names)), names)
    else:
        axes.set_ylabel(f"{what}, by its number")
    axes.set_xlabel("tick")
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.colorbar(image, ax=axes, label=label, pad=0.02)


def _draw_levels(axes: Axes, levels: Mapping[str, FloatArray]) -> None:
    means = [returns.mean() for returns in levels.values()]
    errors = [returns.std(ddof=1) / np.sqrt(len(returns)) for returns in levels.values()]
    colors = [BLUE if name.startswith("learned, k") else GREEN if name.startswith("learned") else GREY for name in levels]
    place = np.arange(len(levels))[::-1]
    axes.barh(place, means, xerr=errors, color=colors, height=0.7, error_kw={"lw": 1.2, "capsize": 2})
    for y, mean, error in zip(place, means, errors, strict=True):
        axes.annotate(f"{mean:.1f}", (max(mean, 0.0) + error, y), (5, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(place, list(levels))
    axes.set_xlabel("discounted reward of a robot")
    axes.grid(visible=False)


def _has_mode(game: TabularGame) -> bool:
    """Whether the most populated state is what the coordinator looks for."""
    return game.hidden is None and game.types is None


def _names_states(game: TabularGame) -> bool:
    return game.n_global_actions == game.n_places


def _draw_occupancy(axes: Axes, record: RunRecord, game: TabularGame) -> None:
    occupancy = record.occupancy(game.n_local_states)
    shares = occupancy / np.maximum(occupancy.sum(axis=1, keepdims=True), 1)
    ticks = np.arange(len(shares))
    _heat_map(axes, shares, names=game.local_state_names, what="zone", label="robots [%]")
    if game.types is not None:  # the rows of each type apart
        for t in range(1, len(game.types)):
            axes.axhline(t * game.n_places - 0.5, color="black", lw=0.8)
    if _has_mode(game):
        axes.plot(ticks, shares.argmax(axis=1), color=ORANGE, lw=2, drawstyle="steps-mid", label="true mode")
    if _names_states(game):
        axes.plot(ticks, record.global_action, "o", ms=4, mfc="white", mec="black", mew=0.9, label="dispatcher's choice")
    if _has_mode(game):
        legend_above(axes, columns=2)


def _draw_reward(axes: Axes, record: RunRecord, rewards: FloatArray, references: ReferenceRewards) -> None:
    n, ticks, divided = record.local_state.shape[1], np.arange(len(rewards)), references.segments
    rule = f"k = {divided[0].k}" if len(divided) == 1 else "decided as in this run"
    for label, color, runs in (
        (f"all {n} robots seen (simulated)", GREEN, references.all_seen),
        (f"{rule} (simulated)", BLUE, references.same_k),
        ("random policy (simulated)", GREY, references.random),
    ):
        low, high = np.percentile(runs, [10, 90], axis=0)  # NaN where there is no reference
        axes.fill_between(ticks, low, high, color=color, alpha=0.15, lw=0)
        axes.plot(ticks, runs.mean(axis=0), color=color, lw=1.8, label=label)
    axes.plot(ticks, rewards, color="black", lw=0.6, alpha=0.6, label="this run")
    if len(rewards) >= 2 * _SMOOTH:
        smooth = np.convolve(rewards, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid")
        axes.plot(ticks[_SMOOTH // 2 :][: len(smooth)], smooth, color="black", lw=2, label=f"its mean over {_SMOOTH} ticks")
    for part in divided[1:]:
        axes.axvline(part.begin - 0.5, color=GREY, lw=1, ls=":")
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
