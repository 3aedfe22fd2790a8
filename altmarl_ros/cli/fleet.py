"""`altmarl fleet`: bring a simulated fleet up in separate processes and watch it."""

import os
import time
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Callable, Optional, Sequence

import numpy as np
import typer
from rich.live import Live

from altmarl_ros.cli import console
from altmarl_ros.cli.console import Game, Json, LogLevel, Model, Policy, Seed
from altmarl_ros.cli.fleet_table import fleet_table, floor_line, status_line
from altmarl_ros.cli.processes import Child, ProcessGroup, Stopping, start_fleet
from altmarl_ros.cli.record import bag_recorder
from altmarl_ros.cli.ros_imports import import_rclpy
from altmarl_ros.cli.runs import is_bag
from altmarl_ros.cli.train import find_bundle
from altmarl_ros.deployment.fleet_plan import BACKENDS, MOST_ROBOTS, FleetPlan, find_period
from altmarl_ros.deployment.middleware import LOOPBACK, discovery_variables, isolation_variables
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.protocol.link_model import parse_network
from altmarl_ros.records.run_record import RunLog, RunRecord
from altmarl_ros.resources import data_home
from altmarl_ros.simulation.vectorised_fleet import MOST_LISTED

if TYPE_CHECKING:
    from altmarl_ros.nodes.tools.run_logger import RunLogger

_REFRESH = 0.25  # s
_DISCOVERY = 1.5  # s; for another fleet to be noticed, on a busy machine too
_SETTLE = 3.0  # s; how long the last tick's truth may take


