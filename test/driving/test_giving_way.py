"""Who turns back in a corridor, how far, and when it goes on. The corridor lies around y = 0 and opens at x = 0 into a room."""

import itertools
import math

import numpy as np
import pytest

from altmarl_ros.driving.giving_way import GivingWay
from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.local_planner import NO_WAY_AFTER, Goal, LocalPlanner, PlannerSettings
from altmarl_ros.driving.planar import STILL, Pose, Velocity

RADIUS, CLEARANCE, HALF, TARGET, DT = 0.2, 0.12, 0.45, (8.0, 0.0), 0.1
NOBODY = np.empty((0, 2))


def seen(pose, others=NOBODY, half=HALF):
    """What a laser hits of the walls and of other robots' middles [point, 2; base_link]."""
    along, beside = np.arange(0.0, 8.0, 0.05), np.arange(half, 2.0, 0.05)
    lines = [np.column_stack([along, np.full(len(along), side * half)]) for side in (-1, 1)]
    lines += [np.column_stack([np.zeros(len(beside)), side * beside]) for side in (-1, 1)]
    points = np.vstack([*lines, others])
    cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
    return (points - [pose.x, pose.y]) @ np.array([[cos, -sin], [sin, cos]])


def driven(to, robot_id=1, half=HALF, one_way=lambda x: False):
    """A robot that has driven from x = -1.5 in the room to x = `to`; it looks along the corridor."""
    giving_way = GivingWay(RADIUS, CLEARANCE, robot_id)
    for x in np.arange(-1.5, to + 1e-9, 0.05):
        giving_way.note(0.0, Pose(x, 0.0), seen(Pose(x, 0.0), half=half), TARGET, one_way=one_way(x))
    return giving_way


def give_way(giving_way, x, seconds, others=NOBODY):
    """Let a point turn back from x and go where it is led to, at 0.5 m/s; returns its track [point, 2], to where it goes on."""
    x, y, track = x, 0.0, []
    giving_way.begin(0.0)
    for step in range(round(seconds / DT)):
        place = giving_way.step(step * DT, Pose(x, y), seen(Pose(x, y), others))
        if not giving_way.active:
            break
        if place is not None:
            away = math.dist(place, (x, y))
            share = min(0.5 * DT / away, 1.0) if away else 0.0
            x, y = x + share * (place[0] - x), y + share * (place[1] - y)
        track.append((x, y))
    return np.array(track)


@pytest.mark.parametrize("depth", [1.0, 2.5, 6.0])
def test_the_way_back_is_that_out_of_the_corridor(depth):
    pose = Pose(depth, 0.0)
    assert driven(depth).way_back(pose, seen(pose)) == pytest.approx(depth + RADIUS + CLEARANCE, abs=0.5)


def test_where_there_is_room_to_pass_nobody_turns_back():
    pose = Pose(2.5, 0.0)
    assert driven(2.5, half=1.2).way_back(pose, seen(pose, half=1.2)) == math.inf


def test_who_started_in_the_corridor_has_no_way_back():
    giving_way = GivingWay(RADIUS, CLEARANCE, 1)
    for x in np.arange(1.0, 3.0, 0.1):
        giving_way.note(0.0, Pose(x, 0.0), seen(Pose(x, 0.0)), TARGET, one_way=False)
    assert giving_way.way_back(Pose(3.0, 0.0), seen(Pose(3.0, 0.0))) == math.inf


def test_nobody_turns_back_on_a_one_way_passage_nor_into_it():
    pose = Pose(2.5, 0.0)
    assert driven(2.5, one_way=lambda x: True).way_back(pose, seen(pose)) == math.inf
    assert driven(2.5, one_way=lambda x: x < 1.0).way_back(pose, seen(pose)) == math.inf


def test_who_was_carried_does_not_go_back_where_it_was():
    giving_way, pose = driven(2.5), Pose(6.0, 0.0)
    giving_way.note(0.0, pose, seen(pose), TARGET, one_way=False)
    assert giving_way.way_back(pose, seen(pose)) == math.inf


def test_it_backs_out_along_its_way_and_stands_aside():
    track = give_way(driven(2.5), 2.5, 20.0, others=np.array([[2.0, 0.0]]))  # who follows
    inside = track[track[:, 0] > 0.0]
    assert np.abs(inside[:, 1]).max() < 0.05
    assert track[-1, 0] < 0.0
    assert abs(track[-1, 1]) > 2.0 * RADIUS + CLEARANCE  # another passes between it and the way


