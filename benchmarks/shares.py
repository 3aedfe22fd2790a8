"""G-LEARN over shares: seconds, memory, decisions, brackets and what is earned, on the warehouse and on grids of zones.

    python benchmarks/shares.py                              # warehouse, 9, 36, 100 and 400 zones
    python benchmarks/shares.py --zones 9 36                 # smaller grids only
    python benchmarks/shares.py --no-bounds --no-play        # solutions only; what is left out takes longer than these

Every world is trained whole by `altmarl train`, and measured in a process of its own: one G-LEARN and one L-LEARN after small
ones, when everything is compiled. Seconds are those of the wall clock, which a busy machine stretches, and of the processor.
Bounds are of the discounted reward from the start; each says what it holds for. Episodes are those of shares_play.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import numpy as np
from rich.console import Console
from rich.table import Table
from shares_play import FLEET, played

from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.games.array_files import save_game
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.start import Start
from altmarl_ros.learning.local_agent import best_local_response
from altmarl_ros.learning.shares.bounds import Bound, lookahead_loss
from altmarl_ros.learning.shares.estimates import SimulatedEstimates
from altmarl_ros.learning.shares.lower_bounds import all_seen, heard_nobody, heard_some
from altmarl_ros.learning.shares.mean_field_bounds import HOLDS_FOR, points_from_the_mean_start, sawtooth
from altmarl_ros.learning.shares.response import play_mean_field
from altmarl_ros.learning.shares.solver import SharesSolution, learn_shares
from altmarl_ros.learning.shares.subset_values import counted_bound, subset_bound
from altmarl_ros.observation import Filtered
from altmarl_ros.observation.start_posterior import mean_start
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.bundle import load_bundle
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess

RUNS, RUNS_OF_LARGE = 400, 80  # played episodes, and those of more than 100 zones
BOUND_FLEET = 1000
V3_UP_TO, V2_UP_TO, SAWTOOTH_UP_TO = 36, 100, 100  # zones
SAWTOOTH_POINTS = 40  # per global state


def memory_mib(field: str) -> float:
    """VmRSS, the present memory, or VmHWM, its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - processor


