"""Kills and restarts processes of a fleet at random: nothing may be stuck afterwards, and no memory may grow.

    python benchmarks/soak.py               # 200 kills, about half an hour
    python benchmarks/soak.py --kills 10

Two coordinators (one on standby), a world and two processes of robots run over DDS. Each kill sends SIGKILL to one of the
coordinators or to one of the processes of robots, which is then started again. The fleet is whole again when all robots act
on a tick of the newest session. Memory (RSS) is measured for the processes that are never killed, the world and the other
robots: after the first tenth of the kills, and at the end.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from wrong_actions import wrong_actions

from altmarl_ros.cli.processes import Child, ProcessGroup, command
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.deployment.middleware import discovery_variables, isolation_variables
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.nodes.tools.run_logger import RunLogger
from altmarl_ros.policies import load_bundle, save_bundle

PATIENCE = 60.0  # s
SURVIVORS = ("world", "robots_0")


@dataclass
class Soak:
    """The result: seconds until the fleet was whole again after each kill, and the memory of the survivors [MB]."""

    recoveries: list[float]
    memory_early: dict[str, float]
    memory_late: dict[str, float]
    wrong_actions: int


def rss(child: Child) -> float:
    pages = int(Path(f"/proc/{child.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def soak(kills: int, robots: int, period: float, seed: int, folder: Path) -> Soak:
    """Run the soak; raises TimeoutError if the fleet is not whole again within a minute after a kill."""
    rng = random.Random(seed)
    policy = save_bundle(train(load_game("warehouse"), TrainingOptions(K=6, runs=100, n=200)), folder / "warehouse.npz")
    plan = FleetPlan("warehouse", policy, robots, 4, period=period, processes=2, standby=True, start_timeout=5.0)
    nodes = {node.name: node for node in plan.nodes()}
    os.environ.update({**discovery_variables(), **isolation_variables()})
    rclpy.init(args=[])
    observer, executor = RunLogger(), SingleThreadedExecutor()
    executor.add_node(observer)

    def whole() -> bool:
        if observer.latest is None or not observer.log.truths:
            return False
        key, truth = next(reversed(observer.log.truths.items()))
        if key[0] != observer.latest.session or key not in observer.log.statuses:
            return False
        return len(truth.local_actions) == robots and None not in truth.local_actions

    def wait(condition: Callable[[], bool], what: str) -> float:
        began = time.monotonic()
        while not condition():
            executor.spin_once(timeout_sec=0.02)
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(f"{what}: not within {PATIENCE:g} s; {observer.latest}")
        return time.monotonic() - began

    recoveries, early = [], {}
    wrong, pi_l = 0, load_bundle(policy).pi_l
    with ProcessGroup(folder / "logs", os.environ) as group:
        running = {name: group.start(name, command(node)) for name, node in nodes.items()}
        wait(whole, "start")
        for number in range(kills):
            victim = rng.choice([name for name in nodes if name not in SURVIVORS])
            running[victim].process.kill()
            running[victim].process.wait(10)
            wrong += wrong_actions(observer.log.record({}), pi_l)
            observer.log.statuses.clear()
            observer.log.truths.clear()
            end = time.monotonic() + rng.uniform(0.0, 3.0)
            wait(lambda end=end: time.monotonic() > end, "")  # type: ignore[misc]
            running[victim] = group.start(victim, command(nodes[victim]))
            end = time.monotonic() + 1.0
            wait(lambda end=end: time.monotonic() > end, "")  # type: ignore[misc]
            recoveries.append(1.0 + wait(whole, f"kill {number} of {victim}"))
            if number == kills // 10:
                early = {name: rss(running[name]) for name in SURVIVORS}
        result = Soak(recoveries, early, {name: rss(running[name]) for name in SURVIVORS}, wrong)
    executor.shutdown()
    observer.destroy_node()
    rclpy.try_shutdown()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--robots", type=int, default=12)
    parser.add_argument("--period", type=float, default=0.2, help="time between ticks [s]")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = soak(arguments.kills, arguments.robots, arguments.period, arguments.seed, Path(folder))
    times = np.array(result.recoveries)
    print(f"{len(times)} kills, every time whole again: after {np.median(times):.1f} s (median), {times.max():.1f} s (most)")
    print(f"wrong actions: {result.wrong_actions}")
    for name, early in result.memory_early.items():
        late = result.memory_late[name]
        print(f"RSS of {name}: {early:.1f} MB after a tenth, {late:.1f} MB at the end ({late / early - 1.0:+.1%})")


if __name__ == "__main__":
    main()
