"""Starts, spins and stops every executable in the same way.

SIGINT, SIGTERM and an external shutdown end the loop between two callbacks, while the middleware still works: nodes that move
something `brake()` together, each node sends its last messages in `stop()` and waits in `drain()` until they have arrived, and
the process ends with exit code 0. After an exception the nodes stop in the same way. A mistake of the user ends the process
with one line and exit code 2. A loop that stands still is ended by a watchdog.

The executor is rclpy's EventsExecutor where there is one, since a SingleThreadedExecutor builds a wait set of all entities for
each wake-up, which costs milliseconds with hundreds of nodes. Two rules come with the EventsExecutor. `spin()`, and
`spin_once()` without a timeout, loop without delivering anything (observed in the package index's wheels, 100 % of a core), so
every wait has a timeout. And Python's signal handlers run only between two calls, so the timeout is short.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import time
from types import FrameType
from typing import Any, Callable, Sequence

import rclpy
from rclpy.exceptions import InvalidHandle, NameValidationException, ParameterException
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import ok

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.watchdog import Watchdog
from altmarl_ros.resources import check_open_files

# What rclpy raises about arguments, parameter files and names; and what the operating system refuses.
_REFUSALS = (
    rclpy_implementation.RCLError,
    rclpy_implementation.RCLInvalidROSArgsError,
    rclpy_implementation.UnknownROSArgsError,
    ParameterException,
    NameValidationException,
    OSError,
)
_POLL = 0.1  # s; how long a signal may wait for the loop to notice
_DRAIN_TIMEOUT = 0.5  # s; for the last messages of all nodes together
_BRAKE_STEP = 0.05  # s
_LONGEST_BRAKING = 2.0  # s


class _Stopped(Exception):
    """Raised by a signal while the nodes are made."""


def _tell_unraisable(report: Any) -> None:
    """Tell of an exception that ended in a destructor, unless it is a stop, which then takes effect at the end of the start."""
    if report.exc_type is not _Stopped:
        sys.__unraisablehook__(report)


def make_executor() -> Executor:
    """Make the fastest executor that this rclpy has."""
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()


def run(make_nodes: Callable[[], Sequence[Node]], args: Sequence[str] | None = None) -> int:
    """Make the nodes, spin them until a signal or a shutdown, and stop them; returns the exit code."""
    stopping, starting, interrupted = False, True, False

    def request_stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping, starting, interrupted
        stopping = True
        if starting:  # which takes long with thousands of robots
            starting, interrupted = False, True
            raise _Stopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, request_stop)
    sys.unraisablehook = _tell_unraisable
    nodes: Sequence[Node] = ()
    executor: Executor | None = None
    watchdog: Watchdog | None = None
    try:
        check_open_files()
        watchdog = Watchdog()
        rclpy.init(args=None if args is None else list(args), signal_handler_options=SignalHandlerOptions.NO)
        nodes = make_nodes()
        executor = make_executor()
        for node in nodes:
            executor.add_node(node)
        gc.collect()
        starting = False
        gc.freeze()  # what exists now stays, so no collection has to walk through it in the middle of a tick
        while not stopping and ok():
            watchdog.feed()
            with contextlib.suppress(InvalidHandle):  # a message was queued for what a transition has destroyed since
                executor.spin_once(timeout_sec=_POLL)
        return 0
    except (ExternalShutdownException, _Stopped):
        return 0
    except AltmarlError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        if interrupted:  # code that compiles makes other errors of it
            return 0
        if not starting or not isinstance(error, _REFUSALS):
            raise
        print(f"error: {refusal_text(error)}", file=sys.stderr)
        return 2
    finally:
        starting = False
        _finish(nodes, executor)
        if watchdog is not None:
            watchdog.close()
        if stopping:  # at its end Python gives signals back to the system, which would end the process by a further Ctrl-C
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)


def refusal_text(error: Exception) -> str:
    """One line about what the middleware or the operating system refused at the start."""
    return f"ROS 2 cannot start: {' '.join(str(error).split()) or type(error).__name__}"


def _finish(nodes: Sequence[Node], executor: Executor | None) -> None:
    braked = time.monotonic()
    end, step = braked + _LONGEST_BRAKING, _BRAKE_STEP
    while False in [_call(node, "brake", step) for node in nodes] and time.monotonic() < end:
        time.sleep(_BRAKE_STEP)
        now = time.monotonic()
        step, braked = min(now - braked, 2.0 * _BRAKE_STEP), now  # a busy machine sleeps longer
    for node in nodes:
        _call(node, "stop")
    end = time.monotonic() + _DRAIN_TIMEOUT
    for node in nodes:
        _call(node, "drain", max(0.0, end - time.monotonic()))
    if executor is not None:
        executor.shutdown(timeout_sec=1.0)
    for node in nodes:
        node.destroy_node()
    if ok():
        rclpy.shutdown(uninstall_handlers=False)  # ours stay: it would leave the default ones


def _call(node: Node, name: str, *arguments: float) -> object:
    """Call a method of a node if it has one; a node that fails does not keep the others from stopping."""
    method = getattr(node, name, None)
    if method is None or not ok():
        return None
    try:
        return method(*arguments)
    except Exception as error:
        print(f"{node.get_fully_qualified_name()}: {name}: {type(error).__name__}: {error}", file=sys.stderr)
        return None
