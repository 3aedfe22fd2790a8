"""Changes a reward on a running fleet (train, shadow, deploy, roll back), and measures the time and the effect on ticks.

    python benchmarks/retrain_in_flight.py                       # the default game, 30 robots, 5 ticks per second
    python benchmarks/retrain_in_flight.py --period 0.1 --reward nearby=8 --repeat 5

For each phase the table shows the seconds, the ticks, the ticks that began late (as counted by the coordinator) or are
missing, and the ticks at which a robot took no action or one that the tick's policy never takes. `before` is the same fleet
while the trainer is idle. An action that both policies may take does not show which policy a robot used; `telling` is the
share of actions that do.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Mapping

import numpy as np
from rich.console import Console
from rich.table import Table

from altmarl_ros.cli.optional_imports import import_rclpy
from altmarl_ros.cli.processes import ProcessGroup, start_fleet
from altmarl_ros.deployment.fleet_plan import FleetPlan, NodePlan
from altmarl_ros.deployment.middleware import discovery_variables, isolation_variables
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import PolicyBundle, load_bundle, save_bundle

PHASES = ("before", "train", "shadow", "deploy", "by the new", "roll back", "by the old")
_AFTERWARDS = 20  # ticks by each policy


class Plan(FleetPlan):
    """A fleet plan whose trainer keeps its policies beside the bundle."""

    def nodes(self) -> list[NodePlan]:
        """See FleetPlan."""
        own = {"folder": str(self.policy.parent / "trainer")}
        return [
            replace(node, parameters={**node.parameters, **own}) if node.name == "trainer" else node for node in super().nodes()
        ]


@dataclass
class Phase:
    """Counts over the ticks of one phase."""

    seconds: float
    ticks: int
    late: int
    absent: int
    disagreeing: int
    telling: float


class Run:
    """Runs a fleet with a trainer, and keeps what it publishes."""

    def __init__(self, arguments: argparse.Namespace, policy: Path, group: ProcessGroup) -> None:
        from rclpy.executors import SingleThreadedExecutor

        from altmarl_ros.msg import CoordinatorStatus
        from altmarl_ros.nodes.common import qos
        from altmarl_ros.nodes.tools.run_logger import RunLogger
        from altmarl_ros.nodes.trainer.client import TrainerClient

        self.observer, self.statuses = RunLogger(), {}
        self.observer.create_subscription(CoordinatorStatus, "/fleet/status", self._hear, qos.account_qos())
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.observer)
        plan = Plan(
            "warehouse", policy, arguments.robots, arguments.k, period=arguments.period, seed=arguments.seed, trainer=True
        )
        start_fleet(plan, group)
        self.wait(lambda: len(self.statuses) >= 10, 60.0)
        self.trainer = TrainerClient("/trainer")
        self.trainer.connect(30.0)
        self.wait(lambda: self.trainer.last.policy_id != 0, 10.0)

    def wait(self, condition: Any, seconds: float) -> None:
        """Spin until the condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f"error: nothing came for {seconds:g} s")
            self._executor.spin_once(timeout_sec=0.01)
            if hasattr(self, "trainer"):
                self.trainer.listen()

    def ticks(self, more: int) -> None:
        """Wait for this many more ticks, and for the robots' actions in them."""
        last = max(self.statuses) + more
        self.wait(lambda: last in self.statuses and any(tick >= last for _, tick in self.observer.log.truths), 60.0)

    def close(self) -> None:
        """Destroy the nodes that listen to the fleet."""
        self.trainer.close()
        self._executor.shutdown()
        self.observer.destroy_node()

    def _hear(self, message: Any) -> None:
        self.statuses[message.tick] = message


def walk(run: Run, idle: float) -> dict[str, tuple[float, int, int]]:
    """Go through all phases, and return the seconds, the first and the last tick of each."""
    from altmarl_ros.policy_updates.candidate import Stage

    marks = [(time.monotonic(), max(run.statuses))]

    def mark() -> None:
        marks.append((time.monotonic(), max(run.statuses)))

    def until(*stages: Stage) -> None:
        run.wait(lambda: Stage(run.trainer.last.state) in stages, 300.0)
        if Stage(run.trainer.last.state) in (Stage.FAILED, Stage.CANCELLED):
            raise SystemExit(f"error: {run.trainer.last.message}")

    def ask(service: str) -> None:
        answer = run.trainer.call(service)
        if not answer.successful:
            raise SystemExit(f"error: {service}: {answer.reason}")

    end = time.monotonic() + idle
    run.wait(lambda: time.monotonic() > end, idle + 10.0)
    mark()
    ask("train")
    until(Stage.SHADOW, Stage.READY, Stage.FAILED)
    mark()
    until(Stage.READY, Stage.FAILED)
    mark()
    for service in ("deploy", "rollback"):
        before = run.trainer.last.policy_id
        ask(service)
        until(Stage.DEPLOYED, Stage.READY)
        run.wait(lambda before=before: run.trainer.last.policy_id != before, 20.0)
        mark()
        run.ticks(_AFTERWARDS)
        mark()
    return {
        phase: (after[0] - before[0], before[1] + 1, after[1])
        for phase, before, after in zip(PHASES, marks, marks[1:], strict=False)
    }


