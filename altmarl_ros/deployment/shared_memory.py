"""Clears what killed processes left half made in Fast DDS's shared memory.

A participant makes a segment `fastrtps_port<number>` (Fast DDS 2) or `fastdds_port<number>` for each port that it listens at:
first an empty file, then its size. If its process is killed in between, the file stays empty, and every later participant that
opens the port waits in it for ever, in a call that not even SIGTERM ends. Locks beside segments (`..._el`) are always empty.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

FOLDER = Path("/dev/shm")

SECONDS = 2.0
"""After which an empty segment is nobody's: its size follows within microseconds."""

_SEGMENT = re.compile(r"fast(rtps|dds)_port\d+")
_LOOK = 0.05  # s


def remove_half_made_ports(folder: Path = FOLDER, *, after: float = SECONDS) -> list[str]:
    """Remove the empty segments of ports, wait at most `after` [s] for those that are younger, and return the names.

    What belongs to another user stays.
    """
    removed: list[str] = []
    end = time.monotonic() + after
    while (young := _look(folder, after, removed)) and time.monotonic() < end:
        time.sleep(_LOOK)
    if young:
        _look(folder, 0.0, removed)
    return removed


def _look(folder: Path, after: float, removed: list[str]) -> bool:
    """Remove segments that have been empty for `after` [s], and return whether there are younger ones."""
    young = False
    for path in folder.glob("fast*_port*"):
        try:
            if not _SEGMENT.fullmatch(path.name) or path.stat().st_size > 0:
                continue
            if time.time() - path.stat().st_mtime < after:
                young = True
                continue
            path.unlink()
            removed.append(path.name)
        except OSError:  # it was removed meanwhile, or is another user's
            continue
    return young
