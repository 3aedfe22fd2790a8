"""How a running fleet looks in a terminal."""

from __future__ import annotations

from typing import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import TabularGame
from altmarl_ros.records.run_record import RunLog

_BAR = 30


def fleet_table(log: RunLog, plan: FleetPlan, game: TabularGame, failures: Mapping[str, str]) -> RenderableType:
    """Zones with the true robots, the coordinator's estimate and its choice; below it the tick's costs."""
    if not log.statuses:
        return Text(f"starting {plan.robots} robots in {plan.robot_processes} processes ...")
    key, status = next(reversed(log.statuses.items()))
    truth = log.truths.get(key) or (next(reversed(log.truths.values())) if log.truths else None)
    occupancy = truth.occupancy(game.n_local_states).tolist() if truth else [0] * game.n_local_states
    total = f" of {plan.ticks}" if plan.ticks else ""
    table = Table(title=f"{game.name}: tick {status.tick + 1}{total}, {status.live} robots live", title_justify="left")
    for column in ("", "robots", "", "estimate", "coordinator"):
        table.add_column(column, justify="right" if column in ("robots", "estimate") else "left")
    for j, name in enumerate(game.local_state_names):
        here = occupancy[j]
        bar = "█" * round(_BAR * here / max(1, sum(occupancy)))
        marks = ["is here"] if status.global_state == j else []
        marks += ["goes here"] if status.global_action == j else []
        share = status.estimate[j] if j < len(status.estimate) else 0.0
        table.add_row(
            name,
            str(here),
            Text(bar.ljust(_BAR), style="cyan"),
            f"{100 * share:.0f} %",
            Text(", ".join(marks), style="bold yellow"),
        )
    lines = [Text(status_line(log))]
    lines += [Text(floor_line(log, plan))] if log.floors else []
    lines += [] if plan.network.perfect else [Text(f"network {plan.network}", style="magenta")]
    lines += [Text(f"{name} {reason}", style="red") for name, reason in failures.items()]
    return Group(table, *lines)


def floor_line(log: RunLog, plan: FleetPlan) -> str:
    """The simulated floor in one line."""
    floor = next(reversed(log.floors.values()))
    wanted = f" of {plan.real_time_factor:g}" if plan.real_time_factor else ""
    return f"floor at {floor.time:.0f} s   {floor.factor:.1f}{wanted} times real time   {floor.contacts} contacts"


def status_line(log: RunLog) -> str:
    """The last tick in one line."""
    status = next(reversed(log.statuses.values()))
    return (
        f"tick {status.tick:5d}   heard {status.heard} of {status.asked}   rung {status.rung}   "
        f"{status.report_bytes} B   {1000 * status.latency:.1f} ms   live {status.live}"
    )
