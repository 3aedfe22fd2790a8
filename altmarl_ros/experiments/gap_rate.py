"""Experiment `gap-rate`: the exact gap of the coordinator learned for k reports against k, and the exponent at which it falls.

The gaps are exact (see `learning.gap_rate`), on games small enough to enumerate: scatter about gap = C x^b comes from the
law itself and not from simulation. By default the games are random ones; a game in which reports do not matter has no gap
to fit, and the table says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

from altmarl_ros.experiments.figure import COLORS, integer_ticks, panels, plain_log_scale
from altmarl_ros.experiments.statistics import law_rows
from altmarl_ros.experiments.table import Row, Value, distinct, pick, row, series
from altmarl_ros.experiments.task import Task
from altmarl_ros.experiments.task_runner import TaskRunner
from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.gaps.gap_rate import GapByK, GapPoint, gap_by_k
from altmarl_ros.plotting import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAPS = ("all_seen", "in_class", "one_robot")

_FITS = {"gap_against_k": ("against k", "o", 0.12), "gap_against_effective_k": ("against k (n - 1) / (n - k)", "s", -0.12)}


@dataclass(frozen=True)
class GapRateOptions:
    """What is solved: every k in `k` for teams of `robots`; without a game, `games` random ones with seeds from `seed` on.

    `local` is `shared` (one pi_l for all k) or `own` (one for each k).
    """

    k: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 12)
    robots: int = 24
    games: int = 6
    seed: int = 0
    local: str = "shared"


QUICK = GapRateOptions(k=(1, 2, 3, 4), robots=8, games=2)


def gap_rate(game: TabularGame | None, options: GapRateOptions, runner: TaskRunner) -> list[Row]:
    """Solve the games; rows by game and k: value and exact gaps; by game: the laws fitted against k and the effective k."""
    seeds = range(options.seed, options.seed + options.games)
    games = [game] if game else [build_random_game(RandomGameParameters(**{"seed": seed})) for seed in seeds]
    ks = sorted(set(options.k))
    parameters = {"n": options.robots, "ks": ks, "local": options.local}
    results = runner.map("games", [Task(exact_gaps, each, None, parameters) for each in games])
    rows: list[Row] = []
    for each, points in zip(games, results, strict=True):
        rows += _rows(each.name, GapByK(each.name, options.robots, options.local, tuple(GapPoint(**point) for point in points)))
    return rows


def exact_gaps(game: TabularGame, bundle: None, *, n: int, ks: Sequence[int], local: str) -> list[dict[str, Any]]:
    """Compute `learning.gap_rate.gap_by_k`; returns its points as JSON values."""
    return [vars(point) for point in gap_by_k(game, n, ks, local).points]


def _rows(name: str, gaps: GapByK) -> list[Row]:
    rows: list[Row] = []
    sizes = {"robots": gaps.n}
    for point in gaps.points:
        columns: dict[str, Value] = {"game": name, "k": point.k}
        rows.append(row(columns, "value", point.value, 0.0, **sizes))
        rows += [row(columns, f"gap_{gap}", getattr(point, gap), 0.0, **sizes) for gap in GAPS]
    columns = {"game": name, "k": ""}
    rows += law_rows(columns, "gap_against_k", gaps.against_k(), sizes)
    return rows + law_rows(columns, "gap_against_effective_k", gaps.against_effective(), sizes)


def draw_gap_rate(rows: Sequence[Row], caption: str = "") -> Figure:
    """Draw, by game, the gap against k with the fitted lines, and the exponents with their 95 % intervals."""
    figure, (gap, exponent) = panels(2, caption, height=4.8, width=11.5)
    games = distinct(rows, "game")
    for i, game in enumerate(games):
        _gaps(gap, rows, game, COLORS[i % len(COLORS)])
    ks = sorted(float(k) for k in distinct(rows, "k"))
    plain_log_scale(gap)
    integer_ticks(gap, ks)
    gap.set_xlabel("reports per tick, k")
    gap.set_ylabel("exact gap to the best coordinator that sees all")
    low, _ = gap.get_ylim()
    gap.set_ylim(low / 4, None)
    gap.legend(frameon=False, fontsize=8, loc="lower left", ncols=2)
    for quantity, (label, marker, shift) in _FITS.items():
        _exponents(exponent, rows, games, quantity=quantity, label=f"fitted {label}", marker=marker, shift=shift)
    exponent.axvline(-0.5, color=GREY, lw=1.2, ls=":", label="$1/\\sqrt{k}$, the paper's rate")
    exponent.set_yticks(range(len(games)), games)
    exponent.set_ylim(-0.6, len(games) + 0.5 + 0.18 * len(games))
    exponent.set_xlabel("exponent b of gap = C $x^b$, 95 % interval; without a mark: no gap to fit")
    exponent.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _gaps(axes: Axes, rows: Sequence[Row], game: str, color: str) -> None:
    mine = pick(rows, game=game)
    points = [(k, y) for k, y, _ in zip(*series(pick(mine, quantity="gap_all_seen"), "k"), strict=True) if y > 0]
    law = {what: pick(mine, quantity=f"gap_against_k_{what}") for what in ("exponent", "factor")}
    if not law["exponent"]:
        axes.plot([], [], "o", color=color, ms=4, label=f"{game}: no gap")
        return
    ks = np.array([k for k, _ in points])
    axes.plot(ks, [y for _, y in points], "o", color=color, ms=4, label=game)
    axes.plot(ks, float(law["factor"][0]["mean"]) * ks ** float(law["exponent"][0]["mean"]), color=color, lw=1.0)


def _exponents(
    axes: Axes, rows: Sequence[Row], games: Sequence[str], *, quantity: str, label: str, marker: str, shift: float
) -> None:
    for i, game in enumerate(games):
        mine = pick(rows, game=game)
        ends = [pick(mine, quantity=f"{quantity}_exponent{end}") for end in ("_low", "", "_high")]
        if not ends[1]:
            continue
        low, mean, high = (float(end[0]["mean"]) for end in ends)
        reach = [[mean - low], [high - mean]] if np.isfinite(low) else None
        color = COLORS[i % len(COLORS)]
        axes.errorbar(
            mean, i + shift, xerr=reach, fmt=marker, color=color, ms=4, capsize=2, mfc="white" if marker == "s" else None
        )
    axes.errorbar([], [], fmt=marker, color="black", ms=4, mfc="white" if marker == "s" else None, label=label)
