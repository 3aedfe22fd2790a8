"""`altmarl demo`: train a game, run a fleet on it, and write a page about the run."""

from pathlib import Path
from typing import Annotated

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.fleet_run import run_and_record
from altmarl_ros.cli.options import Game, Json, Model, Robots, Seed
from altmarl_ros.cli.run_report import write_report
from altmarl_ros.cli.training import TrainingSettings, train_bundle
from altmarl_ros.deployment import FleetPlan, types_in_fleet
from altmarl_ros.games import load_game
from altmarl_ros.observation import DEFAULT_MODEL


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the policy, the record and the page.")] = Path("demo"),
    game: Game = "deliveries",
    robots: Robots = 30,
    k: Annotated[int, typer.Option("--k", "-k", min=0, max=25, help="Reports that the coordinator asks for per tick.")] = 5,
    model: Model = DEFAULT_MODEL,
    ticks: Annotated[int, typer.Option(min=1, help="Number of ticks to run.")] = 750,
    period: Annotated[float, typer.Option(min=0.01, help="Time between ticks (s).")] = 0.1,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Train a game, run a fleet on it over DDS, and write report.html.

    Example: altmarl demo --out demo --robots 30 --k 5
    """
    policy, record, page = out / "policy.npz", out / "run.npz", out / "report.html"
    console.out.rule("1  train")
    train_bundle(TrainingSettings(game=game, out=policy, k=k, robots=robots, seed=seed))
    console.out.rule(f"2  run {robots} robots, {k} reports per tick")
    tabular = load_game(game)
    types = types_in_fleet(tabular, robots)
    plan = FleetPlan(game, policy, robots=robots, k=k, model=model, period=period, ticks=ticks, seed=seed, types=types)
    run = run_and_record(plan, tabular, record)
    run.exit_if_failed()
    console.out.rule("3  report")
    write_report(record, page, seed=seed)
    if as_json:
        console.document({"policy": policy, "record": record, "report": page})
