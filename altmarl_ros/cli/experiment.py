"""`altmarl experiment`: experiments that resume where they were stopped, and end in a table and a figure."""

import json
import shlex
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Callable, List, Optional, Sequence

import typer
from rich.progress import Progress

from altmarl_ros import __version__
from altmarl_ros.cli import console
from altmarl_ros.cli.console import Game, Json
from altmarl_ros.experiments.table import Row, read_csv, write_csv
from altmarl_ros.files import write_output
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.resources import data_home

app = typer.Typer(name="experiment", help="Sweeps with tables and figures; interrupted ones go on.", no_args_is_help=True)

_DPI = 150

# Where the experiment runs and what becomes of it.
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the table (CSV), the figure (PNG) and what made them.")]
Cache = Annotated[Optional[Path], typer.Option(help="Folder of kept results; default: below ~/.ros/altmarl_ros.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=0, help="Tasks at a time, one thread each; 0: every core.")]
Backend = Annotated[str, typer.Option(help="Where tasks run: loky, threading, multiprocessing, sequential, dask or ray.")]
Quick = Annotated[bool, typer.Option("--quick", help="A small grid, done in seconds.")]
PlotOnly = Annotated[bool, typer.Option("--plot-only", help="Draw the figure again from the table.")]
# What is computed; an option that is not given keeps the experiment's own default.
K = Annotated[Optional[int], typer.Option("--k", "-k", min=0, help="Reports per tick.")]
Ks = Annotated[Optional[List[int]], typer.Option("--k", "-k", min=0, help="Reports per tick; may be given several times.")]
Models = Annotated[
    Optional[List[str]],
    typer.Option("--model", "-m", autocompletion=console.complete_model, help="Observation model; may be given several times."),
]
Robots = Annotated[Optional[int], typer.Option("--robots", "-n", min=1, help="Robots in the fleet.")]
Runs = Annotated[Optional[int], typer.Option(min=2, help="Episodes per setting and seed.")]
Horizon = Annotated[Optional[int], typer.Option(min=1, help="Ticks per episode.")]
Seeds = Annotated[Optional[int], typer.Option(min=1, help="Seeds per setting.")]
Seed = Annotated[Optional[int], typer.Option(min=0, help="The first seed.")]
LearnFor = Annotated[
    Optional[str], typer.Option(help="Observation model that the pair is learned for: filtered, or fresh, the paper's.")
]

_OUT = Path("experiments")
_NOT_ABOUT_THE_RESULT = ("out", "cache", "jobs", "backend", "plot_only", "compare", "as_json")


@app.command("k-sweep")
def k_sweep(
    context: typer.Context,
    game: Game = "warehouse",
    k: Ks = None,
    model: Models = None,
    robots: Robots = None,
    runs: Runs = None,
    horizon: Horizon = None,
    seeds: Seeds = None,
    seed: Seed = None,
    learn_for: LearnFor = None,
    compare: Annotated[Optional[Path], typer.Option(help="Also draw the curves of this table of a k-sweep, dashed.")] = None,
    quick: Quick = False,
    out: Out = _OUT,
    cache: Cache = None,
    jobs: Jobs = 0,
    backend: Backend = "loky",
    plot_only: PlotOnly = False,
    as_json: Json = False,
) -> None:
    """Reward, mode accuracy and training time against the reports per tick.

    Example: altmarl experiment k-sweep --game warehouse --out experiments
    """
    from altmarl_ros.experiments import k_sweep as experiment
    from altmarl_ros.experiments.k_sweep import draw_k_sweep

    others = read_csv(compare) if compare else []
    options = _options(context, experiment.KSweepOptions(), experiment.QUICK)
    _conduct(
        context,
        lambda tabular, runner: experiment.k_sweep(tabular, options, runner),
        lambda rows, caption: draw_k_sweep(rows, caption, others),
    )


@app.command()
def convergence(
    context: typer.Context,
    game: Game = "warehouse",
    k: K = None,
    robots: Robots = None,
    runs: Runs = None,
    gap_runs: Annotated[Optional[int], typer.Option(min=2, help="Episodes per NashGap, twice.")] = None,
    rounds: Annotated[Optional[int], typer.Option(min=1, help="Most rounds of best responses.")] = None,
    seeds: Seeds = None,
    seed: Seed = None,
    learn_for: LearnFor = None,
    quick: Quick = False,
    out: Out = _OUT,
    cache: Cache = None,
    jobs: Jobs = 0,
    backend: Backend = "loky",
    plot_only: PlotOnly = False,
    as_json: Json = False,
) -> None:
    """Team value and NashGap of ALTERNATING-MARL, best response by best response.

    Example: altmarl experiment convergence --k 10 --out experiments
    """
    from altmarl_ros.experiments import convergence as experiment
    from altmarl_ros.experiments.convergence import draw_convergence

    options = _options(context, experiment.ConvergenceOptions(), experiment.QUICK)
    _conduct(context, lambda tabular, runner: experiment.convergence(tabular, options, runner), draw_convergence)


@app.command("gap-rate")
def gap_rate(
    context: typer.Context,
    game: Annotated[Optional[str], typer.Option("--game", "-g", help="A small game; default: several random ones.")] = None,
    k: Ks = None,
    robots: Robots = None,
    games: Annotated[Optional[int], typer.Option(min=1, help="Random games.")] = None,
    local: Annotated[Optional[str], typer.Option(help="One pi_l for all k (shared) or one for each (own).")] = None,
    seed: Seed = None,
    quick: Quick = False,
    out: Out = _OUT,
    cache: Cache = None,
    jobs: Jobs = 0,
    backend: Backend = "loky",
    plot_only: PlotOnly = False,
    as_json: Json = False,
) -> None:
    """The exact gap against the reports per tick, and the exponent at which it falls.

    Example: altmarl experiment gap-rate --robots 24 --out experiments
    """
    from altmarl_ros.experiments import gap_rate as experiment
    from altmarl_ros.experiments.gap_rate import draw_gap_rate

    options = _options(context, experiment.GapRateOptions(), experiment.QUICK)
    _conduct(context, lambda tabular, runner: experiment.gap_rate(tabular, options, runner), draw_gap_rate)


@app.command()
def heterogeneity(
    context: typer.Context,
    game: Game = "warehouse",
    spread: Annotated[
        Optional[List[float]],
        typer.Option(min=0, max=1, help="How far robots' kernels lie from the mean one, 0..1; may be given several times."),
    ] = None,
    k: Ks = None,
    model: Models = None,
    robots: Robots = None,
    runs: Runs = None,
    horizon: Horizon = None,
    seeds: Seeds = None,
    seed: Seed = None,
    learn_for: LearnFor = None,
    quick: Quick = False,
    out: Out = _OUT,
    cache: Cache = None,
    jobs: Jobs = 0,
    backend: Backend = "loky",
    plot_only: PlotOnly = False,
    as_json: Json = False,
) -> None:
    """Robots that each move by a kernel of their own, under the pair learned for the mean kernel.

    Example: altmarl experiment heterogeneity --spread 0 --spread 0.5 --out experiments
    """
    from altmarl_ros.experiments import heterogeneity as experiment
    from altmarl_ros.experiments.heterogeneity import draw_heterogeneity

    options = _options(context, experiment.HeterogeneityOptions(), experiment.QUICK)
    _conduct(context, lambda tabular, runner: experiment.heterogeneity(tabular, options, runner), draw_heterogeneity)


@app.command()
def heatmap(
    context: typer.Context,
    game: Game = "warehouse",
    x: Annotated[Optional[str], typer.Option(help="k, robots, loss, turnover, spread, horizon or model.")] = None,
    y: Annotated[Optional[str], typer.Option(help="As --x.")] = None,
    x_value: Annotated[Optional[List[str]], typer.Option(help="A value on the x axis; may be given several times.")] = None,
    y_value: Annotated[Optional[List[str]], typer.Option(help="A value on the y axis; may be given several times.")] = None,
    model: Annotated[Optional[str], typer.Option("--model", "-m", help="Observation model, where it is no axis.")] = None,
    k: K = None,
    loss: Annotated[Optional[float], typer.Option(min=0, max=1, help="Share of reports lost, where it is no axis.")] = None,
    turnover: Annotated[Optional[float], typer.Option(min=0, max=1, help="Of sticky subsets, where it is no axis.")] = None,
    spread: Annotated[Optional[float], typer.Option(min=0, max=1, help="Of the robots' kernels, where it is no axis.")] = None,
    robots: Robots = None,
    runs: Runs = None,
    horizon: Horizon = None,
    seeds: Seeds = None,
    seed: Seed = None,
    learn_for: LearnFor = None,
    quick: Quick = False,
    out: Out = _OUT,
    cache: Cache = None,
    jobs: Jobs = 0,
    backend: Backend = "loky",
    plot_only: PlotOnly = False,
    as_json: Json = False,
) -> None:
    """Value and gap to all seen over two parameters.

    Example: altmarl experiment heatmap --x k --y loss --model fresh --out experiments
    """
    from altmarl_ros.experiments import heatmap as experiment
    from altmarl_ros.experiments.heatmap import draw_heatmap

    options = _options(context, experiment.HeatmapOptions(), experiment.QUICK)
    _conduct(context, lambda tabular, runner: experiment.heatmap(tabular, options, runner), draw_heatmap)


def _options(context: typer.Context, usual: Any, small: Any) -> Any:
    # What is given on the command line counts, whatever the grid.
    given = {field.name: context.params.get(field.name) for field in fields(usual)}
    chosen = {name: tuple(value) if isinstance(value, (list, tuple)) else value for name, value in given.items()}
    return replace(
        small if context.params["quick"] else usual,
        **{name: value for name, value in chosen.items() if value not in (None, ())},
    )


def _conduct(
    context: typer.Context,
    run: Callable[[Any, Any], Sequence[Row]],
    draw: Callable[[Sequence[Row], str], Any],
) -> None:
    """Run an experiment, or read its table, and write what came out into the folder --out."""
    from altmarl_ros.plotting import as_png

    name, out, game = context.info_name or "", context.params["out"], context.params["game"]
    table, picture, origin = (out / f"{name}.{suffix}" for suffix in ("csv", "png", "json"))
    if context.params["plot_only"]:
        rows: Sequence[Row] = read_csv(table)
        caption = _read_caption(origin)
    else:
        tabular = load_game(game) if game else None
        rows = _run(context, tabular, run)
        caption = _command(context)
        write_csv(table, rows)
        about = {"command": caption, "game": tabular.content_hash if tabular else None, "version": __version__}
        write_output(origin, json.dumps(about, indent=1).encode())
        console.out.print(f"table: {table}")
    write_output(picture, as_png(draw(rows, caption), _DPI))
    console.out.print(f"figure: {picture}")
    if context.params["as_json"]:
        console.document({"experiment": name, "command": caption, "table": table, "figure": picture, "rows": rows})


def _run(
    context: typer.Context,
    game: TabularGame | None,
    run: Callable[[Any, Any], Sequence[Row]],
) -> Sequence[Row]:
    from altmarl_ros.experiments.cache import Cache as Results
    from altmarl_ros.experiments.task_runner import TaskRunner

    results = Results(context.params["cache"] or data_home() / "results")
    with (
        console.progress() as bar,
        TaskRunner(results, context.params["jobs"], context.params["backend"], _Bars(bar)) as runner,
    ):
        try:
            rows = run(game, runner)
        except KeyboardInterrupt:
            bar.stop()
            console.err.print(f"interrupted: {runner.computed} new results were kept; the same command goes on from there")
            raise typer.Exit(130) from None
    console.err.print(f"{runner.computed} results computed, {runner.found} found in {results.folder}")
    return rows


class _Bars:
    """One progress bar for each kind of task."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[tuple[str, int], Any] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        if (what, total) not in self._tasks:
            self._tasks[what, total] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what, total], completed=done)


def _command(context: typer.Context) -> str:
    """The command that gives these results again: the options that were given and bear on them."""
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


def _read_caption(origin: Path) -> str:
    try:
        return str(json.loads(origin.read_bytes())["command"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # a table from elsewhere
