"""Cuts free space into cells of a given size along the map's axes, each in one piece."""

from __future__ import annotations

import numpy as np

from altmarl_ros.floors.importing.free_space import FreeSpace
from altmarl_ros.floors.importing.labels import Labels, in_pieces, join_small

_SMALL = 0.3  # of a whole cell


def cells(space: FreeSpace, size: float) -> Labels:
    """The cell of each clear place, from 1 [row, column]; pieces of less than 0.3 of a cell are joined to their neighbour.

    Args:
        space: where a robot can be.
        size: side of a cell [m]; made a little smaller or larger so that whole cells span the map.
    """
    rows, columns = np.nonzero(space.clear)
    labels = np.zeros(space.clear.shape, dtype=np.int32)
    numbers = []
    for along in (rows, columns):
        low, length = int(along.min()), int(along.max() - along.min() + 1)
        n = max(1, round(length * space.resolution / size))
        numbers.append(((along - low) * n // length, n))
    (row, _), (column, n_columns) = numbers
    labels[rows, columns] = row * n_columns + column + 1
    return join_small(in_pieces(labels), int(_SMALL * (size / space.resolution) ** 2), np.where(space.clear, space.room, 0.0))
