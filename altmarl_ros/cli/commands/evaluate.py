"""`altmarl evaluate`: what a bundle earns, by number of reports per tick."""

from typing import Annotated, List, Optional

import typer
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Game, Json, Policy, Robots, Seed, complete_model
from altmarl_ros.cli.training import find_bundle, numbers_of_reports
from altmarl_ros.games import load_game


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
    from altmarl_ros.learning.evaluation import ALL_SEEN, RANDOM, TOLD, Evaluation, common_start
    from altmarl_ros.observation import models_for

    tabular = load_game(game)
    stored = find_bundle(tabular, game, policy)
    ks = numbers_of_reports(stored, k or ())
    stage = Evaluation(tabular, stored.bundle, common_start(tabular, robots, runs, seed), horizon, seed)
    played = {"random actions": (0, stage.rollouts(RANDOM, 0))}
    for kind in model or [name for name in ("fresh", "filtered") if name in models_for(tabular)]:
        for wanted in ks:
            played[f"{kind}, k = {wanted}"] = (wanted, stage.rollouts(kind, wanted))
    played["all robots seen"] = (robots, stage.rollouts(ALL_SEEN, robots))
    if tabular.hidden is not None:
        played["and told the hidden state"] = (robots, stage.rollouts(TOLD, robots))
    rows = [
        {
            "model": name,
            "k": heard,
            "value": rollouts.value,
            "standard_error": rollouts.standard_error,
            "mode_accuracy": float(rollouts.mode_hits.mean()),
            **({"held": float(rollouts.held.mean())} if tabular.room is not None else {}),
        }
        for name, (heard, rollouts) in played.items()
    ]
    if as_json:
        about = {"policy": str(stored.path), "game": tabular.name}
        sizes = {"robots": robots, "runs": runs, "horizon": horizon, "seed": seed}
        console.document({**about, **sizes, "results": rows})
        return
    table = Table(title=f"{tabular.name}, n = {robots}, {runs} episodes of {horizon} ticks, discounted", title_justify="left")
    held_back = ("held back",) if tabular.room is not None else ()
    for column in ("", "value", "± s.e.", "follows the mode", *held_back):
        table.add_column(column, justify="right" if column else "left")
    names_states = tabular.n_global_actions == tabular.n_local_states  # else following the mode means nothing
    for name, (_, rollouts) in played.items():
        follows = f"{100 * rollouts.mode_hits.mean():.0f} %" if names_states else "-"
        held = [f"{100 * rollouts.held.mean():.1f} %" for _ in held_back]
        table.add_row(name, f"{rollouts.value:.2f}", f"{rollouts.standard_error:.2f}", follows, *held)
    console.out.print(table)
