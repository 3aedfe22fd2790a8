"""Experiment `k-sweep`: reward, mode accuracy and training time against the number of reports k.

For every k of the sweep and every seed a pair is learned with K = k for `fresh`: its seconds are the training
time, and `fresh` with the pair learned for k is what the paper reports. The models without memory also play the pair of
the largest k at every k, by the ladder's rung for k. `filtered`, every robot seen and random actions play the pair of
the largest k that was learned for `filtered`. With `learn_for` all rules play pairs learned for that model. All play the
same starts with the same random numbers. In a game with a hidden state only `filtered` plays, a coordinator that is told the
state is a level, and one pair is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence

from altmarl_ros.experiments.figure import COLORS, curve, integer_ticks, level, panels, plain_log_scale, shared_legend
from altmarl_ros.experiments.grid import Setting, play_grid, rows_of
from altmarl_ros.experiments.learn_and_play import learn_task
from altmarl_ros.experiments.statistics import mean_and_error
from altmarl_ros.experiments.table import Row, distinct, pick, row
from altmarl_ros.experiments.task_runner import TaskRunner
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.evaluation import ALL_SEEN, RANDOM, TOLD
from altmarl_ros.observation import DEFAULT_MODEL, MODEL_NAMES, models_for
from altmarl_ros.plotting import GREY
from altmarl_ros.policies import PolicyBundle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEARNED_FOR_K = "fresh, learned for k"

_SECONDS = {"best_responses_seconds": "best responses", "ladder_seconds": "ladder 0..k"}


@dataclass(frozen=True)
class KSweepOptions:
    """What is swept; per seed, `training_runs` are the episodes of a training's evaluations and `runs` those of play."""

    k: tuple[int, ...] = (1, 2, 5, 10, 15, 20, 25)
    model: tuple[str, ...] = MODEL_NAMES
    robots: int = 1000
    runs: int = 500
    horizon: int = 50
    seeds: int = 3
    seed: int = 0
    training_runs: int = 400
    learn_for: str | None = None


QUICK = KSweepOptions(k=(1, 2, 4), robots=100, runs=60, seeds=2, training_runs=50)


def k_sweep(game: TabularGame, options: KSweepOptions, runner: TaskRunner) -> list[Row]:
    """Learn and play; rows by rule and k: value, mode accuracy and gap to all seen; by k: the seconds of learning."""
    ks, seeds = sorted(set(options.k)), range(options.seed, options.seed + options.seeds)
    without_memory, with_memory = options.learn_for or "fresh", options.learn_for or "filtered"
    models, learned_each = options.model, ks
    if "fresh" not in models_for(game):  # only models with a memory find a hidden state, or follow types
        models, learned_each, without_memory = (DEFAULT_MODEL,), ks[-1:], with_memory
    grid = [(k, seed) for k in learned_each for seed in seeds]
    wanted_pairs = {(k, seed, without_memory) for k, seed in grid} | {(ks[-1], seed, with_memory) for seed in seeds}
    order = sorted(wanted_pairs)
    tasks = [
        learn_task(game, k, robots=options.robots, runs=options.training_runs, seed=seed, learn_for=model)
        for k, seed, model in order
    ]
    pairs: dict[tuple[int, int, str], PolicyBundle] = dict(zip(order, runner.map("learn", tasks), strict=True))

    def pair_of(setting: Setting, seed: int) -> PolicyBundle:
        model = without_memory if setting["rule"] in ("fresh", "sticky") else with_memory
        return pairs[ks[-1], seed, model]

    sizes = {"robots": options.robots, "runs": options.runs, "horizon": options.horizon}
    settings: dict[tuple[str, int | str], Setting] = {(ALL_SEEN, ""): {"rule": ALL_SEEN, "k": 0, **sizes}}
    settings[RANDOM, ""] = {"rule": RANDOM, "k": 0, **sizes}
    if game.hidden is not None:
        settings[TOLD, ""] = {"rule": TOLD, "k": 0, **sizes}
    for k in ks:
        for model in models:
            settings[model, k] = {"rule": model, "k": k, **sizes}
    shared = play_grid(runner, game, list(settings.values()), seeds, pair_of)
    by_rule = dict(zip(settings, shared, strict=True))
    own: list[Setting] = [{"rule": "fresh", "k": k, **sizes} for k in (ks if "fresh" in models_for(game) else ())]
    played_own = play_grid(runner, game, own, seeds, lambda setting, seed: pairs[setting["k"], seed, without_memory])
    for setting, played in zip(own, played_own, strict=True):
        by_rule[LEARNED_FOR_K, setting["k"]] = played

    rows: list[Row] = []
    for (rule, wanted), played in by_rule.items():
        rows += rows_of({"rule": rule, "k": wanted}, played, {ALL_SEEN: by_rule[ALL_SEEN, ""]})
    for k in learned_each:
        reports = [pairs[k, seed, without_memory].report for seed in seeds]
        responses = [sum(step["seconds"] for step in report["steps"]) for report in reports]
        ladders = [max(0.0, report["seconds"] - spent) for report, spent in zip(reports, responses, strict=True)]
        count = {"robots": options.robots, "runs": options.training_runs, "seeds": options.seeds}
        for quantity, seconds in (("best_responses_seconds", responses), ("ladder_seconds", ladders)):
            rows.append(row({"rule": "learning", "k": k}, quantity, *mean_and_error(seconds), **count))
    return rows


