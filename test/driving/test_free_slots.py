"""Robots whose parking slot is taken by somebody."""

import math

import numpy as np
import pytest
from shapely.geometry import MultiLineString

from altmarl_ros.driving.free_slots import PATIENCE, FreeSlots
from altmarl_ros.driving.goal_selection import GoalMap, GoalSelector
from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.zones import Zones
from altmarl_ros.games import load_floor_map

RADIUS = 0.2
SLOTS = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
HERE = Pose(0.5, -1.0, 0.7)
NOTHING = np.empty((0, 2))


def sight(pose, places, radius=RADIUS):
    """What a laser sees of discs: their surface, in the robot's frame [point, 2]."""
    angles = np.linspace(-math.pi, math.pi, 60, endpoint=False)
    rim = np.array(places)[:, None] + radius * np.column_stack([np.cos(angles), np.sin(angles)])
    return np.array([pose.to_local(*point) for point in rim.reshape(-1, 2)])


def slots_of(robot, pose, points, seconds=3 * PATIENCE, own=0):
    """The slots that a robot drives to, one by one, while it sees the same."""
    found = [own]
    for now in np.arange(0.0, seconds, 0.1):
        found.append(robot.look(float(now), pose, SLOTS, found[-1], points))
    return [slot for slot, last in zip(found, [None, *found], strict=False) if slot != last]


@pytest.fixture
def robot():
    return FreeSlots(RADIUS, MultiLineString())


def test_a_free_slot_is_kept(robot):
    assert slots_of(robot, HERE, NOTHING) == [0]
    assert slots_of(robot, HERE, sight(HERE, [[1.0, 0.0], [0.0, 0.6]])) == [0]
    assert not robot.crowded


def test_a_taken_slot_is_given_up_after_a_while_for_the_next_free_one(robot):
    taken = sight(HERE, [[0.0, 0.05], [1.0, 0.0]])
    assert robot.look(0.0, HERE, SLOTS, 0, taken) == 0
    assert robot.look(PATIENCE - 0.01, HERE, SLOTS, 0, taken) == 0
    assert robot.look(PATIENCE, HERE, SLOTS, 0, taken) == 2
    assert not robot.crowded


def test_who_passes_through_a_slot_does_not_take_it(robot):
    taken = sight(HERE, [[0.0, 0.0]])
    assert robot.look(0.0, HERE, SLOTS, 0, taken) == 0
    assert robot.look(1.0, HERE, SLOTS, 0, NOTHING) == 0
    assert robot.look(PATIENCE + 0.5, HERE, SLOTS, 0, taken) == 0


def test_a_robot_that_finds_no_free_slot_says_so_until_it_has_one(robot):
    assert slots_of(robot, HERE, sight(HERE, SLOTS)) == [0]
    assert robot.crowded
    robot.look(100.0, Pose(0.0, 0.0), SLOTS, 0, NOTHING)
    assert not robot.crowded


def test_from_afar_nothing_is_given_up(robot):
    far = Pose(0.0, -3.0)
    assert slots_of(robot, far, sight(far, [[0.0, 0.0]])) == [0]


def test_a_wall_beside_a_slot_is_nobody_in_it():
    wall = MultiLineString([[(-1.0, 0.22), (3.0, 0.22)]])
    points = np.array([HERE.to_local(x, 0.2) for x in np.linspace(-1.0, 3.0, 200)])
    assert slots_of(FreeSlots(RADIUS, wall), HERE, points) == [0]
    assert slots_of(FreeSlots(RADIUS, wall), HERE, np.vstack([points, sight(HERE, [[0.0, 0.0]])])) == [0, 1]
    assert slots_of(FreeSlots(RADIUS, MultiLineString()), HERE, points) == [0], "all taken, it seems"


def test_points_that_are_no_numbers_are_left_out(robot):
    assert slots_of(robot, HERE, np.array([[math.nan, 0.0], [math.inf, 1.0]])) == [0]


def test_the_goal_moves_to_the_other_slot_and_stays_there_while_the_robot_acts():
    zones = Zones(load_floor_map("hall"))
    n = len(zones.floor.plan.zones)
    selector = GoalSelector(GoalMap(zones, np.tile(np.arange(n)[:, None, None], (1, 1, 2))), 3)
    slots = zones.floor.slots[0]
    pose = Pose(slots[3, 0] + 0.6, slots[3, 1] + 0.6)
    assert selector.act(0, 0, pose)
    taken = sight(pose, [slots[3]])
    assert not selector.avoid_taken_slot(0.0, pose, taken)
    assert selector.avoid_taken_slot(PATIENCE, pose, taken)
    assert (selector.goal.x, selector.goal.y) == tuple(slots[4])
    assert selector.act(0, 0, pose)
    assert (selector.goal.x, selector.goal.y) == tuple(slots[4])
    assert selector.send(1, pose)
    assert (selector.goal.x, selector.goal.y) == tuple(zones.slot_of(1, 3))
