"""The figure of robots that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from altmarl_ros.experiments.figure import COLORS, curve, integer_ticks, panels, plain_log_scale, shared_legend
from altmarl_ros.experiments.table import Row, distinct, pick, series
from altmarl_ros.learning.evaluation import ALL_SEEN, INFORMED, RANDOM, RULES
from altmarl_ros.plotting import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_REFERENCES = {INFORMED: "each robot by its own kernel", ALL_SEEN: "every robot seen", RANDOM: "random actions"}


def draw_heterogeneity(rows: Sequence[Row], caption: str = "") -> Figure:
    """Gap against k by spread for every model, value against spread, and the fitted exponents against spread."""
    spreads, ks = distinct(rows, "spread"), sorted(float(k) for k in distinct(rows, "k"))
    models = [rule for rule in distinct(rows, "rule") if rule in RULES and rule not in _REFERENCES]
    columns = max(2, len(models))
    figure, axes = panels(2 * columns, caption, height=8.4, width=5.5 * columns, rows=2)
    gaps, (value, exponent) = axes[: len(models)], axes[columns : columns + 2]
    for unused in (*axes[len(models) : columns], *axes[columns + 2 :]):
        unused.remove()
    for panel, model in zip(gaps, models, strict=True):
        _gaps(panel, rows, model, spreads, ks)
    shown = [limit for panel in gaps for limit in panel.get_ylim()]
    for panel in gaps:
        panel.set_ylim(min(shown), max(shown))
    k = max(ks)
    for rule, color, line in ((INFORMED, "black", "s--"), (ALL_SEEN, "black", "o-"), (RANDOM, GREY, "o:")):
        curve(value, pick(rows, rule=rule, quantity="value"), _REFERENCES[rule], color, "spread", line=line)
    for i, model in enumerate(models):
        curve(value, pick(rows, rule=model, quantity="value", k=int(k)), f"{model}, k = {k:g}", COLORS[i], "spread")
    value.set_ylabel("discounted team reward")
    low, high = value.get_ylim()
    value.set_ylim(low, high + 0.45 * (high - low))
    value.legend(frameon=False, fontsize=8, loc="upper left")
    for i, model in enumerate(models):
        for j, (reference, label, line) in enumerate(((ALL_SEEN, "every robot seen", "o-"), (INFORMED, "own kernels", "s--"))):
            # Side by side, so that no interval hides another.
            _exponents(exponent, rows, model, reference, f"{model}, to {label}", COLORS[i], line, 0.012 * (2 * i + j))
    exponent.axhline(-0.5, color=GREY, lw=1.2, ls=":", label="$1/\\sqrt{k}$")
    exponent.set_ylabel("exponent b of gap = C $k^b$, 95 % interval")
    low, high = exponent.get_ylim()
    exponent.set_ylim(low, max(0.0, high) + 0.5 * (max(0.0, high) - low))
    exponent.legend(frameon=False, fontsize=8, loc="upper left")
    for each in (value, exponent):
        each.set_xlabel("spread of the robots' kernels")
    shared_legend(figure, gaps[0], len(spreads))
    return figure


def _gaps(axes: Axes, rows: Sequence[Row], model: str, spreads: Sequence[float], ks: Sequence[float]) -> None:
    for i, spread in enumerate(spreads):
        mine = pick(rows, rule=model, spread=spread)
        above = [each for each in pick(mine, quantity="gap_to_all_seen") if float(each["mean"]) > 0]
        curve(axes, above, f"spread {spread:g}", COLORS[i % len(COLORS)], line="o")
        exponent, factor = (pick(mine, quantity=f"gap_to_all_seen_{what}") for what in ("exponent", "factor"))
        if exponent:
            b, C = float(exponent[0]["mean"]), float(factor[0]["mean"])
            axes.plot(ks, [C * max(k, 1e-9) ** b for k in ks], color=COLORS[i % len(COLORS)], lw=1.0)
    plain_log_scale(axes)
    axes.set_title(model, fontsize=10)
    axes.set_xlabel("reports per tick, k")
    axes.set_ylabel("gap to every robot seen")
    integer_ticks(axes, ks)


def _exponents(
    axes: Axes,
    rows: Sequence[Row],
    model: str,
    reference: str,
    label: str,
    color: str,
    line: str,
    shift: float,
) -> None:
    xs, means, _ = series(pick(rows, rule=model, quantity=f"gap_to_{reference}_exponent"), "spread")
    lows, highs = (
        series(pick(rows, rule=model, quantity=f"gap_to_{reference}_exponent_{end}"), "spread")[1] for end in ("low", "high")
    )
    reach = [[m - low for m, low in zip(means, lows, strict=True)], [high - m for m, high in zip(means, highs, strict=True)]]
    if xs:
        axes.errorbar([x + shift for x in xs], means, reach, fmt=line, color=color, ms=4, lw=1.2, capsize=2, label=label)