def test_it_goes_on_once_the_way_is_free_and_at_last_in_any_case():
    free = len(give_way(driven(2.5, robot_id=3), 2.5, 60.0)) * DT
    taken = len(give_way(driven(2.5, robot_id=3), 2.5, 60.0, others=np.array([[0.0, 0.0], [2.0, 0.0]]))) * DT
    assert free + 5.0 < taken < 40.0


def test_it_drives_on_by_the_way_that_it_came():
    giving_way = driven(2.5)
    x, y = give_way(giving_way, 2.5, 60.0, others=np.array([[2.0, 0.0]]))[-1]
    assert abs(y) > 0.5
    track = [(x, y)]
    for _ in range(200):
        giving_way.note(99.0, Pose(x, y), seen(Pose(x, y)), TARGET, one_way=False)
        if not giving_way.ahead:
            break
        to = giving_way.next_crumb(x, y)
        away = math.dist(to, (x, y))
        x, y = x + 0.05 / away * (to[0] - x), y + 0.05 / away * (to[1] - y)
        track.append((x, y))
    assert x > 2.0
    inside = np.array([place for place in track if place[0] > 0.3])
    assert np.abs(inside[:, 1]).max() < HALF - RADIUS


def test_no_two_of_a_fleet_turn_back_at_the_same_times_for_ever():
    robots = [GivingWay(RADIUS, CLEARANCE, i) for i in range(60)]
    patience = np.array([[robot.patience(2.0) for _ in range(16)] for robot in robots])  # [robot, try]
    for one, other in itertools.combinations(patience, 2):
        assert np.abs(one - other).max() > 3.0
    again = GivingWay(RADIUS, CLEARANCE, 5)
    assert [again.patience(2.0) for _ in range(16)] == patience[5].tolist()


def test_the_shorter_way_back_has_the_shorter_patience():
    short, long = (np.mean([GivingWay(RADIUS, CLEARANCE, i).patience(way) for i in range(60)]) for way in (0.5, 6.0))
    assert short + 5.0 < long


def test_who_stands_for_long_tells_that_it_finds_no_way_on():
    planner, pose = LocalPlanner(Limits(), PlannerSettings()), Pose(2.3, 0.0)
    points = seen(pose, np.array([[2.8, 0.0]]))
    for now in range(round(NO_WAY_AFTER) + 5):
        planner.steer(float(now), pose, Goal(*TARGET), STILL, points)
        assert (planner.problem is Reason.NO_WAY) == (now > NO_WAY_AFTER)


@pytest.mark.slow
def test_who_meets_what_never_moves_gives_way_in_vain_and_tells_so():
    planner, goal, told, places = LocalPlanner(Limits(lateral=0.5), PlannerSettings(), 1), Goal(*TARGET), [], []
    parked = np.array([[2.8, beside] for beside in np.arange(-0.2, 0.21, 0.05)])
    x, y, velocity = -1.5, 0.0, STILL
    for step in range(1300):
        velocity = planner.steer(step * DT, Pose(x, y), goal, velocity, seen(Pose(x, y), parked))
        x, y = x + DT * velocity.x, y + DT * velocity.y
        told.append(planner.problem)
        places.append(x)
    gives_way = [x for x, problem in zip(places, told, strict=True) if problem is Reason.GIVES_WAY]
    assert min(gives_way) < 1.5 < 2.0 < max(gives_way)
    assert max(places) < 2.8 - RADIUS
    assert told[-1] is Reason.NO_WAY


def test_nobody_tells_anything_under_way_or_at_its_goal():
    planner = LocalPlanner(Limits(), PlannerSettings())
    for now in range(120):
        planner.steer(float(now), Pose(0.5 * now, 0.0), Goal(60.0, 0.0), Velocity(0.5), NOBODY)
        assert planner.problem is None
    planner.steer(120.1, Pose(60.0, 0.0), Goal(60.0, 0.0), STILL, NOBODY)
    planner.steer(400.0, Pose(60.0, 0.0), Goal(60.0, 0.0), STILL, NOBODY)
    assert planner.problem is None
