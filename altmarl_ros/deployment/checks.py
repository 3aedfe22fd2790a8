"""The result of a check of a running system: what was found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import Literal

Outcome = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: what was checked.
        state: whether it works.
        detail: what was found, in one line.
        remedy: what to do about it; empty where it works.
    """

    name: str
    state: Outcome
    detail: str
    remedy: str = ""
