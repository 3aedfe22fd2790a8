"""Experiment `heterogeneity`: robots that differ play the pair learned for the mean kernel; how its gap falls with k.

The paper takes all robots to have one kernel P_l, and its gap to the optimum to fall as 1/sqrt(k). Here robot i
has its own P_i around P_l (see `learning.individuals` for the spread; 0 is the paper's game, 1 makes every
robot deterministic), while coordinator and robots keep the pair that was learned for P_l. Two gaps tell apart what
sampling costs and what the differences cost, on the same fleets and starts:

    gap to all seen    to a coordinator with the same pair that sees all robots; it falls with k
    gap to informed    to that coordinator with robots that each know their own kernel and play L-LEARN's response
                       on it; the gap of all seen to it is the part that no number of reports buys back

gap = C k^b is fitted to both for every spread and observation model. Where a gap has a part that does not fall with k,
its b tends to 0. The pair is learned for `filtered`: under a coordinator that changes its mind with every sample the
informed robots would earn so much more that it hid every other difference.

In a game with a hidden state a robot has its own kernel in every regime, only `filtered` plays, and the coordinator that sees
all robots may be told the state as well (`told`), which is a level. Where room is limited, informed robots keep to their share
of it, and rows `held_back` say how often robots find a place full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence

from altmarl_ros.experiments.figure import COLORS, curve, integer_ticks, panels, plain_log_scale, shared_legend
from altmarl_ros.experiments.grid import Played, Setting, play_grid, rows_of
from altmarl_ros.experiments.learn_and_play import learn_task
from altmarl_ros.experiments.statistics import law_rows, mean_and_error
from altmarl_ros.experiments.table import Row, Value, distinct, pick, series
from altmarl_ros.experiments.task_runner import TaskRunner
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.evaluation import ALL_SEEN, INFORMED, RANDOM, RULES, TOLD
from altmarl_ros.learning.power_law import PowerLaw, fit_power_law
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.plotting import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_REFERENCES = {
    INFORMED: "each robot by its own kernel",
    ALL_SEEN: "every robot seen",
    TOLD: "and told the hidden state",
    RANDOM: "random actions",
}
_LEVELS = ((INFORMED, "black", "s--"), (TOLD, COLORS[5], "o:"), (ALL_SEEN, "black", "o-"), (RANDOM, GREY, "o:"))


@dataclass(frozen=True)
class HeterogeneityOptions:
    """What is played; every seed draws other kernels. `K` is the ladder's top rung."""

    spread: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    k: tuple[int, ...] = (1, 2, 5, 10, 15, 20, 25)
    model: tuple[str, ...] = ("fresh", "filtered")
    K: int = 25
    robots: int = 500
    runs: int = 200
    horizon: int = 50
    seeds: int = 3
    seed: int = 0
    training_runs: int = 400
    learn_for: str = DEFAULT_MODEL


QUICK = HeterogeneityOptions(spread=(0.0, 0.8), k=(1, 2, 4), K=4, robots=60, runs=40, seeds=2, training_runs=50)


def heterogeneity(game: TabularGame, options: HeterogeneityOptions, runner: TaskRunner) -> list[Row]:
    """Learn and play one pair; rows by spread, rule and k: value, mode accuracy, gaps; by spread and rule: fitted laws."""
    references = [INFORMED, ALL_SEEN, RANDOM] + ([] if game.hidden is None else [TOLD])
    models = options.model if game.hidden is None else (DEFAULT_MODEL,)  # only a model with a memory finds it
    ks, seeds = sorted(set(options.k)), range(options.seed, options.seed + options.seeds)
    K = max(options.K, ks[-1])
    learning = learn_task(
        game, K, robots=options.robots, runs=options.training_runs, seed=options.seed, learn_for=options.learn_for
    )
    (learned,) = runner.map("learn", [learning])
    settings: dict[tuple[float, str, int | str], Setting] = {}
    for spread in sorted(set(options.spread)):
        sizes = {"robots": options.robots, "runs": options.runs, "horizon": options.horizon, "spread": spread}
        for reference in references:
            settings[spread, reference, ""] = {"rule": reference, "k": 0, **sizes}
        for model in models:
            for k in ks:
                settings[spread, model, k] = {"rule": model, "k": k, **sizes}
    results = play_grid(runner, game, list(settings.values()), seeds, lambda setting, seed: learned)
    by_setting = dict(zip(settings, results, strict=True))
    rows: list[Row] = []
    for (spread, rule, wanted), played in by_setting.items():
        best = {reference: by_setting[spread, reference, ""] for reference in (ALL_SEEN, INFORMED)}
        rows += rows_of({"spread": spread, "rule": rule, "k": wanted}, played, best)
    for spread in sorted(set(options.spread)):
        for model in models:
            swept = [by_setting[spread, model, k] for k in ks]
            for reference in (ALL_SEEN, INFORMED):
                law = _law(ks, swept, by_setting[spread, reference, ""])
                columns: dict[str, Value] = {"spread": spread, "rule": model, "k": ""}
                rows += law_rows(columns, f"gap_to_{reference}", law, swept[0].sizes)
    return rows


def _law(ks: list[int], played: list[Played], best: Played) -> PowerLaw | None:
    gaps = [mean_and_error(best.returns - each.returns) for each in played]
    return fit_power_law(ks, [gap for gap, _ in gaps], [error for _, error in gaps])


def draw_heterogeneity(rows: Sequence[Row], caption: str = "") -> Figure:
    """Draw the gap against k by spread for every model, the value against spread, and the fitted exponents against spread."""
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
    for rule, color, line in _LEVELS:
        if at_level := pick(rows, rule=rule, quantity="value"):
            curve(value, at_level, _REFERENCES[rule], color, x="spread", line=line)
    for i, model in enumerate(models):
        curve(value, pick(rows, rule=model, quantity="value", k=int(k)), f"{model}, k = {k:g}", COLORS[i], x="spread")
    value.set_ylabel("discounted team reward")
    low, high = value.get_ylim()
    value.set_ylim(low, high + 0.45 * (high - low))
    value.legend(frameon=False, fontsize=8, loc="upper left")
    for i, model in enumerate(models):
        for j, (reference, label, line) in enumerate(((ALL_SEEN, "every robot seen", "o-"), (INFORMED, "own kernels", "s--"))):
            gap, shift = f"gap_to_{reference}", 0.012 * (2 * i + j)  # side by side, so that no interval hides another
            _exponents(
                exponent, pick(rows, rule=model), gap, label=f"{model}, to {label}", color=COLORS[i], line=line, shift=shift
            )
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


def _exponents(axes: Axes, rows: Sequence[Row], gap: str, *, label: str, color: str, line: str, shift: float) -> None:
    xs, means, _ = series(pick(rows, quantity=f"{gap}_exponent"), "spread")
    lows, highs = (series(pick(rows, quantity=f"{gap}_exponent_{end}"), "spread")[1] for end in ("low", "high"))
    reach = [[m - low for m, low in zip(means, lows, strict=True)], [high - m for m, high in zip(means, highs, strict=True)]]
    if xs:
        axes.errorbar([x + shift for x in xs], means, reach, fmt=line, color=color, ms=4, lw=1.2, capsize=2, label=label)
