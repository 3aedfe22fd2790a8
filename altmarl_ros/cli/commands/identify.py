"""`altmarl identify`: estimate the robots' kernel P_l from recorded runs."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Iterator, List, Optional, Tuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.markup import escape
from rich.table import Table

from altmarl_ros.arrays import FloatArray
from altmarl_ros.cli import console
from altmarl_ros.cli.options import Figure, Game, Json
from altmarl_ros.cli.rates import identify_rates
from altmarl_ros.cli.runs import load_run, say_states, trajectory_of
from altmarl_ros.files import write_output
from altmarl_ros.games import TabularGame, load_game, load_workplace
from altmarl_ros.games.game_files import save_identified, save_identified_game
from altmarl_ros.games.identification import WEIGHT, IdentifiedKernel, count_transitions, transitions_needed
from altmarl_ros.games.identification import identify as posterior
from altmarl_ros.games.identification.hidden_state import IdentifiedHiddenState, identify_hidden_state
from altmarl_ros.games.trajectory import Trajectory

_MOST_DENSE = 1 << 28  # bytes of P_l for every s_g; of larger ones the rows are counted over all s_g together
_SHOWN = 5  # entries of a table
_SURPRISING = 4.0  # standard deviations; a game's kernel seldom has more than a thousand entries

_Entry = Tuple[int, int, int, int]  # (s_l, entry of the kernel's axis S, a_l, s_l')


def identify(
    records: Annotated[
        List[Path],
        typer.Argument(metavar="RUN...", help="Recorded runs (.npz or bags), as altmarl fleet --record writes them."),
    ],
    *,
    game: Game = "warehouse",
    out: Annotated[
        Optional[Path],
        typer.Option(
            "--out",
            "-o",
            help="File to write: a game with the new P_l (.yaml, with an .npz beside it), or the arrays alone (.npz).",
        ),
    ] = None,
    weight: Annotated[
        Optional[float],
        typer.Option(
            "--weight",
            "-w",
            help="How many observed transitions per state and action the game's own P_l counts for; default: 10, or in a game "
            "of work what the record says.",
        ),
    ] = None,
    pool: Annotated[
        Optional[bool],
        typer.Option(
            "--pool/--no-pool",
            help="Whether to assume that robots move alike at every s_g, and in a game of work wherever its own P_l has it so; "
            "default: as the game's own P_l says.",
        ),
    ] = None,
    rates: Annotated[
        bool,
        typer.Option(
            "--rates",
            help="Estimate pace, rates and dwell of a game of deliveries or charging on a floor, in place of P_l; short runs "
            "will do.",
        ),
    ] = False,
    precision: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Standard error that each probability should reach.")
    ] = 0.05,
    figure: Figure = None,
    as_json: Json = False,
) -> None:
    """Estimate P_l from the transitions in recorded runs, starting from the game's own kernel, and compare.

    In a game with a hidden state also P_d, and P_l by hidden state, whether or not the runs recorded it. With --rates the
    parameters of a game of work.

    Example: altmarl identify run.npz --game hall --out hall_identified.yaml --figure kernel.png
    """
    if out is not None and out.suffix not in (".yaml", ".yml", ".npz"):
        raise typer.BadParameter(f"--out {out} must end in .yaml or .npz")
    tabular = load_game(game)
    tabular.check_alike("identify")
    runs = []
    for path in records:
        record = load_run(path)
        say_states(record, path)
        recorded = record.about.get("game_hash")
        if recorded is not None and recorded != tabular.content_hash:
            console.err.print(
                f"note: {path} was recorded with another version of the game ({recorded}); its states are taken as they are"
            )
        runs.append(trajectory_of(record, path, tabular))
    if rates:
        identify_rates(game, Trajectory.joined(runs), out, as_json=as_json)
        return
    found = None
    if tabular.hidden is not None:
        alike = pool is not False and load_workplace(game) is not None
        found = identify_hidden_state(tabular, Trajectory.joined(runs), weight, pool, alike=alike)
        kernel = found.kernel
    else:
        kernel = _kernel_of(tabular, runs, WEIGHT if weight is None else weight, pool)
    weight = kernel.weight
    about = _about(tabular, kernel, weight, precision, sum(int(run.follows.sum()) for run in runs))
    if found is not None:
        about["hidden"] = _about_hidden(tabular, found)
    if as_json:
        console.document(about)
    else:
        if found is not None:
            _print_hidden(about["hidden"])
        _print_evidence(about, kernel)
        _print_entries("widest 95 % intervals, one for each row", tabular, kernel, _widest(kernel))
        _print_comparison(tabular, kernel)
    if figure is not None:
        from altmarl_ros.cli.figures.kernel_figure import kernel_figure
        from altmarl_ros.plotting import as_png

        write_output(figure, as_png(kernel_figure(tabular, kernel)))
        console.err.print(f"picture: {escape(str(figure))}")
    if out is not None:
        _write(game, kernel, out, None if found is None else found.P_d)
        console.out.print(f"written: {escape(str(out))}")
    if kernel.spread is not None and len(runs) == 1:
        console.err.print(
            "note: how far the rows of runs differ is judged from parts of one run, in which the demand may hardly have moved; "
            "with a second run it is judged from both"
        )
    for line in _warnings(about, weight):
        console.err.print(f"[yellow]warning:[/] {escape(line)}")


def _kernel_of(game: TabularGame, runs: List[Trajectory], weight: float, pool: Optional[bool]) -> IdentifiedKernel:
    moves = game.local_kernel
    pooled = (not moves.feels_global_state if pool is None else pool) and game.n_global_states > 1
    one_row = pooled and not moves.feels_global_state and 8 * np.prod(moves.shape, dtype=object) > _MOST_DENSE
    model = moves.shared_table() if one_row else game.P_l
    counts = np.zeros(model.shape, dtype=np.int64)
    for run in runs:
        counts += count_transitions(game, run, one_row)
    return posterior(model, counts, weight, pooled, n_global_states=game.n_global_states)


def _write(game: str, kernel: IdentifiedKernel, out: Path, P_d: Optional[FloatArray]) -> None:
    if out.suffix == ".npz":
        save_identified(kernel, out, P_d)
    else:
        save_identified_game(game, kernel, out, P_d)
        load_game(out)


def _about_hidden(game: TabularGame, found: IdentifiedHiddenState) -> dict[str, Any]:
    """Summarise what is known of the hidden state as JSON values."""
    assert game.hidden is not None
    names = game.hidden.names if len(found.dwell) > 1 else ("every one of them",)
    return {
        "recorded": found.recorded,
        "changes": found.changes,
        "dwell": [{"name": name, **asdict(dwell)} for name, dwell in zip(names, found.dwell, strict=True)],
        "P_d": found.P_d.tolist(),
    }


def _print_hidden(about: dict[str, Any]) -> None:
    table = Table(title="how long hidden states last, in ticks", title_justify="left")
    for column in ("hidden state", "model", "identified", "95 % interval"):
        table.add_column(column, justify="left" if column == "hidden state" else "right")
    for each in about["dwell"]:
        interval = f"{each['low']:.3g} .. {each['high']:.3g}"
        table.add_row(escape(each["name"]), f"{each['model']:.3g}", f"{each['identified']:.3g}", interval)
    console.out.print(table)
    if about["recorded"] == 1.0:
        said = "recorded at every tick"
    else:
        said = f"recorded at {100 * about['recorded']:.0f} % of ticks, elsewhere inferred from how robots moved"
    console.out.print(f"about {about['changes']:.0f} changes of the hidden state, which was {said}")


def _place_of(game: TabularGame, kernel: IdentifiedKernel, row: int) -> Tuple[Optional[int], Optional[int]]:
    """The hidden state and the global state of an entry of the kernel's axis S; None for what is not told apart."""
    by_hidden = kernel.alpha.shape[1] // game.n_hidden_states
    d = None if game.hidden is None else row // by_hidden
    return d, None if kernel.pooled else row % by_hidden


