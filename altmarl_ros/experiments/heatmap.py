"""Value over two parameters of play, the others fixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from altmarl_ros.errors import AltmarlError
from altmarl_ros.experiments.grid import Setting, play_grid, rows_of
from altmarl_ros.experiments.lab import Lab
from altmarl_ros.experiments.table import Row, Value
from altmarl_ros.experiments.tasks import learn_task
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.evaluation import ALL_SEEN, RULES
from altmarl_ros.observation import DEFAULT_MODEL, MODEL_NAMES
from altmarl_ros.observation.catalogue import DEFAULT_TURNOVER

AXES: dict[str, tuple[Value, ...]] = {
    "k": (1, 2, 5, 10, 15, 20, 25),
    "robots": (30, 100, 300, 1000, 10_000),
    "loss": (0.0, 0.2, 0.4, 0.6, 0.8),
    "turnover": (0.0, 0.1, 0.2, 0.5, 1.0),
    "spread": (0.0, 0.25, 0.5, 0.75, 1.0),
    "horizon": (10, 20, 50, 100),
    "model": MODEL_NAMES,
}
"""What can be an axis, with the values taken where none are given."""

_WHOLE = ("k", "robots", "horizon")


@dataclass(frozen=True)
class HeatmapOptions:
    """Two axes with their values (empty: those of AXES), and what the rest is fixed at. `K` is the top rung."""

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
    """Values of an axis, checked.

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


def heatmap(game: TabularGame, options: HeatmapOptions, lab: Lab) -> list[Row]:
    """Rows by x and y: value, mode accuracy and gap to all seen; one pair of policies plays all."""
    if options.x == options.y:
        raise AltmarlError(f"both axes are {options.x!r}")
    xs, ys = axis_values(options.x, options.x_value), axis_values(options.y, options.y_value)
    seeds = range(options.seed, options.seed + options.seeds)
    K = max([options.K, *[int(k) for name, values in ((options.x, xs), (options.y, ys)) if name == "k" for k in values]])
    learned = lab.map("learn", [learn_task(game, K, options.robots, options.training_runs, options.seed, options.learn_for)])
    cells = [(x, y) for y in ys for x in xs]
    settings = [_setting(options, {options.x: x, options.y: y}) for x, y in cells]
    # Every robot seen: no k, turnover or loss, so that few settings are played for many cells.
    references = [_reference(setting) for setting in settings]
    played = play_grid(lab, game, [*settings, *references], seeds, lambda setting, seed: learned[0])
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
