"""Robots that keep to limited room: a ring of zones with room for a tenth of the fleet each, in a world that holds robots back.

    python benchmarks/room.py                    # 12 zones, 100 robots, three seeds: a minute or two
    python benchmarks/room.py --share 0.12 --robots 200 --seeds 1

The ring is that of the `warehouse` builder, with robots that can stay where they are and move on when they want to. Two pairs
are trained: one with room in the model, one without. Both play on from the end of long episodes in the world that holds
robots back at full zones. The first is measured against the linear programme, which limits only the mean, for its own
coordinator: from the shares of the run on, and in an endless run. What must hold: held back in under 5 % of robot-ticks, and at
least 92 % of the larger of the two values. Room for a tenth in each of 12 zones leaves little to be won over robots that spread
evenly and stay, which is told too.
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

from altmarl_ros.games import TabularGame
from altmarl_ros.games.room import Places, Room
from altmarl_ros.games.warehouse import WarehouseParameters, build_warehouse
from altmarl_ros.learning.alternating import train
from altmarl_ros.learning.comparison import PairComparison
from altmarl_ros.learning.coordinator_response import response_to
from altmarl_ros.learning.global_learners import Pair
from altmarl_ros.learning.local_responses import room_solution
from altmarl_ros.learning.long_run import LongRun, play_on
from altmarl_ros.learning.room.programme import solve
from altmarl_ros.learning.training_options import TrainingOptions
from altmarl_ros.policies import PolicyBundle

MOST_HELD, LEAST_SHARE = 0.05, 0.92
MOTION = {"stay_logit": 6.0, "move_logit": 8.0, "drift_logit": 0.0, "target_logit": 4.0, "next_reward": -0.3}


@dataclass(frozen=True)
class Outcome:
    """What a seed came to; rewards are the team's per tick, `programme` the larger of the programme's two values."""

    with_room: LongRun
    without_room: LongRun
    free: LongRun
    from_shares: float
    endless: float
    slot: float
    seconds: float

    @property
    def programme(self) -> float:
        return max(self.from_shares, self.endless)


def ring(zones: int, share: float) -> TabularGame:
    game = build_warehouse(WarehouseParameters(zones=zones, **MOTION))
    return replace(game, room=Room.of_shares(Places.of_states(game.local_state_names), share))


def in_the_long_run(game: TabularGame, bundle: PolicyBundle, options: TrainingOptions):
    return play_on(game, Pair(bundle.pi_g, bundle.pi_l), PairComparison(game, replace(options, seed=options.seed + 100)))


def measure(game: TabularGame, options: TrainingOptions) -> Outcome:
    free = replace(game, room=None)
    began = time.perf_counter()
    kept = train(game, options)
    seconds = time.perf_counter() - began
    crowded = train(free, options)
    played, visits = in_the_long_run(game, kept, options)
    solution = room_solution(game, visits, options.n)
    endless = solve(game, response_to(game, visits), game.room, options.n)
    return Outcome(
        with_room=played,
        without_room=in_the_long_run(game, crowded, options)[0],
        free=in_the_long_run(free, crowded, options)[0],
        from_shares=solution.reward,
        endless=endless.reward,
        slot=float(solution.slot_value(options.n).max()),
        seconds=seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zones", type=int, default=12)
    parser.add_argument("--share", type=float, default=0.1, help="of the fleet for which each zone has room")
    parser.add_argument("--robots", type=int, default=100)
    parser.add_argument("-k", type=int, default=5, help="reports per tick")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    game = ring(arguments.zones, arguments.share)
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, CPython {platform.python_version()}"
    about = f"{arguments.zones} zones with room for {arguments.share:g} of {arguments.robots} robots, k = {arguments.k}"
    table = Table("seed", "pair learned", "world", title=f"{about}; {machine}", title_justify="left")
    for column in ("reward a tick", "of the programme", "held back", "moved"):
        table.add_column(column, justify="right")
    outcomes = []
    for seed in range(arguments.seeds):
        options = TrainingOptions(K=arguments.k, n=arguments.robots, seed=seed, certificate_runs=0)
        outcome = measure(game, options)
        outcomes.append(outcome)
        for learned, world, run in (
            ("with room", "holds back", outcome.with_room),
            ("without", "holds back", outcome.without_room),
            ("without", "room for all", outcome.free),
        ):
            reward = f"{run.reward:.3f} ± {run.reward_error:.3f}"
            share = f"{100 * run.reward / outcome.programme:.1f} %"
            table.add_row(str(seed), learned, world, reward, share, f"{100 * run.held:.1f} %", f"{100 * run.moved:.1f} %")
        table.add_section()
    console = Console(width=140)
    console.print(table)
    for seed, outcome in enumerate(outcomes):
        console.print(
            f"seed {seed}: programme {outcome.from_shares:.3f} a tick from the run's shares, {outcome.endless:.3f} endless; "
            f"one more slot is worth {outcome.slot:.2g} a tick at most; trained in {outcome.seconds:.0f} s"
        )
    held = np.array([outcome.with_room.held for outcome in outcomes])
    earned = np.array([outcome.with_room.reward / outcome.programme for outcome in outcomes])
    good = int(((held < MOST_HELD) & (earned >= LEAST_SHARE)).sum())
    spread = float(game.r_g.mean() + game.r_l[:, :, 0].mean())
    won = 100 * np.mean([(outcome.with_room.reward - spread) / (outcome.programme - spread) for outcome in outcomes])
    console.print(f"robots that spread evenly and stay earn {spread:.3f}; of what the programme wins over them {won:.0f} %")
    limits = f"under {100 * MOST_HELD:g} % held back and at least {100 * LEAST_SHARE:g} % of the programme"
    console.print(f"{limits}: {good} of {len(outcomes)}")


if __name__ == "__main__":
    main()
