"""`altmarl certify`: how far a bundle is from an equilibrium, by number of reports per tick."""

from typing import Annotated, Any, List, Mapping, Optional, Sequence

import typer
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.nash_gap_text import GAIN_TITLES, format_gain
from altmarl_ros.cli.options import Game, Json, Policy, Robots, Seed, completing
from altmarl_ros.cli.training import find_bundle
from altmarl_ros.games import load_game
from altmarl_ros.policies.report_numbers import numbers_of_reports


def certify(
    *,
    policy: Policy = None,
    game: Game = "warehouse",
    k: Annotated[
        Optional[List[int]], typer.Option("--k", "-k", min=0, help="Reports per tick; may be given several times.")
    ] = None,
    robots: Robots = 1000,
    runs: Annotated[
        int, typer.Option(min=2, help="Episodes in which deviations are chosen, and as many in which they are measured.")
    ] = 400,
    model: Annotated[
        Optional[str],
        typer.Option(
            "--model",
            "-m",
            autocompletion=completing("fresh", "filtered"),
            help="Observation model, fresh or filtered; default: the one that the bundle was learned for.",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            autocompletion=completing("auto", "exact", "sampled"),
            help="How gains are computed: auto, exact (small fleets only) or sampled.",
        ),
    ] = "auto",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Measure what the team could gain if the coordinator, one robot or all robots changed policy alone.

    Example: altmarl certify --game warehouse -k 1 -k 5 -k 25 --robots 1000
    """
    from altmarl_ros.learning.gaps.equilibrium import nash_gap

    tabular = load_game(game)
    stored = find_bundle(tabular, game, policy)
    bundle = stored.bundle
    ks = numbers_of_reports(bundle, k or (), stored.path)
    model = model or bundle.learned_for
    gaps = [
        nash_gap(
            tabular, bundle.pi_g, bundle.pi_l, k=wanted, n=robots, runs=runs, seed=seed, method=method, model=model
        ).as_json()
        for wanted in ks
    ]
    if as_json:
        about = {"policy": str(stored.path), "game": tabular.name, "robots": robots, "runs": runs, "seed": seed, "model": model}
        console.document({**about, "gaps": gaps})
        return
    console.out.print(_table(f"{tabular.name}, n = {robots}, {model}: gain of the team from", gaps))


def _table(title: str, gaps: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("k", "a change of", "gain", "low", "high", "kind", "claimed"):
        table.add_column(column, justify="left" if column in ("a change of", "kind") else "right")
    for gap in gaps:
        for row, (key, changed) in enumerate(GAIN_TITLES.items()):
            gain = gap[key]
            bound = "" if row else format_gain(gap["claimed"])
            first = "" if row else str(gap["k"])
            found = gain["kind"] != "none found"
            numbers = [format_gain(gain[end]) if found else "" for end in ("estimate", "low", "high")]
            table.add_row(first, changed, *numbers, gain["kind"], bound)
        table.add_section()
    return table
