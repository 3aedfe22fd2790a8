"""Labels of cells: pieces of a floor, their neighbours, small ones joined to them, and rings cut open."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from altmarl_ros.arrays import FloatArray

Labels = NDArray[np.int32]
"""The zone of each cell, from 1; 0 is no zone [row, column]."""

_MOST_CUTS = 50


def in_pieces(labels: Labels) -> Labels:
    """The same with a label of its own for every connected piece, counted from 1."""
    found = np.zeros_like(labels)
    n = 0
    for label, box in _boxes(labels):
        pieces, count = ndimage.label(labels[box] == label)
        found[box][pieces > 0] = pieces[pieces > 0] + n
        n += count
    return found


def renumbered(labels: Labels) -> Labels:
    """The same with the labels 1, 2, ... from the lower left to the upper right, by the middle of each piece."""
    numbers = np.unique(labels[labels > 0])
    middles = np.array(ndimage.center_of_mass(labels > 0, labels, numbers))
    rows = np.round(middles[:, 0] / max(1.0, 0.1 * labels.shape[0]))  # rows of zones, as people count them
    lookup = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.int32)
    lookup[numbers[np.lexsort((middles[:, 1], -rows))]] = np.arange(1, len(numbers) + 1)
    return np.asarray(lookup[labels])


def borders(labels: Labels, value: FloatArray) -> dict[tuple[int, int], tuple[int, float]]:
    """How many cells of two labels touch, and the largest value there, of the smaller one of each two cells; by (low, high)."""
    found: dict[tuple[int, int], tuple[int, float]] = {}
    pairs, values = [], []
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        a, b = labels[here], labels[there]
        touch = (a != b) & (a > 0) & (b > 0)
        pairs.append(np.sort(np.stack([a[touch], b[touch]], axis=1), axis=1))
        values.append(np.minimum(value[here][touch], value[there][touch]))
    both, width = np.concatenate(pairs), np.concatenate(values)
    if not len(both):
        return found
    unique, inverse = np.unique(both, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    largest = np.full(len(unique), -np.inf)
    np.maximum.at(largest, inverse, width)
    counts = np.bincount(inverse)
    return {(int(a), int(b)): (int(n), float(w)) for (a, b), n, w in zip(unique, counts, largest, strict=True)}


def _boxes(labels: Labels) -> Iterator[tuple[int, tuple[slice, slice]]]:
    """Each label that there is, and the rows and columns around its cells."""
    found: list[Any] = ndimage.find_objects(labels)  # None for a label that there is not
    return ((label, box) for label, box in enumerate(found, start=1) if box is not None)


class Joining:
    """Labels that become one, step by step."""

    def __init__(self, n: int) -> None:
        self._root = list(range(n + 1))

    def root(self, label: int) -> int:
        """The label that stands for all that were joined with this one."""
        while self._root[label] != label:
            self._root[label] = self._root[self._root[label]]
            label = self._root[label]
        return label

    def join(self, a: int, b: int) -> None:
        """Join the labels of b to those of a."""
        self._root[self.root(b)] = self.root(a)

    def applied(self, labels: Labels) -> Labels:
        """The labels after joining."""
        return np.array([self.root(i) for i in range(len(self._root))], dtype=np.int32)[labels]


def join_small(labels: Labels, least: int, room: FloatArray) -> Labels:
    """Join pieces of fewer cells to the neighbour that the widest passage leads to, the smallest piece first."""
    n = int(labels.max(initial=0))
    sizes = np.bincount(labels.ravel(), minlength=n + 1).tolist()
    near: dict[int, dict[int, float]] = {i: {} for i in range(1, n + 1)}
    for (a, b), (_, width) in borders(labels, room).items():
        near[a][b] = near[b][a] = width
    joining = Joining(n)
    waiting = sorted((i for i in near if 0 < sizes[i] < least), key=lambda i: sizes[i])
    while waiting:
        small = waiting.pop(0)
        if joining.root(small) != small or sizes[small] >= least or not near[small]:
            continue
        target = max(near[small], key=lambda other: (near[small][other], -other))
        joining.join(target, small)
        sizes[target] += sizes[small]
        for other, width in near.pop(small).items():
            near[other].pop(small, None)
            if other != target:
                near[target][other] = near[other][target] = max(width, near[target].get(other, 0.0))
        if sizes[target] < least:
            waiting.append(target)
            waiting.sort(key=lambda i: sizes[i])
    return joining.applied(labels)


def grown(labels: Labels, floor: NDArray[np.bool_]) -> Labels:
    """The labels grown over the floor, each cell to the nearest one that it is connected with."""
    from skimage.segmentation import watershed

    far = ndimage.distance_transform_edt(labels == 0)
    found = watershed(far, labels, mask=floor, connectivity=1)  # type: ignore[no-untyped-call]
    return np.asarray(found, dtype=np.int32)


def open_rings(labels: Labels, floor: NDArray[np.bool_]) -> Labels:
    """Cut zones in two that have other zones in a hole of theirs, since an outline has no holes."""
    for _ in range(_MOST_CUTS):
        over = grown(labels, floor)
        ring = _first_ring(over)
        if ring is None:
            return labels
        label, row, column, along_rows = ring
        fresh = labels.copy()
        rows, columns = np.nonzero(labels == label)
        beyond = columns >= column if along_rows else rows >= row
        fresh[rows[beyond], columns[beyond]] = int(labels.max()) + 1
        labels = in_pieces(fresh)
    return labels


def _first_ring(labels: Labels) -> tuple[int, int, int, bool] | None:
    """A label around another one, the middle of its hole, and whether it is wider than high."""
    for label, box in _boxes(labels):
        mask = labels[box] == label
        inside = ndimage.binary_fill_holes(mask) & ~mask & (labels[box] > 0)
        if inside.any():
            row, column = (int(np.median(where)) for where in np.nonzero(inside))
            height, width = mask.shape
            return label, box[0].start + row, box[1].start + column, width >= height
    return None
