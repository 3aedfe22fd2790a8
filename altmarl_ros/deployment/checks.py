"""What a check of a running system found, in a line, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import Literal

Outcome = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: of what was looked at.
        state: whether it works.
        detail: what was seen.
        remedy: what to do; empty where it works.
    """

    name: str
    state: Outcome
    detail: str
    remedy: str = ""
