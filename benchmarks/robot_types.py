"""Robots that differ: two fleets of two types each, beside the pair that takes all robots for the average of both.

    python benchmarks/robot_types.py                 # 1000 robots, 5 reports a tick, 50 ticks: some minutes
    python benchmarks/robot_types.py --runs 100  # fewer episodes; time to train for three types on 30 zones

The ring is that of the `warehouse` builder. In one fleet half of the robots are fast (stay_logit 1, move_logit 4) and half slow
(5 and 0.5); in the other, half are fast and half go the other way by the same actions. The averaged game has the mean of both
kernels; its pair plays the true fleet, robots of both types by the same policy, and its filter expects the mean. Rewards are
discounted, of all starts and random numbers in common.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.table import Table

from altmarl_ros.games import RobotTypes, TabularGame, join_types
from altmarl_ros.games.warehouse import WarehouseParameters, build_warehouse
from altmarl_ros.learning.alternating import train
from altmarl_ros.learning.populations.population import CountedPopulation, Rollouts, play, start_fleets
from altmarl_ros.learning.training_options import TrainingOptions
from altmarl_ros.observation import Counts, Relayed, make_filter
from altmarl_ros.policies import LocalPolicy, PolicyBundle

FAST = {"stay_logit": 1.0, "move_logit": 4.0}
SLOW = {"stay_logit": 5.0, "move_logit": 0.5}
WANTED = {"fast and slow": (108.0, 98.2), "fast and opposite": (116.5, 91.2)}
"""What the pair with types must earn at least, and what the averaged pair earned in the prototype."""


class TakenForAlike(Relayed):
    """Passes reports to an observation model without the type of the robot."""

    def received(self, reports: Counts) -> Counts:
        """Add the reports of all types [R, 2 P] -> [R, P]."""
        return np.asarray(reports.reshape(len(reports), 2, -1).sum(axis=1))


@dataclass(frozen=True)
class Outcome:
    """What a fleet earned, and how long training took [s]."""

    by_type: Rollouts
    averaged: Rollouts
    seconds: float


def fleets() -> dict[str, TabularGame]:
    fast, slow = (build_warehouse(WarehouseParameters(**numbers)) for numbers in (FAST, SLOW))
    opposite = replace(fast, P_l=fast.P_l[:, :, [0, 2, 1]])
    others = {"fast and slow": ("slow", slow), "fast and opposite": ("opposite", opposite)}
    made = {}
    for title, (name, other) in others.items():
        types = RobotTypes(("fast", name), np.array([0.5, 0.5]), fast.local_state_names)
        made[title] = join_types(title.replace(" ", "_"), types, (fast, other))
    return made


def averaged(game: TabularGame) -> TabularGame:
    """The game of robots that are alike and move by the mean kernel of both types, which earn alike."""
    P = game.types.n_places
    P_l = 0.5 * (game.P_l[:P, :, :, :P] + game.P_l[P:, :, :, P:])
    return TabularGame(game.name, game.P_g, P_l, game.r_g, game.r_l[:P], gamma=game.gamma)


def measure(game: TabularGame, options: TrainingOptions, horizon: int, runs: int) -> Outcome:
    began = time.perf_counter()
    bundle = train(game, options)
    seconds = time.perf_counter() - began
    alike = averaged(game)
    alike = replace(alike, start=replace(alike.initial, alpha=game.initial.alpha[: game.types.n_places]))
    pair = train(alike, options)
    both = LocalPolicy(np.tile(pair.pi_l.probabilities, (2, 1, 1)))
    start = start_fleets(game, options.n, runs, np.random.default_rng([options.seed, 100]))

    def earned(pi_l: LocalPolicy, model) -> Rollouts:
        population = CountedPopulation(game, pi_l, start)
        return play(game, population, model, k=5, horizon=horizon, rng=np.random.default_rng([options.seed, 101]))

    return Outcome(
        earned(bundle.pi_l, make_filter(game, bundle.pi_l, bundle.pi_g)),
        earned(both, TakenForAlike(make_filter(alike, pair.pi_l, pair.pi_g))),
        seconds,
    )


def three_types(zones: int, options: TrainingOptions) -> tuple[PolicyBundle, float]:
    """Train for three types on a ring; how long that took [s]."""
    kinds = [build_warehouse(WarehouseParameters(zones=zones, **each)) for each in ({}, FAST, SLOW)]
    types = RobotTypes(("usual", "fast", "slow"), np.array([0.5, 0.25, 0.25]), kinds[0].local_state_names)
    game = join_types("three_types", types, kinds)
    began = time.perf_counter()
    return train(game, options), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robots", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=1000, help="episodes of the comparison")
    parser.add_argument("--ticks", type=int, default=50, help="of an episode")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--zones", type=int, default=30, help="of the ring on which three types train; 0 leaves it out")
    arguments = parser.parse_args()
    options = TrainingOptions(n=arguments.robots, K=5, seed=arguments.seed)
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, CPython {platform.python_version()}"
    about = f"{arguments.robots} robots, k = 5, {arguments.runs} episodes of {arguments.ticks} ticks, discounted"
    table = Table("fleet", "pair", "earns", "± s.e.", "wanted", "trained in", title=f"{about}; {machine}", title_justify="left")
    failed = False
    for title, game in fleets().items():
        outcome = measure(game, options, arguments.ticks, arguments.runs)
        least, prototype = WANTED[title]
        failed |= outcome.by_type.value < least
        for name, played, wanted, seconds in (
            ("by type", outcome.by_type, f"≥ {least:g}", f"{outcome.seconds:.1f} s"),
            ("averaged", outcome.averaged, f"was {prototype:g}", ""),
        ):
            table.add_row(title, name, f"{played.value:.1f}", f"{played.standard_error:.1f}", wanted, seconds)
    Console(width=120).print(table)
    if arguments.zones:
        bundle, seconds = three_types(arguments.zones, options)
        failed |= seconds > 60.0
        print(
            f"3 types on {arguments.zones} zones: trained in {seconds:.1f} s, value {bundle.report['value']:.1f}, wanted < 60 s"
        )
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