def _place_text(game: TabularGame, kernel: IdentifiedKernel, row: int) -> str:
    d, s_g = _place_of(game, kernel, row)
    hidden = "" if d is None or game.hidden is None else f" with {game.hidden.names[d]}"
    return hidden + ("" if s_g is None else f" at s_g = {s_g}")


def _about(game: TabularGame, kernel: IdentifiedKernel, weight: float, precision: float, ticks: int) -> dict[str, Any]:
    """Summarise the result as JSON values; a row is a combination of s_l, s_g (unless pooled) and a_l."""
    seen = _seen(kernel)
    support = np.rint(kernel.support)
    hardly = support < weight
    low, high = kernel.interval()
    widest = kernel.deviation.argmax(axis=-1)
    likely = np.take_along_axis(kernel.mean, widest[..., None], axis=-1)[..., 0]
    rows = [
        {
            "from": game.local_state_names[s_l],
            **({} if game.hidden is None else {"hidden": game.hidden.names[_place_of(game, kernel, s_g)[0] or 0]}),
            "s_g": _place_of(game, kernel, s_g)[1],
            "action": game.local_action_names[a_l],
            "transitions": int(seen[s_l, s_g, a_l]),
            "rests_on": int(support[s_l, s_g, a_l]),
            "needed": transitions_needed(float(likely[s_l, s_g, a_l]), precision, weight),
            "model": kernel.prior[s_l, s_g, a_l].tolist(),
            "identified": kernel.mean[s_l, s_g, a_l].tolist(),
            "standard_error": kernel.deviation[s_l, s_g, a_l].tolist(),
            "low": low[s_l, s_g, a_l].tolist(),
            "high": high[s_l, s_g, a_l].tolist(),
        }
        for s_l, s_g, a_l in np.ndindex(*seen.shape)
    ]

    def totals(names: Tuple[str, ...], axis: int) -> list[dict[str, Any]]:
        sums, rests, rare = (np.moveaxis(x, axis, 0).reshape(len(names), -1) for x in (seen, support, hardly))
        return [
            {
                "name": name,
                "transitions": int(sums[i].sum()),
                "rests_on": int(rests[i].sum()),
                "rows": sums.shape[1],
                "rows_hardly_seen": int(rare[i].sum()),
            }
            for i, name in enumerate(names)
        ]

    return {
        "game": game.name,
        "pooled": kernel.pooled,
        "weight": weight,
        "spread": kernel.spread,
        "precision": precision,
        "ticks": ticks,
        "transitions": int(seen.sum()),
        "to": list(game.local_state_names),
        "impossible": int(np.rint(kernel.transitions[kernel.model == 0].sum())),
        "actions": totals(game.local_action_names, 2),
        "zones": totals(game.local_state_names, 0),
        "rows": rows,
    }


