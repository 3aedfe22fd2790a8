"""Starts the processes of a fleet as one group, which is stopped as a whole whatever happens."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, MappingProxyType, TracebackType
from typing import IO, Any, Callable, Mapping, Sequence

from altmarl_ros.deployment import FleetPlan, NodePlan
from altmarl_ros.deployment.link_plan import fleet_processes
from altmarl_ros.resources import executable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_STOP_STEPS = ((signal.SIGINT, 5.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))


@dataclass
class Child:
    """A started process and its log file.

    Attributes:
        name: in the group.
        process: that runs, or ran last.
        log: what it said.
        began: when it was started last [s, monotonic].
        start: starts it once more.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    began: float
    start: Callable[[], subprocess.Popen[bytes]]

    def start_again(self) -> None:
        """Start a process that has ended once more; it goes on with the same log."""
        self.process, self.began = self.start(), time.monotonic()

    @property
    def exit_code(self) -> int | None:
        """Exit code of the process; None while it runs, negative if a signal ended it."""
        return self.process.poll()

    def last_words(self) -> str:
        """Return the last line of its log."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(no output)"


class ProcessGroup:
    """Starts processes and stops them all on exit; each has its own session, so that Ctrl-C reaches this program alone.

    On Linux the system terminates them too when this program is killed and cannot stop them itself.

    Attributes:
        children: the processes that were started.
        folder: of their log files.
    """

    def __init__(self, log_folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self._environment = log_folder, dict(environment)
        self._logs: list[IO[bytes]] = []
        self.children: list[Child] = []

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] = MappingProxyType({})) -> Child:
        """Start a process; its output goes to <log folder>/<name>.log. `environment`: variables of this process alone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.log"
        log = path.open("wb")
        self._logs.append(log)

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                list(command),
                env={**self._environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent(os.getpid()),
            )

        self.children.append(Child(name, start(), path, time.monotonic(), start))
        return self.children[-1]

    def ended(self) -> list[Child]:
        """Return the processes that no longer run."""
        return [child for child in self.children if child.exit_code is not None]

    def stop(self) -> None:
        """Interrupt all processes, then terminate and at last kill those that still run; returns when none does."""
        for number, patience in _STOP_STEPS:
            running = [child for child in self.children if child.exit_code is None]
            for child in running:
                child.process.send_signal(number)
            end = time.monotonic() + patience
            for child in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.0, end - time.monotonic()))
        for log in self._logs:
            log.close()

    def __enter__(self) -> ProcessGroup:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class Stopping:
    """Context in which SIGINT and SIGTERM set `asked` and do nothing else; the handlers from before return at its end.

    Once a program was asked, it ignores further Ctrl-C to its end: it has results to write, and is ending already.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stopping:
        self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            ignored = self.asked and number == signal.SIGINT
            signal.signal(number, signal.SIG_IGN if ignored else handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    """Return what a child calls before it becomes its program: it asks the system for SIGTERM at its parent's death."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded here: between fork and exec no library may be

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before
            os._exit(1)

    return ask


def start_fleet(plan: FleetPlan, group: ProcessGroup, log_level: str = "info") -> list[Child]:
    """Start every process of a plan.

    Raises:
        AltmarlError: there are not enough ROS domains for the links.
    """
    nodes = fleet_processes(plan, group.folder)
    return [group.start(node.name, command(node, log_level), node.environment) for node in nodes]


def command(node: NodePlan, log_level: str = "info") -> list[str]:
    """Return the command line of one process."""
    files = [item for path in node.parameter_files for item in ("--params-file", str(path))]
    # ROS parses parameter values as YAML, of which JSON scalars are a part: strings are quoted, numbers and booleans are not.
    settings = [item for name, value in node.parameters.items() for item in ("-p", f"{name}:={json.dumps(value)}")]
    remappings = [item for topic, other in node.remappings.items() for item in ("-r", f"{topic}:={other}")]
    return [
        str(executable(node.executable)),
        "--ros-args",
        "--log-level",
        log_level,
        "-r",
        f"__node:={node.node_name}",
        "-r",
        f"__ns:={node.namespace}",
        *remappings,
        *files,
        *settings,
    ]
