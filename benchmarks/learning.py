"""Measures G-LEARN on the warehouse game: seconds and peak memory by k, backup and threads.

    python benchmarks/learning.py                       # ours
    python benchmarks/learning.py --peer DIR            # beside a checkout of the authors' code, in the same run

Every row is measured in its own process, from a uniform local policy. The first use compiles (the result is cached on
disk) and is measured separately. The authors' code runs with its own settings: at
most 100 sweeps on expected next counts rounded to one count vector.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

TOLERANCE = 1e-2  # reward units, the default; values are near 90


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_ours(k: int, backup: str, threads: int, repeats: int) -> dict:
    from altmarl_ros.games import load_game
    from altmarl_ros.learning.counts.backups import GLearnOptions
    from altmarl_ros.learning.counts.global_agent import g_learn
    from altmarl_ros.policies import LocalPolicy

    game = load_game("warehouse")
    pi_l = LocalPolicy.uniform(game)
    options = GLearnOptions(backup=backup, threads=threads, tolerance=TOLERANCE)
    began = time.perf_counter()
    g_learn(game, pi_l, 3, options)
    first_use = time.perf_counter() - began
    base = peak_mib()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        solution = g_learn(game, pi_l, k, options)
        seconds.append(time.perf_counter() - began)
    return {
        "seconds": statistics.median(seconds),
        "first_use": first_use,
        "base_mib": base,
        "sweeps": solution.sweeps,
        "loss": solution.loss_bound,
    }


def measure_ladder(k: int, backup: str, threads: int, repeats: int) -> dict:
    from altmarl_ros.games import load_game
    from altmarl_ros.learning.alternating import TrainingOptions, learn_ladder
    from altmarl_ros.learning.counts.backups import GLearnOptions
    from altmarl_ros.policies import LocalPolicy

    game = load_game("warehouse")
    pi_l = LocalPolicy.uniform(game)
    options = TrainingOptions(K=k, g_learn=GLearnOptions(backup=backup, threads=threads, tolerance=TOLERANCE))
    began = time.perf_counter()
    learn_ladder(game, pi_l, TrainingOptions(K=3, g_learn=options.g_learn))
    first_use = time.perf_counter() - began
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        learn_ladder(game, pi_l, options)
        seconds.append(time.perf_counter() - began)
    return {"seconds": statistics.median(seconds), "first_use": first_use}


def measure_peer(k: int, folder: str, repeats: int) -> dict:
    import authors

    from altmarl_ros.games import load_game

    game = load_game("warehouse")
    authors.g_learn(Path(folder), game, 3)
    base = peak_mib()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        authors.g_learn(Path(folder), game, k)
        seconds.append(time.perf_counter() - began)
    return {"seconds": statistics.median(seconds), "base_mib": base}


def in_own_process(kind: str, **arguments: object) -> dict:
    command = [sys.executable, __file__, "--measure", json.dumps([kind, arguments])]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    return json.loads(result.stdout)


def measure(text: str) -> None:
    kind, arguments = json.loads(text)
    result = {"ours": measure_ours, "ladder": measure_ladder, "peer": measure_peer}[kind](**arguments)
    result["peak_mib"] = peak_mib()
    print(json.dumps(result))


def work(row: dict) -> float:
    """Return the memory beyond that of interpreter, libraries and compiled loops, which is measured after solving k = 3."""
    return row["peak_mib"] - row["base_mib"]


def _ratio(row: dict, peer: dict | None) -> str:
    return f"1/{peer['seconds'] / row['seconds']:.1f}" if peer else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, help="checkout of the authors' code")
    parser.add_argument("--k", type=int, nargs="*", default=[10, 25, 50])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    cores = len(os.sched_getaffinity(0))
    table = Table(title=f"G-LEARN, warehouse; {platform.machine()}, {cores} cores, CPython {platform.python_version()}")
    for column in (
        "what",
        "k",
        "threads",
        "seconds",
        "of peer's",
        "peak MiB",
        "of peer's",
        "work MiB",
        "of peer's",
        "sweeps",
        "loss <=",
        "first use s",
    ):
        table.add_column(column, justify="left" if column == "what" else "right")
    for k in arguments.k:
        repeats = arguments.repeats if k <= 25 else 1
        peer = in_own_process("peer", k=k, folder=str(arguments.peer), repeats=repeats) if arguments.peer else None
        if peer:
            table.add_row(
                "authors' code",
                str(k),
                "1",
                f"{peer['seconds']:.3f}",
                "1",
                f"{peer['peak_mib']:.0f}",
                "1",
                f"{work(peer):.0f}",
                "1",
                "",
                "",
                "",
            )
        for backup in ("exact", "sampled"):
            for threads in sorted({1, cores}):
                row = in_own_process("ours", k=k, backup=backup, threads=threads, repeats=repeats)
                table.add_row(
                    backup,
                    str(k),
                    str(threads),
                    f"{row['seconds']:.3f}",
                    _ratio(row, peer),
                    f"{row['peak_mib']:.0f}",
                    f"{row['peak_mib'] / peer['peak_mib']:.2f}" if peer else "",
                    f"{work(row):.0f}",
                    f"{work(row) / work(peer):.2f}" if peer else "",
                    str(row["sweeps"]),
                    f"{row['loss']:.1e}",
                    f"{row['first_use']:.1f}",
                )
        if k <= 25:
            row = in_own_process("ladder", k=k, backup="auto", threads=cores, repeats=1)
            table.add_row(
                f"ladder 0..{k}",
                str(k),
                str(cores),
                f"{row['seconds']:.3f}",
                "",
                f"{row['peak_mib']:.0f}",
                "",
                "",
                "",
                "",
                "",
                f"{row['first_use']:.1f}",
            )
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
