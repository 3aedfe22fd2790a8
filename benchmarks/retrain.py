"""Measures what a second policy earns more: learn on a model, run, identify, learn again, on games that differ from it.

    python benchmarks/retrain.py                        # simulated robots that move otherwise than in the model

The first and the second bundle play the true game from the same starts with the same seeds. "ungated" takes the bundle of
the second training even if it does not beat the first on the identified game.
"""

from __future__ import annotations

import argparse
import platform
import time
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table

from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.learning.alternating import TrainingOptions
from retraining import Gain, MarkovRuns, paired_gain, retrain

ROBOTS, TICKS, K = 30, 60, 2
OPTIONS = TrainingOptions(K=K, runs=200, n=ROBOTS, rounds=3, certificate_runs=0)


def slower(game: TabularGame, share: float) -> TabularGame:
    """Make a game in which this share of all moves does not happen."""
    return replace(game, P_l=(1 - share) * game.P_l + share * np.eye(game.n_local_states)[:, None, None])


def pushed(game: TabularGame, share: float) -> TabularGame:
    """Make a game in which a robot ends in a random state with this probability, whatever it does."""
    return replace(game, P_l=(1 - share) * game.P_l + share / game.n_local_states)


def shown(gain: Gain) -> str:
    return f"{gain.difference:+.3f} ± {gain.standard_error:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[4, 16], help="runs to identify from")
    parser.add_argument("--seeds", type=int, default=100, help="paired runs of the comparison")
    arguments = parser.parse_args()
    table = Table(
        title=f"reward per tick, {ROBOTS} robots, k = {K}, {TICKS} ticks, {arguments.seeds} paired runs; {platform.machine()}"
    )
    for column in ("game", "truth", "runs", "first", "second - first", "ungated - first", "taken", "seconds"):
        table.add_column(column, justify="left" if column in ("game", "truth", "taken") else "right")
    for name in ("hall", "floor", "warehouse", "warehouse_distance", "federated"):
        model = load_game(name)
        for label, truth in (("slower", slower(model, 0.6)), ("pushed", pushed(model, 0.2)), ("the model", model)):
            source = MarkovRuns(truth, ROBOTS, K, TICKS)
            for runs in arguments.runs:
                began = time.perf_counter()
                result = retrain(model, source, range(runs), OPTIONS)
                seconds = time.perf_counter() - began
                seeds = range(10_000, 10_000 + arguments.seeds)
                gain = paired_gain(model, result, source, seeds)
                taken = result.second is result.candidate
                ungated = gain if taken else paired_gain(model, replace(result, second=result.candidate), source, seeds)
                table.add_row(
                    name,
                    label,
                    str(runs),
                    f"{gain.first:.3f}",
                    shown(gain),
                    shown(ungated),
                    "yes" if taken else "no",
                    f"{seconds:.1f}",
                )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
