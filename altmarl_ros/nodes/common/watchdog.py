"""Ends a process whose loop stands still, since whatever waits for it would wait for ever.

Such as one that sends through shared memory to a process that was killed while it held a lock there. The call that stands may
keep Python's own lock, and then neither a signal handler nor a thread of Python runs; the watcher of `faulthandler` needs none.
"""

from __future__ import annotations

import faulthandler
import math
import os
import time

from altmarl_ros.errors import AltmarlError

_VARIABLE = "ALTMARL_WATCHDOG"
_LIMIT = 60.0  # s; longer than any callback on a busy machine
_LEAST = 1.0  # s; a loop without work comes round ten times in it
_SHARE = 0.1  # of the limit, between two signs of life: each starts a thread of C


class Watchdog:
    """Ends the process with exit code 1, and its threads' tracebacks on stderr, once `feed` was not called for the limit.

    Time in which the process is stopped (SIGSTOP, a debugger) counts, time in which the machine sleeps does not. The
    environment variable ALTMARL_WATCHDOG sets the limit [s], at least 1; 0: never.

    Raises:
        AltmarlError: the variable is no such number.
    """

    def __init__(self) -> None:
        self._limit, self._due = _limit(), -math.inf

    def feed(self) -> None:
        """Say that the loop goes on; cheap however often it is called."""
        now = time.monotonic()
        if self._limit and now >= self._due:
            self._due = now + _SHARE * self._limit
            faulthandler.dump_traceback_later(self._limit, exit=True)

    def close(self) -> None:
        """Watch no longer."""
        faulthandler.cancel_dump_traceback_later()


def _limit() -> float:
    text = os.environ.get(_VARIABLE) or str(_LIMIT)
    try:
        limit = float(text)
    except ValueError:
        limit = math.nan
    if limit != 0.0 and not _LEAST <= limit <= 1e6:
        raise AltmarlError(f"environment variable {_VARIABLE} is {text!r}: give {_LEAST:g} s or more, 0 for no watchdog")
    return limit
