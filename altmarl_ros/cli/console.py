"""How the command speaks: results on standard output, progress and errors on standard error."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Optional, Sequence

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from altmarl_ros.fleet.checks import Check

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_MARKS = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "failed": "[red]failed [/]"}

Game = Annotated[str, typer.Option("--game", "-g", help="A built-in game's name or a YAML file.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
Model = Annotated[str, typer.Option("--model", "-m", help="What is made of the reports: filtered, fresh or sticky.")]
LearnFor = Annotated[
    str, typer.Option(help="Observation model that the pair is learned for: filtered, or fresh, the paper's (and for sticky).")
]
Policy = Annotated[
    Optional[Path], typer.Option("--policy", "-p", help="Policy bundle (.npz); default: trained for the game and kept.")
]


def progress() -> Progress:
    """Bars with counts, time passed and time left, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err)


def print_checks(checks: Sequence[Check], as_json: bool) -> None:
    """Print each check in a line, what to do below it; leaves with exit code 1 if one failed."""
    if as_json:
        out.print_json(json.dumps([asdict(check) for check in checks]))
    else:
        for check in checks:
            out.print(f"{_MARKS[check.state]} [bold]{check.name}[/]: {_escaped(check.detail)}")
            if check.remedy:
                out.print(f"        {_escaped(check.remedy)}")
    if any(check.state == "failed" for check in checks):
        raise typer.Exit(1)


def fail(message: str) -> None:
    """Print one line that names the culprit."""
    err.print(f"[bold red]error:[/] {_escaped(message)}", soft_wrap=True)


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")
