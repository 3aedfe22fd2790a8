"""`altmarl certify`: how far a bundle is from an equilibrium, by number of reports per tick."""

from typing import Annotated, List, Optional

import typer
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.console import Game, Json, Policy, Robots, Seed
from altmarl_ros.cli.gap_text import ROWS, number
from altmarl_ros.games import load_game


def certify(
    policy: Policy = None,
    game: Game = "warehouse",
    k: Annotated[
        Optional[List[int]], typer.Option("--k", "-k", min=0, help="Reports per tick; may be given several times.")
    ] = None,
    robots: Robots = 1000,
    runs: Annotated[int, typer.Option(min=2, help="Episodes to choose deviations by, and as many to measure them.")] = 400,
    model: Annotated[
        Optional[str],
        typer.Option(
            "--model",
            "-m",
            autocompletion=console.completing("fresh", "filtered"),
            help="fresh or filtered; default: the one that the pair was learned for.",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            autocompletion=console.completing("auto", "exact", "sampled"), help="auto, exact (small fleets) or sampled."
        ),
    ] = "auto",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Measure what the team could gain if the coordinator, one robot or all robots changed policy alone.

    Example: altmarl certify --game warehouse -k 1 -k 5 -k 25 --robots 1000
    """
    from altmarl_ros.cli.train import find_bundle
    from altmarl_ros.learning.equilibrium import nash_gap

    tabular = load_game(game)
    path, bundle = find_bundle(tabular, game, policy)
    ks = k or sorted({1, 5, bundle.ladder.K} & set(range(bundle.ladder.K + 1)))
    for wanted in ks:
        if wanted > bundle.ladder.K:
            raise typer.BadParameter(f"k is {wanted}, must be at most {bundle.ladder.K}, the top rung of {path}")
    model = model or bundle.report.get("options", {}).get("learn_for", "fresh")
    gaps = [
        nash_gap(
            tabular, bundle.ladder, bundle.pi_l, k=wanted, n=robots, runs=runs, seed=seed, method=method, model=model
        ).as_json()
        for wanted in ks
    ]
    if as_json:
        about = {"policy": str(path), "game": tabular.name, "robots": robots, "runs": runs, "seed": seed, "model": model}
        console.document({**about, "gaps": gaps})
        return
    table = Table(title=f"{tabular.name}, n = {robots}, {model}: gain of the team from", title_justify="left")
    for column in ("k", "a change of", "gain", "low", "high", "kind", "claimed"):
        table.add_column(column, justify="left" if column in ("a change of", "kind") else "right")
    for gap in gaps:
        for row, (key, title) in enumerate(ROWS.items()):
            gain = gap[key]
            bound = "" if row else number(gap["claimed"])
            first = "" if row else str(gap["k"])
            numbers = (
                ("", "", "") if gain["kind"] == "none found" else (number(gain[end]) for end in ("estimate", "low", "high"))
            )
            table.add_row(first, title, *numbers, gain["kind"], bound)
        table.add_section()
    console.out.print(table)
