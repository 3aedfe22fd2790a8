"""Where robots at work can be, and how they get about: the layout that the builders for work share.

A place is a zone or a point on the way between two zones. A robot that heads for a target is at `step[place, target]` at the
next tick with the probability `chance[place, target]`, and where it was otherwise. The coordinator's vehicle (a crew, a charger
truck) stands at a stop and serves the places that are nearest to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.rows import IntArray


@dataclass(frozen=True)
class Way:
    """The way between two neighbours, walked from `start` to `end` and, unless it is one-way, back.

    Attributes:
        start, end: zones.
        metres: length of the way from goal to goal.
        one_way: whether nobody walks back.
        phases: number of phases of the way; a robot is at a place of its own after each of them but the last.
        chance: probability per tick of getting one phase further.
        first: the place after the first phase, if there are several.
    """

    start: int
    end: int
    metres: float
    one_way: bool
    phases: int
    chance: float
    first: int

    def place(self, phase: int) -> int:
        """The place after so many phases from `start`: that zone itself after none, and `end` after all of them."""
        return self.start if phase <= 0 else self.end if phase >= self.phases else self.first + phase - 1


@dataclass(frozen=True, eq=False)
class Layout:
    """Places, targets and stops.

    Attributes:
        places: names of the places [X], zones first.
        zones: number of zones.
        targets: names of what robots can head for [T].
        step: the next place on the way to a target [place, target].
        chance: probability per tick of getting there [place, target]; 0 where there is nowhere to go.
        stops: names of where a vehicle of the coordinator can stand [Q].
        stop_of: the stop that serves each place [X].
        travel: probability per tick that a vehicle gets from one stop to another [stop, stop].
        ways: between zones that are neighbours, on a floor.
    """

    places: tuple[str, ...]
    zones: int
    targets: tuple[str, ...]
    step: IntArray
    chance: FloatArray
    stops: tuple[str, ...]
    stop_of: IntArray
    travel: FloatArray
    ways: tuple[Way, ...] = ()

    def visited(self, targets: ArrayLike) -> NDArray[np.bool_]:
        """The places where robots can be that head for some targets only [place]: all zones, and the ways that they take."""
        places = np.arange(len(self.places)) < self.zones
        ways = np.unique(np.asarray(targets, dtype=np.int64))
        while True:
            reached = places.copy()
            reached[self.step[np.ix_(places, ways)].ravel()] = True
            if (reached == places).all():
                return places
            places = reached


def corners_layout(corners: int, walk: float, change: float, drive: float) -> Layout:
    """A pick-up and a drop in each of some corners, and a hub between the corners.

    A robot that heads for a corner goes from another corner to the hub and from the hub to the corner's drop, each with the
    probability `walk` per tick, and from the corner's pick-up to its drop with `change`. The last target, `change`, is the
    other place of the present corner. A vehicle gets from any stop to any other with the probability `drive` per tick.

    Places are numbered pick-up 1, drop 1, pick-up 2, ..., hub; stops are the corners and the hub.
    """
    hub = 2 * corners
    step = np.tile(np.arange(hub + 1)[:, None], (1, corners + 1))
    chance = np.zeros(step.shape)
    for corner in range(corners):
        pick_up, drop = 2 * corner, 2 * corner + 1
        step[:hub, corner], chance[:hub, corner] = hub, walk
        step[hub, corner], chance[hub, corner] = drop, walk
        step[pick_up, corner], chance[pick_up, corner] = drop, change
        step[drop, corner], chance[drop, corner] = drop, 0.0
        step[pick_up, corners], step[drop, corners] = drop, pick_up
    chance[:hub, corners] = change
    numbers = range(1, corners + 1)
    return Layout(
        zones=hub + 1,
        places=(*(f"{kind} {i}" for i in numbers for kind in ("pick-up", "drop")), "hub"),
        targets=(*(f"corner {i}" for i in numbers), "change"),
        step=step,
        chance=chance,
        stops=(*(f"corner {i}" for i in numbers), "hub"),
        stop_of=np.arange(hub + 1) // 2,
        travel=np.full((corners + 1, corners + 1), drive),
    )