def fleet(
    game: Game = "warehouse",
    policy: Policy = None,
    robots: Annotated[int, typer.Option("--robots", "-n", min=1, max=MOST_ROBOTS, help="Robots in the fleet.")] = 30,
    k: Annotated[int, typer.Option("--k", "-k", min=0, help="Reports per tick.")] = 5,
    model: Model = DEFAULT_MODEL,
    period: Annotated[
        Optional[float],
        typer.Option(min=0.01, help="Time between ticks (s); default: 0.5, or for robots with wheels the game's own."),
    ] = None,
    ticks: Annotated[int, typer.Option(min=0, help="Stop after so many ticks; 0: run until Ctrl-C.")] = 0,
    processes: Annotated[int, typer.Option(min=0, max=64, help="Processes that share the robots; 0: by their number.")] = 0,
    crowd: Annotated[bool, typer.Option("--crowd", help="Play all robots in one process, in arrays, up to 100000.")] = False,
    backend: Annotated[
        str,
        typer.Option(
            autocompletion=console.completing(*BACKENDS),
            help="markov: a simulated Markov world; physical: robots on a simulated floor; real: their own bases.",
        ),
    ] = "markov",
    rtf: Annotated[
        float, typer.Option(min=0.0, max=1000.0, help="Speed of a simulated floor over real time; 0: as fast as robots steer.")
    ] = 1.0,
    network: Annotated[
        str, typer.Option(help="Faults between coordinator and robots, such as loss=0.3,duplicate=0.2,jitter=0.2.")
    ] = "",
    standby: Annotated[
        bool, typer.Option("--standby", help="Start a second coordinator that takes over when the first falls silent.")
    ] = False,
    visualization: Annotated[
        bool, typer.Option("--visualization", help="Also publish /fleet/visualization, markers for RViz and Foxglove.")
    ] = False,
    trainer: Annotated[
        bool, typer.Option("--trainer", help="Start a trainer, which learns new policies beside the fleet: `altmarl retrain`.")
    ] = False,
    record: Annotated[
        Optional[Path],
        typer.Option("--record", "-r", help="Write the run to this .npz file, or as a bag to a folder of any other name."),
    ] = None,
    isolated: Annotated[
        bool, typer.Option("--isolated", help="Keep to a ROS domain of its own, so that several fleets run side by side.")
    ] = False,
    log_level: LogLevel = "info",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Run a simulated fleet: coordinator, world and robots as real ROS 2 processes, with a live table.

    It is heard on this machine alone, in your ROS domain, unless ROS_AUTOMATIC_DISCOVERY_RANGE says otherwise.

    Example: altmarl fleet --robots 100 --k 5 --ticks 200 --record run.npz
    """
    faults, tabular = parse_network(network), load_game(game)
    path, bundle = find_bundle(tabular, game, policy)
    if k > bundle.ladder.K:
        raise typer.BadParameter(f"k is {k}, must be at most {bundle.ladder.K}, the top rung of {path}")
    if record is not None and crowd and robots > MOST_LISTED:
        raise typer.BadParameter(f"--record lists every robot: at most {MOST_LISTED} of a crowd, not {robots}")
    if backend not in BACKENDS:
        raise typer.BadParameter(f"--backend is {backend!r}, must be one of {', '.join(BACKENDS)}")
    plan = FleetPlan(
        game,
        path,
        robots,
        k,
        model,
        find_period(period, game, backend),
        processes,
        crowd,
        seed,
        ticks,
        network=faults,
        standby=standby,
        trainer=trainer,
        backend=backend,
        real_time_factor=rtf,
        visualization=visualization,
    )
    bag = record if record is not None and is_bag(record) else None
    run = run_fleet(plan, tabular, isolated, log_level, bag=bag)
    if bag is not None:
        console.out.print(f"recorded in {bag}; next: altmarl replay {bag}")
    elif record is not None:
        run.record(plan, tabular).save(record)
        console.out.print(f"recorded in {record}; next: altmarl report {record}")
    if as_json:
        console.document({**run.about(plan, tabular), "record": record})
    if run.failures:
        for name, reason in run.failures.items():
            console.fail(f"{name} {reason}")
        raise typer.Exit(1)


class FleetRun:
    """What `run_fleet` leaves behind: everything heard, where the logs are, and which processes failed."""

    def __init__(self, log: RunLog, log_folder: Path) -> None:
        self.log, self.log_folder = log, log_folder
        self.failures: dict[str, str] = {}

    def record(self, plan: FleetPlan, game: TabularGame) -> RunRecord:
        """The run's record, up to the planned number of ticks."""
        about: dict[str, Any] = {
            "game": plan.game,
            "game_name": game.name,
            "game_hash": game.content_hash,
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

    def about(self, plan: FleetPlan, game: TabularGame) -> dict[str, Any]:
        """What came of the run, as JSON values: means over the ticks that were heard, latency [s]."""
        rows = list(self.log.statuses.values())
        means = {
            name: float(np.mean([getattr(row, name) for row in rows])) if rows else None
            for name in ("asked", "heard", "report_bytes", "latency", "sampling_error")
        }
        return {
            "game": game.name,
            "robots": plan.robots,
            "k": plan.k,
            "model": plan.model,
            "period": plan.period,
            "ticks": len(rows),
            "sessions": len({row.session for row in rows}),
            **means,
            "failures": self.failures,
            "logs": self.log_folder,
        }

    def note_failure(self, child: Child) -> None:
        """Remember that a process ended before it was told to."""
        code = child.exit_code
        ended = f"ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        self.failures.setdefault(child.name, f"{ended}: {child.last_words()} ({child.log})")


def run_fleet(
    plan: FleetPlan,
    game: TabularGame,
    isolated: bool = True,
    log_level: str = "info",
    on_start: Callable[[list[Child]], None] | None = None,
    bag: Path | None = None,
) -> FleetRun:
    """Run a fleet until the planned ticks are over, Ctrl-C or SIGTERM, or the end of coordinator, world or crowd.

    A robot process that dies is noted and the rest go on. `on_start` is handed the processes; everything said is
    recorded in `bag`, a new folder.
    """
    rclpy = import_rclpy()
    own = isolation_variables() if isolated else {}
    os.environ.update({**discovery_variables(), **own})
    if plan.backend != "real":
        os.environ.setdefault(*LOOPBACK)
    if own:
        setting = " ".join(f"{name}={value}" for name, value in own.items())
        console.err.print(f"in a ROS domain of its own; from another terminal: {setting} altmarl top")
    folder = data_home() / "runs" / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    # Ctrl-C and SIGTERM are ours: the fleet is stopped in order, and what was heard is kept.
    rclpy.init(args=[], signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    try:
        from altmarl_ros.nodes.tools.run_logger import RunLogger

        observer = RunLogger()
        if not isolated:
            _find_no_other(observer)
        run = FleetRun(observer.log, folder)
        with (
            Stopping() as stopping,
            bag_recorder(bag) if bag else nullcontext() as recorder,
            ProcessGroup(folder, os.environ) as group,
        ):
            children = start_fleet(plan, group, log_level)
            if on_start:
                on_start(children)
            _watch([observer, *([recorder] if recorder else [])], plan, game, group, run, stopping)
            if stopping.asked:
                console.err.print("stopping the fleet")
        observer.destroy_node()
        if recorder is not None and recorder.failure is not None:
            run.failures["the recorder"] = f"stopped: {recorder.failure}"
        return run
    finally:
        rclpy.try_shutdown()


def _find_no_other(observer: "RunLogger") -> None:
    end = time.monotonic() + _DISCOVERY
    while time.monotonic() < end:
        if observer.count_publishers("/fleet/tick"):
            domain = os.environ.get("ROS_DOMAIN_ID", "0")
            raise AltmarlError(f"a fleet has a coordinator in ROS domain {domain} already: end it, or give --isolated")
        time.sleep(0.05)


def _watch(
    nodes: Sequence[Any], plan: FleetPlan, game: TabularGame, group: ProcessGroup, run: FleetRun, stopping: Stopping
) -> None:
    from altmarl_ros.nodes.common.running import make_executor

    executor = make_executor()
    for node in nodes:
        executor.add_node(node)
    observer: RunLogger = nodes[0]
    live = Live(console=console.err, auto_refresh=False) if console.err.is_terminal else None
    shown = 0
    refreshed = -_REFRESH
    finish: float | None = None
    with live or _Silent():
        while not stopping.asked:
            executor.spin_once(timeout_sec=0.05)
            for child in group.ended():
                run.note_failure(child)
            if plan.coordinators <= run.failures.keys() or plan.world in run.failures:
                return
            now = time.monotonic()
            if live is not None and now - refreshed >= _REFRESH:
                live.update(fleet_table(observer.log, plan, game, run.failures), refresh=True)
                refreshed = now
            elif live is None and len(observer.log.statuses) >= shown + 20:
                shown = len(observer.log.statuses) // 20 * 20
                console.err.print(status_line(observer.log))
                if observer.log.floors:
                    console.err.print(floor_line(observer.log, plan))
            if plan.ticks and len(observer.log.statuses) >= plan.ticks:
                finish = finish or now + _SETTLE
                if len(observer.log.truths) >= plan.ticks or now >= finish:
                    return


class _Silent:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...
