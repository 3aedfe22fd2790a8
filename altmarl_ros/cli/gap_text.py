"""How a NashGap is worded in tables and in one line."""

from __future__ import annotations

from typing import Any, Mapping

ROWS = {
    "global_gain": "coordinator, k reports",
    "global_all_seen": "coordinator, all robots seen",
    "local_gain_one": "one robot, times n",
    "local_gain_all": "all robots",
}
"""Whose change of policy a gain belongs to, by key of a NashGap in its JSON form."""


def gap_line(gap: Mapping[str, Any]) -> str:
    """One line for a NashGap in its JSON form."""
    parts = "; ".join(f"{title} {_interval(gap[key])}" for key, title in ROWS.items() if key != "global_all_seen")
    return f"NashGap, the team's gain from a better policy of: {parts}; claimed at most {number(gap['claimed'])}"


def _interval(gain: Mapping[str, Any]) -> str:
    if gain["kind"] == "none found":
        return "none found"
    return f"{number(gain['estimate'])} ({number(gain['low'])} to {number(gain['high'])})"


def number(value: float | None) -> str:
    """Four digits of a gain or bound; None: there is no bound."""
    return "no bound" if value is None else f"{value:.4g}"
