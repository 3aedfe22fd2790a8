"""The `altmarl` command, from the command itself."""

from __future__ import annotations

import re
from typing import Any, Iterator

import typer

from altmarl_ros.cli.main import app
from tables import code_span, table

_INTRODUCTION = """# Command line

`altmarl COMMAND --help` says the same. Results go to standard output, progress and errors to standard error; `--json` prints one
document for machines where a command has it. [Exit codes](exit-codes.md) are the same for all commands.

"""


def page() -> str:
    """All commands in their order."""
    root = typer.main.get_command(app)
    return _INTRODUCTION + "\n".join(_section(name, command) for name, command in commands(root, "altmarl"))


def commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Every command below a group with its full name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix} {name}")
        elif not command.hidden:
            yield f"{prefix} {name}", command


def _section(name: str, command: Any) -> str:
    context = typer.Context(command, info_name=name)
    about, _, example = (command.help or "").partition("Example: ")
    text = f"## {name}\n\n{code_span(about.strip())}\n\n"
    if example:
        text += f"```bash\n{' '.join(example.split())}\n```\n\n"
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [(_names(record[0]), code_span(re.sub(r"\s+", " ", record[1]))) for record in records if record is not None]
    return text + (table(("option or argument", "meaning"), rows) if rows else "")


def _names(names: str) -> str:
    return ", ".join(f"`{name.strip()}`" for name in names.split(", "))