def _seen(kernel: IdentifiedKernel) -> NDArray[np.int64]:
    """The number of transitions of each row [s_l, S, a_l], whole where it is an expected one."""
    return np.asarray(np.rint(kernel.evidence.sum(axis=-1)), dtype=np.int64)


def _warnings(about: dict[str, Any], weight: float) -> Iterator[str]:
    for kind in ("actions", "zones"):
        rare = [f"{each['name']} ({each['transitions']})" for each in about[kind] if each["rests_on"] < weight * each["rows"]]
        if rare:
            rest = f" and {len(rare) - 2 * _SHOWN} more" if len(rare) > 2 * _SHOWN else ""
            yield f"{kind} hardly seen, fewer than {weight:g} transitions per row: {', '.join(rare[: 2 * _SHOWN])}{rest}"
    rare_rows = sum(row["rests_on"] < weight for row in about["rows"])
    if rare_rows:
        yield (
            f"{rare_rows} of {len(about['rows'])} rows rest on the model more than on the record; "
            "record runs in which robots do other things, e.g. of a policy trained with --temperature"
        )


def _print_evidence(about: dict[str, Any], kernel: IdentifiedKernel) -> None:
    seen = sum(row["transitions"] > 0 for row in about["rows"])
    combinations = "s_l and a_l, pooled over s_g" if kernel.pooled else "s_l, s_g and a_l"
    combinations = f"the hidden state, {combinations}" if "hidden" in about else combinations
    console.out.print(
        f"{about['transitions']:,} transitions, in {seen} of {len(about['rows'])} combinations of {combinations}; "
        + ("the others keep the model's probabilities" if about["spread"] is None else "those that are alike count with them")
    )
    if about["spread"] is not None:
        console.out.print(
            f"rows that the game takes for alike are estimated together; its own P_l counts for {about['weight']:g} "
            f"transitions, and the rows of one run spread around their mean as if {about['spread']:,.0f} had been seen"
        )
    if about["impossible"]:
        console.out.print(f"{about['impossible']:,} of them are impossible in the model")
    table = Table(title="transitions by action", title_justify="left")
    for column in ("action", "transitions", "rows", f"seen less than {about['weight']:g} times"):
        table.add_column(column, justify="left" if column == "action" else "right")
    for action in about["actions"]:
        cells = (f"{action[key]:,}" for key in ("transitions", "rows", "rows_hardly_seen"))
        table.add_row(escape(action["name"]), *cells)
    console.out.print(table)
    known = [row for row in about["rows"] if max(row["standard_error"]) <= about["precision"]]
    line = f"{len(known)} of {len(about['rows'])} rows are known to a standard error of {about['precision']:g}"
    often = [row for row in about["rows"] if row["transitions"] >= about["weight"]]
    ticks = max((about["ticks"] * (row["needed"] / row["transitions"] - 1.0) for row in often), default=0.0)
    if ticks > 0:
        line += (
            f"; those seen at least {about['weight']:g} times will be after about {int(np.ceil(ticks)):,} more ticks like these"
        )
    console.out.print(line)


