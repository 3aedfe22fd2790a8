"""Sets twenty parameters one after the other on a running fleet, and measures what each changes, when, and at what price.

    python benchmarks/tuning.py                                  # 30 robots, about three minutes
    python benchmarks/tuning.py --picture docs/images/tuning.png

The link loses a tenth of all messages, so that deadline and backfill matter. A set counts as effective at the next tick if
it decides the first tick that began after the answer of the parameter service. The effect is the change of a mean between
the ticks before and after; its sign is tested at two standard errors.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Callable, Mapping

import numpy as np
from fleet import Running, running
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from altmarl_ros.cli.training import find_bundle
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.plotting import BLUE, GREY, ORANGE, as_png, new_figure, tidy
from altmarl_ros.policies import LocalPolicy, save_bundle
from altmarl_ros.protocol.link_model import Network

SETTLE = 3  # ticks between a change and what is measured of it
Series = Callable[[list], NDArray[np.float64]]


def field(name: str) -> Series:
    return lambda statuses: np.array([getattr(status, name) for status in statuses], dtype=float)


def begun(status: Any) -> float:
    """Return when the tick began [s, by the coordinator's clock]."""
    return status.stamp.sec + 1e-9 * status.stamp.nanosec - status.latency


def intervals(statuses: list) -> NDArray[np.float64]:
    return np.diff([begun(status) for status in statuses])


def asked_again(statuses: list) -> NDArray[np.float64]:
    """Return the share of the robots heard in one tick that are asked again in the next one."""
    pairs = pairwise(statuses)
    return np.array([np.mean(np.isin(a.heard_id, b.polled)) for a, b in pairs if len(a.heard_id)])


def flips(statuses: list) -> NDArray[np.float64]:
    return np.diff(field("global_action")(statuses)) != 0


@dataclass(frozen=True)
class Change:
    """One set of parameters, how one status shows it (None if several are needed), and what it raises (+1) or lowers (-1)."""

    parameters: Mapping[str, Any]
    seen: Callable[[Any], bool] | None
    effects: Mapping[str, int]


SERIES: dict[str, Series] = {
    "sampling error": field("sampling_error"),
    "report bytes per tick": field("report_bytes"),
    "reports heard": field("heard"),
    "estimated reward": field("estimated_reward"),
    "tick interval [s]": intervals,
    "latency [s]": field("latency"),
    "asked again": asked_again,
    "changes of mind": flips,
}


def changes(period: float, other: Path, policy_id: int) -> list[Change]:
    """List the changes; each starts from the fleet as the one before left it, the first from filtered, k = 5."""

    def k(number: int) -> Callable[[Any], bool]:
        return lambda status: status.k == number

    error, spent, heard, reward = "sampling error", "report bytes per tick", "reports heard", "estimated reward"
    interval, latency, again, flip = "tick interval [s]", "latency [s]", "asked again", "changes of mind"
    filtered, fresh = (lambda status: status.rung == 25), (lambda status: status.rung == status.heard)
    return [
        Change({"sampling.k": 15}, k(15), {error: -1, spent: +1}),
        Change({"sampling.k": 2}, k(2), {error: +1, spent: -1}),
        Change({"sampling.model": "fresh"}, fresh, {error: +1, flip: +1}),
        Change({"sampling.k": 10}, k(10), {error: -1, spent: +1}),
        Change({"sampling.model": "sticky"}, None, {again: +1}),
        Change({"sampling.turnover": 1.0}, None, {again: -1}),
        Change({"sampling.model": "filtered"}, filtered, {error: -1, flip: -1}),
        Change({"bandwidth_limit": 2000.0}, lambda s: s.bandwidth_limit == 2000.0, {spent: -1, error: +1}),
        Change({"bandwidth_limit": 0.0}, lambda s: s.bandwidth_limit == 0.0, {spent: +1, error: -1}),
        Change({"tick.backfill": 1.0}, None, {heard: -1}),
        Change({"tick.backfill": 0.2}, None, {heard: +1}),
        Change({"tick.deadline": 0.4}, None, {latency: -1}),
        Change({"tick.deadline": 0.8}, None, {latency: +1}),
        Change({"policy.temperature": 100.0}, None, {reward: -1, flip: +1}),
        Change({"policy.temperature": 0.0}, None, {reward: +1, flip: -1}),
        Change({"tick.period": 2 * period}, None, {interval: +1}),
        Change({"tick.period": period}, None, {interval: -1}),
        Change({"sampling.seed": 1}, None, {}),
        Change({"policy.file": str(other)}, lambda s: s.policy_id == policy_id or s.next_policy_id == policy_id, {reward: -1}),
        Change({"sampling.k": 1, "sampling.model": "fresh"}, lambda s: s.k == 1 and s.rung <= 1, {error: +1, spent: -1}),
    ]


@dataclass(frozen=True)
class Outcome:
    """The ticks around a change, and whether the first tick after it was decided by it."""

    change: Change
    before: list
    after: list
    at_once: bool | None  # None where a single status does not show it
    answer: float  # s, of the parameter service

    def effect(self, name: str) -> tuple[float, float, bool]:
        """Return the means before and after, and whether the difference has the right sign."""
        series = SERIES[name]
        before, after = series(self.before), series(self.after[SETTLE:])
        error = np.hypot(*(values.std(ddof=1) / np.sqrt(len(values)) for values in (before, after)))
        difference = after.mean() - before.mean()
        return before.mean(), after.mean(), bool(difference * self.change.effects[name] > 2 * error)


class Tuner:
    """Sets parameters of the coordinator of a running fleet, and keeps the statuses of all ticks."""

    def __init__(self, fleet: Running) -> None:
        from altmarl_ros.nodes.common.remote_parameters import RemoteParameters

        self.listener = fleet.listener
        self.remote = RemoteParameters(self.listener.node, "/coordinator")
        self._wait(lambda: self.remote.ready, "the parameter services")

    def _wait(self, condition: Callable[[], bool], what: str, patience: float = 60.0) -> None:
        end = time.monotonic() + patience
        while not condition():
            self.listener.executor.spin_once(timeout_sec=0.01)
            if time.monotonic() > end:
                raise SystemExit(f"error: waited in vain for {what}")

    def ticks(self, count: int) -> list:
        """Wait for the next ticks and return their statuses."""
        first = len(self.listener.statuses)
        self._wait(lambda: len(self.listener.statuses) >= first + count, f"{count} ticks")
        return self.listener.statuses[first : first + count]

    def play(self, change: Change, ticks: int) -> Outcome:
        before = self.listener.statuses[-ticks + SETTLE :]
        began = time.monotonic()
        task = self.listener.executor.create_task(self.remote.change(change.parameters))
        self._wait(task.done, "an answer")
        answered, told = time.monotonic() - began, time.time()
        if not task.result().successful:
            raise SystemExit(f"error: {dict(change.parameters)} was refused: {task.result().reason}")
        after = self.ticks(ticks)
        # A tick that was open when the answer came is decided as it began.
        begun_after = [status for status in after if begun(status) > told]
        at_once = None if change.seen is None else bool(change.seen(begun_after[0]))
        return Outcome(change, before, after, at_once, answered)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robots", type=int, default=30)
    parser.add_argument("--period", type=float, default=0.2, help="time between ticks [s]")
    parser.add_argument("--ticks", type=int, default=40, help="after each change")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    game = load_game("warehouse")
    with tempfile.TemporaryDirectory() as folder:
        path, bundle = find_bundle(game, "warehouse", None)
        other = replace(bundle, pi_l=LocalPolicy.uniform(game))
        plan = FleetPlan("warehouse", path, arguments.robots, 5, period=arguments.period, network=Network(loss=0.1))
        with running(plan) as fleet:
            tuner = Tuner(fleet)
            tuner.ticks(arguments.ticks)
            other_path = save_bundle(other, Path(folder) / "other.npz")
            plays = changes(arguments.period, other_path, other.policy_id)
            outcomes = [tuner.play(change, arguments.ticks) for change in plays]
            statuses = list(fleet.listener.statuses)
    steps = np.diff([status.tick for status in statuses])
    missed = statuses[-1].missed_ticks - statuses[0].missed_ticks
    right = [outcome.effect(name)[2] for outcome in outcomes for name in outcome.change.effects]
    shown = [outcome.at_once for outcome in outcomes if outcome.at_once is not None]
    report(outcomes, arguments)
    Console(soft_wrap=True).print(
        f"{len(outcomes)} changes, of the {len(shown)} that a single tick shows {sum(shown)} at the next one; "
        f"{missed} ticks late, "
        f"{int((steps != 1).sum())} gaps in {len(statuses)} ticks; {sum(right)} of {len(right)} effects of the right sign"
    )
    if arguments.picture:
        arguments.picture.write_bytes(draw(outcomes, statuses))
    return 0 if all(right) and not missed and (steps == 1).all() and all(shown) else 1


def label(change: Change) -> str:
    shown = ((name, Path(value).name if name == "policy.file" else value) for name, value in change.parameters.items())
    return ", ".join(f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}" for name, value in shown)


def report(outcomes: list[Outcome], arguments: argparse.Namespace) -> None:
    table = Table(
        title=f"{arguments.robots} robots, ticks of {arguments.period:g} s, 10 % loss; {os.cpu_count()} processors",
        title_justify="left",
    )
    for column in ("", "set", "answer [ms]", "next tick", "effect", "before", "after", "sign"):
        table.add_column(column, justify="right" if column in ("", "answer [ms]", "before", "after") else "left")
    for number, outcome in enumerate(outcomes, 1):
        at_once = {True: "yes", False: "NO", None: "-"}[outcome.at_once]
        head = [str(number), label(outcome.change), f"{1000 * outcome.answer:.1f}", at_once]
        for name in outcome.change.effects or [""]:
            before, after, right = outcome.effect(name) if name else (np.nan, np.nan, True)
            shown = [name, f"{before:.3g}", f"{after:.3g}", "right" if right else "WRONG"] if name else [""] * 4
            table.add_row(*head, *shown)
            head = [""] * 4
    Console(soft_wrap=True, width=150).print(table)


def draw(outcomes: list[Outcome], statuses: list) -> bytes:
    """Draw five quantities over the ticks, and a numbered line for each change."""
    panels = ("sampling error", "report bytes per tick", "estimated reward", "latency [s]", "tick interval [s]")
    figure = new_figure(11.5, 12.0)
    *rows, legend = figure.subplots(len(panels) + 1, 1, height_ratios=[1.0] * len(panels) + [0.4])
    first = statuses[0].tick
    for axes, name in zip(rows, panels, strict=True):
        values = SERIES[name](statuses)
        smooth = np.convolve(values, np.ones(8) / 8, mode="valid")
        axes.plot(first + np.arange(len(values)), values, color=GREY, linewidth=0.6, alpha=0.6)
        axes.plot(first + 7 + np.arange(len(smooth)), smooth, color=BLUE, linewidth=1.6)
        axes.set_ylabel(name)
        axes.set_xlim(first - 10, statuses[-1].tick + 10)
        tidy(axes)
        for number, outcome in enumerate(outcomes, 1):
            shown = outcome.change.effects.get(name)
            axes.axvline(outcome.after[0].tick, color=ORANGE if shown else GREY, linewidth=1.6 if shown else 0.5, alpha=0.8)
            if axes is rows[0] or shown:
                mark = {1: "↑", -1: "↓", None: ""}[shown]
                place = (outcome.after[0].tick, 1.0)
                axes.annotate(
                    f"{number}{mark}", place, (2, 2), xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=8
                )
    rows[-1].set_xlabel("tick; grey: every tick, blue: mean of 8; orange: a change that is to raise (↑) or lower (↓) this")
    lines = [f"{number} {label(outcome.change)}" for number, outcome in enumerate(outcomes, 1)]
    legend.set_axis_off()
    for column, start in enumerate(range(0, len(lines), 5)):
        legend.text(0.25 * column, 1.0, "\n".join(lines[start : start + 5]), fontsize=9, va="top")
    return as_png(figure)


if __name__ == "__main__":
    raise SystemExit(main())
