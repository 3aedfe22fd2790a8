"""`altmarl demo`: train a game, run a fleet on it that can be watched, and write a page and a film about the run."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from altmarl_ros.cli import console
from altmarl_ros.cli.films.moments import load_filmed_run
from altmarl_ros.cli.fleet_run import run_and_record
from altmarl_ros.cli.options import Game, Json, Model, Robots, Seed
from altmarl_ros.cli.processes import ProcessGroup
from altmarl_ros.cli.run_report import write_report
from altmarl_ros.cli.training import TrainingSettings, train_bundle
from altmarl_ros.deployment import FleetPlan, types_in_fleet
from altmarl_ros.games import load_game
from altmarl_ros.observation import DEFAULT_MODEL

_TICKS_PER_SECOND, _FILM_SECONDS = 6.0, 14.0  # of the film
_FILM = ("--view", "board", "--width", "860", "--rate", "10")
_PATIENCE = 120.0  # s for the film


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for policy, record, page and film.")] = Path("demo"),
    game: Game = "deliveries",
    robots: Robots = 30,
    k: Annotated[int, typer.Option("--k", "-k", min=0, max=25, help="Reports that the coordinator asks for per tick.")] = 5,
    model: Model = DEFAULT_MODEL,
    ticks: Annotated[int, typer.Option(min=1, help="Number of ticks to run.")] = 750,
    period: Annotated[float, typer.Option(min=0.01, help="Time between ticks (s).")] = 0.1,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Train a game, run a fleet on it over DDS beside a dashboard, and write report.html and film.gif.

    The address of the dashboard is printed; where there is a display a browser opens it.

    Example: altmarl demo --out demo --robots 30 --k 5
    """
    policy, record, page, film = out / "policy.npz", out / "run.npz", out / "report.html", out / "film.gif"
    console.out.rule("1  train")
    train_bundle(TrainingSettings(game=game, out=policy, k=k, robots=robots, seed=seed))
    console.out.rule(f"2  run {robots} robots, {k} reports per tick")
    tabular = load_game(game)
    types = types_in_fleet(tabular, robots)
    plan = FleetPlan(game, policy, robots=robots, k=k, model=model, period=period, ticks=ticks, seed=seed, types=types)
    run = run_and_record(plan, tabular, record, dashboard=True)
    run.exit_if_failed()
    console.out.rule("3  report")
    with ProcessGroup(run.log_folder, os.environ) as group:
        filming = group.start("film", _film(record, film))
        write_report(record, page, seed=seed)
        with contextlib.suppress(subprocess.TimeoutExpired):
            filming.process.wait(_PATIENCE)
        filmed = filming.exit_code == 0
        console.out.print(f"film:   {film}" if filmed else escape(f"no film: {filming.last_words()}"))
    if as_json:
        console.document({"policy": policy, "record": record, "report": page, "film": film if filmed else None})


def _film(record: Path, film: Path) -> list[str]:
    """Return the command that films the part of a run in which the demand moves most often and then stays a while."""
    board = load_filmed_run(record).board
    begin = board.telling_tick(round(_TICKS_PER_SECOND * _FILM_SECONDS)) if board is not None else 0
    part = ["--begin", str(begin), "--speed", str(_TICKS_PER_SECOND), "--seconds", str(_FILM_SECONDS)]
    return [sys.executable, "-m", "altmarl_ros.cli.main", "film", str(record), "--out", str(film), *_FILM, *part]
