"""Finds where a game's places lie on its floor: zones at their goals, places under way between the goals of neighbours.

Games of work have, beside the zones, a place for each phase of the way between two neighbours, which is named by both
(`games.work.floor_layout`): "hall to store 1/3" is after a third of the way from the hall's goal
through the passage to the store's.
"""

from __future__ import annotations

import re
from typing import Iterator, Sequence

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.floor_map import FloorMap

_PHASE = re.compile(r"(?P<way>.+) (?P<done>\d{1,6})/(?P<phases>\d{1,6})")


def floor_places(floor: FloorMap, names: Sequence[str]) -> FloatArray | None:
    """Return where the places of a game are [place, xy; m], those that are zones first; None: they are not of this floor."""
    zones = len(floor.plan.zones)
    if len(names) == zones:
        return np.asarray(floor.plan.goals, dtype=np.float64)
    if tuple(names[:zones]) != floor.plan.names:
        return None
    ways, places = dict(_ways(floor)), list(floor.plan.goals)
    for name in names[zones:]:
        phase = _PHASE.fullmatch(name)
        if phase is None or phase["way"] not in ways or not 0 < int(phase["done"]) < int(phase["phases"]):
            return None
        places.append(_along(ways[phase["way"]], int(phase["done"]) / int(phase["phases"])))
    return np.array(places, dtype=np.float64)


def _ways(floor: FloorMap) -> Iterator[tuple[str, FloatArray]]:
    """The way from each zone's goal through the passage to a neighbour's goal [3, xy; m], by name."""
    names, goals = floor.plan.names, floor.plan.goals
    for a, b in np.argwhere(floor.plan.adjacency | floor.plan.adjacency.T).tolist():
        if a != b:
            entry = floor.entries.get((a, b))
            crossing = floor.crossing(a, b) if entry is None else entry
            yield f"{names[a]} to {names[b]}", np.array([goals[a], crossing, goals[b]])


def _along(way: FloatArray, share: float) -> FloatArray:
    """The point after a share of a way's length [xy; m]."""
    done = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(way, axis=0).T))])
    return np.array([np.interp(share * done[-1], done, way[:, axis]) for axis in (0, 1)])