def grid(zones: int) -> TabularGame:
    side = round(zones**0.5)
    return build_attention(AttentionParameters(width=side, height=zones // side))


def solve(game: TabularGame, pi_l: LocalPolicy) -> SharesSolution:
    return learn_shares(SharesProcess.under_policy(game, pi_l), game.start, SimulatedEstimates(game.start))


def game_file(zones: int, folder: Path) -> str:
    """What `altmarl train` is given: the warehouse's name, or a file."""
    return str(save_game(grid(zones), folder / f"grid_{zones}.yaml")) if zones else "warehouse"


def trained(zones: int, folder: Path) -> tuple[str, dict]:
    """Train a world by the command, and return the bundle's file and what that took, the whole process included."""
    bundle = str(folder / f"{zones}.npz")
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "train", "--game", game_file(zones, folder), "--out", bundle]
    began = time.perf_counter()
    process = subprocess.Popen([*command, *(["--robots", str(FLEET)] if zones else [])], stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    wall, processor = time.perf_counter() - began, used.ru_utime + used.ru_stime
    return bundle, {"trained": (wall, processor), "train_mib": used.ru_maxrss / 1024}


def measure(zones: int, bundle: str, bounds: bool, plays: bool) -> dict:
    game = grid(zones) if zones else load_game("warehouse")
    pair = load_bundle(Path(bundle), game)
    pi_l, small = pair.pi_l, grid(4)
    _, *compiling = timed(lambda: solve(small, LocalPolicy(np.full(small.r_l.shape, 0.2))))
    Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
    base = memory_mib("VmRSS")
    solution, *seconds = timed(lambda: solve(game, pi_l))
    result: dict[str, Any] = {"zones": zones, "compiling": compiling, "seconds": seconds, "mib": memory_mib("VmHWM") - base}
    policy, start, rng = solution.policy, game.start, np.random.default_rng(0)
    response, _ = play_mean_field(policy, start, 400, rng)
    best_local_response(small, play_mean_field(solve(small, LocalPolicy.uniform(small)).policy, small.start, 4, rng)[0])
    _, *result["l_learn"] = timed(lambda: best_local_response(game, response))
    result |= {"vectors": len(policy.vectors), "points": len(solution.points), "improvements": solution.improvements}
    result["decision_ms"] = decision_ms(policy, start)
    lines = [heard_nobody(policy, start)]
    lines += [heard_some(policy, start, k, BOUND_FLEET, draws=2000, rng=rng) for k in (1, 5, 25)]
    lines.append(all_seen(policy, start, BOUND_FLEET, draws=2000 if zones else 40_000, rng=rng))
    result["lines"] = [*map(str, lines), str(lookahead_loss(policy))]
    if bounds:
        nobody, *_, heard_25, everybody = (bound.value for bound in lines)
        for_finite, for_mean_field = upper_bounds(zones, pi_l, solution, start)
        result["lines"] += [*map(str, for_finite), *map(str, for_mean_field)]
        brackets = [("all seen", everybody, for_finite[-1]), ("25 reports", heard_25, for_finite[-1])]
        brackets += [("mean field, from the mean start", nobody, bound) for bound in for_mean_field]
        for who, low, high in brackets:
            result["lines"].append(f"bracket, {who}: {low:.2f} to {high.value:.2f}, {high.value / low - 1.0:.2%}")
    if plays:
        runs = RUNS_OF_LARGE if zones > 100 else RUNS
        result["lines"] += played(game, pair.pi_g, pi_l, runs, ladder=not zones)
    return result


def upper_bounds(zones: int, pi_l: LocalPolicy, solution: SharesSolution, start: Start) -> tuple[list[Bound], list[Bound]]:
    """Bounds for every finite team, the tightest last, and for the mean field."""
    process, for_mean_field = solution.policy.process, []
    ks = [k for k, limit in ((1, 10**9), (2, V2_UP_TO), (3, V3_UP_TO)) if zones <= limit]
    for_finite = [subset_bound(process, start, k) for k in ks]
    if not zones:
        for_finite += [counted_bound(load_game("warehouse"), pi_l, k) for k in (5, 10, 25)]
    if zones <= SAWTOOTH_UP_TO:
        points = points_from_the_mean_start(solution.policy, start, SAWTOOTH_POINTS, np.random.default_rng(0))
        upper = sawtooth(points)
        s = np.flatnonzero(start.rho_g > 0)
        at_mean = start.rho_g[s] @ upper.value(s, np.tile(mean_start(start), (len(s), 1)))
        for_mean_field.append(Bound(float(at_mean), f"{HOLDS_FOR}, from the mean start"))
    return for_finite, for_mean_field


def decision_ms(policy: SharesPolicy, start: Start) -> dict[str, float]:
    """Processor time of a decision: the lookahead by itself, and with the filter on 25 reports."""
    rng = np.random.default_rng(0)
    shares = start.draw_shares(60, rng)
    s = rng.integers(policy.process.n_global_states, size=60)
    # Of the game the filter reads nothing but its start: the kernels under pi_l are those of the policy.
    model = Filtered(SimpleNamespace(initial=start, types=None), None, policy)
    kinds = {
        "lookahead": lambda b: policy.act_on_shares(s[b : b + 1], shares[b : b + 1]),
        "decision": lambda b: model.decide(s[b : b + 1], rng.multinomial(25, shares[:1]), FLEET),
    }
    medians = {}
    for name, decide in kinds.items():
        spent = [1e3 * timed(lambda b=b, decide=decide: decide(b))[2] for b in range(60)]
        medians[name] = float(np.median(spent[2:]))
    return medians


def in_own_process(**arguments: object) -> dict:
    command = [sys.executable, __file__, "--work", json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zones", type=int, nargs="*", default=[9, 36, 100, 400], help="sizes of grids, squares")
    parser.add_argument("--no-bounds", action="store_true", help="leave out bounds from above")
    parser.add_argument("--no-play", action="store_true", help="leave out played episodes")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        given = json.loads(arguments.work)
        print(json.dumps(measure(**given)))
        return
    cores = len(os.sched_getaffinity(0))
    machine = f"{platform.machine()}, {cores} cores, CPython {platform.python_version()}"
    table = Table("world", title=f"G-LEARN over shares, all k and n at once; {machine}")
    columns = [
        "trained in s (processor)",
        "peak MiB",
        "seconds (processor)",
        "MiB",
        "vectors",
        "points",
        "improved",
        "lookahead ms",
        "k = 25 ms",
        "L-LEARN s (processor)",
    ]
    for column in columns:
        table.add_column(column, justify="right")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        trained(4, Path(folder))  # compiles
        for zones in [0, *arguments.zones]:
            bundle, taken = trained(zones, Path(folder))
            asked = {"bounds": not arguments.no_bounds, "plays": not arguments.no_play}
            rows.append(taken | in_own_process(zones=zones, bundle=bundle, **asked))
    for row in rows:
        table.add_row(
            f"{row['zones']} zones" if row["zones"] else "warehouse",
            "{:.1f} ({:.1f})".format(*row["trained"]),
            f"{row['train_mib']:.0f}",
            "{:.2f} ({:.2f})".format(*row["seconds"]),
            f"{row['mib']:.0f}",
            *(str(row[name]) for name in ("vectors", "points", "improvements")),
            *(f"{row['decision_ms'][name]:.2f}" for name in ("lookahead", "decision")),
            "{:.2f} ({:.2f})".format(*row["l_learn"]),
        )
    console = Console(width=150)
    console.print(table)
    for row in rows:
        console.print(f"[bold]{row['zones']} zones[/bold]" if row["zones"] else "[bold]warehouse[/bold]")
        for line in row["lines"]:
            console.print(f"    {line}", markup=False, highlight=False)


if __name__ == "__main__":
    main()
