"""`altmarl demo`: from nothing to a trained fleet in motion and a page about it."""

from pathlib import Path
from typing import Annotated

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.console import Json, Model, Robots, Seed
from altmarl_ros.cli.fleet import fleet
from altmarl_ros.cli.report import report
from altmarl_ros.cli.train import train
from altmarl_ros.observation import DEFAULT_MODEL


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the policy, the record and the page.")] = Path("demo"),
    robots: Robots = 30,
    k: Annotated[int, typer.Option("--k", "-k", min=0, max=25, help="Reports per tick.")] = 5,
    model: Model = DEFAULT_MODEL,
    ticks: Annotated[int, typer.Option(min=1, help="Ticks to run.")] = 120,
    period: Annotated[float, typer.Option(min=0.01, help="Time between ticks (s).")] = 0.25,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Train the warehouse game, run a fleet on it over DDS, and write report.html.

    Example: altmarl demo --out demo --robots 30 --k 5
    """
    policy, record, page = out / "warehouse.npz", out / "run.npz", out / "report.html"
    console.out.rule("1  train")
    train(game="warehouse", out=policy, seed=seed)
    console.out.rule(f"2  run {robots} robots, {k} reports per tick")
    fleet("warehouse", policy, robots, k, model, period=period, ticks=ticks, record=record, seed=seed)
    console.out.rule("3  report")
    report(record, page, seed=seed)
    if as_json:
        console.document({"policy": policy, "record": record, "report": page})
