"""Robots that stand with a goal and without a reason."""

import numpy as np

from altmarl_ros.simulation.physical.standing import PATIENCE, StandingWatch


def watch(wants, places, seconds):
    """Tells a watch every second what two robots want, and where they are (functions of time)."""
    watch, found = StandingWatch(2), []
    for now in range(seconds):
        for robot in (0, 1):
            watch.hear(robot, wants_to_move=wants(robot, now))
        found += [(now, robot) for robot in watch.step(float(now), np.array([places(robot, now) for robot in (0, 1)]))]
    return found, watch.counts.tolist()


def test_who_stands_with_a_goal_is_told_once_a_time():
    found, counts = watch(lambda robot, now: robot == 0, lambda robot, now: (1.0, 2.0), 150)
    assert found == [(int(PATIENCE), 0), (2 * int(PATIENCE), 0)]
    assert counts == [2, 0]


def test_slow_robots_and_those_with_a_reason_now_and_then_do_not_stand():
    found, _ = watch(lambda robot, now: robot == 0 or now % 50 != 0, lambda robot, now: ((1 - robot) * 0.003 * now, 0.0), 300)
    assert found == []
