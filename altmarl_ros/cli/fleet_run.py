"""Runs a planned fleet in separate processes, listens to it, and keeps what became of it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Sequence

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.fleet_display import FleetDisplay
from altmarl_ros.cli.live_dashboard import LiveDashboard, has_display
from altmarl_ros.cli.optional_imports import import_rclpy
from altmarl_ros.cli.processes import Child, ProcessGroup, Stopping, start_fleet
from altmarl_ros.cli.runs import bag_recorder, is_bag
from altmarl_ros.deployment import FleetPlan, discovery_variables, isolation_variables
from altmarl_ros.deployment.middleware import range_variables
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.records.run_log import SUMMARISED, RunLog
from altmarl_ros.records.run_record import RunRecord
from altmarl_ros.resources import data_home

if TYPE_CHECKING:
    from altmarl_ros.nodes.tools.run_logger import RunLogger

_DISCOVERY = 1.5  # s in which another fleet is noticed, on a busy machine too
_SETTLE = 3.0  # s to wait for the truth of the last tick


class FleetRun:
    """What became of one run of a fleet.

    Attributes:
        plan: the fleet that was run.
        game: that it played.
        log: everything that was heard of it.
        log_folder: the processes' log files.
        failures: what ended a process before it was told to end, by name.
    """

    def __init__(self, plan: FleetPlan, game: TabularGame, log: RunLog, log_folder: Path) -> None:
        self.plan, self.game, self.log, self.log_folder = plan, game, log, log_folder
        self.failures: dict[str, str] = {}

    def record(self) -> RunRecord:
        """Return the run's record, up to the planned number of ticks."""
        plan = self.plan
        about: dict[str, Any] = {
            "game": plan.game,
            "game_name": self.game.name,
            "game_hash": self.game.content_hash,
            "policy": str(plan.policy),
            "robots": plan.robots,
            "k": plan.k,
            "period": plan.period,
            "seed": plan.seed,
            "model": plan.model,
            "network": str(plan.network),
            "backend": plan.backend,
        }
        return self.log.record(about, plan.ticks or None)

    def about(self) -> dict[str, Any]:
        """Summarise the run as JSON values: means over the ticks that were heard, latency [s]."""
        return {
            "game": self.game.name,
            "robots": self.plan.robots,
            "k": self.plan.k,
            "model": self.plan.model,
            "period": self.plan.period,
            "ticks": self.log.heard_ticks,
            "sessions": self.log.sessions,
            **{name: self.log.mean(name) for name in SUMMARISED},
            "failures": self.failures,
            "logs": self.log_folder,
        }

    def note_failure(self, child: Child) -> None:
        """Remember that a process ended before it was told to."""
        code = child.exit_code
        ended = f"ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        self.failures.setdefault(child.name, f"{ended}: {child.last_words()} ({child.log})")

    def exit_if_failed(self) -> None:
        """Print the failures, and end the command with exit code 1 if there are any."""
        for name, reason in self.failures.items():
            console.fail(f"{name} {reason}")
        if self.failures:
            raise typer.Exit(1)


def run_and_record(
    plan: FleetPlan,
    game: TabularGame,
    record: Path | None,
    *,
    isolated: bool = False,
    log_level: str = "info",
    discovery_range: str = "",
    dashboard: bool = False,
) -> FleetRun:
    """Run a fleet and write its record: an `.npz` file, or a bag at any other path; None: no record. Others: see run_fleet."""
    bag = record if record is not None and is_bag(record) else None
    rows = record is not None and bag is None
    run = run_fleet(
        plan,
        game,
        isolated=isolated,
        log_level=log_level,
        bag=bag,
        rows=rows,
        discovery_range=discovery_range,
        dashboard=dashboard,
    )
    if bag is not None:
        console.out.print(f"recorded in {bag}; next: altmarl replay {bag}")
    elif record is not None:
        run.record().save(record)
        console.out.print(f"recorded in {record}; next: altmarl report {record}")
    return run


