"""Output of the command: results on standard output, progress and errors on standard error.

With `--json` standard output holds one JSON document (RFC 8259, so NaN and infinities become null) and nothing else:
everything that is printed besides goes to standard error. Exit codes stay the same, and a wrong input gives one line on
standard error and no document; a node's refusal has one.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from altmarl_ros.deployment import Check

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_MARKS = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "failed": "[red]failed [/]"}


def redirect(as_json: bool = False) -> bool:
    """Send what is printed on `out` to standard error if the command prints a JSON document, else to standard output."""
    out.stderr = as_json
    return as_json


def progress() -> Progress:
    """Make progress bars with counts, time passed and time left, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err)


def document(content: object, indent: Optional[int] = 2) -> None:
    """Print the JSON document of --json; converts dataclasses, arrays and paths, and makes numbers that are not finite null."""
    sys.stdout.write(json.dumps(_plain(content), allow_nan=False, indent=indent) + "\n")
    sys.stdout.flush()


def print_checks(checks: Sequence[Check], as_json: bool) -> None:
    """Print each check in one line, with its remedy below; ends the command with exit code 1 if one failed."""
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
    """Print an error in one line."""
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
