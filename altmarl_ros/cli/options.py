"""Options that several commands share, and the values that the shell offers for them.

What is offered is imported when the shell asks, so that commands start sooner.
"""

from pathlib import Path
from typing import Annotated, Callable, Optional

import typer

from altmarl_ros.cli import console


def completing(*words: str) -> Callable[[str], list[str]]:
    """Make the function that tells the shell which values an option may have."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def complete_game(incomplete: str) -> list[str]:
    """Names of built-in games; the shell offers files where no name begins like this."""
    from altmarl_ros.games.sources import builtin_games

    return completing(*builtin_games())(incomplete)


def complete_model(incomplete: str) -> list[str]:
    """Names of observation models."""
    from altmarl_ros.observation import MODEL_NAMES

    return completing(*MODEL_NAMES)(incomplete)


Game = Annotated[str, typer.Option("--game", "-g", autocompletion=complete_game, help="A built-in game's name or a YAML file.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
Json = Annotated[
    bool,
    typer.Option(
        "--json", is_eager=True, callback=console.redirect, help="Print one JSON document; everything else goes to stderr."
    ),
]
Figure = Annotated[Optional[Path], typer.Option("--figure", "-f", help="Also write a picture into this file (.png).")]
Timeout = Annotated[float, typer.Option(min=0.1, max=600.0, help="Longest wait for an answer (s).")]
Robots = Annotated[int, typer.Option("--robots", "-n", min=1, help="Number of robots in the fleet.")]
FleetPrefix = Annotated[str, typer.Option(help="Prefix of the fleet's topics.")]
LogLevel = Annotated[
    str,
    typer.Option(
        autocompletion=completing("debug", "info", "warn", "error", "fatal"),
        help="Least severe messages that nodes log: debug, info, warn, error or fatal.",
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        autocompletion=complete_model,
        help="How reports are used: filtered (an estimate over all ticks), fresh (this tick's alone) or sticky (fresh, from "
        "partly the same robots).",
    ),
]
LearnFor = Annotated[
    str,
    typer.Option(
        autocompletion=completing("filtered", "fresh"),
        help="Observation model that the policies are learned for: filtered, or fresh (the paper's; also for sticky).",
    ),
]
Policy = Annotated[
    Optional[Path],
    typer.Option("--policy", "-p", help="Policy bundle (.npz); default: the game's own, which is trained if there is none."),
]
