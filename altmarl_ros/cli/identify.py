"""`altmarl game identify`: the robots' true kernel from recorded runs."""

from pathlib import Path
from typing import Annotated, List, Optional

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.console import Game
from altmarl_ros.cli.runs import load_run
from altmarl_ros.errors import AltmarlError, GameError
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.games.identification import IdentifiedKernel, count_transitions
from altmarl_ros.games.identification import identify as posterior
from altmarl_ros.games.spec import save_identified, save_identified_game

_SHOWN = 5  # most surprising entries
_SURPRISING = 4.0  # standard deviations; a game's kernel seldom has more than a thousand entries


def identify(
    records: Annotated[List[Path], typer.Argument(help="Recorded runs (.npz or bags), as altmarl fleet --record writes them.")],
    game: Game = "warehouse",
    out: Annotated[
        Optional[Path],
        typer.Option("--out", "-o", help="A game with the new P_l (.yaml, and an .npz beside it), or the arrays alone (.npz)."),
    ] = None,
    weight: Annotated[
        float, typer.Option("--weight", "-w", help="How many transitions per state and action the model is worth.")
    ] = 10.0,
) -> None:
    """Estimate P_l from the transitions in recorded runs, starting from the game's own kernel, and compare.

    Example: altmarl game identify run.npz --game floor.yaml --out floor_identified.yaml
    """
    if out is not None and out.suffix not in (".yaml", ".yml", ".npz"):
        raise typer.BadParameter(f"--out {out} must end in .yaml or .npz")
    tabular = load_game(game)
    counts = np.zeros(tabular.P_l.shape, dtype=np.int64)
    for path in records:
        counts += _transitions(path, tabular)
    kernel = posterior(tabular.P_l, counts, weight)
    _print_comparison(tabular, kernel)
    if out is None:
        return
    if out.suffix == ".npz":
        save_identified(kernel, out)
    else:
        save_identified_game(game, kernel, out)
        load_game(out)
    console.out.print(f"written: {escape(str(out))}")


def _transitions(path: Path, game: TabularGame) -> np.ndarray:
    record = load_run(path)
    recorded = record.about.get("game_hash")
    if recorded is not None and recorded != game.content_hash:
        console.err.print(
            f"note: {path} was recorded with another version of the game ({recorded}); its states are taken as they are"
        )
    try:
        return count_transitions(
            game, record.session, record.tick, record.global_state, record.local_state, record.local_action
        )  # fmt: skip
    except GameError as error:
        raise AltmarlError(f"{path}: {error}") from None


def _print_comparison(game: TabularGame, kernel: IdentifiedKernel) -> None:
    seen = kernel.transitions.sum(axis=-1)
    console.out.print(
        f"{seen.sum():,} transitions, in {(seen > 0).sum()} of {seen.size} combinations of s_l, s_g and a_l; "
        "the others keep the model's probabilities"
    )
    impossible = int(kernel.transitions[kernel.model == 0].sum())
    if impossible:
        console.out.print(f"{impossible:,} of them are impossible in the model")
    z = kernel.surprise()
    order = np.argsort(-np.abs(z), axis=None)[:_SHOWN]
    entries = [tuple(int(i) for i in np.unravel_index(flat, z.shape)) for flat in order]
    surprising = [entry for entry in entries if abs(z[entry]) > _SURPRISING]
    if not surprising:
        console.out.print(
            f"the record agrees with the model: no transition is off by more than {_SURPRISING:g} standard deviations"
        )
        return
    table = Table(title="farthest from the model", title_justify="left")
    for column in ("from", "s_g", "action", "to", "seen", "model", "identified", "± s.e."):
        table.add_column(column, justify="left" if column in ("from", "action", "to") else "right")
    for s_l, s_g, a_l, after in surprising:
        entry = (s_l, s_g, a_l, after)
        table.add_row(
            escape(game.local_state_names[s_l]), str(s_g), escape(game.local_action_names[a_l]),
            escape(game.local_state_names[after]), f"{seen[s_l, s_g, a_l]:,}", f"{kernel.model[entry]:.3f}",
            f"{kernel.P_l[entry]:.3f}", f"{kernel.standard_error[entry]:.3f}",
        )  # fmt: skip
    console.out.print(table)
