"""G-LEARN over shares: seconds, memory, decisions, brackets and what is earned, on the warehouse and on grids of zones.

    python benchmarks/shares.py                              # warehouse, 9, 36, 100 and 400 zones
    python benchmarks/shares.py --zones 9 36                 # smaller grids only
    python benchmarks/shares.py --bundle FILE                # the warehouse with the robots' policy of a bundle
    python benchmarks/shares.py --no-bounds --no-play        # solutions only; what is left out takes longer than these

Every world is measured in a process of its own. Robots of the grids act by a policy that two alternations learned. A
solution is measured after a small one, when everything is compiled. Seconds are those of the wall clock, which a busy
machine stretches, and of the processor. Bounds are of the discounted reward from the start; each says what it holds for.
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

from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.start import Start
from altmarl_ros.learning.alternating import train
from altmarl_ros.learning.local_agent import best_local_response, greedy
from altmarl_ros.learning.shares.bounds import lookahead_loss
from altmarl_ros.learning.shares.estimates import SimulatedEstimates, draw_successors
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

ALTERNATIONS = 2
FLEET, TICKS = 200, 90  # robots and ticks of played episodes
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


def prepare(zones: int, bundle: str | None, file: str) -> dict:
    """The robots' policy, into a file, by a process whose memory nobody measures."""
    if not zones:
        game = load_game("warehouse")
        np.save(file, (load_bundle(bundle, game) if bundle else train(game)).pi_l.probabilities)
        return {}
    game = grid(zones)
    pi_l, spent = LocalPolicy(np.full(game.r_l.shape, 1.0 / game.r_l.shape[2])), []
    for round_ in range(ALTERNATIONS):
        policy = solve(game, pi_l).policy
        response, _ = play_mean_field(policy, game.start, 400, np.random.default_rng(round_))
        Q, *spent = timed(lambda r=response: best_local_response(game, r))
        pi_l = LocalPolicy(greedy(Q))
    np.save(file, pi_l.probabilities)
    return {"l_learn": spent}


def measure(zones: int, file: str, bounds: bool, plays: bool) -> dict:
    pi_l = LocalPolicy(np.load(file))
    game = grid(zones) if zones else load_game("warehouse")
    small = grid(4)
    _, *compiling = timed(lambda: solve(small, LocalPolicy(np.full(small.r_l.shape, 0.2))))
    Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
    base = memory_mib("VmRSS")
    solution, *seconds = timed(lambda: solve(game, pi_l))
    result = {"zones": zones, "compiling": compiling, "seconds": seconds, "mib": memory_mib("VmHWM") - base}
    policy, start, rng = solution.policy, game.start, np.random.default_rng(0)
    result |= {"vectors": len(policy.vectors), "points": len(solution.points), "improvements": solution.improvements}
    result["decision_ms"] = decision_ms(policy, start)
    lines = [heard_nobody(policy, start)]
    lines += [heard_some(policy, start, k, BOUND_FLEET, draws=2000, rng=rng) for k in (1, 5, 25)]
    lines.append(all_seen(policy, start, BOUND_FLEET, draws=2000 if zones else 40_000, rng=rng))
    if bounds:
        lines += upper_bounds(zones, pi_l, solution, start)
    result["lines"] = [*map(str, lines), str(lookahead_loss(policy))]
    if plays:
        result["lines"] += played(policy, start, 20 if zones > 100 else 100)
    return result


def upper_bounds(zones: int, pi_l: LocalPolicy, solution: SharesSolution, start: Start) -> list:
    process, lines = solution.policy.process, []
    for k in (k for k, limit in ((1, 10**9), (2, V2_UP_TO), (3, V3_UP_TO)) if zones <= limit):
        bound, wall, processor = timed(lambda k=k: subset_bound(process, start, k))
        lines.append(f"{bound} [{wall:.1f} s, {processor:.1f} s of processor]")
    if not zones:
        lines += [counted_bound(load_game("warehouse"), pi_l, k) for k in (5, 10, 25)]
    if zones <= SAWTOOTH_UP_TO:
        points = points_from_the_mean_start(solution.policy, start, SAWTOOTH_POINTS, np.random.default_rng(0))
        upper, wall, processor = timed(lambda: sawtooth(points))
        s = np.flatnonzero(start.rho_g > 0)
        at_mean = start.rho_g[s] @ upper.value(s, np.tile(mean_start(start), (len(s), 1)))
        lines.append(f"{at_mean:.2f}: {HOLDS_FOR}, from the mean start [{wall:.1f} s, {processor:.1f} s of processor]")
    return lines


def decision_ms(policy: SharesPolicy, start: Start) -> dict[str, float]:
    """Processor time of a decision: the lookahead by itself, and with the filter on 25 reports."""
    rng = np.random.default_rng(0)
    shares = start.draw_shares(60, rng)
    s = rng.integers(policy.process.n_global_states, size=60)
    model = filtered(start, policy)
    kinds = {
        "lookahead": lambda b: policy.act_on_shares(s[b : b + 1], shares[b : b + 1]),
        "decision": lambda b: model.decide(s[b : b + 1], rng.multinomial(25, shares[:1]), FLEET),
    }
    medians = {}
    for name, decide in kinds.items():
        spent = [1e3 * timed(lambda b=b, decide=decide: decide(b))[2] for b in range(60)]
        medians[name] = float(np.median(spent[2:]))
    return medians


