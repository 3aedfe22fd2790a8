"""Experiment `gap-rate`: the exact gap of the coordinator learned for k reports against k, and the exponent at which it falls.

The gaps are exact (see `learning.gap_rate`), on games small enough to enumerate: scatter about gap = C x^b comes from the
law itself and not from simulation. By default the games are random ones; a game in which reports do not matter has no gap
to fit, and the table says so.

A team is not enumerated where a hidden state must be remembered or where robots hold each other back at full places. There the
gaps are measured, in episodes that are paired with those of a coordinator that sees all robots and one that is told the hidden
state too, by the rule `filtered`. The gap to the told one has a part that no number of reports buys back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

from altmarl_ros.experiments.figure import COLORS, curve, integer_ticks, panels, plain_log_scale
from altmarl_ros.experiments.grid import Setting, always, play_grid
from altmarl_ros.experiments.learn_and_play import learn_task
from altmarl_ros.experiments.statistics import law_rows, mean_and_error
from altmarl_ros.experiments.table import Row, Value, distinct, pick, row, series
from altmarl_ros.experiments.task import Task
from altmarl_ros.experiments.task_runner import TaskRunner
from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.evaluation import ALL_SEEN, TOLD
from altmarl_ros.learning.gaps.gap_rate import GapByK, GapPoint, check_gap_options, gap_by_k
from altmarl_ros.learning.power_law import fit_power_law
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.plotting import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAPS = ("all_seen", "in_class", "one_robot")

_LAWS = {"gap_all_seen": "gap_against", "gap_told": "gap_told_against"}
"""The gaps that are drawn, and how the names of their fits begin."""

_FITS = {"_k": ("against k", "o", 0.12), "_effective_k": ("against k (n - 1) / (n - k)", "s", -0.12)}


@dataclass(frozen=True)
class GapRateOptions:
    """What is solved: every k in `k` for teams of `robots`; without a game, `games` random ones with seeds from `seed` on.

    `local` is `shared` (one pi_l for all k) or `own` (one for each k). Where gaps are measured, `runs` episodes of `horizon`
    ticks are played with each of `seeds` seeds, and `training_runs` are the episodes of a training's evaluations.
    """

    k: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 12)
    robots: int = 24
    games: int = 6
    seed: int = 0
    local: str = "shared"
    runs: int = 200
    horizon: int = 200
    seeds: int = 3
    training_runs: int = 100


QUICK = GapRateOptions(k=(1, 2, 3, 4), robots=8, games=2, runs=40, seeds=2, training_runs=20)


def gap_rate(game: TabularGame | None, options: GapRateOptions, runner: TaskRunner) -> list[Row]:
    """Solve the games; rows by game and k: value and exact gaps; by game: the laws fitted against k and the effective k."""
    if game is not None and (game.hidden is not None or game.room is not None):
        return _measured(game, options, runner)
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


def _measured(game: TabularGame, options: GapRateOptions, runner: TaskRunner) -> list[Row]:
    """Learn and play; rows by k: value and measured gaps to the references; the laws fitted to these."""
    ks, n = sorted(set(options.k)), options.robots
    check_gap_options(n, ks, options.local)
    swept = {k: [k] for k in ks} if options.local == "own" else {ks[-1]: ks}  # by the k for which the pair is learned
    runs, seed = options.training_runs, options.seed
    tasks = [learn_task(game, k, robots=n, runs=runs, seed=seed, learn_for=DEFAULT_MODEL) for k in swept]
    pairs = runner.map("learn", tasks)
    seeds = range(options.seed, options.seed + options.seeds)
    sizes = {"robots": n, "runs": options.runs, "horizon": options.horizon}
    references = {"gap_all_seen": ALL_SEEN, **({} if game.hidden is None else {"gap_told": TOLD})}
    rows: list[Row] = []
    gaps: dict[str, list[tuple[float, float]]] = {gap: [] for gap in references}
    for bundle, mine in zip(pairs, swept.values(), strict=True):
        grid: list[Setting] = [{"rule": rule, "k": 0, **sizes} for rule in references.values()]
        grid += [{"rule": DEFAULT_MODEL, "k": k, **sizes} for k in mine]
        played = play_grid(runner, game, grid, seeds, always(bundle))
        for k, result in zip(mine, played[len(references) :], strict=True):
            columns: dict[str, Value] = {"game": game.name, "k": k}
            rows.append(row(columns, "value", *mean_and_error(result.returns), **result.sizes))
            for (gap, measured), best in zip(gaps.items(), played, strict=False):
                measured.append(mean_and_error(best.returns - result.returns))
                rows.append(row(columns, gap, *measured[-1], **result.sizes))
    used = [i for i, k in enumerate(ks) if 2 * k <= n]
    for gap, measured in gaps.items():
        means, errors = ([measured[i][what] for i in used] for what in (0, 1))
        for fit, x in (("", [ks[i] for i in used]), ("_effective", [ks[i] * (n - 1) / (n - ks[i]) for i in used])):
            law = fit_power_law(x, means, errors)
            rows += law_rows({"game": game.name, "k": ""}, f"{_LAWS[gap]}{fit}_k", law, {"robots": n})
    return rows


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
    curves = [_Curve.of(rows, game, gap) for game in distinct(rows, "game") for gap in _LAWS]
    curves = [each for each in curves if each.points]
    for i, each in enumerate(curves):
        _gaps(gap, each, COLORS[i % len(COLORS)])
    ks = sorted(float(k) for k in distinct(rows, "k"))
    plain_log_scale(gap)
    integer_ticks(gap, ks)
    gap.set_xlabel("reports per tick, k")
    measured = any(each.errors for each in curves)
    gap.set_ylabel(f"{'measured' if measured else 'exact'} gap to the best coordinator that sees all")
    low, _ = gap.get_ylim()
    gap.set_ylim(low / 4, None)
    gap.legend(frameon=False, fontsize=8, loc="lower left", ncols=2)
    for fit, (label, marker, shift) in _FITS.items():
        for i, each in enumerate(curves):
            _exponent(exponent, each, fit, marker, (i + shift, COLORS[i % len(COLORS)]))
        fill = "white" if marker == "s" else None
        exponent.errorbar([], [], fmt=marker, color="black", ms=4, mfc=fill, label=f"fitted {label}")
    exponent.axvline(-0.5, color=GREY, lw=1.2, ls=":", label="$1/\\sqrt{k}$, the paper's rate")
    exponent.set_yticks(range(len(curves)), [each.name for each in curves])
    exponent.set_ylim(-0.6, len(curves) + 0.5 + 0.18 * len(curves))
    exponent.set_xlabel("exponent b of gap = C $x^b$, 95 % interval; without a mark: no gap to fit")
    exponent.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


@dataclass(frozen=True)
class _Curve:
    """One kind of gap in one game: its rows by k, and the fits to them by the end of their names."""

    name: str
    points: list[Row]
    laws: dict[str, dict[str, float]]

    @classmethod
    def of(cls, rows: Sequence[Row], game: str, gap: str) -> _Curve:
        mine = pick(rows, game=game)
        laws = {}
        for fit in _FITS:
            names = {what: f"{_LAWS[gap]}{fit}_{what}" for what in ("exponent", "exponent_low", "exponent_high", "factor")}
            found = {what: pick(mine, quantity=name) for what, name in names.items()}
            laws[fit] = {what: float(of[0]["mean"]) for what, of in found.items() if of}
        return cls(game if gap == "gap_all_seen" else f"{game}, told", pick(mine, quantity=gap), laws)

    @property
    def errors(self) -> bool:
        """Whether the gaps are measured."""
        return any(float(each["standard_error"] or 0.0) > 0.0 for each in self.points)


def _gaps(axes: Axes, drawn: _Curve, color: str) -> None:
    above = [each for each in drawn.points if float(each["mean"]) > 0]
    law = drawn.laws["_k"]
    if not law or not above:
        axes.plot([], [], "o", color=color, ms=4, label=f"{drawn.name}: no gap")
        return
    curve(axes, above, drawn.name, color, line="o")
    ks = np.array(series(above, "k")[0])
    axes.plot(ks, law["factor"] * ks ** law["exponent"], color=color, lw=1.0)


def _exponent(axes: Axes, drawn: _Curve, fit: str, marker: str, place: tuple[float, str]) -> None:
    # The exponent of one fit, drawn at a height in a colour.
    law, (y, color) = drawn.laws[fit], place
    if not law:
        return
    low, mean, high = law["exponent_low"], law["exponent"], law["exponent_high"]
    reach = [[mean - low], [high - mean]] if np.isfinite(low) else None
    axes.errorbar(mean, y, xerr=reach, fmt=marker, color=color, ms=4, capsize=2, mfc="white" if marker == "s" else None)
