"""`altmarl report`: one self-contained page about a recorded run."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Figure, Json, Seed
from altmarl_ros.cli.run_report import REFERENCE_RUNS, write_report


def report(
    record: Annotated[Path, typer.Argument(help="Run (.npz or bag) recorded by `altmarl fleet --record`.")],
    *,
    out: Annotated[Optional[Path], typer.Option("--out", "-o", help="HTML file to write; default: beside the record.")] = None,
    figure: Figure = None,
    runs: Annotated[int, typer.Option(min=2, help="Number of simulated fleets per reference.")] = REFERENCE_RUNS,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write a page with the figures of a run, beside simulated references from the same start.

    Example: altmarl report run.npz --out report.html
    """
    about = write_report(record, out or record.with_suffix(".html"), figure=figure, runs=runs, seed=seed)
    if as_json:
        console.document(about)
