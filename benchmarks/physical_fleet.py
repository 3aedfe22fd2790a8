"""Measures robots on wheels in a simulated hall over DDS: python benchmarks/physical_fleet.py [--robots 20 --k 4 --minutes 10].

Coordinator, robots and floor are the processes of `altmarl fleet --backend physical`. They run as fast as the robots can
steer on this machine, or at `--rtf` times real time. The results are

    contacts    of robots with each other, walls or obstacles
    moves       share of robot-ticks that end in the zone to which their action leads, among those with an action to another
                zone; and the share of all robot-ticks that end at the robot's slot
    occupancy   share of (tick, zone) at which the robots counted in the zone are within the 95 % band of the identified model
                under the recorded decisions (`altmarl compare`); identified from the records named by --identify-from, made
                with other seeds, else from this run
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

from altmarl_ros.cli.fleet_run import run_fleet
from altmarl_ros.cli.training import find_bundle
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games import TabularGame, load_floor_map, load_game, tick_of
from altmarl_ros.games.identification import count_transitions, draw_kernels, feels_global_state, identify
from altmarl_ros.games.moves import goal_zones
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.learning.prediction import Comparison, compare
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.records.run_record import RunRecord

AT_SLOT = 0.3  # m
RUNS = 2000


def goals_of(run: RunRecord, game: TabularGame, floor: FloorMap) -> NDArray[np.int64]:
    """Return the zone that each robot should reach by the end of each tick, UNKNOWN if it did not act [T - 1, n]."""
    s, a = run.local_state[:-1], run.local_action[:-1]
    return np.where((s == UNKNOWN) | (a == UNKNOWN), UNKNOWN, goal_zones(game, floor)[np.maximum(s, 0), np.maximum(a, 0)])


def at_slots(run: RunRecord, log: RunLog, floor: FloorMap, goals: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each robot stands at its slot of the goal zone when the next tick begins [T - 1, n]."""
    began = {status.tick: status.stamp for status in log.statuses.values()}
    there = np.zeros(goals.shape, dtype=bool)
    for t in range(len(goals)):
        rows = [row for row in log.floors.values() if row.time <= began[int(run.tick[t + 1])]]
        for i, robot_id in enumerate(run.about["robot_ids"]):
            slots = floor.slots[goals[t, i]]
            there[t, i] = np.hypot(*(slots[robot_id % len(slots)] - rows[-1].places[robot_id])) <= AT_SLOT
    return there & (goals != UNKNOWN)


def predicted(run: RunRecord, earlier: list[RunRecord], game: TabularGame, pi_l: LocalPolicy, seed: int) -> Comparison:
    """Compare the run with the bands of the kernel identified from earlier runs, or from the run itself."""
    seen = sum(count_transitions(game, record.trajectory) for record in earlier or [run])
    kernel, rng = identify(game.P_l, seen, pool=not feels_global_state(game.P_l)), np.random.default_rng(seed)
    return compare(game, pi_l, draw_kernels(kernel.alpha, RUNS, rng), [run.trajectory], fleets=RUNS, rng=rng)


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
    parser.add_argument("--identify-from", type=Path, nargs="*", default=[], help="records of other runs (--record)")
    arguments = parser.parse_args()
    game, floor = load_game(arguments.game), load_floor_map(arguments.game)
    path, bundle = find_bundle(game, arguments.game, arguments.policy)
    period = tick_of(arguments.game)
    assert period is not None, f"{arguments.game} is not a floor"
    plan = FleetPlan(
        arguments.game,
        path,
        arguments.robots,
        arguments.k,
        period=period,
        ticks=round(60 * arguments.minutes / period) + 1,
        seed=arguments.seed,
        backend="physical",
        real_time_factor=arguments.rtf,
    )
    began = time.monotonic()
    fleet = run_fleet(plan, game, at_hand=None)
    seconds = time.monotonic() - began
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = fleet.record()
    if arguments.record:
        run.save(arguments.record)
    log = fleet.log
    goals, after = goals_of(run, game, floor), run.local_state[1:]
    acted = goals != UNKNOWN
    moves = acted & (goals != run.local_state[:-1])
    slots = at_slots(run, log, floor, goals)
    earlier = [RunRecord.load(path) for path in arguments.identify_from]
    comparison = predicted(run, earlier, game, bundle.pi_l, arguments.seed)
    inside, expected = comparison.inside[:, :-1], comparison.expected_shares[:-1].mean()
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
    label = f"occupancy within the band ({'of earlier runs' if earlier else 'of this run'})"
    table.add_row(label, f"{share(inside, np.ones_like(inside))}; of the model's own {100 * expected:.1f} %")
    table.add_row(
        "the identified model holds", f"{'yes' if comparison.holds else 'no'}, significance {comparison.significance:.2f}"
    )
    table.add_row("simulated seconds per second", f"{np.mean(paced):.2f} (least of a window {np.min(paced):.2f})")
    table.add_row("processor seconds per simulated second", f"{(usage.ru_utime + usage.ru_stime) / last.time:.3f}")
    table.add_row("wall clock, start and end included", f"{seconds:.0f} s")
    Console(width=110).print(table)
    for name, reason in fleet.failures.items():
        print(f"{name} {reason}")


if __name__ == "__main__":
    main()
