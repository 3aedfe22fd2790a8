"""Entry point of the `altmarl` command, which puts the sub-commands together."""

from __future__ import annotations

import errno
import functools
import re
import sys
from typing import Annotated, Any, Callable

import typer

from altmarl_ros import __version__
from altmarl_ros.cli import console
from altmarl_ros.cli.command_table import CommandTable
from altmarl_ros.errors import AltmarlError

app = typer.Typer(
    name="altmarl",
    cls=CommandTable,
    help="Fleets of robots whose coordinator hears only a few of them at a time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        console.out.print(__version__)
        raise typer.Exit


@app.callback()
def altmarl(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version and end.")
    ] = False,
) -> None:
    """Fleets of robots whose coordinator hears only a few of them at a time."""


def limit_text(error: MemoryError | OSError) -> str:
    """One line about what the operating system refused, and the remedy where there is a common one."""
    if isinstance(error, MemoryError):
        return f"out of memory: {error or 'the machine has no more'}; fewer robots, runs or reports need less"
    advice = {
        errno.EMFILE: "; raise the limit by ulimit -n 1024",
        errno.ENFILE: "; the machine's limit, fs.file-max, is reached",
        errno.ENOSPC: "; make room on that disk",
    }.get(error.errno or 0, "")
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}{advice}"


@functools.cache
def _commands() -> Callable[..., Any]:
    """The commands of `app`, put together once in a process."""
    return typer.main.get_command(app)


# The base of all errors about the command line. Its module differs between versions of typer, which bring click or need it.
_UsageError: type[Exception] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


# What versions of typer and click say of a number out of range, and this package's words for it.
_RANGES = (
    (re.compile(r": (\S+) is not in the range (\S+)<=x<=(\S+)$"), r": \1, must be in \2..\3"),
    (re.compile(r": (\S+) is not in the range x>=(\S+)$"), r": \1, must be at least \2"),
    (re.compile(r": (\S+) is not in the range x<=(\S+)$"), r": \1, must be at most \2"),
    (re.compile(r": Input should be greater than or equal to (\S+)$"), r": must be at least \1"),
    (re.compile(r": Input should be less than or equal to (\S+)$"), r": must be at most \1"),
)


def usage_text(error: Any) -> str:
    """One line about what is wrong with the command line, and where help is."""
    message = " ".join(error.format_message().split()).rstrip(".")
    for said, words in _RANGES:
        message = said.sub(words, message)
    context = getattr(error, "ctx", None)
    where = "altmarl" if context is None else context.command_path
    return f"{message[:1].lower()}{message[1:]}; `{where} --help` tells more"


def main(args: list[str] | None = None) -> int:
    """Run a command line; returns 0, 1 (ran but failed), 2 (wrong input) or 130 (interrupted)."""
    console.redirect()
    try:
        code = _commands()(args, prog_name="altmarl", standalone_mode=False)
    except _UsageError as error:
        if type(error).__name__ != "NoArgsIsHelpError":  # that one has printed the help
            console.fail(usage_text(error))
        return 2
    except typer.Abort:
        console.fail("given up")
        return 1
    except AltmarlError as error:
        console.fail(str(error))
        return 2
    except (MemoryError, OSError) as error:  # the machine's limits, wherever they are met
        if isinstance(error, BrokenPipeError):
            raise
        console.fail(limit_text(error))
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
