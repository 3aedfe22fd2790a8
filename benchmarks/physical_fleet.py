"""Robots on wheels in a simulated hall, over DDS: python benchmarks/physical_fleet.py [--robots 20 --k 4 --minutes 10].

Coordinator, robots and floor are the processes of `altmarl fleet --backend physical`, as fast as the machine lets robots steer,
or at `--rtf` times real time. Told are

    contacts    of robots with each other, walls or obstacles
    moves       share of robot-ticks whose action leads to another zone that end in that zone; and of all that end at the slot
    occupancy   share of (tick, zone) at which the robots counted in the zone are within the 95 % band of the identified model:
                every robot a Markov chain with the kernel identified from this run, under the recorded decisions of the
                coordinator and the fleet's local policy, from the recorded start
    factor      simulated seconds per second from the first tick to the last, and processor seconds per simulated second
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from altmarl_ros.cli.fleet import run_fleet
from altmarl_ros.cli.train import find_bundle
from altmarl_ros.fleet.plan import FleetPlan
from altmarl_ros.fleet.record import RunLog, RunRecord
from altmarl_ros.games import TabularGame, load_floor_map, load_game, tick_of
from altmarl_ros.games.floor_map import FloorMap
from altmarl_ros.games.identification import UNKNOWN, count_transitions, identify
from altmarl_ros.games.moves import goal_zones
from altmarl_ros.policies import LocalPolicy

AT_SLOT = 0.3  # m
RUNS = 2000


def goals_of(run: RunRecord, game: TabularGame, floor: FloorMap) -> NDArray[np.int64]:
    """The zone that each robot is to reach by the end of each tick but the last, UNKNOWN where it did not act [T - 1, n]."""
    s, a = run.local_state[:-1], run.local_action[:-1]
    return np.where((s == UNKNOWN) | (a == UNKNOWN), UNKNOWN, goal_zones(game, floor)[np.maximum(s, 0), np.maximum(a, 0)])


def at_slots(run: RunRecord, log: RunLog, floor: FloorMap, goals: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Who stands at its slot of the goal zone when the next tick begins [T - 1, n]."""
    began = {status.tick: status.stamp for status in log.statuses.values()}
    there = np.zeros(goals.shape, dtype=bool)
    for t in range(len(goals)):
        rows = [row for row in log.floors.values() if row.time <= began[int(run.tick[t + 1])]]
        for i, robot_id in enumerate(run.about["robot_ids"]):
            slots = floor.slots[goals[t, i]]
            there[t, i] = np.hypot(*(slots[robot_id % len(slots)] - rows[-1].places[robot_id])) <= AT_SLOT
    return there & (goals != UNKNOWN)


def within_band(run: RunRecord, game: TabularGame, pi_l: LocalPolicy, seed: int) -> NDArray[np.bool_]:
    """Whether the occupancy of each zone is in the identified model's 95 % band, ticks after the first [T - 1, S_l]."""
    counts = count_transitions(game, run.session, run.tick, run.global_state, run.local_state, run.local_action)
    P_l = identify(game.P_l, counts).P_l
    mixed = np.einsum("sga,sgaz->gsz", pi_l.probabilities, P_l)  # [s_g, s_l, s_l']
    rng, L = np.random.default_rng(seed), game.n_local_states
    occupancy = run.occupancy(L)
    counted = np.tile(occupancy[0], (RUNS, 1))
    inside = np.zeros((len(occupancy) - 1, L), dtype=bool)
    for t in range(len(inside)):
        rows = mixed[run.global_state[t]]
        counted = sum(rng.multinomial(counted[:, s], rows[s] / rows[s].sum()) for s in range(L))
        low, high = np.quantile(counted, [0.025, 0.975], axis=0, method="inverted_cdf")
        inside[t] = (low <= occupancy[t + 1]) & (occupancy[t + 1] <= high)
    return inside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robots", type=int, default=20)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=10.0, help="simulated")
    parser.add_argument("--rtf", type=float, default=0.0, help="0: as fast as robots steer")
    parser.add_argument("--game", default="hall")
    parser.add_argument("--policy", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path, default=None, help="write the run to this .npz file")
    arguments = parser.parse_args()
    game, floor = load_game(arguments.game), load_floor_map(arguments.game)
    path, bundle = find_bundle(game, arguments.game, arguments.policy)
    period = tick_of(arguments.game)
    assert period is not None, f"{arguments.game} is not a floor"
    plan = FleetPlan(
        arguments.game, path, arguments.robots, arguments.k, period=period, ticks=round(60 * arguments.minutes / period) + 1,
        seed=arguments.seed, backend="physical", real_time_factor=arguments.rtf,
    )  # fmt: skip
    began = time.monotonic()
    fleet = run_fleet(plan, game)
    seconds = time.monotonic() - began
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = fleet.record(plan, game)
    if arguments.record:
        run.save(arguments.record)
    log = fleet.log
    goals, after = goals_of(run, game, floor), run.local_state[1:]
    acted = goals != UNKNOWN
    moves = acted & (goals != run.local_state[:-1])
    slots = at_slots(run, log, floor, goals)
    inside = within_band(run, game, bundle.pi_l, arguments.seed)
    last = list(log.floors.values())[-1]
    stamps = sorted(status.stamp for status in log.statuses.values())
    paced = [row.factor for row in log.floors.values() if stamps[0] + 5.0 < row.time < stamps[-1]]

    def share(these: NDArray[np.bool_], of: NDArray[np.bool_]) -> str:
        return f"{(these & of).sum()} of {of.sum()}, {100 * (these & of).sum() / max(1, of.sum()):.1f} %"

    table = Table(title=f"{game.name}: {plan.robots} robots, k = {plan.k}, {len(goals)} ticks of {period:g} s")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("contacts", str(last.contacts))
    table.add_row("robot-ticks without an action", str(int((~acted).sum())))
    table.add_row("moves that reached their zone", share(after == goals, moves))
    table.add_row("robot-ticks that ended in their zone", share(after == goals, acted))
    table.add_row("robot-ticks that ended at the slot", share(slots, acted))
    table.add_row("occupancy within the 95 % band", share(inside, np.ones_like(inside)))
    table.add_row("simulated seconds per second", f"{np.mean(paced):.2f} (least of a window {np.min(paced):.2f})")
    table.add_row("processor seconds per simulated second", f"{(usage.ru_utime + usage.ru_stime) / last.time:.3f}")
    table.add_row("wall clock, start and end included", f"{seconds:.0f} s")
    Console(width=110).print(table)
    for name, reason in fleet.failures.items():
        print(f"{name} {reason}")


if __name__ == "__main__":
    main()
