"""G-LEARN over shares: seconds, memory, decisions and brackets on the warehouse and on grids of zones.

    python benchmarks/shares.py                              # warehouse, 9, 36, 100 and 400 zones
    python benchmarks/shares.py --zones 9 36                 # smaller grids only
    python benchmarks/shares.py --bundle FILE                # the warehouse with the robots' policy of a bundle
    python benchmarks/shares.py --no-bounds                  # without bounds from above, which take longer than solutions

Every world is measured in a process of its own. Robots of the grids act by a policy that two alternations learned; the last
solution is measured twice, the second time after everything is compiled. Seconds are those of the processor as well as those
of the wall clock, which a busy machine stretches. Bounds are of the discounted reward from the start; each says what it holds for.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from typing import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

_ROUNDS = 2  # alternations on grids
_N = 1000
_V3_UP_TO, _V2_UP_TO, _SAWTOOTH_UP_TO = 36, 100, 100  # zones


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], object]) -> tuple[object, float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - processor


def the_warehouse(bundle: str | None) -> tuple:
    from altmarl_ros.games import load_game
    from altmarl_ros.learning.alternating import train
    from altmarl_ros.policies.bundle import load_bundle

    game = load_game("warehouse")
    return game, (load_bundle(bundle, game) if bundle else train(game)).pi_l


def a_grid(zones: int) -> tuple:
    from altmarl_ros.games.attention import AttentionParameters, build_attention
    from altmarl_ros.learning.shares.estimates import SimulatedEstimates
    from altmarl_ros.learning.shares.local_response import best_local_response, greedy
    from altmarl_ros.learning.shares.response import play_mean_field
    from altmarl_ros.learning.shares.solver import learn_shares
    from altmarl_ros.policies import LocalPolicy
    from altmarl_ros.policies.shares import SharesProcess

    side = round(zones**0.5)
    game = build_attention(AttentionParameters(width=side, height=zones // side))
    pi_l, seconds = LocalPolicy(np.full(game.r_l.shape, 1.0 / game.r_l.shape[2])), []
    for round_ in range(_ROUNDS):
        process = SharesProcess.under_policy(game, pi_l)
        policy = learn_shares(process, game.start, SimulatedEstimates(game.start)).policy
        response, _ = play_mean_field(policy, game.start, 400, np.random.default_rng(round_))
        Q, *spent = timed(lambda p=process, r=response: best_local_response(game, p, r))
        seconds.append(spent)
        pi_l = LocalPolicy(greedy(Q))
    return game, pi_l, seconds[-1]


def measure(zones: int, bundle: str | None, bounds: bool) -> dict:
    import scipy.optimize  # noqa: F401  what other parts load anyway counts as the interpreter's own

    from altmarl_ros.learning.shares.bounds import lookahead_loss
    from altmarl_ros.learning.shares.estimates import SimulatedEstimates
    from altmarl_ros.learning.shares.lower_bounds import all_seen, heard_nobody, heard_some
    from altmarl_ros.learning.shares.response import play_mean_field
    from altmarl_ros.learning.shares.solver import learn_shares
    from altmarl_ros.policies.shares import SharesProcess

    result: dict = {"zones": zones}
    if zones:
        game, pi_l, result["l_learn"] = a_grid(zones)
        start, build = game.start, SharesProcess.under_policy
    else:
        game, pi_l = the_warehouse(bundle)
        start, build = game.initial, SharesProcess.from_tabular

    def solve() -> object:
        process = build(game, pi_l)
        return learn_shares(process, start, SimulatedEstimates(start))

    solution, *result["first"] = timed(solve)
    solution, *result["again"] = timed(solve)
    policy = solution.policy
    result["vectors"], result["points"], result["improvements"] = (
        len(policy.vectors),
        len(solution.points),
        solution.improvements,
    )
    result["decision_ms"] = decision_ms(policy, start)
    rng = np.random.default_rng(0)
    _, returns = play_mean_field(policy, start, 400, rng)
    result["played"] = (returns.mean(), returns.std() / 20)
    lines = [heard_nobody(policy, start)]
    lines += [heard_some(policy, start, k, _N, 400, rng) for k in (1, 5, 25)]
    lines.append(all_seen(policy, start, _N, 400 if zones else 20_000, rng))
    result["loss"] = str(lookahead_loss(policy))
    result["peak_mib"] = peak_mib()
    if bounds:
        lines += upper_bounds(zones, game, pi_l, solution, start)
    result["bounds"] = [str(line) for line in lines]
    return result


def upper_bounds(zones: int, game: object, pi_l: object, solution: object, start: object) -> list[str]:
    from altmarl_ros.learning.shares.mean_field_bounds import HOLDS_FOR, sawtooth
    from altmarl_ros.learning.shares.start_posterior import mean_start
    from altmarl_ros.learning.shares.subset_values import counted_bound, subset_bound

    process, lines = solution.policy.process, []
    sizes = [k for k, limit in ((1, 10**9), (2, _V2_UP_TO), (3, _V3_UP_TO)) if zones <= limit]
    for k in sizes:
        bound, wall, processor = timed(lambda k=k: subset_bound(process, start, k))
        lines.append(f"{bound} [{wall:.1f} s, {processor:.1f} s of processor]")
    if not zones:
        lines += [counted_bound(game, pi_l, k) for k in (5, 10, 25)]
    if zones <= _SAWTOOTH_UP_TO:
        upper, wall, processor = timed(lambda: sawtooth(solution.points))
        s = np.flatnonzero(start.rho_g > 0)
        at_mean = start.rho_g[s] @ upper.value(s, np.tile(mean_start(start), (len(s), 1)))
        shares = start.draw_shares(100, np.random.default_rng(0))
        every = [start.rho_g[i] * upper.value(np.full(100, i), shares).mean() for i in s]
        lines.append(f"{at_mean:.2f}: {HOLDS_FOR}, from the mean start [{wall:.1f} s, {processor:.1f} s of processor]")
        lines.append(f"{sum(every):.2f}: {HOLDS_FOR}, mean over 100 starts")
    return lines


def decision_ms(policy: object, start: object, decisions: int = 300) -> list[float]:
    """Median and slowest hundredth of single decisions, prediction included."""
    rng = np.random.default_rng(0)
    shares = start.draw_shares(decisions, rng)
    s = rng.integers(policy.process.n_global_states, size=decisions)
    policy.act(s[:1], shares[:1])
    spent = []
    for b in range(decisions):
        began = time.process_time()
        policy.act(s[b : b + 1], shares[b : b + 1])
        spent.append(1e3 * (time.process_time() - began))
    return [float(np.median(spent)), float(np.quantile(spent, 0.99))]


def in_own_process(**arguments: object) -> dict:
    command = [sys.executable, __file__, "--measure", json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zones", type=int, nargs="*", default=[9, 36, 100, 400], help="sizes of grids, squares")
    parser.add_argument("--bundle", help="policy bundle of the warehouse; trained anew by default")
    parser.add_argument("--no-bounds", action="store_true", help="leave out bounds from above")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(**json.loads(arguments.measure))))
        return
    console = Console(width=170)
    cores = len(os.sched_getaffinity(0))
    title = (
        f"G-LEARN over shares, all k and n at once; {platform.machine()}, {cores} cores, CPython {platform.python_version()}"
    )
    table = Table("world", title=title)
    for column in (
        "first, s (processor)",
        "again, s (processor)",
        "vectors",
        "points",
        "improved",
        "decision ms (99 %)",
        "L-LEARN s",
    ):
        table.add_column(column, justify="right")
    table.add_column("peak MiB", justify="right")
    table.add_column("earned, mean field", justify="right")
    rows = []
    for zones in [0, *arguments.zones]:
        row = in_own_process(zones=zones, bundle=arguments.bundle, bounds=not arguments.no_bounds)
        rows.append(row)
        table.add_row(
            f"{zones} zones" if zones else "warehouse",
            "{:.2f} ({:.2f})".format(*row["first"]),
            "{:.2f} ({:.2f})".format(*row["again"]),
            str(row["vectors"]),
            str(row["points"]),
            str(row["improvements"]),
            "{:.2f} ({:.2f})".format(*row["decision_ms"]),
            "{:.2f} ({:.2f})".format(*row["l_learn"]) if zones else "",
            f"{row['peak_mib']:.0f}",
            "{:.2f} ± {:.2f}".format(*row["played"]),
        )
    console.print(table)
    for row in rows:
        console.print(f"[bold]{row['zones']} zones[/bold]" if row["zones"] else "[bold]warehouse[/bold]")
        for line in (*row["bounds"], row["loss"]):
            console.print(f"    {line}", markup=False, highlight=False)


if __name__ == "__main__":
    main()
