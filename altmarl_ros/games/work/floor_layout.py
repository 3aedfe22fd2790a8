"""The layout of a floor map: its zones, and the ways between neighbours in phases.

A way leads from a zone's goal through the passage to the neighbour's goal. It is cut into m phases, so that a robot that
advances one phase per tick goes about as fast as robots do: with x the ticks that the way takes at full speed, m is x rounded
down, at least 1 and at most `most_phases`, and a robot gets one phase further with the probability `success` min(1, m / x). The
mean time of a way is then x / success ticks wherever x is at least 1. Between two phases a robot can stop or turn round, except
on one-way passages.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor as whole_part

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games.work.layouts import Layout, Way

_TIE = 1e-9  # m; ways that differ by less are equally long


@dataclass(frozen=True)
class Pace:
    """How far robots and the coordinator's vehicle come in a tick.

    Attributes:
        robot: metres of a robot that nothing delays.
        success: probability that nothing delays a robot in a tick.
        vehicle: metres of the coordinator's vehicle.
        most_phases: largest number of phases of a way.
    """

    robot: float
    success: float
    vehicle: float
    most_phases: int


def floor_layout(floor: FloorMap, pace: Pace) -> Layout:
    """Lay out a floor: zones keep their numbers, places under way follow; every zone is a target and a stop."""
    names, zones = floor.plan.names, len(floor.plan.zones)
    ways = _ways(floor, pace)
    metres = np.full((zones, zones), np.inf)
    for way in ways:
        metres[way.start, way.end] = way.metres
        metres[way.end, way.start] = np.inf if way.one_way else way.metres
    distance = _distances(metres)
    places, stop_of = list(names), list(range(zones))
    for way in ways:
        for phase in range(1, way.phases):
            places.append(f"{names[way.start]} to {names[way.end]} {phase}/{way.phases}")
            stop_of.append(way.start if 2 * phase <= way.phases else way.end)
    step = np.tile(np.arange(len(places))[:, None], (1, zones))
    chance = np.zeros(step.shape)
    leaving = {(way.start, way.end): way for way in ways} | {(way.end, way.start): way for way in ways}
    for zone in range(zones):
        for target in range(zones):
            if target != zone:
                following = _nearest(metres[zone] + distance[:, target])
                way = leaving[zone, following]
                step[zone, target] = _neighbour(way, 0 if way.start == zone else way.phases, forwards=way.start == zone)
                chance[zone, target] = way.chance
    for way in ways:
        for phase in range(1, way.phases):
            place, done = way.first + phase - 1, phase / way.phases
            ahead = (1.0 - done) * way.metres + distance[way.end]
            back = np.full(zones, np.inf) if way.one_way else done * way.metres + distance[way.start]
            step[place] = [_neighbour(way, phase, forwards=forwards) for forwards in (ahead <= back + _TIE).tolist()]
            chance[place] = way.chance
    with np.errstate(divide="ignore"):
        travel = np.minimum(1.0, pace.vehicle / distance)
    return Layout(
        places=tuple(places),
        zones=zones,
        targets=names,
        step=step,
        chance=chance,
        stops=names,
        stop_of=np.array(stop_of),
        travel=travel,
        ways=tuple(ways),
    )


def _ways(floor: FloorMap, pace: Pace) -> list[Way]:
    adjacency, ways = floor.plan.adjacency, []
    first = len(floor.plan.zones)
    for i, j in np.argwhere(np.triu(adjacency | adjacency.T)).tolist():
        one_way = bool(adjacency[i, j] != adjacency[j, i])
        start, end = (i, j) if adjacency[i, j] else (j, i)
        metres = _length(floor, start, end) if one_way else 0.5 * (_length(floor, i, j) + _length(floor, j, i))
        ticks = max(metres, _TIE) / pace.robot
        phases = min(max(1, whole_part(ticks + _TIE)), pace.most_phases)
        ways.append(Way(start, end, metres, one_way, phases, pace.success * min(1.0, phases / ticks), first))
        first += phases - 1
    return ways


def _length(floor: FloorMap, start: int, end: int) -> float:
    """Length of the way from goal to goal through the passage [m]."""
    entry = floor.entries.get((start, end))
    crossing = floor.crossing(start, end) if entry is None else entry
    return float(sum(np.hypot(*(floor.plan.goals[zone] - crossing)) for zone in (start, end)))


def _distances(metres: FloatArray) -> FloatArray:
    from scipy.sparse.csgraph import shortest_path  # most games do without, and load sooner

    return np.asarray(shortest_path(np.where(np.isfinite(metres), np.maximum(metres, _TIE), 0.0)))


def _nearest(metres: FloatArray) -> int:
    return int(np.flatnonzero(metres <= metres.min() + _TIE)[0])


def _neighbour(way: Way, phase: int, *, forwards: bool) -> int:
    """The place one phase further from the place after `phase` phases."""
    return way.place(phase + 1 if forwards else phase - 1)