def judge(run: Run, spans: Mapping[str, tuple[float, int, int]], bundles: Mapping[int, PolicyBundle]) -> dict[str, Phase]:
    """Count late, missing and wrong ticks of each phase."""
    truths = {tick: truth for (_, tick), truth in run.observer.log.truths.items()}
    judged = {}
    for phase, (seconds, first, last) in spans.items():
        there = [tick for tick in range(first, last + 1) if tick in run.statuses]
        late = run.statuses[there[-1]].missed_ticks - run.statuses[max(t for t in run.statuses if t < first)].missed_ticks
        wrong, told, acted = 0, 0, 0
        for tick in there:
            status, truth = run.statuses[tick], truths.get(tick)
            if truth is None:
                continue
            pi = {policy_id: bundle.pi_l.probabilities[:, status.global_state] for policy_id, bundle in bundles.items()}
            by = [
                {policy_id for policy_id, table in pi.items() if a_l is not None and table[s_l, a_l] > 0}
                for s_l, a_l in zip(truth.local_states, truth.local_actions, strict=True)
            ]
            wrong += any(status.policy_id not in policies for policies in by)
            told += sum(len(policies) == 1 for policies in by)
            acted += len(by)
        judged[phase] = Phase(seconds, len(there), late, last - first + 1 - len(there), wrong, told / max(1, acted))
    return judged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robots", type=int, default=30)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--period", type=float, default=0.2, help="time between ticks [s]")
    parser.add_argument("--reward", default="previous_reward=3", help="NAME=VALUE among the warehouse's builder parameters")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ.update({**discovery_variables(), **isolation_variables()})
    rclpy = import_rclpy()
    rclpy.init(args=[])
    name, _, value = arguments.reward.partition("=")
    runs, gains = [], []
    with tempfile.TemporaryDirectory() as folder, ProcessGroup(Path(folder) / "logs", os.environ) as group:
        policy = save_bundle(train(load_game("warehouse"), TrainingOptions(K=25, certificate_runs=0)), Path(folder) / "old.npz")
        run = Run(arguments, policy, group)
        changed = run.trainer.change({"reward.parameters": f"{{{name}: {value}}}"})
        if not changed.successful:
            raise SystemExit(f"error: {changed.reason}")
        for _ in range(arguments.repeat):
            spans = walk(run, idle=10.0)
            progress = run.trainer.last
            bundles = {bundle.policy_id: bundle for bundle in (load_bundle(policy), load_bundle(progress.candidate_file))}
            gains.append((progress.gain, progress.gain_half_width, progress.shadow_agreed, progress.shadow_ticks))
            runs.append(judge(run, spans, bundles))
        run.close()
    rclpy.try_shutdown()
    console = Console(soft_wrap=True)
    table = Table(
        title=f"warehouse, {arguments.robots} robots, k = {arguments.k}, period {arguments.period:g} s, {arguments.reward}, "
        f"{arguments.repeat} times; {platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}",
        title_justify="left",
    )
    for column in ("phase", "seconds (median, most)", "ticks", "late", "absent", "disagreeing", "telling"):
        table.add_column(column, justify="left" if column == "phase" else "right")
    for phase in PHASES:
        of = [each[phase] for each in runs]
        seconds = [each.seconds for each in of]
        table.add_row(
            phase,
            f"{np.median(seconds):.1f}, {max(seconds):.1f}",
            *(str(sum(getattr(each, name) for each in of)) for name in ("ticks", "late", "absent", "disagreeing")),
            f"{np.mean([each.telling for each in of]):.0%}",
        )
    console.print(table)
    whole = [sum(each[phase].seconds for phase in ("train", "shadow", "deploy", "roll back")) for each in runs]
    console.print(f"train, shadow, deploy and roll back together: median {np.median(whole):.1f} s, most {max(whole):.1f} s")
    for gain, half, agreed, ticks in gains:
        console.print(f"gain {gain:+.2f} ± {half:.2f}, as a shadow the same action in {agreed} of {ticks} live ticks")


if __name__ == "__main__":
    main()
