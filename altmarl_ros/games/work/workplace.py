"""What there is to do at work, apart from how likely it is: where robots go, where they load and unload, where they charge.

The builders make their tables from it, and robots on wheels and the floors that they drive on take it in place of the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Callable

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.games.rows import IntArray
from altmarl_ros.games.work.delivery_site import DeliveryParameters, Site
from altmarl_ros.games.work.robot_moves import STAY, RobotMoves

HALT = -1
"""The goal of a robot that stops where it is."""

_NO_PASSAGE = -1


@dataclass(frozen=True, eq=False)
class Workplace:
    """Deliveries, with or without batteries.

    Attributes:
        parameters: of the builder, with the rates of what happens.
        site: pick-ups and drops, and the layout of places.
        moves: where robots go, and the numbers of their local states.
        stops: the stops of the coordinator's vehicle [S_g].
        served: the drops at which it takes loads in [s_g, drop].
        levels: battery levels above flat; 0: batteries do not count.
        at_charger: where a robot that rests is charged [s_g, place].
    """

    parameters: DeliveryParameters
    site: Site
    moves: RobotMoves
    stops: IntArray
    served: NDArray[np.bool_]
    levels: int = 0
    at_charger: NDArray[np.bool_] | None = None

    def local_state(self, place: int, *, loaded: bool, level: int) -> int:
        """The number of a local state; where robots like this do not come through, that of the nearest zone.

        Args:
            place: of the layout.
            loaded: whether the robot carries a load.
            level: of its battery; it does not matter where batteries do not count.
        """
        condition = loaded * (self.levels + 1) + level if self.levels else int(loaded)
        number = int(self.moves.number[place, condition])
        return number if number >= 0 else int(self.moves.number[self.site.layout.stop_of[place], condition])

    def destination(self, local_state: int, zone: int, then: Callable[[int], int | None]) -> int | None:
        """The zone where a robot comes to stay that heads for a zone now and by its policy from each zone on its way.

        What an action names may lie far behind the next place, and policies choose any of the actions with the same next place.
        A robot on wheels has come further than to that place by the next tick, so it must know where its policy really leads.

        Args:
            local_state: of the robot; it stays empty or loaded, and its battery as it is.
            zone: that its action names; its own one if it stays.
            then: the zone that it heads for from a local state, which is -1 where there is none; None: nobody knows.

        Returns None where the policy leads nowhere, or another way than to the place that comes next.
        """
        step = self.site.layout.step
        place, condition = int(self._place_of[local_state]), self._condition_of[local_state]
        if place == zone:
            return zone
        first = at = int(step[place, zone])
        passed: set[int] = set()
        while True:
            if at < self.site.layout.zones:
                goal = None if at in passed else then(int(self.moves.number[at, condition]))
                if goal is None:
                    return None
                if goal == at:
                    return at if step[place, at] == first else None
                passed.add(at)
                zone = goal
            following = int(step[at, zone])
            if following == at:
                return None
            at = following

    def next_zone(self, local_state: int, zone: int) -> int | None:
        """The end of its way to which a robot in that state goes first if it heads for a zone; None: it is on no way."""
        layout = self.site.layout
        place = int(self._place_of[local_state])
        if place < layout.zones:
            return None
        while place >= layout.zones:
            place = int(layout.step[place, zone])
        return place

    def is_one_way(self, local_state: int) -> bool:
        """Whether a robot in that state is on a one-way passage, where it does not turn round."""
        return bool(self._passage_end[self._place_of[local_state]] != _NO_PASSAGE)

    @cached_property
    def _passage_end(self) -> IntArray:
        """The zone at the end of the one-way passage that each place is on [place]."""
        layout = self.site.layout
        end = np.full(len(layout.places), _NO_PASSAGE, dtype=np.int64)
        for way in layout.ways:
            if way.one_way:
                end[way.first : way.first + way.phases - 1] = way.end
        return end

    @cached_property
    def _place_of(self) -> IntArray:
        return np.asarray(np.argwhere(self.moves.possible)[:, 0])

    @cached_property
    def _condition_of(self) -> IntArray:
        return np.asarray(np.argwhere(self.moves.possible)[:, 1])

    def loaded_of(self) -> NDArray[np.bool_]:
        """Whether a robot is loaded in each local state [S_l]."""
        return np.asarray(self._condition_of >= self.moves.possible.shape[1] // 2)

    def delivered(self, local_state: IntArray) -> IntArray:
        """The loads that each robot delivered between ticks of a run [n], by its local states; negative: not known [T, n].

        States may be those of several types of robots.
        """
        known = (local_state[:-1] >= 0) & (local_state[1:] >= 0)
        loaded_of = self.loaded_of()
        loaded = loaded_of[np.maximum(local_state, 0) % len(loaded_of)]
        return np.asarray((known & loaded[:-1] & ~loaded[1:]).sum(axis=0))

    def goal_zones(self) -> IntArray:
        """The zone that a robot drives to [s_l, s_g, a_l]: its own one where it stays in one, HALT where it stays under way.

        On a one-way passage all other actions are the same, so that policies choose any of them: they lead to its end.
        """
        place, condition = self._place_of, self._condition_of
        goals = np.moveaxis(self.moves.goals[:, condition], 1, 0)  # [s_l, s_g, a_l]
        own = np.where(place < self.site.layout.zones, place, HALT)[:, None, None]
        end = self._passage_end[place][:, None, None]
        return np.where(goals == STAY, own, np.where(end != _NO_PASSAGE, end, goals))
