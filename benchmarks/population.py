"""Measures the population simulation on the warehouse game: time by number of robots, and agent-steps per second.

    python benchmarks/population.py                     # ours
    python benchmarks/population.py --peer DIR          # beside a checkout of the authors' code, in the same run

Rows alternate over several rounds, so that a busy machine slows down all alike; medians are shown. Both play
episodes of 50 ticks at k = 5 with new subsets; an agent-step is one robot in one tick of one episode.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Callable

import authors
import numpy as np
from rich.console import Console
from rich.table import Table

from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.observation import Fresh

K, HORIZON, RUNS, PEER_RUNS = 5, 50, 1000, 20
ROBOTS = (100, 1_000, 10_000, 100_000, 1_000_000)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, help="checkout of the authors' code")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    game = load_game("warehouse")
    bundle = train(game, TrainingOptions(K=K))
    starts = {n: start_fleets(game, n, RUNS, np.random.default_rng(0)) for n in ROBOTS}
    seconds: dict[str | int, list[float]] = {n: [] for n in ROBOTS}
    peer = authors.learner(arguments.peer, game, K, 1000) if arguments.peer else None

    def play(n: int) -> None:
        simulate(
            game,
            bundle.pi_l,
            Fresh(bundle.pi_g, game.initial),
            k=K,
            start=starts[n],
            horizon=HORIZON,
            rng=np.random.default_rng(1),
        )

    play(100)
    for _ in range(arguments.rounds):
        for n in ROBOTS:
            seconds[n].append(timed(lambda n=n: play(n)))
        if peer:
            seconds.setdefault("peer", []).append(timed(lambda: peer.evaluate(n_rollouts=PEER_RUNS, horizon=HORIZON)))
    median = {key: statistics.median(values) for key, values in seconds.items()}
    rate = {n: n * HORIZON * RUNS / median[n] for n in ROBOTS}

    table = Table(title=f"{RUNS} episodes of {HORIZON} ticks, k = {K}; {platform.machine()}, {os.cpu_count()} cores")
    for column in ("robots", "seconds", "of n = 100", "agent-steps/s", "of authors' at n = 1000"):
        table.add_column(column, justify="right")
    peer_rate = 1000 * HORIZON * PEER_RUNS / median["peer"] if peer else None
    for n in ROBOTS:
        table.add_row(
            f"{n:,}",
            f"{median[n]:.3f}",
            f"{median[n] / median[100]:.2f}",
            f"{rate[n]:.3g}",
            f"{rate[n] / peer_rate:,.0f}" if peer_rate else "",
        )
    if peer_rate:
        table.add_row("authors' code, 1,000", f"{median['peer']:.3f} ({PEER_RUNS} episodes)", "", f"{peer_rate:.3g}", "1")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
