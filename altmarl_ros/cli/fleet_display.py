"""Shows a running fleet in a terminal: a live table, or a line now and then where the output is no terminal."""

from __future__ import annotations

import time
from typing import Mapping

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from altmarl_ros.cli import console
from altmarl_ros.deployment import FleetPlan
from altmarl_ros.games import TabularGame
from altmarl_ros.monitoring import likely_hidden
from altmarl_ros.records.rows import StatusRow
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.simulation import Truth

_BAR = 30  # characters
_REFRESH = 0.25  # s between two drawings of the table
_TICKS_PER_LINE = 20
_MOST_ZONES = 24  # rows; of more zones only the fullest are shown


class FleetDisplay:
    """Shows what has been heard of a fleet, to be used in a `with` statement."""

    def __init__(self, plan: FleetPlan, game: TabularGame, log: RunLog) -> None:
        self._plan, self._game, self._log = plan, game, log
        self._live = Live(console=console.err, auto_refresh=False) if console.err.is_terminal else None
        self._refreshed = -_REFRESH  # monotonic [s]
        self._ticks_shown = 0

    def __enter__(self) -> FleetDisplay:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, failures: Mapping[str, str]) -> None:
        """Show what is new; `failures` tells of processes that have ended, by name."""
        if self._live is None:
            self._print_lines()
        elif time.monotonic() - self._refreshed >= _REFRESH:
            self._live.update(fleet_table(self._log, self._plan, self._game, failures), refresh=True)
            self._refreshed = time.monotonic()

    def _print_lines(self) -> None:
        ticks = self._log.heard_ticks
        if ticks < self._ticks_shown + _TICKS_PER_LINE:
            return
        self._ticks_shown = ticks // _TICKS_PER_LINE * _TICKS_PER_LINE
        console.err.print(_status_line(self._log))
        if self._log.floors:
            console.err.print(_floor_line(self._log, self._plan))


def fleet_table(log: RunLog, plan: FleetPlan, game: TabularGame, failures: Mapping[str, str]) -> RenderableType:
    """Draw the zones with the true robots, the coordinator's estimate and its choice; below them the costs of the tick."""
    if not log.statuses:
        return Text(f"starting {plan.robots} robots in {plan.robot_processes} processes ...")
    key, status = next(reversed(log.statuses.items()))
    truth = log.truths.get(key) or (next(reversed(log.truths.values())) if log.truths else None)
    occupancy = truth.occupancy(game.n_local_states).tolist() if truth else [0] * game.n_local_states
    total = f" of {plan.ticks}" if plan.ticks else ""
    table = Table(title=f"{game.name}: tick {status.tick + 1}{total}, {status.live} robots live", title_justify="left")
    for column in ("", "robots", "", "estimate", "coordinator"):
        table.add_column(column, justify="right" if column in ("robots", "estimate") else "left")
    shown = _zones_shown(occupancy, (status.global_state, status.global_action))
    for j in shown:
        name = game.local_state_names[j]
        here = occupancy[j]
        bar = "█" * round(_BAR * here / max(1, sum(occupancy)))
        marks = ["is here"] if status.global_state == j % game.n_places else []
        marks += ["goes here"] if status.global_action == j % game.n_places else []
        share = status.estimate[j] if j < len(status.estimate) else 0.0
        table.add_row(
            name,
            str(here),
            Text(bar.ljust(_BAR), style="cyan"),
            f"{100 * share:.0f} %",
            Text(", ".join(marks), style="bold yellow"),
        )
    rest = game.n_local_states - len(shown)
    if rest:
        table.add_row(f"{rest} more zones", str(sum(occupancy) - sum(occupancy[j] for j in shown)), "", "", "")
    lines = [Text(_status_line(log))]
    lines += [Text(f"hidden state {_hidden_text(status, truth, game)}", style="cyan")] if status.belief else []
    lines += [Text(_floor_line(log, plan))] if log.floors else []
    lines += [] if plan.network.perfect else [Text(f"network {plan.network}", style="magenta")]
    lines += [Text(f"{name} {reason}", style="red") for name, reason in failures.items()]
    return Group(table, *lines)


def _hidden_text(status: StatusRow, truth: Truth | None, game: TabularGame) -> str:
    names = game.hidden.names if game.hidden is not None else ()
    said = ", ".join(f"{names[d]} {status.belief[d]:.2f}" for d in likely_hidden(status.belief) if d < len(names))
    true = None if truth is None else truth.hidden_state
    return said if true is None or true >= len(names) else f"{said}   true: {names[true]}"


def _zones_shown(occupancy: list[int], meant: tuple[int, int]) -> list[int]:
    """All zones in their order, or of many the fullest, and those that the coordinator is at and goes to."""
    if len(occupancy) <= _MOST_ZONES:
        return list(range(len(occupancy)))
    fullest = sorted(range(len(occupancy)), key=lambda j: -occupancy[j])[:_MOST_ZONES]
    return sorted({*fullest, *(j for j in meant if j < len(occupancy))})


def _floor_line(log: RunLog, plan: FleetPlan) -> str:
    floor = next(reversed(log.floors.values()))
    wanted = f" of {plan.real_time_factor:g}" if plan.real_time_factor else ""
    return f"floor at {floor.time:.0f} s   {floor.factor:.1f}{wanted} times real time   {floor.contacts} contacts"


def _status_line(log: RunLog) -> str:
    status = next(reversed(log.statuses.values()))
    rung = f"   rung {status.rung}" if status.rung != status.heard else ""  # value vectors have none
    return (
        f"tick {status.tick:5d}   heard {status.heard} of {status.asked}{rung}   "
        f"{status.report_bytes} B   {1000 * status.latency:.1f} ms   live {status.live}"
    )
