"""Hellos of robots that do not exist: they hide none of those that do."""

import numpy as np
import pytest

from altmarl_ros.protocol.candidates import Candidates
from altmarl_ros.protocol.roster import Roster

REAL = range(30)


def flood(roster, senders=20, each=5000, start=1000):
    for sender in range(senders):
        for robot_id in range(start + sender * each, start + (sender + 1) * each):
            roster.join(robot_id, "/rogue", mark=1 + sender)


def welcome(roster):
    for robot_id in REAL:
        roster.join(robot_id, f"/robot_{robot_id}", mark=10_000 + robot_id)


def play(roster, k, ticks, rng, answering=1.0):
    """How many of the real robots were heard in each tick."""
    heard = []
    for _ in range(ticks):
        drawn = roster.draw(k, rng)
        assert len(set(drawn)) == len(drawn) <= k
        answered = [robot_id for robot_id in drawn if robot_id in REAL and rng.random() < answering]
        for robot_id in drawn:
            if robot_id in answered:
                roster.heard(robot_id)
            else:
                roster.missed(robot_id)
        heard.append(len(answered))
    return np.array(heard)


@pytest.mark.parametrize("k", [pytest.param(2, marks=pytest.mark.slow), 5, pytest.param(25, marks=pytest.mark.slow)])
def test_a_fleet_that_is_heard_stays_heard_while_a_hundred_thousand_others_say_hello(k):
    roster, rng = Roster(), np.random.default_rng(0)
    welcome(roster)
    assert (play(roster, k, 40, rng) == k).all()
    flood(roster)
    heard = play(roster, k, 300, rng)
    assert heard[30:].mean() >= 0.5 * k, "at least half of the polls go to robots that answer"
    assert heard[-50:].mean() >= 0.9 * min(k, len(REAL)), "and soon nearly all"
    assert len(roster) < 2 * len(REAL), "who never answers is forgotten"


@pytest.mark.slow
@pytest.mark.parametrize("rogue_first", [True, False])
def test_a_fleet_that_starts_among_them_is_heard_within_a_minute(rogue_first):
    roster, rng = Roster(), np.random.default_rng(1)
    for say in (flood, welcome) if rogue_first else (welcome, flood):
        say(roster)
    play(roster, 5, 120, rng)  # at two ticks a second
    assert {robot_id for robot_id in REAL if robot_id in roster._live} == set(REAL)
    assert play(roster, 5, 50, rng).mean() > 4.5


@pytest.mark.slow
def test_the_robots_of_one_process_are_believed_faster_and_faster():
    roster, rng = Roster(), np.random.default_rng(2)
    flood(roster)
    for robot_id in REAL:
        roster.join(robot_id, "", mark=77)
    play(roster, 5, 60, rng)
    assert all(robot_id in roster._live for robot_id in REAL)


def test_at_the_capacity_those_that_never_answered_make_room():
    roster = Roster()
    flood(roster, senders=2, each=500)
    assert len(roster) == 1000
    roster.make_room(1000, 1, 10_000, "/robot_0/robot")
    roster.join(0, "/robot_0/robot", 10_000)
    assert len(roster) == 1000
    for robot_id in range(2000, 2010):
        before = len(roster)
        roster.make_room(before, 1, robot_id, "")
        roster.join(robot_id, "", robot_id)
        assert (len(roster), 0 in roster) == (before, True)


def test_at_the_capacity_no_sender_pushes_out_one_that_named_as_few():
    roster = Roster()
    for robot_id in range(10):
        roster.join(robot_id, f"/robot_{robot_id}")
    roster.make_room(10, 1, 0, "/another")
    assert len(roster) == 10


def test_a_crowd_of_many_hellos_is_drawn_from_as_a_whole():
    roster, rng = Roster(), np.random.default_rng(3)
    for robot_id in range(20_000):
        roster.join(robot_id, "/crowd", mark=5)
    drawn = []
    for _ in range(400):
        polled = roster.draw(25, rng)
        drawn += polled
        for robot_id in polled:
            roster.heard(robot_id)
    assert roster.live == len(roster) == 20_000
    assert abs(np.mean(drawn) / 10_000 - 1.0) < 0.03


def test_on_a_lossy_network_a_large_fleet_is_not_doubted_for_long():
    roster, rng = Roster(), np.random.default_rng(4)
    for robot_id in REAL:
        roster.join(robot_id, "", mark=5 + robot_id)
    for robot_id in range(30, 500):
        roster.join(robot_id, "", mark=5 + robot_id)
    for _ in range(600):
        for robot_id in roster.draw(10, rng):
            if rng.random() < 0.5:
                roster.heard(robot_id)
            else:
                roster.missed(robot_id)
    assert roster.live > 480


def test_senders_take_turns_whatever_they_named():
    candidates = Candidates()
    for robot_id in range(100):
        candidates.add(robot_id, "many")
    candidates.add(1000, "one")
    assert set(candidates.probes(2)) == {0, 1000}
    assert candidates.answered(1000) == []
    assert candidates.answered(0) == [1, 2]
    assert candidates.answered(3) == [4, 5, 6, 7]


def test_a_sender_without_an_answer_is_forgotten_as_a_whole():
    candidates = Candidates()
    for robot_id in range(100):
        candidates.add(robot_id, "rogue")
    forgotten = []
    for _ in range(8):
        (robot_id,) = candidates.probes(1)
        forgotten = candidates.missed(robot_id)
    assert sorted(forgotten) == list(range(100))
    assert len(candidates) == 0
