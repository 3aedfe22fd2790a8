"""`altmarl top`: watch a running fleet in the terminal."""

from __future__ import annotations

import os
import select
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Callable, Iterator

import typer
from rich.live import Live

from altmarl_ros.cli import console
from altmarl_ros.cli.optional_imports import import_rclpy
from altmarl_ros.cli.options import FleetPrefix, Timeout
from altmarl_ros.cli.top_view import top_view
from altmarl_ros.errors import AltmarlError

if TYPE_CHECKING:
    from altmarl_ros.nodes.tools.tick_history import TickHistory

_STEP = 0.05  # s of spinning at a time
_SETTLED = 0.3  # s after the first status, in which the past that is kept for late subscribers arrives
_FOUND = 1.0  # s after it, in which a world that publishes truths is found
_TRUTH = 1.0  # s; longest wait for the truth of a tick, and never longer than one period
_SHOWN = 60  # ticks in the line of rewards
_SILENT = 3.0  # periods without a tick, after which the display says so


def top(
    *,
    once: Annotated[bool, typer.Option("--once", help="Print the newest tick and end.")] = False,
    ticks: Annotated[int, typer.Option(min=0, help="End after this many ticks; 0: at q or Ctrl-C.")] = 0,
    interval: Annotated[float, typer.Option(min=0.05, max=60.0, help="Time between two drawings (s).")] = 0.25,
    timeout: Timeout = 10.0,
    fleet_prefix: FleetPrefix = "/fleet",
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", is_eager=True, callback=console.redirect, help="Print one JSON document per tick, each in one line."
        ),
    ] = False,
) -> None:
    """Watch a running fleet: decision, estimate and truth by zone, reports, bytes, ages and rewards.

    Ends at q, at Ctrl-C (exit code 130), after --ticks, or with exit code 1 if no tick comes within --timeout.

    Examples: altmarl top;  altmarl top --once;  altmarl top --json --ticks 100 > ticks.jsonl
    """
    rclpy = import_rclpy()
    from altmarl_ros.nodes.tools.tick_history import TickHistory

    rclpy.init(args=[], signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    history = TickHistory(fleet_prefix)
    executor = rclpy.executors.SingleThreadedExecutor()
    executor.add_node(history)

    def spin() -> None:
        executor.spin_once(timeout_sec=_STEP)

    most = 1 if once else ticks
    try:
        _wait_for_a_tick(history, spin, timeout, f"{fleet_prefix}/status")
        if as_json or once or not console.out.is_terminal:
            _print(history, spin, timeout, most, as_json)
        else:
            _show(history, spin, interval, most)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        executor.shutdown(timeout_sec=1.0)
        history.destroy_node()
        rclpy.try_shutdown()


def _wait_for_a_tick(history: TickHistory, spin: Callable[[], None], timeout: float, topic: str) -> None:
    end = time.monotonic() + timeout
    console.err.print(f"waiting for a tick on {topic} in {_domain()}")
    while not history.heard:
        if time.monotonic() > end:
            raise AltmarlError(
                f"no tick on {topic} within {timeout:g} s in {_domain()}; is the fleet there? "
                "`altmarl fleet` prints the domain that it keeps to"
            )
        spin()
    heard = time.monotonic()
    while time.monotonic() < heard + (_SETTLED if history.has_truths else _FOUND):
        spin()


def _print(history: TickHistory, spin: Callable[[], None], timeout: float, most: int, as_json: bool) -> None:
    """Print the newest tick and every further one, each once its truth is known."""
    told, printed = history.heard - 1, 0
    while not most or printed < most:
        end = time.monotonic() + timeout
        while history.heard <= told:
            if time.monotonic() > end:
                paused = ": the coordinator is paused" if history.views(1)[0].paused else ""
                console.fail(f"no further tick within {timeout:g} s{paused}")
                raise typer.Exit(1)
            spin()
        newest = history.views(1)[0]
        end = time.monotonic() + min(_TRUTH, newest.period or _TRUTH)
        while not history.knows_truth() and time.monotonic() < end:
            spin()
        views = history.views(_SHOWN)
        for i in range(len(views) - min(history.heard - told, len(views)), len(views)):
            if as_json:
                console.document(views[i], indent=None)
            else:
                console.out.print(top_view(views[: i + 1], console.out.width, 10**6), soft_wrap=False)
            printed += 1
            if most and printed >= most:
                return
        told = history.heard


def _show(history: TickHistory, spin: Callable[[], None], interval: float, most: int) -> None:
    """Redraw the display until q is pressed or `most` ticks have come (0: no limit)."""
    began, heard, at, drawn = history.heard - 1, history.heard, time.monotonic(), 0.0
    with _keys() as pressed, Live(console=console.out, auto_refresh=False, screen=True) as live:
        while not pressed("q") and not (most and history.heard - began >= most):
            spin()
            now = time.monotonic()
            if history.heard > heard:
                heard, at = history.heard, now
            if now - drawn >= interval:
                views = history.views(_SHOWN)
                silent = now - at if now - at > max(2.0, _SILENT * (views[-1].period or 0.0)) else None
                live.update(top_view(views, *console.out.size, silent), refresh=True)
                drawn = now
    console.out.print(top_view(history.views(_SHOWN), console.out.width, 10**6), soft_wrap=False)


@contextmanager
def _keys() -> Iterator[Callable[[str], bool]]:
    """Context of a function that tells without waiting whether a key was pressed; it never was without a terminal."""
    if not sys.stdin.isatty():
        yield lambda _: False
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)

    def pressed(key: str) -> bool:
        return bool(select.select([sys.stdin], [], [], 0.0)[0]) and key.encode() in os.read(sys.stdin.fileno(), 64)

    try:
        tty.setcbreak(sys.stdin)
        yield pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _domain() -> str:
    from rclpy.utilities import get_default_context

    context: Any = get_default_context()
    return f"ROS domain {context.get_domain_id()}"
