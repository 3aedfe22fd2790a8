"""Words about what a trained pair does in the long run, and about limited room, from the report of its bundle."""

from __future__ import annotations

from typing import Any, Mapping


def long_run_lines(report: Mapping[str, Any]) -> list[str]:
    """Describe prices of room and how often robots are held back, and say where a fleet comes to a standstill."""
    lines = []
    if report.get("room"):
        from altmarl_ros.learning.room.report import RoomReport

        lines += RoomReport(**report["room"]).sentences()
    long_run = report.get("long_run")
    if long_run and long_run["stands_still"]:
        lines.append(
            f"this fleet comes to a standstill: robots enter another place in {100 * long_run['moved']:.1f} % of robot-ticks, "
            f"and the coordinator changes its action in {100 * long_run['turns']:.1f} % of ticks"
        )
    return lines
