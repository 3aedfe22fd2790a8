"""Measures the cost of a faulty network for a fleet over DDS: reward, reports, wrong actions, beside a fleet without faults.

    python benchmarks/faults.py                                       # 30 % loss, 20 % duplicates, 200 ms jitter
    python benchmarks/faults.py --network dropout=0.3,dropout_time=5  # or any other

For each observation model two fleets play from the same seed, one of them on a perfect network. `simulated` is the mean and
the standard deviation over simulated fleets that start like the run and lose as many reports as it did; `fresh` acts there
by the rung for the reports that arrive.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from wrong_actions import wrong_actions

from altmarl_ros.cli.fleet_run import run_fleet
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.populations.population import Fleets, simulate
from altmarl_ros.observation import make_model
from altmarl_ros.observation.relayed import Lossy
from altmarl_ros.policies import load_bundle, save_bundle
from altmarl_ros.protocol.link_model import Network, parse_network
from altmarl_ros.records.run_record import RunRecord

HARSH = "loss=0.3,duplicate=0.2,jitter=0.2"


def run(arguments: argparse.Namespace, policy: Path, model: str, network: Network) -> RunRecord:
    game = load_game("warehouse")
    plan = FleetPlan(
        "warehouse",
        policy,
        arguments.robots,
        arguments.k,
        model,
        arguments.period,
        processes=2,
        seed=arguments.seed,
        ticks=arguments.ticks,
        network=network,
    )
    fleet = run_fleet(plan, game)
    if fleet.failures:
        raise SystemExit(f"error: {fleet.failures}")
    return fleet.record()


def reference(record: RunRecord, policy: Path, model: str, k: int, runs: int = 1000) -> tuple[float, float]:
    """Return mean and standard deviation of the reward per tick of simulated fleets."""
    game, bundle = load_game("warehouse"), load_bundle(policy)
    counts = record.occupancy(game.n_local_states)[0]
    start = Fleets(np.full(runs, record.global_state[0]), np.tile(counts, (runs, 1)))
    lossy = Lossy(make_model(model, game, bundle), 1.0 - record.heard.sum() / record.asked.sum(), np.random.default_rng(1))
    rewards = simulate(
        game, bundle.pi_l, lossy, k=k, start=start, horizon=len(record.tick), rng=np.random.default_rng(2)
    ).rewards.mean(axis=1)
    return float(rewards.mean()), float(rewards.std(ddof=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default=HARSH)
    parser.add_argument("--robots", type=int, default=30)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--ticks", type=int, default=400)
    parser.add_argument("--period", type=float, default=0.5, help="time between ticks [s]")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    network = parse_network(arguments.network)
    game = load_game("warehouse")
    table = Table(
        title=f"{arguments.robots} robots, k = {arguments.k}, {arguments.ticks} ticks of {arguments.period:g} s, {network}; "
        f"{os.cpu_count()} processors",
        title_justify="left",
    )
    for column in ("model", "network", "reward per tick", "of perfect", "simulated", "heard", "acted", "wrong actions"):
        table.add_column(column, justify="left" if column in ("model", "network") else "right")
    with tempfile.TemporaryDirectory() as folder:
        policy = save_bundle(train(game, TrainingOptions(K=25, seed=0)), Path(folder) / "warehouse.npz")
        pi_l = load_bundle(policy).pi_l
        for model in ("filtered", "fresh"):
            lossless = 0.0
            for link in (Network(), network):
                record = run(arguments, policy, model, link)
                reward = float(record.rewards(game).mean())
                lossless = lossless or reward
                mean, spread = reference(record, policy, model, arguments.k)
                table.add_row(
                    model,
                    "perfect" if link.perfect else "faulty",
                    f"{reward:.3f}",
                    f"{reward / lossless:.1%}",
                    f"{mean:.3f} ± {spread:.3f}",
                    f"{record.heard.sum() / record.asked.sum():.0%}",
                    f"{(record.local_action != UNKNOWN).mean():.0%}",
                    str(wrong_actions(record, pi_l)),
                )
    Console(soft_wrap=True).print(table)


if __name__ == "__main__":
    main()
