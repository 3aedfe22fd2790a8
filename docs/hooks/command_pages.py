"""The `altmarl` command, from the command itself."""

from __future__ import annotations

import re
from typing import Any

import typer

from altmarl_ros.cli.command_table import all_commands
from tables import code_span, table

_INTRODUCTION = """# Command line

`altmarl COMMAND --help` says the same. Results go to standard output, progress and errors to standard error; `--json` prints one
document for machines where a command has it. [Exit codes](exit-codes.md) are the same for all commands.

"""


def page() -> str:
    """All commands in their order."""
    return _INTRODUCTION + "\n".join(_section(" ".join(("altmarl", *words)), command) for words, command in all_commands())


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
