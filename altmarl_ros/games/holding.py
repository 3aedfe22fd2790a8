"""Holds back robots that would enter a full place.

In a tick every robot draws where it wants to go. Robots leave first, and then those that want to enter a place are let in as
far as there is room; a robot that is held back is where it was, in the local state that it had. So it may be in the way of
others in turn. Each robot that wants to enter has a random priority, and the robots that are held back are the smallest set
with

    after the tick no place that anybody entered holds more robots than fit, and
    whoever is held back at a place has a lower priority than all who entered it.

This set exists and is unique: holding back begins at the places that would be too full, and each robot held back can only
make more necessary. So the order in which places are looked at does not matter. No robot that was in a place is thrown out; a
place that was too full at the start lets nobody in until enough have left. A place where anybody was held back is full after
the tick, so that no room is wasted; robots in a ring of full places may all move on at once. Changes of state within a place
are free.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit

IntArray = NDArray[np.int64]


def held_back(origin: IntArray, wanted: IntArray, priority: FloatArray, limits: IntArray) -> NDArray[np.bool_]:
    """Say which robots are held back.

    Args:
        origin: the place that each robot is in [n].
        wanted: the place that it wants to be in [n].
        priority: distinct numbers [n]; among those that want to enter a place, the highest are let in.
        limits: robots that fit into each place [P].

    Returns:
        whether each robot is held back [n].
    """
    held = np.zeros(len(origin), dtype=np.bool_)
    hold_back(origin, wanted, priority, (limits, np.zeros(len(limits), dtype=np.int64)), held)
    return held


@njit(nogil=True, cache=True)
def hold_back(origin, wanted, priority, room, held):  # type: ignore[no-untyped-def]
    """Set `held` [n], which is false everywhere, where robots are held back; see `held_back`.

    room = (limits, robots that stay in each place and are not among the n [P]).
    """
    limits, staying = room
    P, n = len(limits), len(origin)
    count, first = staying.copy(), np.zeros(P + 1, dtype=np.int64)
    for i in range(n):
        count[wanted[i]] += 1
        if wanted[i] != origin[i]:
            first[wanted[i] + 1] += 1
    waiting, open_ = np.zeros(P, dtype=np.int64), 0  # places that are too full
    for p in range(P):
        first[p + 1] += first[p]
        if count[p] > limits[p]:
            waiting[open_] = p
            open_ += 1
    if open_ == 0:
        return
    # Those that want to enter each place, the lowest priority first: entrants[first[p] : first[p + 1]].
    entrants, filled = np.empty(first[P], dtype=np.int64), first[:P].copy()
    for i in np.argsort(priority):
        if wanted[i] != origin[i]:
            entrants[filled[wanted[i]]] = i
            filled[wanted[i]] += 1
    is_open = count > limits
    following = first[:P].copy()
    while open_ > 0:
        open_ -= 1
        p = waiting[open_]
        is_open[p] = False
        while count[p] > limits[p] and following[p] < first[p + 1]:
            i = entrants[following[p]]
            following[p] += 1
            held[i] = True
            count[p] -= 1
            back = origin[i]
            count[back] += 1
            if count[back] > limits[back] and following[back] < first[back + 1] and not is_open[back]:
                is_open[back] = True
                waiting[open_] = back
                open_ += 1