def played(policy: SharesPolicy, start: Start, runs: int) -> list[str]:
    """What a fleet earns robot by robot, in the same episodes: by shares at k = 0, 5, all, and by going where most are."""
    process = policy.process
    rows = {f"shares, k = {k}": (False, k) for k in (0, 5, FLEET)}
    if process.n_local_states == process.n_global_actions:
        rows |= {f"where most are, k = {k}": (True, k) for k in (5, FLEET)}
    returns = {}
    for name, (chases, k) in rows.items():
        model = filtered(start, policy)
        model.reset(runs)
        returns[name] = episodes(process, chasing(model) if chases else deciding(model), k, start, runs)
    reference = returns["shares, k = 5"]
    lines = []
    for name, earned in returns.items():
        difference = reference - earned
        error = difference.std(ddof=1) / np.sqrt(runs)
        lines.append(
            f"earned, n = {FLEET}, {name}: {earned.mean():.2f}; k = 5 by shares {difference.mean():+.2f} ± {error:.2f}"
        )
    return lines


def filtered(start: Start, policy: SharesPolicy) -> Filtered:
    # Of the game the filter reads nothing but its start: the kernels under pi_l are those of the policy.
    return Filtered(SimpleNamespace(initial=start, types=None), None, policy)


def deciding(model: Filtered) -> Callable:
    return lambda s, reports: model.decide(s, reports, FLEET)


def chasing(model: Filtered) -> Callable:
    def act(s: np.ndarray, reports: np.ndarray) -> np.ndarray:
        model.decide(s, reports, FLEET)
        return model.estimate.argmax(axis=1)

    return act


def episodes(process: SharesProcess, act: Callable, k: int, start: Start, runs: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    arrays, S_l = process.arrays, process.n_local_states
    cumulative = np.cumsum(arrays.data)
    s = rng.choice(process.n_global_states, size=runs, p=start.rho_g)
    at = np.stack([rng.choice(S_l, size=FLEET, p=p) for p in start.draw_shares(runs, rng)])
    returns = np.zeros(runs)
    for t in range(TICKS):
        heard = rng.permuted(np.tile(np.arange(FLEET), (runs, 1)), axis=1)[:, :k]
        reports = np.stack([np.bincount(at[r, heard[r]], minlength=S_l) for r in range(runs)])
        choice = process.choice_of[s, act(s, reports)]
        returns += process.gamma**t * (arrays.reward[s[:, None], at].mean(axis=1) + arrays.choice_reward[choice])
        row = arrays.kernel_of[s][:, None] * S_l + at
        place = np.searchsorted(cumulative, row + rng.random(row.shape), side="right")
        at = arrays.indices[np.clip(place, arrays.indptr[row], arrays.indptr[row + 1] - 1)]
        s = draw_successors(process, choice, rng)
    return returns


def in_own_process(work: str, **arguments: object) -> dict:
    command = [sys.executable, __file__, "--work", json.dumps([work, arguments])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zones", type=int, nargs="*", default=[9, 36, 100, 400], help="sizes of grids, squares")
    parser.add_argument("--bundle", help="policy bundle of the warehouse; trained anew by default")
    parser.add_argument("--no-bounds", action="store_true", help="leave out bounds from above")
    parser.add_argument("--no-play", action="store_true", help="leave out played episodes")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work, given = json.loads(arguments.work)
        print(json.dumps({"prepare": prepare, "measure": measure}[work](**given)))
        return
    cores = len(os.sched_getaffinity(0))
    machine = f"{platform.machine()}, {cores} cores, CPython {platform.python_version()}"
    table = Table("world", title=f"G-LEARN over shares, all k and n at once; {machine}")
    columns = [
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
        for zones in [0, *arguments.zones]:
            file = str(Path(folder) / f"{zones}.npy")
            prepared = in_own_process("prepare", zones=zones, bundle=arguments.bundle, file=file)
            asked = {"bounds": not arguments.no_bounds, "plays": not arguments.no_play}
            rows.append(prepared | in_own_process("measure", zones=zones, file=file, **asked))
    for row in rows:
        table.add_row(
            f"{row['zones']} zones" if row["zones"] else "warehouse",
            "{:.2f} ({:.2f})".format(*row["seconds"]),
            f"{row['mib']:.0f}",
            *(str(row[name]) for name in ("vectors", "points", "improvements")),
            *(f"{row['decision_ms'][name]:.2f}" for name in ("lookahead", "decision")),
            "{:.2f} ({:.2f})".format(*row["l_learn"]) if row["zones"] else "",
        )
    console = Console(width=150)
    console.print(table)
    for row in rows:
        console.print(f"[bold]{row['zones']} zones[/bold]" if row["zones"] else "[bold]warehouse[/bold]")
        for line in row["lines"]:
            console.print(f"    {line}", markup=False, highlight=False)


if __name__ == "__main__":
    main()
