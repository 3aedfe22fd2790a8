"""Draws a trained pair: the steps by which it was learned, and what it earns by the number of reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from altmarl_ros.learning.scores import ScoreTable
from altmarl_ros.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, legend_above, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (BLUE, ORANGE, GREEN)  # of observation models


def pair_figure(steps: Sequence[Mapping[str, Any]], scores: ScoreTable) -> Figure:
    """Draw the steps of the training's report beside the scores; error bars are standard errors."""
    figure = new_figure(4.2, 11.0)
    learned, earned = figure.subplots(1, 2)
    _draw_steps(learned, steps)
    _draw_scores(earned, scores)
    figure.suptitle(f"{scores.game}, {scores.robots} robots", x=0.01, ha="left")
    return figure


def _draw_steps(axes: Axes, steps: Sequence[Mapping[str, Any]]) -> None:
    tidy(axes)
    for kept, colour, label in ((True, BLUE, "kept"), (False, GREY, "not kept")):
        at = [i for i, step in enumerate(steps) if step["kept"] is kept]
        if at:
            values, errors = ([steps[i][name] for i in at] for name in ("value", "standard_error"))
            axes.errorbar(at, values, errors, fmt="o", color=colour, capsize=2, label=label)
    axes.set_xticks(range(len(steps)), [f"{'G' if step['learner'] == 'global' else 'L'}{step['round'] + 1}" for step in steps])
    axes.set_xlabel("best response of coordinator (G) and robots (L), by round")
    axes.set_ylabel("discounted team reward")
    if steps:
        legend_above(axes, columns=2)


def _draw_scores(axes: Axes, scores: ScoreTable) -> None:
    tidy(axes)
    by_model: dict[str, list[tuple[int, float, float]]] = {}
    references = []
    for score in scores.scores:
        model, found, _ = score.rule.partition(", k = ")
        if found:
            by_model.setdefault(model, []).append((score.k, score.value, score.standard_error))
        else:
            references.append(score)
    for colour, (model, points) in zip(_COLOURS, by_model.items(), strict=False):
        ks, values, errors = zip(*sorted(points), strict=True)
        axes.errorbar(ks, values, errors, fmt="o-", color=colour, capsize=2, label=model)
    for colour, score in zip((GREY, GREEN, PURPLE), references, strict=False):
        axes.axhline(score.value, color=colour, ls=":", label=score.rule)
    axes.set_xlabel("reports per tick, k")
    axes.set_ylabel(f"discounted team reward, {scores.horizon} ticks")
    legend_above(axes, columns=2)
