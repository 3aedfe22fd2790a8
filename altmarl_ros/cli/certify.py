"""`altmarl certify`: how far a bundle is from an equilibrium, by number of reports per tick."""

from typing import Annotated, Any, List, Mapping, Optional

import typer
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.console import Game, Json, Policy, Robots, Seed
from altmarl_ros.games import load_game

_ROWS = {
    "global_gain": "coordinator, k reports",
    "global_all_seen": "coordinator, all robots seen",
    "local_gain_one": "one robot, times n",
    "local_gain_all": "all robots",
}


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
            "--model", "-m", autocompletion=console.completing("fresh", "filtered"),
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
        nash_gap(tabular, bundle.ladder, bundle.pi_l, wanted, robots, runs, seed, method, model=model).as_json()
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
        for row, (key, title) in enumerate(_ROWS.items()):
            gain = gap[key]
            bound = "" if row else _number(gap["claimed"])
            first = "" if row else str(gap["k"])
            numbers = (
                ("", "", "") if gain["kind"] == "none found" else (_number(gain[end]) for end in ("estimate", "low", "high"))
            )
            table.add_row(first, title, *numbers, gain["kind"], bound)
        table.add_section()
    console.out.print(table)


def gap_line(gap: Mapping[str, Any]) -> str:
    """One line for a NashGap in its JSON form."""
    parts = "; ".join(f"{title} {_interval(gap[key])}" for key, title in _ROWS.items() if key != "global_all_seen")
    return f"NashGap, the team's gain from a better policy of: {parts}; claimed at most {_number(gap['claimed'])}"


def _interval(gain: Mapping[str, Any]) -> str:
    if gain["kind"] == "none found":
        return "none found"
    return f"{_number(gain['estimate'])} ({_number(gain['low'])} to {_number(gain['high'])})"


def _number(value: Optional[float]) -> str:
    return "no bound" if value is None else f"{value:.4g}"
