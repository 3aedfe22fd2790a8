"""Runs an experiment, or reads its table, and writes table, figure and what made them."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Callable, Optional, Sequence, TypeVar

import typer
from rich.progress import Progress

from altmarl_ros import __version__
from altmarl_ros.cli import console
from altmarl_ros.cli.options import Json
from altmarl_ros.experiments.table import Row, read_csv, write_csv
from altmarl_ros.files import write_output
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.resources import data_home

if TYPE_CHECKING:
    from altmarl_ros.experiments.task_runner import TaskRunner

_DPI = 150
_NOT_ABOUT_THE_RESULT = ("out", "cache", "jobs", "backend", "plot_only", "compare", "as_json")

Options = TypeVar("Options")


@dataclass(frozen=True)
class ExperimentSettings:
    """The options that all experiments share: how much is computed, where it runs, and where its results go."""

    quick: Annotated[bool, typer.Option("--quick", help="Use a small grid, done in seconds.")] = False
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the table (CSV), the figure (PNG) and what made them.")
    ] = Path("experiments")
    cache: Annotated[Optional[Path], typer.Option(help="Folder of kept results; default: below ~/.ros/altmarl_ros.")] = None
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Tasks at a time, one thread each; 0: one per core.")] = 0
    backend: Annotated[
        str, typer.Option(help="Where tasks run: loky, threading, multiprocessing, sequential, dask or ray.")
    ] = "loky"
    plot_only: Annotated[bool, typer.Option("--plot-only", help="Only draw the figure again, from the table.")] = False
    as_json: Json = False


def with_given(defaults: Options, **given: Any) -> Options:
    """Replace the options that were given on the command line; those that are None or empty keep their defaults."""
    chosen = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return replace(defaults, **{name: value for name, value in chosen.items() if value not in (None, ())})  # type: ignore[type-var]


def conduct(
    context: typer.Context,
    game: str | None,
    settings: ExperimentSettings,
    run: Callable[[Any, TaskRunner], Sequence[Row]],
    draw: Callable[[Sequence[Row], str], Any],
) -> None:
    """Run an experiment, or read its table with `plot_only`, and write what came out into the folder `out`.

    Args:
        context: of the command, whose line is written below the figure.
        game: built-in name or YAML file; None: games of the experiment's own.
        settings: where it runs and where the results go.
        run: makes the table's rows from the game (None: the experiment has its own) and a runner of tasks.
        draw: makes the figure from the rows and the command line.
    """
    name = context.info_name or ""
    table, picture, origin = (settings.out / f"{name}.{suffix}" for suffix in ("csv", "png", "json"))
    if settings.plot_only:
        command = _read_command(origin)
    else:
        loaded = load_game(game) if game else None
        command = _command(context)
        write_csv(table, _run(settings, loaded, run))
        about = {"command": command, "game": loaded.content_hash if loaded else None, "version": __version__}
        write_output(origin, json.dumps(about, indent=1).encode())
        console.out.print(f"table: {table}")
    from altmarl_ros.plotting import as_png

    rows = read_csv(table)  # as written, so that `plot_only` draws the same picture
    write_output(picture, as_png(draw(rows, command), _DPI))
    console.out.print(f"figure: {picture}")
    if settings.as_json:
        console.document({"experiment": name, "command": command, "table": table, "figure": picture, "rows": rows})


def _run(
    settings: ExperimentSettings, game: TabularGame | None, run: Callable[[Any, TaskRunner], Sequence[Row]]
) -> Sequence[Row]:
    from altmarl_ros.experiments.cache import Cache
    from altmarl_ros.experiments.task_runner import TaskRunner

    cache = Cache(settings.cache or data_home() / "results")
    with console.progress() as bar, TaskRunner(cache, settings.jobs, settings.backend, _Bars(bar)) as runner:
        try:
            rows = run(game, runner)
        except KeyboardInterrupt:
            bar.stop()
            console.err.print(f"interrupted: {runner.computed} new results were kept; the same command goes on from there")
            raise typer.Exit(130) from None
    console.err.print(f"{runner.computed} results computed, {runner.found} found in {cache.folder}")
    return rows


class _Bars:
    """Shows one progress bar for each kind of task."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[tuple[str, int], Any] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        if (what, total) not in self._tasks:
            self._tasks[what, total] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what, total], completed=done)


def _command(context: typer.Context) -> str:
    """Return the command line that gives these results again: the given options that bear on them."""
    words = ["altmarl", "experiment", context.info_name or ""]
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name in _NOT_ABOUT_THE_RESULT or source is None or source.name != "COMMANDLINE":
            continue
        value, option = context.params[name], max(parameter.opts, key=len)
        for each in value if isinstance(value, (list, tuple)) else [value]:
            words += [option] if each is True else [option, str(each)]
    return shlex.join(words)


def _read_command(origin: Path) -> str:
    try:
        return str(json.loads(origin.read_bytes())["command"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # a table from elsewhere
