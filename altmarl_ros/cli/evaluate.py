"""`altmarl evaluate`: what a bundle earns, by number of reports per tick."""

from typing import Annotated, List, Optional

import typer
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.console import Game, Json, Policy, Robots, Seed
from altmarl_ros.cli.train import find_bundle
from altmarl_ros.games import load_game
from altmarl_ros.learning.evaluation import ALL_SEEN, RANDOM, Evaluation, common_start


def evaluate(
    policy: Policy = None,
    game: Game = "warehouse",
    k: Annotated[
        Optional[List[int]], typer.Option("--k", "-k", min=0, help="Reports per tick; may be given several times.")
    ] = None,
    model: Annotated[
        Optional[List[str]],
        typer.Option(
            "--model", "-m", autocompletion=console.complete_model, help="filtered, fresh or sticky; any number of times."
        ),
    ] = None,
    robots: Robots = 1000,
    runs: Annotated[int, typer.Option(min=2, help="Episodes.")] = 1000,
    horizon: Annotated[int, typer.Option(min=1, help="Ticks per episode.")] = 50,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Simulate a fleet under a policy bundle and under two references, all from the same starts.

    Example: altmarl evaluate --game warehouse -k 1 -k 5 -k 25 --robots 1000
    """
    tabular = load_game(game)
    path, bundle = find_bundle(tabular, game, policy)
    ks = k or sorted({1, 5, bundle.ladder.K} & set(range(bundle.ladder.K + 1)))
    for wanted in ks:
        if wanted > bundle.ladder.K:
            raise typer.BadParameter(f"k is {wanted}, must be at most {bundle.ladder.K}, the top rung of {path}")
    stage = Evaluation(tabular, bundle, common_start(tabular, robots, runs, seed), horizon, seed)
    played = {"random actions": (0, stage.rollouts(RANDOM, 0))}
    for kind in model or ("fresh", "filtered"):
        for wanted in ks:
            played[f"{kind}, k = {wanted}"] = (wanted, stage.rollouts(kind, wanted))
    played["all robots seen"] = (robots, stage.rollouts(ALL_SEEN, robots))
    rows = [
        {
            "model": name,
            "k": heard,
            "value": rollouts.value,
            "standard_error": rollouts.standard_error,
            "mode_accuracy": float(rollouts.mode_hits.mean()),
        }
        for name, (heard, rollouts) in played.items()
    ]
    if as_json:
        about = {"policy": str(path), "game": tabular.name, "robots": robots, "runs": runs, "horizon": horizon, "seed": seed}
        console.document({**about, "results": rows})
        return
    table = Table(title=f"{tabular.name}, n = {robots}, {runs} episodes of {horizon} ticks, discounted", title_justify="left")
    for column in ("", "value", "± s.e.", "follows the mode"):
        table.add_column(column, justify="right" if column else "left")
    names_states = tabular.n_global_actions == tabular.n_local_states  # else following the mode means nothing
    for name, (_, rollouts) in played.items():
        follows = f"{100 * rollouts.mode_hits.mean():.0f} %" if names_states else "-"
        table.add_row(name, f"{rollouts.value:.2f}", f"{rollouts.standard_error:.2f}", follows)
    console.out.print(table)
