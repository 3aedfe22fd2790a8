"""Plays pairs of policies over a grid of settings and seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.experiments.learn_and_play import play_task
from altmarl_ros.experiments.statistics import mean_and_error
from altmarl_ros.experiments.table import Row, Value, row
from altmarl_ros.experiments.task_runner import TaskRunner
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.policies import PolicyBundle

Setting = Mapping[str, Any]
"""Parameters of `learn_and_play.play` without the seed."""


@dataclass(frozen=True, eq=False)
class Played:
    """What the team did in one setting: returns, mode accuracies and shares of robot-ticks held back [seed, episode]."""

    setting: Setting
    returns: FloatArray
    mode_accuracy: FloatArray
    held: FloatArray

    @property
    def sizes(self) -> dict[str, int]:
        """Values of the table's columns robots, runs and seeds."""
        seeds, runs = self.returns.shape
        return {"robots": self.setting["robots"], "runs": runs, "seeds": seeds}


def play_grid(
    runner: TaskRunner,
    game: TabularGame,
    settings: Sequence[Setting],
    seeds: Sequence[int],
    pair: Callable[[Setting, int], PolicyBundle],
) -> list[Played]:
    """Play every setting with every seed, by the policies that `pair` returns; differences between settings are paired."""
    grid = [(setting, seed) for setting in settings for seed in seeds]
    tasks = [play_task(game, pair(setting, seed), _cost(setting), **setting, seed=seed) for setting, seed in grid]
    results = runner.map("play", tasks)
    played = []
    for i, setting in enumerate(settings):
        mine = results[i * len(seeds) : (i + 1) * len(seeds)]
        arrays = (np.array([each[what] for each in mine]) for what in ("returns", "mode_accuracy", "held"))
        played.append(Played(setting, *arrays))
    return played


def always(pair: PolicyBundle) -> Callable[[Setting, int], PolicyBundle]:
    """For `play_grid`: the same pair plays every setting with every seed."""
    return lambda setting, seed: pair


def rows_of(columns: Mapping[str, Value], played: Played, best: Mapping[str, Played]) -> list[Row]:
    """Rows of value, mode accuracy and, paired by episode, the gap to every named reference other than itself.

    Where robots were held back at full places, a row `held_back` gives the share of robot-ticks.
    """
    rows = [
        row(columns, "value", *mean_and_error(played.returns), **played.sizes),
        row(columns, "mode_accuracy", *mean_and_error(played.mode_accuracy), **played.sizes),
    ]
    if played.held.any():
        rows.append(row(columns, "held_back", *mean_and_error(played.held), **played.sizes))
    for name, reference in best.items():
        if reference is not played:
            rows.append(row(columns, f"gap_to_{name}", *mean_and_error(reference.returns - played.returns), **played.sizes))
    return rows


def _cost(setting: Setting) -> float:
    individually = setting["robots"] if setting.get("spread") is not None else 20
    return float(setting["runs"] * individually * (3 if setting["rule"] == "informed" else 1))