def _widest(kernel: IdentifiedKernel) -> List[_Entry]:
    """Return the entries with the widest intervals, at most one of each row."""
    low, high = kernel.interval()
    width = high - low
    rows = np.argsort(-width.max(axis=-1), axis=None, kind="stable")[:_SHOWN]
    indices = [np.unravel_index(row, width.shape[:-1]) for row in rows]
    return [(int(s_l), int(s_g), int(a_l), int(width[s_l, s_g, a_l].argmax())) for s_l, s_g, a_l in indices]


def _print_comparison(game: TabularGame, kernel: IdentifiedKernel) -> None:
    z = kernel.surprise()
    order = np.argsort(-np.abs(z), axis=None)[:_SHOWN]
    entries = [np.unravel_index(flat, z.shape) for flat in order]
    surprising = [(int(a), int(b), int(c), int(d)) for a, b, c, d in entries if abs(z[a, b, c, d]) > _SURPRISING]
    if surprising:
        _print_entries("farthest from the model", game, kernel, surprising)
    else:
        console.out.print(
            f"the record agrees with the model: no transition is off by more than {_SURPRISING:g} standard deviations"
        )


def _print_entries(title: str, game: TabularGame, kernel: IdentifiedKernel, entries: List[_Entry]) -> None:
    seen, mean = _seen(kernel), kernel.mean
    low, high = kernel.interval()
    table = Table(title=title, title_justify="left")
    for column in ("from", "action", "to", "seen", "model", "identified", "95 % interval"):
        left = column in ("from", "action", "to")
        table.add_column(column, justify="left" if left else "right", no_wrap=not left)
    for entry in entries:
        s_l, s_g, a_l, after = entry
        origin = game.local_state_names[s_l] + _place_text(game, kernel, s_g)
        table.add_row(
            escape(origin),
            escape(game.local_action_names[a_l]),
            escape(game.local_state_names[after]),
            f"{seen[s_l, s_g, a_l]:,}",
            f"{kernel.prior[entry]:.3f}",
            f"{mean[entry]:.3f}",
            f"{low[entry]:.3f} .. {high[entry]:.3f}",
        )
    console.out.print(table)
