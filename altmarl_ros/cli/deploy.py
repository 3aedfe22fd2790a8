"""`altmarl deploy`: start a fleet of physical robots, or this machine's part of it, without `ros2 launch`."""

import os
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.console import Json, LogLevel
from altmarl_ros.cli.processes import ProcessGroup, command
from altmarl_ros.cli.ros_imports import import_rclpy
from altmarl_ros.cli.train import find_bundle
from altmarl_ros.deployment.fleet_file import load_fleet_file
from altmarl_ros.deployment.middleware import discovery_variables
from altmarl_ros.games import load_game
from altmarl_ros.resources import data_home

_LOOK = 0.2  # s


def deploy(
    fleet: Annotated[Path, typer.Argument(help="The fleet file (YAML).")],
    only: Annotated[
        str, typer.Option(help="Names of the robots to start here, with commas; empty: all that are enabled; none: no robot.")
    ] = "",
    coordinator: Annotated[bool, typer.Option(help="Start the coordinator here.")] = True,
    dry: Annotated[bool, typer.Option("--dry-run", help="Check the file, say what would be started, and end.")] = False,
    log_level: LogLevel = "info",
    as_json: Json = False,
) -> None:
    """Start robots and coordinator of a fleet file, until Ctrl-C or until all have ended.

    A process that ends by itself is told of, and the others go on. Exits with 1 when none is left.

    Example: altmarl deploy my_fleet.yaml --only robot_1 --no-coordinator
    """
    import_rclpy()
    from altmarl_ros.nodes.tools.real_fleet import plan_fleet

    loaded = load_fleet_file(fleet)
    plans = plan_fleet(loaded, only, coordinator)
    if as_json:  # once all is known that can be known before the end
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
        find_bundle(load_game(loaded.game), loaded.game, loaded.policy)
    folder = data_home() / "runs" / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    environment = {**os.environ, **discovery_variables()}
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with ProcessGroup(folder, environment) as group:
            for plan in plans:
                group.start(plan.name, command(plan, log_level))
            console.err.print(f"{', '.join(plan.name for plan in plans)} started; logs in {folder}")
            _watch(group)
            raise typer.Exit(1)
    except KeyboardInterrupt:
        console.err.print("stopped")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(group: ProcessGroup) -> None:
    """Tell of every process that ends, until none runs."""
    told: set[str] = set()
    while len(told) < len(group.children):
        for child in group.ended():
            if child.name not in told:
                told.add(child.name)
                console.fail(f"{child.name} ended with exit code {child.exit_code}: {child.last_words()} ({child.log})")
        time.sleep(_LOOK)
