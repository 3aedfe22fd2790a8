"""Counts the alarms of a fleet that is in order: every message of /diagnostics from its start on that is not OK is a false one.

    python benchmarks/alarms.py                          # 6 robots on the hall's floor, 3 minutes
    python benchmarks/alarms.py --period 40 --seconds 180

The fleet is started as `altmarl fleet --backend physical` starts it. Printed are the alarms by node, finding, level and
message, with when each was seen first and how often.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from altmarl_ros.cli.processes import ProcessGroup, start_fleet
from altmarl_ros.deployment.fleet_plan import BACKENDS, FleetPlan, find_period
from altmarl_ros.deployment.middleware import discovery_variables, isolation_variables
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.nodes.common.qos import command_qos
from altmarl_ros.policies import save_bundle


@dataclass
class Alarm:
    """One finding that was not OK: when it came first after the start [s], and how often."""

    first: float
    count: int = 0


class AlarmCounter(Node):
    """Counts what is not OK on /diagnostics.

    Attributes:
        alarms: by name of the status, level and message.
        heard: number of statuses, whatever their level.
    """

    def __init__(self) -> None:
        super().__init__("alarm_counter", start_parameter_services=False)
        self.alarms: dict[tuple[str, int, str], Alarm] = {}
        self.heard = 0
        self._began = time.monotonic()
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, command_qos())

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.heard += 1
            level = int.from_bytes(status.level, "little")
            if level:
                key = (status.name, level, status.message)
                self.alarms.setdefault(key, Alarm(time.monotonic() - self._began)).count += 1


def count_alarms(plan: FleetPlan, seconds: float, folder: Path) -> AlarmCounter:
    """Run a fleet for so long [s] from its start on, and count its alarms."""
    os.environ.update({**discovery_variables(), **isolation_variables()})
    rclpy.init(args=[])
    counter, executor = AlarmCounter(), SingleThreadedExecutor()
    executor.add_node(counter)
    with ProcessGroup(folder, os.environ) as group:
        start_fleet(plan, group)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.05)
        ended = group.ended()
    executor.shutdown()
    counter.destroy_node()
    rclpy.try_shutdown()
    if ended:
        raise RuntimeError(f"{ended[0].name} ended: {ended[0].last_words()}")
    return counter


def physical_plan(game: str, robots: int, period: float | None, folder: Path, **options: Any) -> FleetPlan:
    """The plan of a fleet on a simulated floor, with a policy that is learned in passing."""
    bundle = train(load_game(game), TrainingOptions(K=2, runs=4, n=robots, rounds=1, certificate_runs=0))
    policy = save_bundle(bundle, folder / "policy.npz")
    options = {"backend": "physical", "k": 2, **options}
    return FleetPlan(game, policy, robots, period=find_period(period, game, options["backend"]), **options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--game", default="hall")
    parser.add_argument("--backend", default="physical", choices=BACKENDS)
    parser.add_argument("--robots", type=int, default=6)
    parser.add_argument("--period", type=float, help="time between ticks [s]; default: the game's own")
    parser.add_argument("--seconds", type=float, default=180.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plan = physical_plan(options.game, options.robots, options.period, Path(folder), backend=options.backend)
        counter = count_alarms(plan, options.seconds, Path(folder) / "logs")
    for (name, level, message), alarm in sorted(counter.alarms.items(), key=lambda item: item[1].first):
        print(f"{alarm.first:6.1f} s {alarm.count:5d} x {('OK', 'WARN', 'ERROR', 'STALE')[level]:<5} {name}: {message}")
    total = sum(alarm.count for alarm in counter.alarms.values())
    print(f"{total} alarms of {counter.heard} findings in {options.seconds:g} s, a tick every {plan.period:g} s")
    raise SystemExit(bool(total))


if __name__ == "__main__":
    main()
