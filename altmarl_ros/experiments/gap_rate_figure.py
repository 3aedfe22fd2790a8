"""The figure of the exact gap's rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

import numpy as np

from altmarl_ros.experiments.figure import COLORS, integer_ticks, panels, plain_log_scale
from altmarl_ros.experiments.table import Row, distinct, pick, series
from altmarl_ros.plotting import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FITS = {"gap_against_k": ("against k", "o", 0.12), "gap_against_effective_k": ("against k (n - 1) / (n - k)", "s", -0.12)}


def draw_gap_rate(rows: Sequence[Row], caption: str = "") -> Figure:
    """Gap against k with the fitted lines, and the exponents with their 95 % intervals, by game."""
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
        _exponents(exponent, rows, games, quantity, f"fitted {label}", marker, shift)
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
    axes: Axes,
    rows: Sequence[Row],
    games: Sequence[str],
    quantity: str,
    label: str,
    marker: str,
    shift: float,
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
