"""`altmarl compare`: compare what a game predicts with what a fleet did."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Optional

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Figure, Game, Json, Seed
from altmarl_ros.cli.runs import load_run, say_states, trajectory_of
from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import write_output
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.games.game_files import load_posterior
from altmarl_ros.games.trajectory import Trajectory
from altmarl_ros.policies import PolicyBundle, load_bundle
from altmarl_ros.records.run_record import RunRecord

if TYPE_CHECKING:
    from altmarl_ros.learning.prediction import Comparison

_REWARD = "reward"
_PATHS = 100  # of a hidden state that was not recorded
_KERNEL_BYTES = 1 << 28  # of all kernels drawn from a posterior


def compare(
    records: Annotated[
        List[Path],
        typer.Argument(metavar="RUN...", help="Recorded runs (.npz or bags), as altmarl fleet --record writes them."),
    ],
    *,
    game: Game = "warehouse",
    policy: Annotated[
        Optional[Path],
        typer.Option("--policy", "-p", help="Policy bundle that the robots acted by; default: the one that the runs name."),
    ] = None,
    runs: Annotated[int, typer.Option(min=100, help="Number of simulated fleets.")] = 1000,
    figure: Figure = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Predict occupancy and reward of recorded runs from a game under the recorded decisions, and compare.

    The 95 % bands cover the robots' randomness and, for a game made by altmarl identify, the uncertainty of its P_l. A hidden
    state that was not recorded is inferred from how robots moved. Where room is limited, simulated robots are held back at
    full places.

    Example: altmarl compare run.npz --game hall_identified.yaml --figure compare.png
    """
    from altmarl_ros.learning.prediction import compare as against_fleets
    from altmarl_ros.learning.prediction import in_regimes, runs_in_regimes

    tabular = load_game(game)
    loaded = {path: load_run(path) for path in records}
    for path, record in loaded.items():
        say_states(record, path)
    recorded = [trajectory_of(record, path, tabular) for path, record in loaded.items()]
    bundle = _acted_by(loaded, policy, tabular)
    rng = np.random.default_rng(seed)
    posterior = load_posterior(game, tabular)
    if posterior is None:
        tabular.check_alike("compare")
        moves = tabular.local_kernel if tabular.hidden is None else tabular.hidden.local_kernel
        kernels = (moves.shared_table() if moves.n_kinds == 1 else np.stack(list(moves.blocks())))[None]
    else:
        kernels = posterior.draw(max(1, min(runs, _KERNEL_BYTES // (8 * posterior.alpha.size))), rng)
    joined, pi_l, played = Trajectory.joined(recorded), bundle.pi_l, tabular
    paths = [joined]
    if tabular.hidden is not None:
        played, pi_l = in_regimes(tabular, pi_l)
        paths = runs_in_regimes(tabular, joined, _PATHS, rng)
        if len(paths) > 1:
            console.err.print("the hidden state was not recorded at every tick: it is inferred from how robots moved")
        if 1 < kernels.shape[2] < played.n_global_states:  # rows pooled at each hidden state
            kernels = np.repeat(kernels, tabular.n_global_states, axis=2)
    comparison = against_fleets(played, pi_l, kernels, paths, fleets=runs, rng=rng)
    ends = np.cumsum([len(run.tick) for run in recorded])
    about = _about(tabular, list(loaded), comparison, ends, posterior is not None)
    if as_json:
        console.document(about)
    else:
        _print(about)
    if figure is not None:
        from altmarl_ros.cli.figures.comparison_figure import comparison_figure
        from altmarl_ros.plotting import as_png

        write_output(figure, as_png(comparison_figure(tabular, comparison, np.flatnonzero(~joined.follows))))
        console.err.print(f"picture: {escape(str(figure))}")


def _acted_by(records: Dict[Path, RunRecord], policy: Optional[Path], game: TabularGame) -> PolicyBundle:
    """Load the bundle that the robots acted by; the prediction uses it even if it was learned for another game."""
    named = {str(record.about.get("policy", "")): path for path, record in records.items()}
    if policy is not None:
        named = {str(policy): policy}
    if "" in named:
        raise AltmarlError(f"{named['']}: does not say by which policy its robots acted; give it with --policy")
    if len(named) > 1:
        raise AltmarlError(f"the runs are of several policies ({', '.join(sorted(named))}); compare them one by one")
    (path,) = named
    bundle = load_bundle(path)
    if bundle.pi_l.probabilities.shape != game.r_l.shape:
        raise AltmarlError(f"{path}: its pi_l has shape {bundle.pi_l.probabilities.shape}, must be {game.r_l.shape}")
    return bundle


def _about(
    game: TabularGame, records: List[Path], comparison: "Comparison", ends: np.ndarray, uncertain: bool
) -> dict[str, Any]:
    names = (*game.local_state_names, _REWARD)
    inside = np.split(comparison.inside, ends[:-1])
    return {
        "game": game.name,
        "ticks": len(comparison.observed),
        "kernel_uncertain": uncertain,
        "holds": comparison.holds,
        "significance": comparison.significance,
        "band_significance": comparison.band_significance,
        "transition_significance": comparison.transition_significance,
        "quantities": [
            {
                "name": name,
                "observed": float(comparison.observed[:, q].mean()),
                "predicted": float(comparison.mean[:, q].mean()),
                "low": float(comparison.low[:, q].mean()),
                "high": float(comparison.high[:, q].mean()),
                "ticks_inside": int(comparison.inside[:, q].sum()),
                "expected_inside": float(comparison.expected_shares[q] * len(comparison.observed)),
            }
            for q, name in enumerate(names)
        ],
        "runs": [
            {"run": str(path), "ticks": len(part), "share_inside": part.mean(axis=0).tolist()}
            for path, part in zip(records, inside, strict=True)
        ],
    }


def _print(about: dict[str, Any]) -> None:
    from altmarl_ros.learning.prediction import SIGNIFICANCE

    table = Table(title=f"{escape(about['game'])}: means over {about['ticks']} ticks", title_justify="left")
    for column in ("", "observed", "predicted", "95 % band", "ticks in the band", "expected"):
        table.add_column(column, justify="right" if column else "left")
    for each in about["quantities"]:
        table.add_row(
            escape(each["name"]),
            f"{each['observed']:.2f}",
            f"{each['predicted']:.2f}",
            f"{each['low']:.2f} .. {each['high']:.2f}",
            f"{each['ticks_inside']} of {about['ticks']}",
            f"{each['expected_inside']:.0f}",
        )
    console.out.print(table)
    if len(about["runs"]) > 1:
        for run in about["runs"]:
            worst = int(np.argmin(run["share_inside"]))
            name = about["quantities"][worst]["name"]
            share = f"{100 * run['share_inside'][worst]:.0f} %"
            console.out.print(f"{escape(run['run'])}: {run['ticks']} ticks, worst is {escape(name)}, {share} in the band")
    band = "chance and what is not known of the kernel" if about["kernel_uncertain"] else "chance, the kernel taken as known"
    console.out.print(f"the bands hold {band}")
    verdict = "the model holds" if about["holds"] else "the model does not hold"
    console.out.print(
        f"{verdict}: of its own runs {100 * about['band_significance']:.1f} % leave the bands as often, and "
        f"{100 * about['transition_significance']:.1f} % have moves as unlikely (either rejects below {50 * SIGNIFICANCE:g} %)"
    )
