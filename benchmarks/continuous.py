"""Measures the discounted reward on the continuous warehouse by observation model and reports per tick, from common starts.

    python benchmarks/continuous.py
    python benchmarks/continuous.py --ladder    # beside a ladder by groups of cells, in the same episodes

n = 500 robots, the authors' starts and dynamics, 50 ticks, gamma = 0.95; trained on the discretised game,
played on the continuous one. The authors' figures are those of their README and figure data (TRPO;
github.com/emiletimothy/alternating-marl at 1190c22): 30 episodes for each of 10 seeds, 21 s of training per k.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table
from shares_play import paired

from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.populations.population import Rollouts, simulate, start_fleets
from altmarl_ros.observation import MODEL_NAMES, AllSeen, ObservationModel, RandomActions, make_model
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.bundle import default_top_rung

KS = (1, 3, 10, 75)
HORIZON = 50
AUTHORS = {1: 127.83, 3: 133.43, 10: 135.50, 75: 152.03}
GOAL = {1: 175.0, 10: 178.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robots", type=int, default=500)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ladder", action="store_true", help="also train a ladder by exact backups, and compare in pairs")
    arguments = parser.parse_args()
    game = load_game("continuous_warehouse")
    began, worked = time.perf_counter(), time.process_time()
    options = TrainingOptions(K=default_top_rung(game), n=arguments.robots, seed=arguments.seed)
    bundle = train(game, options)
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    start = start_fleets(game, arguments.robots, arguments.runs, np.random.default_rng([arguments.seed, 10]))

    def play(model: ObservationModel, pi_l: LocalPolicy, k: int) -> Rollouts:
        return simulate(game, pi_l, model, k=k, start=start, horizon=HORIZON, rng=np.random.default_rng([arguments.seed, 11]))

    table = Table(title=f"continuous_warehouse, n = {arguments.robots}, {arguments.runs} episodes; value ± standard error")
    table.add_column("policy and model")
    for k in KS:
        table.add_column(f"k = {k}", justify="right")
    for name in MODEL_NAMES:
        rollouts = [play(make_model(name, game, bundle), bundle.pi_l, k) for k in KS]
        table.add_row(f"ours, {name}", *(f"{each.value:.2f} ± {each.standard_error:.2f}" for each in rollouts))
    table.add_row("authors' TRPO (quoted)", *(f"{AUTHORS[k]:.2f}" for k in KS))
    table.add_row("goal", *(f"{GOAL[k]:.0f}" if k in GOAL else "" for k in KS))
    console = Console(width=120)
    console.print(table)
    random = RandomActions(bundle.pi_g, game.initial, np.random.default_rng([arguments.seed, 12]))
    for name, level in (
        (f"all {arguments.robots} robots seen", play(AllSeen(bundle.pi_g, game.initial), bundle.pi_l, arguments.robots)),
        ("random actions", play(random, LocalPolicy.uniform(game), 0)),
    ):
        console.print(f"{name}: {level.value:.2f} ± {level.standard_error:.2f}")
    if arguments.ladder:
        began, by_groups = time.process_time(), train(game, replace(options, g_learn=GLearnOptions(backup="exact")))
        console.print(f"the ladder's training: {time.process_time() - began:.1f} s of processor time")
        for name, k in (("all seen", arguments.robots), ("filtered", 1), ("filtered", 10)):
            ours, other = (
                play(
                    AllSeen(each.pi_g, game.initial) if name == "all seen" else make_model(name, game, each), each.pi_l, k
                ).returns
                for each in (bundle, by_groups)
            )
            console.print(f"{name}, k = {k}: {ours.mean():.2f}, less the ladder's {other.mean():.2f}: {paired(ours, other)}")
    console.print(f"training: {seconds:.1f} s ({worked:.1f} s of processor time), compilation included where it is not cached")


if __name__ == "__main__":
    main()
