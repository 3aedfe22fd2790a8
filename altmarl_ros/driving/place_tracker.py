"""Finds how far a robot has come on its way between two zones, as games of work count it: in phases.

A game of work knows a robot at a zone or after some of the m phases of a way between neighbours (`games.work.floor_layout`). A
robot that drives through a chain of zones is followed along the line that it was sent on. That line is cut where it comes
nearest to each zone's goal, so that one piece leads from zone to zone, and

    f = f0 + (1 - f0) (metres done on the piece) / (metres of the piece)

is the share of the way that is done, with f0 what was done when the robot was sent. It is at the place after as many phases as
f m is nearest to, and in the last zone not before it is at its slot or has come to rest there. A robot that turns round goes
back from the place that it was at. One that is far from its line, because somebody carried it, is in the zone that it is found
in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Sequence

from shapely.geometry import LineString, Point

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.planar import Pose
from altmarl_ros.games.work.layouts import Layout, Way

_AT_SLOT = 0.3  # m from the slot; a robot that parks there is in the zone
_ASTRAY = 4.0  # m from the line; further away it is not on it
_AHEAD = 3.0  # metres of the line that a metre driven may take, where robots cut corners
_SLACK = 0.01  # m
_EDGE = 1e-6  # of a phase


@dataclass(frozen=True, slots=True)
class _Piece:
    """The line from one zone to its neighbour.

    Attributes:
        way: between the two.
        forwards: whether it is driven from `way.start`.
        begin, end: where the piece is on the line [m].
        done: share of the way that was done when the robot was sent.
    """

    way: Way
    forwards: bool
    begin: float
    end: float
    done: float

    def share(self, metres: float) -> float:
        """The share of the way that is done, by the metres driven on the line."""
        length = self.end - self.begin
        driven = min(max((metres - self.begin) / length, 0.0), 1.0) if length > 0.0 else 1.0
        return self.done + (1.0 - self.done) * driven

    def place(self, share: float, *, last: bool) -> int:
        """The place nearest to where a robot is that has done this share of the way; not yet its end if it is the last one."""
        phases = min(int(share * self.way.phases + 0.5 + _EDGE), self.way.phases - last)
        return self.way.place(phases if self.forwards else self.way.phases - phases)


class PlaceTracker:
    """Follows one robot.

    Attributes:
        place: of the layout; None while the robot was never found in a zone.
    """

    def __init__(self, layout: Layout, goals: FloatArray) -> None:
        """`goals` are the points in zones from which ways are measured [zone, xy; m, map]."""
        self._zones, self._goals = layout.zones, goals
        self._ways = {(way.start, way.end): (way, True) for way in layout.ways}
        self._ways |= {(way.end, way.start): (way, False) for way in layout.ways}
        self._way_of = {way.place(phase): way for way in layout.ways for phase in range(1, way.phases)}
        self.place: int | None = None
        self._line: LineString | None = None
        self._pieces: list[_Piece] = []  # that are left, the present one first
        self._target = 0
        self._metres = 0.0  # of the line that are done
        self._under_way: tuple[int, int, float] | None = None  # from, to, share that is done
        self._at: tuple[float, float] = (0.0, 0.0)

    def set_out(self, pose: Pose, chain: Sequence[int], goal: Goal) -> None:
        """Note that the robot was sent to a goal, through a chain of neighbouring zones that begins where it is now."""
        place = chain[0] if self.place is None else self.place
        route = self._route(place, chain)
        if route is None:  # no way of the game leads from where the robot was thought to be
            place, route = chain[0], (list(chain), 0.0)
        self.place = place
        zones, done = route
        self._line = LineString([(pose.x, pose.y), *goal.via, (goal.x, goal.y)])
        self._metres, self._at, self._target = 0.0, (pose.x, pose.y), zones[-1]
        self._pieces, begin = [], 0.0
        for here, there in pairwise(zones):
            if (here, there) not in self._ways:
                self._pieces = []
                return
            nearest = self._line.project(Point(*self._goals[there])) if there != self._target else self._line.length
            end = max(begin, nearest)
            self._pieces.append(_Piece(*self._ways[here, there], begin, end, done))
            begin, done = end, 0.0

    def moved(self, x: float, y: float, zone: int | None, *, at_rest: bool) -> None:
        """Note where the robot is [m, map], in which zone it was found, and whether it stands still."""
        if self._line is None or not self._pieces:
            if zone is not None and (self.place is None or self.place < self._zones):
                self.place = zone
            return
        point = Point(x, y)
        if self._line.distance(point) > _ASTRAY:
            self._arrive(self.place if zone is None else zone)
            return
        driven = math.hypot(x - self._at[0], y - self._at[1])
        self._at = (x, y)
        self._metres = max(self._metres, min(self._line.project(point), self._metres + _AHEAD * driven + _SLACK))
        if self._line.length - self._metres <= _AT_SLOT or (zone == self._target and at_rest):
            self._arrive(self._target)
            return
        while len(self._pieces) > 1 and self._metres >= self._pieces[0].end:
            self._pieces.pop(0)
        piece = self._pieces[0]
        share = piece.share(self._metres)
        ends = (piece.way.start, piece.way.end) if piece.forwards else (piece.way.end, piece.way.start)
        self.place, self._under_way = piece.place(share, last=len(self._pieces) == 1), (*ends, share)

    def _arrive(self, zone: int | None) -> None:
        self.place, self._pieces, self._under_way = zone, [], None

    def _route(self, place: int, chain: Sequence[int]) -> tuple[list[int], float] | None:
        """The zones from the present place on, and the share of the first way that is done; None: no way leads there."""
        here = chain[0]
        way = self._way_of.get(place)
        if way is None:
            if place == here:
                return list(chain), self._done(tuple(chain[:2]), 0.0)
            return ([place, *chain], 0.0) if (place, here) in self._ways else None
        if here not in (way.start, way.end):
            return None
        other = way.start if here == way.end else way.end
        forth = (place - way.first + 1) / way.phases
        if tuple(chain[1:2]) == (other,):
            return list(chain), self._done((here, other), forth if here == way.start else 1.0 - forth)
        return [other, *chain], self._done((other, here), forth if other == way.start else 1.0 - forth)

    def _done(self, ends: tuple[int, ...], otherwise: float) -> float:
        """The share of a way that is done if the robot is sent the same way again, else what its place says."""
        return self._under_way[2] if self._under_way is not None and self._under_way[:2] == ends else otherwise
