"""Reads files for a node in a thread, so that its callbacks go on however long a disk takes."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.timer import Timer

from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import LONGEST_READ

_POLL = 0.02  # s


class FileReader:
    """Does one piece of work at a time in a thread, and tells its result in a callback of the node.

    The thread does not keep the process from ending: one that hangs in the operating system dies with it.

    Attributes:
        timer: looks for the result; there while somebody waits for it.
    """

    def __init__(self, node: Node, longest: float = LONGEST_READ) -> None:
        """`node` holds the timer; `longest` is the longest wait for one [s]."""
        self._node, self._longest = node, longest
        self._thread: threading.Thread | None = None
        self._results: list[Any] = []  # of the thread: a value, or an AltmarlError
        self._done: Callable[[Any], None] | None = None
        self._began = 0.0
        self.timer: Timer | None = None

    @property
    def busy(self) -> bool:
        """Whether a thread is at work, waited for or given up."""
        return self._done is not None or (self._thread is not None and self._thread.is_alive())

    def read(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Call `work` in a thread, and then `done` with its result, or with an AltmarlError where it failed or took too long.

        Raises:
            AltmarlError: other work is not finished.
        """
        if self.busy:
            raise AltmarlError("files are being read for an earlier request: ask again")
        self._results, self._done, self._began = [], done, time.monotonic()
        results = self._results

        def run() -> None:
            try:
                results.append(work())
            except AltmarlError as error:
                results.append(error)
            except Exception as error:  # whatever it is, whoever asked gets an answer
                results.append(AltmarlError(f"{type(error).__name__}: {error}"))

        self._thread = threading.Thread(target=run, name="file reader", daemon=True)
        self._thread.start()
        self.timer = self._node.create_timer(_POLL, self._poll, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _poll(self) -> None:
        late = time.monotonic() - self._began > self._longest
        if self._done is None or not (self._results or late):
            return
        if self.timer is not None:
            self._node.destroy_timer(self.timer)
            self.timer = None
        done, self._done = self._done, None
        done(self._results[0] if self._results else AltmarlError(f"its files were not read within {self._longest:g} s"))
