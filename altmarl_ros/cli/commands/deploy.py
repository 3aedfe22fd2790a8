"""`altmarl deploy`: start a fleet of physical robots, or this machine's part of it, without `ros2 launch`."""

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.optional_imports import import_rclpy
from altmarl_ros.cli.options import Json, LogLevel
from altmarl_ros.cli.processes import ProcessGroup, Stopping, command
from altmarl_ros.cli.training import find_bundle
from altmarl_ros.deployment import discovery_variables, load_fleet_file
from altmarl_ros.games import load_game
from altmarl_ros.resources import data_home

_POLL_PERIOD = 0.2  # s between two looks at the processes
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # s between the end of a process and its next start
_RUNS = 60.0  # s after which a process has started well
_FINAL = (0, 2)  # exit codes: told to stop, wrong input


def deploy(
    fleet: Annotated[Path, typer.Argument(help="The fleet file (YAML).")],
    *,
    only: Annotated[
        str,
        typer.Option(help="Names of the robots to start here, separated by commas; empty: all enabled ones; none: no robot."),
    ] = "",
    coordinator: Annotated[bool, typer.Option(help="Whether to start the coordinator here.")] = True,
    restart: Annotated[bool, typer.Option("--restart", help="Start a process again that failed, later each time.")] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Check the file, print what would be started, and start nothing.")
    ] = False,
    log_level: LogLevel = "info",
    as_json: Json = False,
) -> None:
    """Start robots and coordinator of a fleet file, and keep them running until Ctrl-C or until all have ended.

    A process that ends by itself is reported, and the others go on. With --restart one that failed is started again, after
    1 s and then twice as long each time, up to 30 s; not one that refuses its input (exit code 2). Exits with 1 when none is
    left.

    Example: altmarl deploy my_fleet.yaml --only robot_1 --no-coordinator
    """
    import_rclpy()
    from altmarl_ros.nodes.tools.real_fleet import plan_fleet

    loaded = load_fleet_file(fleet)
    plans = plan_fleet(loaded, only, coordinator)
    if as_json:  # now, since the rest is not known before the end
        console.document(
            [
                {
                    "process": plan.name,
                    "executable": plan.executable,
                    "node": plan.ros_name or f"/{plan.name}",
                    "parameters": plan.parameters,
                }
                for plan in plans
            ]
        )
    if dry:
        for plan in plans:
            console.out.print(
                f"{plan.name}: {plan.executable} {plan.ros_name or '/' + plan.name}, {len(plan.parameters)} parameters"
            )
        return
    if coordinator:
        find_bundle(load_game(loaded.game), loaded.game, loaded.policy, given_by="game: ")
    folder = data_home() / "runs" / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    environment = {**os.environ, **discovery_variables()}
    with Stopping() as stopping, ProcessGroup(folder, environment) as group:
        for plan in plans:
            group.start(plan.name, command(plan, log_level), plan.environment)
        console.err.print(f"{', '.join(plan.name for plan in plans)} started; logs in {folder}")
        _watch(group, stopping, restart)
    if not stopping.asked:
        raise typer.Exit(1)
    console.err.print("stopped")


def _watch(group: ProcessGroup, stopping: Stopping, restart: bool) -> None:
    """Report every process that ends, and start it again where this is wanted, until none is left or all are to be stopped."""
    left = {child.name: child for child in group.children}
    pauses: dict[str, float] = {}  # s, the last one of a process
    due: dict[str, float] = {}  # when those that have ended start again
    while left and not stopping.asked:
        now = time.monotonic()
        for name in [name for name, at in due.items() if at <= now]:
            del due[name]
            left[name].start_again()
        for child in [each for name, each in left.items() if each.exit_code is not None and name not in due]:
            told = f"{child.name} ended with exit code {child.exit_code}: {child.last_words()} ({child.log})"
            if restart and child.exit_code not in _FINAL:
                last = pauses.get(child.name, 0.0) if now - child.began < _RUNS else 0.0
                pauses[child.name] = min(2.0 * last or _FIRST_PAUSE, _LONGEST_PAUSE)
                due[child.name] = now + pauses[child.name]
                told += f"; it starts again in {pauses[child.name]:.0f} s"
            else:
                del left[child.name]
            console.fail(told)
        time.sleep(_POLL_PERIOD)
