"""Ctrl-C and SIGTERM as a flag.

An exception that a signal handler raises while a compiled executor calls back into Python does not come through: pybind11 makes
another one of it, or none.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any


class Stopping:
    """As a context: `asked` is whether somebody wants the work to end. The handlers before come back at its end."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stopping:
        self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