def draw_k_sweep(rows: Sequence[Row], caption: str = "", compare: Sequence[Row] = ()) -> Figure:
    """Draw value, mode accuracy and seconds of learning against k; curves of the rows `compare` are dashed."""
    figure, (value, accuracy, seconds) = panels(3, caption, height=4.4, width=12)
    for axes, quantity, scale in ((value, "value", 1.0), (accuracy, "mode_accuracy", 100.0)):
        level(axes, pick(rows, rule=ALL_SEEN, quantity=quantity), "every robot seen", "black", scale)
        level(axes, pick(rows, rule=TOLD, quantity=quantity), "and told the hidden state", COLORS[5], scale)
        level(axes, pick(rows, rule=RANDOM, quantity=quantity), "random actions", GREY, scale)
        _curves(axes, rows, quantity, scale=scale, line="o-", first_color=0)
        _curves(axes, compare, quantity, scale=scale, line="s--", first_color=4)
    for i, (quantity, label) in enumerate(_SECONDS.items()):
        curve(seconds, pick(rows, quantity=quantity), label, COLORS[i])
        theirs = pick(compare, quantity=quantity)
        for rule in distinct(theirs, "rule"):
            curve(seconds, pick(theirs, rule=rule), f"{label}, {rule}", COLORS[4 + i], line="s--")
    plain_log_scale(seconds)
    seconds.legend(frameon=False, fontsize=9)
    ks = sorted(float(k) for k in distinct(rows, "k"))
    for axes, label in (
        (value, "discounted team reward"),
        (accuracy, "ticks at the most populated zone [%]"),
        (seconds, "learning, one core [s]"),
    ):
        axes.set_xlabel("reports per tick, k")
        axes.set_ylabel(label)
        integer_ticks(axes, ks)
    shared_legend(figure, value, 4)
    return figure


def _curves(axes: Axes, rows: Sequence[Row], quantity: str, *, scale: float, line: str, first_color: int) -> None:
    measured = [each for each in pick(rows, quantity=quantity) if each["k"] != ""]
    for i, rule in enumerate(distinct(measured, "rule")):
        # This curve mostly lies on that of `fresh`, which must stay visible beneath it.
        style = "x:" if rule == LEARNED_FOR_K else line
        curve(axes, pick(measured, rule=rule), str(rule), COLORS[(first_color + i) % len(COLORS)], scale=scale, line=style)
