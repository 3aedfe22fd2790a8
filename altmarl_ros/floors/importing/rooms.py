"""Cuts free space into rooms: at doors and other places that are narrow for the rooms beside them.

Watershed on the distance to walls: every widest place is a seed, and the floor around belongs to it. Two seeds are one room
unless the way between them is narrow: with w the width of the way at its narrowest and a <= b the widths of the two rooms,
they are parted where

    w < narrow * a,  or  w < WIDE * b

The first rule finds doors between rooms, the second one where a corridor leads into a hall without a door.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from altmarl_ros.floors.importing.free_space import FreeSpace
from altmarl_ros.floors.importing.labels import Joining, Labels, borders, join_small

_WIDE = 0.4


def rooms(space: FreeSpace, narrow: float, least_area: float) -> Labels:
    """The room of each clear cell, from 1 [row, column].

    Args:
        space: where a robot can be.
        narrow: share of the narrower room's width below which a way parts two rooms.
        least_area: area of clear cells below which a room is joined to its neighbour [m^2].
    """
    from skimage.segmentation import watershed

    room = np.where(space.clear, space.room, 0.0)
    peaks = space.clear & (room >= ndimage.maximum_filter(room, size=3))
    seeds, n = ndimage.label(peaks, structure=np.ones((3, 3)))
    found = watershed(-room, seeds, mask=space.clear, connectivity=1)  # type: ignore[no-untyped-call]
    labels = np.asarray(found, dtype=np.int32)
    widest = ndimage.maximum(room, labels, np.arange(n + 1)).tolist()
    joining = Joining(n)
    ways = sorted(borders(labels, room).items(), key=lambda item: -item[1][1])
    for (a, b), (_, width) in ways:
        a, b = joining.root(a), joining.root(b)
        if a == b:
            continue
        low, high = sorted((widest[a], widest[b]))
        if width >= narrow * low and width >= _WIDE * high:
            joining.join(a, b)
            widest[a] = high
    return join_small(joining.applied(labels), int(least_area / space.resolution**2), room)
