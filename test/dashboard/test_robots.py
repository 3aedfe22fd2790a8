"""Columns of robots against what was told of them."""

import numpy as np

from altmarl_ros.dashboard.robots import GONE, HEARD, NEVER, POLLED, SUSPENDED, TRUE, UNKNOWN, Robots


def marks(robots):
    return dict(zip(robots.ids, robots.column("mark").tolist(), strict=True))


def test_asked_answered_missed_and_age_are_counted():
    robots = Robots()
    robots.join(0, 4, "/crowd")
    for now, (polled, answers) in enumerate([((0, 1), {0: 2}), ((1, 2), {2: 1}), ((0, 1), {0: 3, 1: 0})], start=1):
        robots.poll(polled, afresh=True)
        robots.account(now, polled, answers, truth_known=False)
    assert robots.ids == [0, 1, 2, 3]
    assert robots.column("asked").tolist() == [2, 3, 1, 0]
    assert robots.column("answered").tolist() == [2, 1, 1, 0]
    assert robots.column("misses").tolist() == [0, 0, 0, 0]
    assert robots.ages(3).tolist() == [0, 0, 1, NEVER]
    assert robots.column("state").tolist() == [3, 0, 1, UNKNOWN]
    assert marks(robots) == {0: POLLED | HEARD, 1: POLLED | HEARD, 2: 0, 3: 0}


def test_a_repeated_tick_adds_to_those_that_are_asked():
    robots = Robots()
    robots.poll((5, 6), afresh=True)
    robots.poll((6, 7), afresh=False)
    assert marks(robots) == {5: POLLED, 6: POLLED, 7: POLLED}
    robots.poll((8,), afresh=True)
    assert marks(robots) == {5: 0, 6: 0, 7: 0, 8: POLLED}


def test_as_many_are_suspended_as_the_coordinator_says_those_with_most_misses():
    robots = Robots()
    for now in range(5):
        robots.account(now, (1, 2, 3), {1: 0} if now else {1: 0, 2: 0}, truth_known=False)
    assert robots.suspend(1, misses=3) == ([3], [])
    assert marks(robots)[3] & SUSPENDED
    assert robots.suspend(2, misses=3) == ([2], [])
    assert robots.suspend(9, misses=3) == ([], [])  # robot 1 answers, whatever is said
    robots.account(6, (3,), {3: 0}, truth_known=False)
    assert robots.suspend(1, misses=3) == ([], [3])


def test_truth_stands_before_reports():
    robots = Robots()
    robots.true_states(np.array([4, 9], np.uint32), np.array([1, 2], np.uint16))
    robots.account(1, (4,), {4: 0}, truth_known=True)
    assert robots.column("state").tolist() == [1, 2]
    assert marks(robots) == {4: TRUE | HEARD, 9: TRUE}
    robots.account(2, (4,), {4: 0}, truth_known=False)
    assert robots.column("state").tolist() == [0, 2]
    assert marks(robots)[9] & TRUE == 0


def test_goodbye_and_return():
    robots = Robots()
    robots.join(3, 1, "/robot_3/robot")
    robots.leave(3, 1)
    robots.leave(77, 1)
    assert marks(robots) == {3: GONE}
    robots.join(3, 1, "/robot_3/robot")
    assert marks(robots) == {3: 0}
    assert robots.names == {3: "/robot_3/robot"}


def test_what_robots_say_of_their_motion_is_kept_until_they_fall_silent():
    robots = Robots(most=3)
    robots.drive(7, 0, "moving", 10.0)
    robots.drive(8, 1, "blocked: obstacle in the protective field", 10.0)
    said = robots.driven
    robots.drive(7, 0, "moving", 11.0)
    assert robots.driven == said, "nothing has changed"
    robots.drive(7, 2, "stopped: no fresh pose", 12.0)
    assert robots.drives == {7: (2, "stopped: no fresh pose"), 8: (1, "blocked: obstacle in the protective field")}
    robots.forget_drives(16.0)
    assert robots.drives[7] == (2, "stopped: no fresh pose")
    assert robots.drives[8] == (2, "silent: no diagnosis comes")
    robots.drive(8, 0, "moving", 20.0)
    robots.forget_drives(45.0)
    assert robots.drives[8] == (0, "moving"), "it speaks every ten seconds"
    robots.forget_drives(51.0)
    assert robots.drives[8] == (2, "silent: no diagnosis comes")
    for robot_id in range(100, 200):
        robots.drive(robot_id, 0, "x" * 10_000, 20.0)
    assert len(robots.drives) == 3
    assert len(robots.drives[100][1]) == 200


def test_no_more_robots_are_followed_than_told():
    robots = Robots(most=10)
    robots.join(0, 4_000_000, "/crowd")
    robots.account(1, (5, 50), {5: 1, 50: 1}, truth_known=False)
    robots.true_states(np.array([50, 5], np.uint32), np.array([3, 2], np.uint16))
    robots.poses(np.array([50, 5], np.uint32), x=[7.0, 8.0])
    assert len(robots) == 10
    assert robots.column("state")[5] == 2
    assert robots.column("x")[5] == 8.0
    assert np.isnan(robots.column("x")[4])
