"""What training leaves to be gained: small random games, trained for `fresh`, whose gaps are enumerated.

    python benchmarks/gaps.py                    # 20 games of 3 local and 3 global states, 12 robots, 2 reports: minutes
    python benchmarks/gaps.py --seeds 3          # the first three of them

Each game is trained by `train` with default options (`--search 0`: by alternating best responses alone). Then all 512
deterministic policies of the robots are evaluated exactly, for one robot and for all, and the coordinator's tables are
searched from many starts by exact values. Printed is what the team would gain, in per cent of its value, if the coordinator,
all robots or one robot (times n) changed alone, and the most that any coordinator could gain that sees all robots.
"""

from __future__ import annotations

import argparse
import os
import platform
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.equilibrium import nash_gap

STATES = 3
SECONDS = 5.0  # the default of small games
LIMIT = 1.0  # per cent of the value
TITLES = {
    "global_gain": "coordinator %",
    "local_gain_all": "all robots %",
    "local_gain_one": "one robot, times n %",
    "global_all_seen": "all seen, at most %",
}


def measure(seed: int, k: int, n: int, seconds: float) -> dict[str, float]:
    game = build_random_game(RandomGameParameters(seed=seed, global_states=STATES, local_states=STATES))
    began = time.perf_counter()
    bundle = train(game, TrainingOptions(K=k, n=n, learn_for="fresh", certificate_runs=0, search_seconds=seconds))
    trained = time.perf_counter() - began
    gap = nash_gap(game, bundle.pi_g, bundle.pi_l, k=k, n=n, method="exact")
    gains = {name: 100.0 * getattr(gap, name).estimate / abs(gap.value) for name in TITLES}
    return {"value": gap.value, **gains, "seconds": trained}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="games, by the seeds 0, 1, ..")
    parser.add_argument("--robots", type=int, default=12)
    parser.add_argument("-k", type=int, default=2, help="reports per tick")
    parser.add_argument("--search", type=float, default=SECONDS, help="seconds of the search in each training; 0: none")
    arguments = parser.parse_args()
    rows = [measure(seed, arguments.k, arguments.robots, arguments.search) for seed in range(arguments.seeds)]
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, CPython {platform.python_version()}"
    table = Table("seed", title=f"what could be gained, n = {arguments.robots}, k = {arguments.k}, fresh; {machine}")
    for column in ("value", *TITLES.values(), "trained in s"):
        table.add_column(column, justify="right")
    for seed, row in enumerate(rows):
        table.add_row(str(seed), *(f"{value:.2f}" for value in row.values()))
    console = Console(width=130)
    console.print(table)
    for name in ("global_gain", "local_gain_all", "local_gain_one"):
        gains = np.array([row[name] for row in rows])
        console.print(
            f"{TITLES[name]}: under {LIMIT:g} in {(gains < LIMIT).sum()} of {len(rows)}, median {np.median(gains):.2f}"
        )
    both = sum(max(row["global_gain"], row["local_gain_all"]) < LIMIT for row in rows)
    mean = np.mean([row["value"] for row in rows])
    console.print(f"coordinator's and robots' gain both under {LIMIT:g} % in {both} of {len(rows)}; mean value {mean:.3f}")


if __name__ == "__main__":
    main()
