"""Hands work of a link's threads over to the node's own, where publishers and subscriptions are made."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import Callable


class WorkQueue:
    """Calls what it was given in order; what fails is dropped and told, since others may have caused it."""

    def __init__(self, complain: Callable[[str], object]) -> None:
        """`complain` is told in one line what failed."""
        self._complain = complain
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def put(self, work: Callable[[], None]) -> None:
        """Add a piece of work; from any thread."""
        self._waiting.put(work)

    def run(self) -> None:
        """Do all that waits."""
        while True:
            try:
                work = self._waiting.get_nowait()
            except Empty:
                return
            try:
                work()
            except Exception as error:  # whatever it is, the next piece must be done
                self._complain(f"a message of the link was dropped: {type(error).__name__}: {str(error)[:200]}")
