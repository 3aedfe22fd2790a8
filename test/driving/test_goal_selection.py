"""Where a robot drives, by its last action and without one."""

import math

import numpy as np
import pytest

from altmarl_ros.driving.goal_selection import GoalMap, GoalSelector
from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.zones import Zones
from altmarl_ros.games import load_floor_map

ROBOT, HERE = 3, Pose(1.0, 1.0)


@pytest.fixture(scope="module")
def zones():
    return Zones(load_floor_map("hall"))


@pytest.fixture
def selector(zones):
    return GoalSelector(goal_map(zones), ROBOT)


def goal_map(zones, park_zone=None):
    """Action 0 stays, action 1 goes to the next zone."""
    n = len(zones.floor.plan.zones)
    return GoalMap(zones, np.column_stack([np.arange(n), (np.arange(n) + 1) % n])[:, None], park_zone)


def slot(zones, zone):
    return tuple(zones.slot_of(zone, ROBOT))


def test_an_action_leads_to_the_robots_own_slot(selector, zones):
    assert (selector.zone, selector.goal, selector.from_action) == (None, None, False)
    assert selector.act(0, 1, HERE)
    assert (selector.zone, selector.from_action) == (1, True)
    assert (selector.goal.x, selector.goal.y) == slot(zones, 1)


@pytest.mark.parametrize("action", [-1, 2])
def test_an_action_that_is_none_changes_nothing(selector, action):
    selector.act(0, 1, HERE)
    before = selector.goal
    assert not selector.act(0, action, HERE)
    assert (selector.goal, selector.zone) == (before, 1)


def test_a_robot_parks_once_per_action_and_not_before_its_first(selector, zones):
    selector.park(0, HERE)
    assert selector.goal is None
    selector.act(0, 1, HERE)
    selector.park(0, HERE)
    assert (selector.zone, selector.from_action) == (0, False)
    assert (selector.goal.x, selector.goal.y) == slot(zones, 0)
    selector.park(2, HERE)
    assert selector.zone == 0
    selector.act(0, 1, HERE)
    assert selector.zone == 1


def test_the_parking_zone_is_used_where_there_is_one(zones):
    selector = GoalSelector(goal_map(zones, park_zone=2), ROBOT)
    selector.act(0, 1, HERE)
    selector.park(None, HERE)
    assert selector.zone == 2


def test_a_robot_in_no_zone_has_nowhere_to_park(selector):
    selector.act(0, 1, HERE)
    selector.park(None, HERE)
    assert (selector.zone, selector.from_action) == (1, True)


def test_the_way_is_found_again_from_elsewhere(selector, zones):
    selector.plan_again(HERE)
    assert selector.goal is None
    selector.act(0, 1, HERE)
    there = Pose(*slot(zones, 1))
    before = selector.goal
    selector.plan_again(there)
    assert (selector.goal.x, selector.goal.y) == (before.x, before.y)
    assert selector.goal.via == ()


def test_from_beyond_any_map_the_goal_stays(selector):
    selector.act(0, 1, HERE)
    before = selector.goal
    selector.plan_again(Pose(math.nan, 0.0))
    assert selector.goal == before
    selector.clear()
    assert (selector.zone, selector.goal, selector.from_action) == (None, None, False)


def test_an_operator_sends_to_any_zone_and_silence_does_not_park_it(selector, zones):
    selector.act(0, 1, HERE)
    assert selector.send(3, HERE)
    assert (selector.zone, selector.from_action) == (3, False)
    assert (selector.goal.x, selector.goal.y) == slot(zones, 3)
    selector.park(0, HERE)
    assert selector.zone == 3
    before = selector.goal
    assert not selector.send(1, Pose(1e9, 0.0))
    assert (selector.zone, selector.goal) == (3, before)


def test_the_same_action_on_the_way_changes_nothing_for_the_drive(zones):
    told = []
    selector = GoalSelector(goal_map(zones), ROBOT, lambda pose, chain, goal: told.append(chain[-1]))
    selector.act(0, 1, HERE)
    goal = selector.goal
    assert goal.via
    for share in (0.0, 0.3, 0.9):  # of the way to the first point of it
        x, y = (1.0 - share) * HERE.x + share * goal.via[0][0], (1.0 - share) * HERE.y + share * goal.via[0][1]
        assert selector.act(0, 1, Pose(x, y))
        assert selector.goal is goal
    assert told == [1]
    assert selector.act(1, 1, Pose(*goal.via[0]))
    assert told == [1, 2]
    selector.act(0, 1, HERE)
    selector.act(0, 1, Pose(HERE.x, HERE.y + 1.5))  # pushed aside: another way
    assert told == [1, 2, 1, 1]