def run_fleet(
    plan: FleetPlan,
    game: TabularGame,
    *,
    isolated: bool = True,
    log_level: str = "info",
    bag: Path | None = None,
    rows: bool = True,
    at_hand: int | None = 400,
    discovery_range: str = "",
    dashboard: bool = False,
) -> FleetRun:
    """Run a fleet until the planned ticks are over, Ctrl-C or SIGTERM, or the end of coordinator, world or crowd.

    A robot process that dies is noted and the rest go on.

    Args:
        plan: what to start.
        game: that `plan.game` names.
        isolated: whether the fleet gets a ROS domain of its own.
        log_level: of the nodes.
        bag: new folder to record all messages in; None: no recording.
        rows: whether all ticks are kept, for `FleetRun.record`; otherwise the newest ones are.
        at_hand: number of the newest ticks that are kept in memory; None: all of them.
        discovery_range: how far the fleet is found, see `deployment.middleware.range_variables`.
        dashboard: whether a read-only dashboard is served beside it, and opened where there is a display.

    Raises:
        ResourceError: ROS 2 is not installed.
        AltmarlError: not isolated, and another fleet has the same prefix in this ROS domain.
    """
    import_rclpy()
    own = isolation_variables() if isolated else {}
    reach = range_variables(discovery_range, simulated=plan.backend != "real")
    os.environ.update({**discovery_variables(), **reach, **own})
    if own:
        setting = " ".join(f"{name}={value}" for name, value in own.items())
        console.err.print(f"in a ROS domain of its own; from another terminal: {setting} altmarl top")
    folder = data_home() / "runs" / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    with Stopping() as stopping, _ros_context():
        from altmarl_ros.nodes.tools.run_logger import RunLogger

        logger = RunLogger(RunLog(at_hand, folder if rows else None), plan.fleet_prefix, plan.world_prefix)
        if not isolated:
            _find_no_other_fleet(logger, plan.fleet_prefix)
        run = FleetRun(plan, game, logger.log, folder)
        with (
            bag_recorder(bag, plan.fleet_prefix) if bag else nullcontext() as recorder,
            ProcessGroup(folder, os.environ) as group,
        ):
            start_fleet(plan, group, log_level)
            shown = _show(plan, group) if dashboard else None
            _watch(run, [logger, *([recorder] if recorder else [])], group, stopping, shown)
            if stopping.asked:
                console.err.print("stopping the fleet")
        logger.destroy_node()
        if recorder is not None and recorder.failure is not None:
            run.failures["the recorder"] = f"stopped: {recorder.failure}"
        return run


@contextmanager
def _ros_context() -> Iterator[None]:
    """Initialise rclpy without its signal handlers: we stop the fleet in order, and keep what was heard."""
    rclpy = import_rclpy()
    rclpy.init(args=[], signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    try:
        yield
    finally:
        rclpy.try_shutdown()


def _find_no_other_fleet(logger: RunLogger, prefix: str) -> None:
    """Refuse to come second to a prefix, by the name of who is there."""
    from altmarl_ros.nodes.tools.other_fleet import find_coordinator

    found = find_coordinator(logger, prefix, _DISCOVERY)
    if found is not None:
        domain = os.environ.get("ROS_DOMAIN_ID", "0")
        raise AltmarlError(
            f"{found} has the prefix {prefix} in ROS domain {domain} already: end it, or give --fleet-prefix or --isolated"
        )


def _show(plan: FleetPlan, group: ProcessGroup) -> LiveDashboard:
    return LiveDashboard(group, plan.fleet_prefix, plan.world_prefix, open_browser=has_display())


def _watch(
    run: FleetRun, nodes: Sequence[Any], group: ProcessGroup, stopping: Stopping, dashboard: LiveDashboard | None
) -> None:
    """Spin our nodes and show the fleet until it has ended or is to be stopped."""
    from altmarl_ros.nodes.common.running import make_executor

    executor = make_executor()
    for node in nodes:
        executor.add_node(node)
    plan, log = run.plan, run.log
    settled: float | None = None  # monotonic [s]
    with FleetDisplay(plan, run.game, log) as display:
        while not stopping.asked:
            executor.spin_once(timeout_sec=0.05)
            if dashboard is not None:
                dashboard.update()
            for child in group.ended():
                if dashboard is None or child is not dashboard.child:
                    run.note_failure(child)
            if any(group <= run.failures.keys() for group in plan.essential):
                return
            display.update(run.failures)
            if plan.ticks and log.heard_ticks >= plan.ticks:
                settled = settled or time.monotonic() + _SETTLE
                if log.true_ticks >= plan.ticks or time.monotonic() >= settled:
                    return
