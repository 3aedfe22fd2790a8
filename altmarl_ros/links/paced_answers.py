"""Hands out large answers one after another, so that they leave room on a thin link for what must be in time."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, NamedTuple

_CLOSING = 1.0  # s


class _Waiting(NamedTuple):
    answer: Callable[[], None]
    size: int  # bytes
    until: float  # s of time.monotonic; then its asker has given up


class PacedAnswers:
    """A queue of answers that leave in order, so many bytes per second."""

    def __init__(self, rate: float) -> None:
        """`rate`: bytes per second; 0: every answer leaves at once."""
        self._rate = rate
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="paced answers", daemon=True)
        if rate > 0.0:
            self._thread.start()

    def give(self, answer: Callable[[], None], size: int, patience: float) -> None:
        """Do `answer`, which sends `size` bytes, when its turn comes, unless that takes longer than `patience` [s]."""
        if self._rate <= 0.0:
            answer()
            return
        with self._changed:
            self._waiting.append(_Waiting(answer, size, time.monotonic() + patience))
            self._changed.notify()

    def close(self) -> None:
        """Forget those that wait."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(_CLOSING)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                waiting = self._waiting.popleft()
            if time.monotonic() > waiting.until:
                continue
            waiting.answer()
            with self._changed:
                self._changed.wait_for(lambda: self._closed, waiting.size / self._rate)
