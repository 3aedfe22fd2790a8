"""Says which numbers of reports per tick a bundle can be asked for: any over shares, a ladder's rungs otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from altmarl_ros.errors import BundleError
from altmarl_ros.policies.bundle import PolicyBundle


def check_reports(bundle: PolicyBundle, k: int, path: Path | None = None) -> None:
    """Check that the coordinator can use k reports per tick.

    Raises:
        BundleError: k is negative or above the top rung of a ladder; the message names the file, if it is given.
    """
    most = bundle.pi_g.most_reports
    if k < 0:
        raise BundleError(f"k is {k}, must not be negative")
    if most is not None and k > most:
        raise BundleError(f"k is {k}, must be at most {most}, the top rung of {path or 'the ladder'}")


def numbers_of_reports(bundle: PolicyBundle, wanted: Sequence[int], path: Path | None = None) -> list[int]:
    """Return the wanted numbers of reports per tick; where none are wanted 1, 5 and 25, or the top rung of a ladder.

    Raises:
        BundleError: see `check_reports`.
    """
    for k in wanted:
        check_reports(bundle, k, path)
    most = bundle.pi_g.most_reports
    return list(wanted) or sorted({1, 5, 25} if most is None else {1, 5, most} & set(range(most + 1)))


def all_polled(ks: Sequence[int], robots: int) -> str:
    """Say which of the numbers of reports are more than there are robots, in words; empty where none is."""
    return "; ".join(f"k = {k} of {robots} robots: all are polled at every tick" for k in ks if k > robots)
