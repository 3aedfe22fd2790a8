"""Experiment `value-of-reports`: what reports are worth, by how much the robots see that the coordinator does not.

In a game with a hidden state robots notice what the coordinator does not, and their reports tell. Let V(k, q) be what the team
earns with k reports per tick if somebody else announces the hidden state to the coordinator in the share q of ticks, and V_told
what it earns with all robots seen and the state announced in every tick. The figure shows

    (V(k, q) - V(0, 0)) / (V_told - V(0, 0)),

the share of the way from no report to all there is to know. One panel has a curve for each q: at q = 0 the state is hidden, at
q = 1 it is announced, and what reports then still add is what the coordinator gains from knowing where robots are. The other
panel has a curve for each variant of the game at q = 0, such as a demand that stays where it is for longer. All rules play one
pair, learned for `K` reports, from the same starts with the same random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.experiments.figure import COLORS, curve, integer_ticks, panels
from altmarl_ros.experiments.grid import Played, Setting, always, play_grid
from altmarl_ros.experiments.learn_and_play import learn_task
from altmarl_ros.experiments.statistics import mean_and_error
from altmarl_ros.experiments.table import Row, Value, distinct, pick, row
from altmarl_ros.experiments.task_runner import TaskRunner
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.evaluation import TOLD
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.plotting import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CERTAIN = 3.0  # standard errors by which V_told must exceed V(0, 0) for a share of the way to mean something


@dataclass(frozen=True)
class ValueOfReportsOptions:
    """What is played; k = 0 is always among the reports per tick, and q = 0 among the shares of announcements."""

    k: tuple[int, ...] = (1, 2, 3, 5, 10, 20)
    announced: tuple[float, ...] = (0.01, 0.05, 1.0)
    K: int = 3
    robots: int = 60
    runs: int = 150
    horizon: int = 200
    seeds: int = 2
    seed: int = 0
    training_runs: int = 120


QUICK = ValueOfReportsOptions(k=(1, 4), announced=(1.0,), robots=20, runs=20, horizon=80, seeds=1, training_runs=20)


def value_of_reports(
    game: TabularGame, variants: Sequence[tuple[str, TabularGame]], options: ValueOfReportsOptions, runner: TaskRunner
) -> list[Row]:
    """Learn and play; rows by variant, share of announcements and k: value, and share of the way to being told.

    Args:
        game: it plays with announcements; its variant is called by an empty name.
        variants: names and games that play without.
        options: what is played.
        runner: of the tasks.

    Raises:
        AltmarlError: a game has no hidden state.
    """
    games = [("", game), *variants]
    for _, each in games:
        if each.hidden is None:
            raise AltmarlError(
                f"{each.name!r} has no hidden state, which robots would notice and the coordinator not; see k-sweep"
            )
    ks = sorted({0, *options.k})
    n, runs, seed = options.robots, options.training_runs, options.seed
    tasks = [learn_task(each, options.K, robots=n, runs=runs, seed=seed, learn_for=DEFAULT_MODEL) for _, each in games]
    pairs = runner.map("learn", tasks)
    rows: list[Row] = []
    for (name, each), pair in zip(games, pairs, strict=True):
        announced = [0.0] if name else sorted({0.0, *options.announced})
        sizes = {"robots": options.robots, "runs": options.runs, "horizon": options.horizon}
        grid: dict[tuple[float, int], Setting] = {
            (q, k): {"rule": DEFAULT_MODEL, "k": k, "announced": q, **sizes} for q in announced for k in ks
        }
        told: Setting = {"rule": TOLD, "k": 0, **sizes}
        seeds = range(options.seed, options.seed + options.seeds)
        *played, best = play_grid(runner, each, [*grid.values(), told], seeds, always(pair))
        by_setting = dict(zip(grid, played, strict=True))
        rows += _rows(name, by_setting, best)
    return rows


def _rows(variant: str, played: dict[tuple[float, int], Played], told: Played) -> list[Row]:
    nothing = played[0.0, 0]
    worth = mean_and_error(told.returns - nothing.returns)
    columns: dict[str, Value] = {"variant": variant, "announced": "", "k": ""}
    rows = [
        row(columns, "value_told", *mean_and_error(told.returns), **told.sizes),
        row(columns, "worth_of_knowing", *worth, **told.sizes),
    ]
    for (q, k), each in played.items():
        columns = {"variant": variant, "announced": q, "k": k}
        rows.append(row(columns, "value", *mean_and_error(each.returns), **each.sizes))
        if worth[0] > _CERTAIN * worth[1]:
            share = _share(each.returns - nothing.returns, told.returns - nothing.returns)
            rows.append(row(columns, "share_of_way", *share, **each.sizes))
    return rows


def _share(gain: FloatArray, whole: FloatArray) -> tuple[float, float]:
    """The ratio of two mean gains [seed, episode], and its standard error by the delta method."""
    ratio = float(gain.mean() / whole.mean())
    error = mean_and_error(gain - ratio * whole)[1] / abs(float(whole.mean()))
    return ratio, float(np.abs(error))


def draw_value_of_reports(rows: Sequence[Row], caption: str = "") -> Figure:
    """Draw the share of the way to being told against k, by share of announcements and by variant of the game."""
    shares = pick(rows, quantity="share_of_way")
    variants = distinct(rows, "variant")
    figure, axes = panels(2 if variants else 1, caption, height=4.6, width=11.5 if variants else 6.5)
    for i, q in enumerate(distinct(shares, "announced")):
        label = "hidden" if q == 0 else "announced in every tick" if q == 1 else f"announced in {100 * float(q):g} % of ticks"
        curve(axes[0], pick(shares, variant="", announced=q), label, COLORS[i % len(COLORS)])
    axes[0].set_title("by how often somebody else tells the coordinator", fontsize=10)
    for i, variant in enumerate(variants):
        worth = float(pick(rows, variant=variant, quantity="worth_of_knowing")[0]["mean"])
        mine = pick(shares, variant=variant)
        label = f"{variant} (worth {worth:.3g})" if mine else f"{variant}: knowing is worth nothing"
        curve(axes[1], mine, label, COLORS[i % len(COLORS)])
    if variants:
        axes[1].set_title("by variant of the game, never announced", fontsize=10)
    ks = sorted(float(k) for k in distinct(rows, "k"))
    limits = [limit for panel in axes for limit in panel.get_ylim()]
    for panel in axes:
        _finish(panel, ks, (min(limits), max(limits)))
    return figure


def _finish(axes: Axes, ks: Sequence[float], limits: tuple[float, float]) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.axhline(1.0, color=GREY, lw=1.2, ls=":")
    axes.set_xscale("symlog", linthresh=1.0)
    integer_ticks(axes, ks)
    axes.set_xticks([0.0, *axes.get_xticks()], ["0", *(f"{k:g}" for k in axes.get_xticks())])
    axes.set_xlim(-0.2, 1.1 * max(ks))
    axes.set_ylim(min(0.0, limits[0]), max(1.0, limits[1]) + 0.3)  # above the curves is room for the legend
    axes.set_yticks([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("reports per tick, k")
    axes.set_ylabel("share of the way from no report to told, all seen")
    axes.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
