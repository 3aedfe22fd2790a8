"""`altmarl train`: learn a policy bundle for a game."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Game, Json, LearnFor, Seed, completing
from altmarl_ros.cli.training import TrainingSettings, train_bundle

_DEFAULTS = TrainingSettings()


def train(
    *,
    game: Game = _DEFAULTS.game,
    out: Annotated[
        Optional[Path],
        typer.Option("--out", "-o", help="Bundle to write (.npz); default: where other commands look for the game's bundle."),
    ] = None,
    k: Annotated[
        Optional[int],
        typer.Option(
            "--k",
            "-k",
            min=0,
            help="Reports per tick in the training. A ladder is learned up to this number (its top rung), value vectors serve "
            "every number; default: 25, or less for a ladder of a large game.",
        ),
    ] = None,
    backup: Annotated[
        str,
        typer.Option(
            autocompletion=completing("auto", "shares", "exact", "sampled"),
            help="How G-LEARN computes: shares (value vectors for any number of reports), exact or sampled (count vectors, a "
            "ladder of policies), or auto.",
        ),
    ] = _DEFAULTS.backup,
    rounds: Annotated[int, typer.Option(min=1, help="Most rounds of best responses.")] = _DEFAULTS.rounds,
    robots: Annotated[
        int, typer.Option("--robots", "-n", min=1, help="Number of robots in the simulated evaluations.")
    ] = _DEFAULTS.robots,
    runs: Annotated[
        Optional[int],
        typer.Option(
            min=2,
            help="Episodes of the reported value and of each block of a comparison, which takes more blocks while undecided; "
            "default: up to 400, and a quarter.",
        ),
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(min=0, help="Randomness of the robots' policy, in units of reward; 0: always the best action."),
    ] = _DEFAULTS.temperature,
    learn_for: LearnFor = _DEFAULTS.learn_for,
    memory: Annotated[int, typer.Option(min=1, help="Memory that learning may use (MiB).")] = _DEFAULTS.memory,
    search: Annotated[
        Optional[float],
        typer.Option(
            min=0,
            help="Seconds for which other responses and starts are tried after the rounds; default: 5 for fresh, 1 for "
            "filtered, none on continuous states. A training that this ends differs from one machine to the next.",
        ),
    ] = None,
    seed: Seed = _DEFAULTS.seed,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Do nothing if the bundle exists already and fits the game.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also tell what the verdict rests on: bounds, NashGap and claimed bound.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Learn a policy bundle for a game: the coordinator's policy and the robots' policy.

    Example: altmarl train --game warehouse --k 25 --out warehouse.npz
    """
    settings = TrainingSettings(
        game=game,
        out=out,
        k=k,
        backup=backup,
        rounds=rounds,
        robots=robots,
        runs=runs,
        temperature=temperature,
        learn_for=learn_for,
        memory=memory,
        search=search,
        seed=seed,
        if_missing=if_missing,
        verbose=verbose,
    )
    path, bundle = train_bundle(settings)
    if as_json:
        console.document(
            {
                "policy": path,
                "policy_id": bundle.policy_id,
                "policy_hash": bundle.content_hash,
                "game": bundle.game,
                "game_hash": bundle.game_hash,
                "kind": bundle.kind,
                "most_reports": bundle.pi_g.most_reports,
                "report": bundle.report,
            }
        )
