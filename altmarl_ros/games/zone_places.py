"""Where the zones of a game without a floor are drawn: few of them on a ring, many of them in rows as on a map."""

from __future__ import annotations

import re
from math import ceil, sqrt

import numpy as np

from altmarl_ros.arrays import FloatArray

MOST_ON_A_RING = 24
"""Largest number of zones on a ring: circles and names are legible."""

_PLACE = re.compile(r"(\d{1,4}) (\d{1,4})")


def grid_places(names: tuple[str, ...]) -> FloatArray | None:
    """Places [zone, (x, y)] at distances of 1, y upwards; None where the zones belong on a ring.

    Zones whose names are two numbers, such as `3 0`, lie there; others fill the rows of a square.
    """
    named = [_PLACE.fullmatch(name) for name in names]
    if all(named):
        return np.array([[int(number) for number in match.groups()] for match in named if match], dtype=np.float64)
    if len(names) <= MOST_ON_A_RING:
        return None
    rows, columns = np.divmod(np.arange(len(names)), ceil(sqrt(len(names))))
    return np.stack([columns, rows], axis=1).astype(np.float64)
