"""`altmarl evaluate`: what a bundle earns, by number of reports per tick."""

from typing import Annotated, List, Optional

import typer
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Game, Json, Policy, Robots, Seed, complete_model
from altmarl_ros.cli.training import find_bundle
from altmarl_ros.games import load_game
from altmarl_ros.policies.report_numbers import all_polled, numbers_of_reports


def evaluate(
    *,
    policy: Policy = None,
    game: Game = "warehouse",
    k: Annotated[
        Optional[List[int]], typer.Option("--k", "-k", min=0, help="Reports per tick; may be given several times.")
    ] = None,
    model: Annotated[
        Optional[List[str]],
        typer.Option(
            "--model",
            "-m",
            autocompletion=complete_model,
            help="Observation model: filtered, fresh or sticky; may be given several times.",
        ),
    ] = None,
    robots: Robots = 1000,
    runs: Annotated[int, typer.Option(min=2, help="Number of episodes.")] = 1000,
    horizon: Annotated[int, typer.Option(min=1, help="Ticks per episode.")] = 50,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Simulate a fleet under a policy bundle and under references, all from the same starts.

    Where places have limited room, it also tells in which share of robot-ticks robots were held back at full places.

    Example: altmarl evaluate --game warehouse -k 1 -k 5 -k 25 --robots 1000
    """
    from altmarl_ros.learning.scores import score_rules

    tabular = load_game(game)
    stored = find_bundle(tabular, game, policy)
    ks = numbers_of_reports(stored.bundle, k or (), stored.path)
    if beyond := all_polled(ks, robots):
        console.err.print(f"note: {beyond}")
    played = score_rules(
        tabular, stored.bundle, ks=ks, robots=robots, runs=runs, horizon=horizon, models=model or (), seed=seed
    )
    if as_json:
        rows = [
            {
                "model": score.rule,
                "k": score.k,
                "value": score.value,
                "standard_error": score.standard_error,
                "mode_accuracy": score.mode_accuracy,
                **({"held": score.held} if tabular.room is not None else {}),
            }
            for score in played.scores
        ]
        about = {"policy": str(stored.path), "game": tabular.name}
        sizes = {"robots": robots, "runs": runs, "horizon": horizon, "seed": seed}
        console.document({**about, **sizes, "results": rows})
        return
    table = Table(title=f"{tabular.name}, n = {robots}, {runs} episodes of {horizon} ticks, discounted", title_justify="left")
    held_back = ("held back",) if tabular.room is not None else ()
    for column in ("", "value", "± s.e.", "follows the mode", *held_back):
        table.add_column(column, justify="right" if column else "left")
    names_states = tabular.n_global_actions == tabular.n_local_states  # else following the mode means nothing
    for score in played.scores:
        follows = f"{100 * score.mode_accuracy:.0f} %" if names_states else "-"
        held = [f"{100 * score.held:.1f} %" for _ in held_back]
        table.add_row(score.rule, f"{score.value:.2f}", f"{score.standard_error:.2f}", follows, *held)
    console.out.print(table)
