"""How the command speaks: results on standard output, progress and errors on standard error.

With `--json` standard output holds one JSON document (RFC 8259, so no NaN: what is no number is null) and nothing else:
whatever else a verb prints, the tables of another verb that it calls included, goes to standard error. Exit codes are the
same, and a wrong input gives one line on standard error and no document.
"""

import json
import math
import sys
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any, Callable, Mapping, Optional, Sequence

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from altmarl_ros.deployment.checks import Check
from altmarl_ros.games.spec import builtin_games
from altmarl_ros.observation import MODEL_NAMES

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_MARKS = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "failed": "[red]failed [/]"}


def completing(*words: str) -> Callable[[str], list[str]]:
    """What the shell offers for an option's value."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def complete_game(incomplete: str) -> list[str]:
    """Names of built-in games; where none begins so, the shell offers files."""
    return completing(*builtin_games())(incomplete)


complete_model = completing(*MODEL_NAMES)

Game = Annotated[str, typer.Option("--game", "-g", autocompletion=complete_game, help="A built-in game's name or a YAML file.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]


def speak(as_json: bool = False) -> bool:
    """Where `out` goes from now on: with --json not to standard output, which is the document's."""
    out.stderr = as_json
    return as_json


Json = Annotated[
    bool, typer.Option("--json", is_eager=True, callback=speak, help="Print one JSON document; everything else goes to stderr.")
]
Figure = Annotated[Optional[Path], typer.Option("--figure", "-f", help="Also draw it into this file (.png).")]
Timeout = Annotated[float, typer.Option(min=0.1, max=600.0, help="How long to wait for what is asked (s).")]
Robots = Annotated[int, typer.Option("--robots", "-n", min=1, help="Robots in the fleet.")]
FleetPrefix = Annotated[str, typer.Option(help="Prefix of the fleet's topics.")]
LogLevel = Annotated[
    str,
    typer.Option(
        autocompletion=completing("debug", "info", "warn", "error", "fatal"), help="debug, info, warn, error or fatal."
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model", "-m", autocompletion=complete_model, help="What is made of the reports: filtered, fresh or sticky."
    ),
]
LearnFor = Annotated[
    str,
    typer.Option(
        autocompletion=completing("filtered", "fresh"),
        help="Observation model that the pair is learned for: filtered, or fresh, the paper's (and for sticky).",
    ),
]
Policy = Annotated[
    Optional[Path], typer.Option("--policy", "-p", help="Policy bundle (.npz); default: trained for the game and kept.")
]


def progress() -> Progress:
    """Bars with counts, time passed and time left, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err)


def document(content: object, indent: Optional[int] = 2) -> None:
    """Print the one JSON document of --json: dataclasses, arrays and paths as they are, what is no finite number as null."""
    sys.stdout.write(json.dumps(_plain(content), allow_nan=False, indent=indent) + "\n")
    sys.stdout.flush()


def print_checks(checks: Sequence[Check], as_json: bool) -> None:
    """Print each check in a line, what to do below it; leaves with exit code 1 if one failed."""
    if as_json:
        document(list(checks))
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


def _plain(content: Any) -> Any:
    if is_dataclass(content) and not isinstance(content, type):
        return _plain({name: getattr(content, name) for name in content.__dataclass_fields__})
    if isinstance(content, Mapping):
        return {str(key): _plain(value) for key, value in content.items()}
    if hasattr(content, "tolist"):  # an array, or a number of NumPy's
        return _plain(content.tolist())
    if isinstance(content, (list, tuple, set, frozenset)):
        return [_plain(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return str(content) if isinstance(content, Path) else content
