"""Selects where a robot drives: to its own slot in the zone that its last action leads to, or to a parking place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.free_slots import FreeSlots
from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.zones import Zones
from altmarl_ros.games.work import HALT, Workplace
from altmarl_ros.policies import LocalPolicy

_ASIDE = 1.0  # m from the line on which a robot was sent
_DETOUR = 0.5  # m by which the way from where it is may differ from what is left of that line


@dataclass(frozen=True)
class GoalMap:
    """Maps zones and actions to goals, the same for all robots of a process.

    Attributes:
        zones: of the floor.
        goal_zones: the zone to which an action leads from a local state [s_l, s_g, a_l], or HALT; the second axis has one
            entry where it does not depend on s_g.
        park_zone: the zone to park in when the coordinator is silent; None: the one that the robot is in.
        workplace: what there is to do, in a game of work; None: zones are the local states.
    """

    zones: Zones
    goal_zones: NDArray[np.int64]  # [s_l, s_g or 1, a_l]
    park_zone: int | None = None
    workplace: Workplace | None = None

    def goal_zone(self, local_state: int, global_state: int, local_action: int) -> int | None:
        """Return the zone to which an action leads, HALT where the robot stops at once; None: there is no such action."""
        states, regimes, actions = self.goal_zones.shape
        if not (0 <= local_state < states and 0 <= local_action < actions and (regimes == 1 or 0 <= global_state < regimes)):
            return None
        return int(self.goal_zones[local_state, min(global_state, regimes - 1), local_action])

    def destination(self, local_state: int, global_state: int, zone: int, policy: LocalPolicy | None) -> int | None:
        """Return where a robot that heads for a zone comes to stay by its policy; None: that is not known (Workplace)."""
        if policy is None or self.workplace is None:
            return None

        def then(state: int) -> int | None:
            action = policy.usual(state, global_state)
            return None if action is None else self.goal_zone(state, global_state, action)

        return self.workplace.destination(local_state, zone, then)

    def keeps_goal(self, local_state: int) -> bool:
        """Return whether a robot goes on to where it was sent: on one-way passages it does not turn round."""
        return self.workplace is not None and self.workplace.is_one_way(local_state)

    def next_zone(self, local_state: int, zone: int) -> int | None:
        """The end of the way that a robot is on to which it goes first on its way to a zone; None: it is on no way."""
        return None if self.workplace is None else self.workplace.next_zone(local_state, zone)

    def goal(self, pose: Pose, zone: int, robot_id: int, through: int | None = None) -> Goal | None:
        """Return a robot's slot in a zone, and the way there from its pose in the map; None from beyond any map.

        Args:
            pose: in the map.
            zone: where to.
            robot_id: of the robot.
            through: the neighbour that the way leads through first; None: any.
        """
        legs = self.zones.legs(pose.x, pose.y, zone, robot_id, through=through)
        if not legs:
            return None
        (*via, (goal_x, goal_y)), one_way = zip(*legs, strict=True)
        return Goal(goal_x, goal_y, via=tuple(via), one_way=one_way)


class GoalSelector:
    """Keeps the goal of one robot.

    Attributes:
        zone: the zone of the present goal, or None.
        goal: the present goal, or None.
        from_action: whether the goal comes from an action of the robot; else it parks, or has no goal.
    """

    def __init__(
        self, goal_map: GoalMap, robot_id: int, on_selected: Callable[[Pose, list[int], Goal], None] | None = None
    ) -> None:
        """`on_selected` is told each goal, from which pose the way leads there and through which zones."""
        self._map, self._id, self._on_selected = goal_map, robot_id, on_selected
        self._other = 0  # by how many slots its own was changed
        self._free_slots = FreeSlots(goal_map.zones.robot_radius, goal_map.zones.walls)
        self.zone: int | None = None
        self.goal: Goal | None = None
        self.from_action = False
        self._line = LineString()  # from where the goal was selected to the goal

    def act(
        self,
        local_state: int,
        local_action: int,
        pose: Pose,
        *,
        global_state: int = 0,
        policy: LocalPolicy | None = None,
    ) -> bool:
        """Select the goal to which an action leads from the robot's local state; returns False if there is no such action.

        With the robot's `policy` it is where the robot comes to stay by it (Workplace.destination).
        """
        zone = self._map.goal_zone(local_state, global_state, local_action)
        if zone is None:
            return False
        self.from_action = True
        if zone == HALT:
            self.zone = self.goal = None
            return True
        settled = self._map.destination(local_state, global_state, zone, policy)
        if settled is not None:
            zone = settled
        elif self.zone is not None and self._map.keeps_goal(local_state):
            zone = self.zone
        through = self._map.next_zone(local_state, zone)
        if not self._leads_to(zone, pose, through):
            self._select(zone, pose, through)
        return True

    def send(self, zone: int, pose: Pose) -> bool:
        """Select a zone that an operator names; returns whether there is a way."""
        if self._map.goal(pose, zone, self._id) is None:
            return False
        self.from_action = False
        self._select(zone, pose)
        return True

    def park(self, zone: int | None, pose: Pose) -> None:
        """Select a parking place, once per action: in the parking zone, by default in the robot's own, if that is known."""
        parking = zone if self._map.park_zone is None else self._map.park_zone
        if self.from_action and parking is not None:
            self.from_action = False
            self._select(parking, pose)

    def plan_again(self, pose: Pose) -> None:
        """Find the way to the same zone from where the robot is now."""
        if self.zone is not None:
            self._select(self.zone, pose)

    @property
    def crowded(self) -> bool:
        """Whether the robot finds no free slot in the zone of its goal."""
        return self._free_slots.crowded

    def avoid_taken_slot(self, now: float, pose: Pose, points: FloatArray) -> bool:
        """Take another slot of the same zone if the present one has been taken for a while (free_slots.py).

        Args:
            now: monotonic [s].
            pose: in the map.
            points: what the laser hit [m, base_link; point, 2].

        Returns whether the goal has changed.
        """
        if self.zone is None or not pose.is_finite:
            return False
        slots = self._map.zones.floor.slots[self.zone]
        own = (self._id + self._other) % len(slots)
        chosen = self._free_slots.look(now, pose, slots, own, points)
        if chosen == own:
            return False
        self._other = (self._other + chosen - own) % len(slots)
        self.plan_again(pose)
        return True

    def clear(self) -> None:
        """Forget the goal."""
        self.zone = self.goal = None
        self.from_action = False

    def _leads_to(self, zone: int, pose: Pose, through: int | None) -> bool:
        """Return whether the present goal is the one in that zone, and the way from here is what is left of its way.

        Then the drive goes on, and remembers what it has tried: with ticks of seconds the same action comes many times.
        """
        there, point = self._map.goal(pose, zone, self._id + self._other, through), Point(pose.x, pose.y)
        if zone != self.zone or self.goal is None or there is None or (there.x, there.y) != (self.goal.x, self.goal.y):
            return False
        aside = self._line.distance(point)
        left = self._line.length - self._line.project(point) + aside
        return bool(aside <= _ASIDE and abs(_line(pose, there).length - left) <= _DETOUR)

    def _select(self, zone: int, pose: Pose, through: int | None = None) -> None:
        if zone != self.zone:
            self._other = 0
            self._free_slots.begin()
        goal = self._map.goal(pose, zone, self._id + self._other, through)
        if goal is not None:
            self.zone, self.goal, self._line = zone, goal, _line(pose, goal)
            if self._on_selected is not None:
                self._on_selected(pose, self._map.zones.chain(pose.x, pose.y, zone, through=through), goal)


def _line(pose: Pose, goal: Goal) -> LineString:
    return LineString([(pose.x, pose.y), *goal.via, (goal.x, goal.y)])
