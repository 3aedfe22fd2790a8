"""Experiment `heatmap`: team value over two parameters of play, with the others fixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

from altmarl_ros.errors import AltmarlError
from altmarl_ros.experiments.figure import panels
from altmarl_ros.experiments.grid import Setting, play_grid, rows_of
from altmarl_ros.experiments.learn_and_play import learn_task
from altmarl_ros.experiments.table import Row, Value, distinct, pick
from altmarl_ros.experiments.task_runner import TaskRunner
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.evaluation import ALL_SEEN, RULES
from altmarl_ros.observation import DEFAULT_MODEL, MODEL_NAMES
from altmarl_ros.observation.catalogue import DEFAULT_TURNOVER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES: dict[str, tuple[Value, ...]] = {
    "k": (1, 2, 5, 10, 15, 20, 25),
    "robots": (30, 100, 300, 1000, 10_000),
    "loss": (0.0, 0.2, 0.4, 0.6, 0.8),
    "turnover": (0.0, 0.1, 0.2, 0.5, 1.0),
    "spread": (0.0, 0.25, 0.5, 0.75, 1.0),
    "horizon": (10, 20, 50, 100),
    "model": MODEL_NAMES,
}
"""Parameters that can be an axis, with the values that are played where none are given."""

_WHOLE = ("k", "robots", "horizon")

_LABELS = {
    "k": "reports per tick, k",
    "robots": "robots in the fleet, n",
    "loss": "share of reports lost",
    "turnover": "share of the subset drawn anew",
    "spread": "spread of the robots' kernels",
    "horizon": "ticks per episode",
    "model": "observation model",
}
_QUANTITIES = {"value": ("discounted team reward", "viridis"), "gap_to_all_seen": ("gap to every robot seen", "magma_r")}


@dataclass(frozen=True)
class HeatmapOptions:
    """Two axes with their values (empty: those of AXES), and the other parameters. `K` is the ladder's top rung."""

    x: str = "k"
    y: str = "robots"
    x_value: tuple[Value, ...] = ()
    y_value: tuple[Value, ...] = ()
    model: str = DEFAULT_MODEL
    k: int = 5
    loss: float = 0.0
    turnover: float = DEFAULT_TURNOVER
    spread: float | None = None
    K: int = 25
    robots: int = 1000
    runs: int = 400
    horizon: int = 50
    seeds: int = 2
    seed: int = 0
    training_runs: int = 400
    learn_for: str = DEFAULT_MODEL


QUICK = HeatmapOptions(x_value=(1, 3), y_value=(20, 50), K=3, robots=60, runs=40, seeds=2, training_runs=50)


def axis_values(name: str, given: tuple[Any, ...]) -> tuple[Value, ...]:
    """Check and convert the values of an axis; without any, take those of AXES.

    Raises:
        AltmarlError: the axis is unknown, or a value is not of its kind.
    """
    if name not in AXES:
        raise AltmarlError(f"axis {name!r} is unknown; known are {', '.join(AXES)}")
    values: list[Value] = []
    for value in given or AXES[name]:
        try:
            converted: Value = str(value) if name == "model" else int(value) if name in _WHOLE else float(value)
        except ValueError:
            raise AltmarlError(f"{value!r} is no value of axis {name!r}") from None
        if converted in ("", *values) or (name == "model" and converted not in RULES):
            raise AltmarlError(f"{value!r} is no value of axis {name!r}, or stands there twice")
        if not isinstance(converted, str) and not (converted >= (1 if name in _WHOLE[1:] else 0)):
            raise AltmarlError(f"{value!r} is too small for axis {name!r}")
        values.append(converted)
    return tuple(values)


def heatmap(game: TabularGame, options: HeatmapOptions, runner: TaskRunner) -> list[Row]:
    """Learn one pair of policies and play it in every cell; rows by x and y: value, mode accuracy and gap to all seen."""
    if options.x == options.y:
        raise AltmarlError(f"both axes are {options.x!r}")
    xs, ys = axis_values(options.x, options.x_value), axis_values(options.y, options.y_value)
    seeds = range(options.seed, options.seed + options.seeds)
    K = max([options.K, *[int(k) for name, values in ((options.x, xs), (options.y, ys)) if name == "k" for k in values]])
    learning = learn_task(
        game, K, robots=options.robots, runs=options.training_runs, seed=options.seed, learn_for=options.learn_for
    )
    (learned,) = runner.map("learn", [learning])
    cells = [(x, y) for y in ys for x in xs]
    settings = [_setting(options, {options.x: x, options.y: y}) for x, y in cells]
    # With every robot seen k, turnover and loss do not matter, so that few settings are played for many cells.
    references = [_reference(setting) for setting in settings]
    played = play_grid(runner, game, [*settings, *references], seeds, lambda setting, seed: learned)
    rows: list[Row] = []
    for (x, y), mine, best in zip(cells, played, played[len(cells) :], strict=False):
        rows += rows_of({"x": options.x, "x_value": x, "y": options.y, "y_value": y}, mine, {ALL_SEEN: best})
    return rows


def _setting(options: HeatmapOptions, cell: dict[str, Value]) -> Setting:
    setting: dict[str, Any] = {
        "rule": options.model,
        "k": options.k,
        "robots": options.robots,
        "runs": options.runs,
        "horizon": options.horizon,
        "turnover": options.turnover,
        "loss": options.loss,
        "spread": options.spread,
    }
    return {**setting, **{"rule" if name == "model" else name: value for name, value in cell.items()}}


def _reference(setting: Setting) -> Setting:
    return {**setting, "rule": ALL_SEEN, "k": 0, "turnover": DEFAULT_TURNOVER, "loss": 0.0}


def draw_heatmap(rows: Sequence[Row], caption: str = "") -> Figure:
    """Draw value and gap to all seen over two parameters, with the numbers written into the cells."""
    figure, axes = panels(2, caption, height=4.6, width=12)
    for panel, (quantity, (label, colors)) in zip(axes, _QUANTITIES.items(), strict=True):
        _map(panel, pick(rows, quantity=quantity), label, colors)
    return figure


def _map(axes: Axes, rows: Sequence[Row], label: str, colors: str) -> None:
    xs, ys = distinct(rows, "x_value"), distinct(rows, "y_value")
    cells = np.full((len(ys), len(xs)), np.nan)
    for each in rows:
        cells[ys.index(each["y_value"]), xs.index(each["x_value"])] = float(each["mean"])
    image = axes.imshow(cells, origin="lower", aspect="auto", cmap=colors)
    for (i, j), value in np.ndenumerate(cells):
        shade = image.cmap(image.norm(value))
        dark = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2] < 0.5
        axes.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=8, color="white" if dark else "black")
    axes.set_xticks(range(len(xs)), [_tick(x) for x in xs])
    axes.set_yticks(range(len(ys)), [_tick(y) for y in ys])
    axes.set_xlabel(_LABELS.get(str(rows[0]["x"]), str(rows[0]["x"])))
    axes.set_ylabel(_LABELS.get(str(rows[0]["y"]), str(rows[0]["y"])))
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.colorbar(image, ax=axes, label=label, pad=0.02)


def _tick(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
