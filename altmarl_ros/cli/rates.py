"""The part of `altmarl identify` that estimates pace and rates of a game of work (`--rates`)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_game, load_workplace
from altmarl_ros.games.identification.work_rates import estimate_rates
from altmarl_ros.games.sources import save_changed_game
from altmarl_ros.games.trajectory import Trajectory

_DIGITS = 6


def identify_rates(game: str, run: Trajectory, out: Path | None, *, as_json: bool) -> None:
    """Estimate the parameters, print them, and write a game with those of which enough was seen.

    Raises:
        AltmarlError: the game is none of work on a floor, or the file is not for a game.
    """
    workplace = load_workplace(game)
    if workplace is None:
        raise AltmarlError(f"--rates is for games of deliveries or charging on a floor; {game!r} is none")
    if out is not None and out.suffix == ".npz":
        raise AltmarlError(f"--out {out} must end in .yaml with --rates, which writes parameters and no arrays")
    found = estimate_rates(workplace, run)
    if as_json:
        console.document({"game": game, "rates": [{**asdict(each), "known": each.known} for each in found]})
    else:
        table = Table(title="parameters, of what was seen", title_justify="left")
        for column in ("parameter", "game", "identified", "95 % interval", "events", "robot-ticks"):
            table.add_column(column, justify="left" if column == "parameter" else "right")
        for each in found:
            interval = f"{each.low:.4g} .. {each.high:.4g}" if each.known else "too little seen"
            table.add_row(each.name, f"{each.model:.4g}", f"{each.value:.4g}", interval, str(each.events), f"{each.ticks:.0f}")
        console.out.print(table)
    if out is not None:
        save_changed_game(game, {each.name: round(each.value, _DIGITS) for each in found if each.known}, out)
        load_game(out)
        console.err.print(f"written: {escape(str(out))}")
