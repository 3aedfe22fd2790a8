"""Words and numbers of a NashGap and of a verdict, for tables and for lines."""

from __future__ import annotations

from typing import Any, Mapping

GAIN_TITLES = {
    "global_gain": "coordinator, k reports",
    "global_all_seen": "coordinator, all robots seen",
    "local_gain_one": "one robot, times n",
    "local_gain_all": "all robots",
}
"""Whose change of policy each gain belongs to, by key of a NashGap in its JSON form."""


def nash_gap_line(gap: Mapping[str, Any]) -> str:
    """Describe a NashGap in its JSON form in one line."""
    gains = "; ".join(f"{title} {_interval(gap[key])}" for key, title in GAIN_TITLES.items() if key != "global_all_seen")
    return f"NashGap, the team's gain from a better policy of: {gains}; claimed at most {format_gain(gap['claimed'])}"


def verdict_lines(verdict: Mapping[str, Any]) -> list[str]:
    """Describe what a verdict in its JSON form rests on: the reward earned and the bounds of the coordinator's reward."""
    if not verdict:
        return []
    lines = [f"earned: {verdict['earned']:.2f} ± {verdict['earned_error']:.2f}"]
    for bound in verdict["bounds"]:
        error = f" ± {bound['standard_error']:.2f}" if bound["standard_error"] else ""
        lines.append(f"bound: {bound['value']:.2f}{error} {bound['holds_for']}")
    return lines + ([verdict["lookahead"]] if verdict["lookahead"] else [])


def format_gain(value: float | None) -> str:
    """Write a gain or bound with four digits; None: there is no bound."""
    return "no bound" if value is None else f"{value:.4g}"


def _interval(gain: Mapping[str, Any]) -> str:
    if gain["kind"] == "none found":
        return "none found"
    return f"{format_gain(gain['estimate'])} ({format_gain(gain['low'])} to {format_gain(gain['high'])})"
