"""`altmarl report`: one self-contained page about a recorded run."""

from html import escape
from pathlib import Path
from string import Template
from typing import Annotated, Optional

import numpy as np
import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.console import Seed
from altmarl_ros.cli.references import ReferenceRewards, reference_rewards
from altmarl_ros.cli.runs import load_run
from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import write_output
from altmarl_ros.fleet.record import RunRecord
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.plotting import as_png
from altmarl_ros.policies import load_bundle
from altmarl_ros.resources import share_directory


def report(
    record: Annotated[Path, typer.Argument(help="Run (.npz or bag) recorded by `altmarl fleet --record`.")],
    out: Annotated[Optional[Path], typer.Option("--out", "-o", help="HTML file to write; default: beside the record.")] = None,
    picture: Annotated[Optional[Path], typer.Option(help="Also write the figures as one PNG file.")] = None,
    runs: Annotated[int, typer.Option(min=2, help="Simulated fleets per reference.")] = 500,
    seed: Seed = 0,
) -> None:
    """Write a page with the figures of a run, beside simulated references from the same start.

    Example: altmarl report run.npz --out report.html
    """
    run = load_run(record)
    try:
        game = load_game(run.about["game"])
        bundle = load_bundle(run.about["policy"], game, same_rewards=False)
    except KeyError as error:
        raise AltmarlError(f"{record}: does not say its {error}") from None
    references = reference_rewards(run, game, bundle, runs, seed)
    page = out or record.with_suffix(".html")
    write_output(page, _page(run, game, references).encode())
    if picture is not None:
        from altmarl_ros.cli.figures import run_picture

        write_output(picture, as_png(run_picture(run, game, references)))
    for label, value in _summary(run, game, references):
        console.out.print(f"{label:<34} {value}")
    console.out.print(f"report: {page}")


def _summary(run: RunRecord, game: TabularGame, references: ReferenceRewards) -> list[tuple[str, str]]:
    rewards = run.rewards(game)
    spread = references.same_k.mean(axis=1).std(ddof=1)
    n, k = run.local_state.shape[1], run.about["k"]
    wrong = int((run.actions != 1).sum())
    once = "yes" if wrong == 0 else f"no: {wrong} of {run.actions.size} robot-ticks differ"
    return [
        ("game", f"{game.name}, {n} robots, k = {k} {run.about['model']}, {len(run.tick)} ticks of {run.about['period']} s"),
        ("network", run.about.get("network", "perfect")),
        ("reward per tick, this run", f"{rewards.mean():.3f}"),
        (f"  simulated, k = {k}", f"{references.same_k.mean():.3f} ± {spread:.3f} (s.d. between runs)"),
        ("  simulated, all robots seen", f"{references.all_seen.mean():.3f}"),
        ("  simulated, random policy", f"{references.random.mean():.3f}"),
        ("reports per tick, asked / heard", f"{run.asked.mean():.2f} / {run.heard.mean():.2f}"),
        ("reports on the topic, most per tick", f"{run.reports.max()} (k = {k})"),
        ("reports on the wire per tick", f"{run.report_bytes.mean():.1f} B"),
        ("latency, median / p99", f"{1e3 * np.median(run.latency):.1f} / {1e3 * np.percentile(run.latency, 99):.1f} ms"),
        ("every robot acted once per tick", once),
    ]


def _page(run: RunRecord, game: TabularGame, references: ReferenceRewards) -> str:
    from altmarl_ros.cli.figures import as_data_uri, run_figures

    n, k = run.local_state.shape[1], run.about["k"]
    texts = (
        ("Where the robots are, and what the coordinator chose",
         "Shade: share of robots per zone. Line: the most populated zone. Dots: the coordinator's choice, "
         f"made from {k} of {n} robots per tick."),
        ("What the team earned",
         "Coloured lines: mean of simulated fleets from this run's own start; bands: 10th to 90th percentile."),
        ("What it cost on the limited topic",
         "Reports per tick never exceed k, whatever the size of the fleet."),
    )  # fmt: skip
    sections = "".join(
        f'<section><h2>{escape(title)}</h2><img alt="{escape(title)}" src="{as_data_uri(figure)}">'
        f"<p>{escape(text)}</p></section>"
        for (title, text), figure in zip(texts, run_figures(run, game, references), strict=True)
    )
    summary = _summary(run, game, references)
    rows = "".join(f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in summary)
    template = Template((share_directory() / "config" / "report.html").read_text())
    return template.substitute(title=escape(f"{game.name}: {n} robots, {k} heard per tick"), summary=rows, sections=sections)
