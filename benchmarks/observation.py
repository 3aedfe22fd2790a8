"""Measures the discounted reward on the warehouse game by observation model and reports per tick, from common starts.

    python benchmarks/observation.py                    # ours
    python benchmarks/observation.py --peer DIR         # with the policies that the authors' code learns, in the same simulator
    python benchmarks/observation.py --sweep            # also with several turnovers of `sticky`

n = 1000 robots, the authors' starts (s_g uniform, p ~ Dirichlet(0.3)), 50 ticks, gamma = 0.95; a robot
moves with the s_g on which it acted. Differences are paired: every row plays the same starts.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import authors
import numpy as np
from rich.console import Console
from rich.table import Table

from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.learning.alternating import LEARNABLE, TrainingOptions, train
from altmarl_ros.learning.populations.population import Fleets, Rollouts, simulate, start_fleets
from altmarl_ros.observation import MODEL_NAMES, AllSeen, Fresh, ObservationModel, RandomActions, make_model
from altmarl_ros.policies import LocalPolicy, PolicyBundle

KS = (1, 2, 5, 10, 25)
HORIZON = 50


def play(game: TabularGame, pi_l: LocalPolicy, model: ObservationModel, k: int, start: Fleets) -> Rollouts:
    return simulate(game, pi_l, model, k=k, start=start, horizon=HORIZON, rng=np.random.default_rng(1))


def all_seen_share(rollouts: Rollouts, all_seen: Rollouts) -> str:
    return f"{rollouts.value:.2f} ± {rollouts.standard_error:.2f} ({rollouts.value / all_seen.value:.1%})"


def table_of(title: str, rows: dict[str, list[Rollouts]], columns: list[str], all_seen: Rollouts) -> Table:
    table = Table("", *columns, title=title)
    for name, played in rows.items():
        table.add_row(name, *(all_seen_share(rollouts, all_seen) for rollouts in played))
    return table


def sweep(game: TabularGame, pair: PolicyBundle, start: Fleets) -> dict[str, list[Rollouts]]:
    """Play `sticky` with several turnovers: the one constant of the models that can be chosen."""
    rows = {}
    for turnover in (0.05, 0.1, 0.2, 0.4, 1.0):
        model = make_model("sticky", game, pair, turnover)
        rows[f"sticky, turnover {turnover}"] = [play(game, pair.pi_l, model, k, start) for k in KS]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, help="checkout of the authors' code")
    parser.add_argument("--sweep", action="store_true", help="also vary the turnover of sticky")
    parser.add_argument("--robots", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=1000)
    arguments = parser.parse_args()
    game = load_game("warehouse")
    start = start_fleets(game, arguments.robots, arguments.runs, np.random.default_rng(0))
    console, columns = Console(width=170), [f"k = {k}" for k in KS]
    about = f"warehouse, n = {arguments.robots}, {arguments.runs} episodes"
    for learned_for in LEARNABLE:
        pair = train(game, TrainingOptions(K=max(KS), learn_for=learned_for))
        all_seen = play(game, pair.pi_l, AllSeen(pair.pi_g, game.initial), arguments.robots, start)
        rows = {name: [play(game, pair.pi_l, make_model(name, game, pair), k, start) for k in KS] for name in MODEL_NAMES}
        console.print(table_of(f"{about}; pair learned for {learned_for}: value (share of all seen)", rows, columns, all_seen))
        console.print(f"all robots seen: {all_seen.value:.2f} ± {all_seen.standard_error:.2f}")
        if arguments.sweep:
            console.print(table_of("turnover of sticky", sweep(game, pair, start), columns, all_seen))
    rows = {"ours, fresh, learned for k": []}
    for k in KS:
        pair = train(game, TrainingOptions(K=k, learn_for="fresh"))
        rows["ours, fresh, learned for k"].append(play(game, pair.pi_l, Fresh(pair.pi_g, game.initial), k, start))
    if arguments.peer:
        trained = [authors.policies(arguments.peer, game, k, arguments.robots) for k in KS]
        rows["authors', fresh, learned for k"] = [
            play(game, pi_l, Fresh(ladder, game.initial), k, start) for k, (ladder, pi_l) in zip(KS, trained, strict=True)
        ]
    console.print(table_of(f"{about}; the paper's rule with a pair learned for each k", rows, columns, all_seen))
    random = RandomActions(pair.pi_g, game.initial, np.random.default_rng(2))
    lowest = play(game, LocalPolicy.uniform(game), random, 0, start)
    console.print(f"random actions: {lowest.value:.2f} ± {lowest.standard_error:.2f}")


if __name__ == "__main__":
    main()
