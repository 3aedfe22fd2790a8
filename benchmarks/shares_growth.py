"""How time and memory of G-LEARN over shares grow with the world, and that they do not with reports and robots.

    python benchmarks/shares_growth.py                                          # two tables, about two minutes
    python benchmarks/shares_growth.py --picture docs/images/shares-growth.png

Robots of the grids head for attention. Seconds are those of the processor,
memory is what a solution takes above what its process had before. Each solution has a process of its own, and follows a small
one, when everything is compiled. The second table solves one grid with points from episodes of k reports per tick, and
bounds what a coordinator of k of n robots earns at least by it: neither k nor n is in the work.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from shares import grid, memory_mib, timed

from altmarl_ros.games import TabularGame
from altmarl_ros.learning.shares.estimates import ALL, SimulatedEstimates
from altmarl_ros.learning.shares.lower_bounds import heard_some
from altmarl_ros.learning.shares.solver import learn_shares
from altmarl_ros.plotting import BLUE, GREY, ORANGE, as_png, new_figure, tidy
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesProcess

ZONES = (9, 16, 25, 36, 64, 100, 196, 400)
KS = ((1, 100), (25, 1000), (250, 1_000_000))
KS_ZONES = 36
REPEATS = 3
COLUMNS = (("seconds", 2), ("mib", 0), ("vectors", 0), ("work", 0), ("at least", 2))


def heading(game: TabularGame) -> LocalPolicy:
    """The policy that leads to the highest expected reward at the next tick, s_g staying as it is."""
    after = np.stack([P @ game.r_l[:, :, 0] for P in game.local_kernel.moves[0]], axis=2)
    return LocalPolicy(np.eye(game.r_l.shape[2])[after.argmax(axis=2)])


def measure(zones: int, k: int | None, n: int) -> dict[str, float]:
    """One solution, the points of which are estimates after k reports per tick, or the default ones."""
    small, game = grid(4), grid(zones)
    reports = {} if k is None else {"reports": (0, ALL, k)}

    def solve(game: TabularGame) -> object:
        process = SharesProcess.under_policy(game, heading(game))
        return learn_shares(process, game.start, SimulatedEstimates(game.start, **reports))

    solve(small)
    Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
    base = memory_mib("VmRSS")
    solution, _, processor = timed(lambda: solve(game))
    mib = memory_mib("VmHWM") - base
    seconds = sorted([processor, *(timed(lambda: solve(game))[2] for _ in range(REPEATS - 1 if zones <= 100 else 0))])
    policy = solution.policy
    bound = heard_some(policy, game.start, k or 5, n, draws=500, rng=np.random.default_rng(0))
    vectors = len(policy.vectors)
    return {
        "seconds": seconds[len(seconds) // 2],
        "mib": mib,
        "vectors": vectors,
        "work": float(game.r_l.shape[0]) * vectors,  # S_l S_g |Gamma|, of vectors per global state
        "at least": bound.value,
    }


def in_own_process(zones: int, k: int | None = None, n: int = 1000) -> dict[str, float]:
    command = [sys.executable, __file__, "--work", json.dumps([zones, k, n])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def picture(rows: dict[int, dict[str, float]]) -> bytes:
    """Seconds and MiB against S_l S_g |Γ|, |Γ| the vectors per global state, on logarithmic axes."""
    figure = new_figure(4.2, 10.0)
    work = np.array([row["work"] for row in rows.values()])
    kinds = (("seconds", BLUE, "processor seconds"), ("mib", ORANGE, "MiB above the interpreter"))
    for axes, (name, colour, title) in zip(figure.subplots(1, 2), kinds, strict=True):
        values = np.array([row[name] for row in rows.values()])
        axes.loglog(work, values, "o", color=colour)
        middle = len(work) // 2
        axes.loglog(work, values[middle] * work / work[middle], color=GREY, linewidth=0.8)
        for zones, x, y in zip(rows, work, values, strict=True):
            axes.annotate(str(zones), (x, y), (4, -10), textcoords="offset points", fontsize=8)
        axes.set_xlabel("S_l S_g |Γ|; at each point the zones, grey: in proportion")
        axes.set_ylabel(title)
        tidy(axes)
    return as_png(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zones", type=int, nargs="*", default=ZONES, help="sizes of grids, squares")
    parser.add_argument("--picture", type=Path, help="file of the figure")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        print(json.dumps(measure(*json.loads(arguments.work))))
        return
    console = Console(width=120)
    rows = {zones: in_own_process(zones) for zones in arguments.zones}
    table = Table("zones", "seconds", "MiB", "vectors", "S_l S_g |Gamma|", title="growth with the world")
    for zones, row in rows.items():
        table.add_row(str(zones), *(f"{row[name]:,.{digits}f}" for name, digits in COLUMNS[:4]))
    console.print(table)
    table = Table("k", "n", "seconds", "MiB", "vectors", "earns at least", title=f"{KS_ZONES} zones, by reports and robots")
    for k, n in KS:
        row = in_own_process(KS_ZONES, k, n)
        table.add_row(str(k), f"{n:,}", *(f"{row[name]:,.{digits}f}" for name, digits in (*COLUMNS[:3], COLUMNS[4])))
    console.print(table)
    if arguments.picture:
        arguments.picture.write_bytes(picture(rows))


if __name__ == "__main__":
    main()
