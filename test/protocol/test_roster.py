from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, hypergeom

from altmarl_ros.protocol.roster import Roster


def roster_of(robots, **options):
    roster = Roster(**options)
    for robot_id in robots:
        roster.join(robot_id, f"robot_{robot_id}")
    return roster


def suspend(roster, robot_id, max_misses=3):
    return [roster.missed(robot_id) for _ in range(max_misses)]


def test_draw_is_uniform_over_pairs_of_present_robots():
    roster = roster_of(range(8), probe_interval=10**9)
    roster.leave(0)
    suspend(roster, 5)
    present = [1, 2, 3, 4, 6, 7]
    rng = np.random.default_rng(0)
    drawn = Counter(frozenset(roster.draw(2, rng)) for _ in range(6000))
    pairs = [frozenset(pair) for pair in combinations(present, 2)]
    assert set(drawn) == set(pairs)
    assert chisquare([drawn[pair] for pair in pairs]).pvalue > 1e-3


@pytest.mark.parametrize("k", [1, 3, 7])
def test_every_live_robot_is_heard_at_its_fair_rate_while_others_come_and_go(k):
    """Draws, answers, joins, leaves and suspensions stir the list; robots 0..9 stay throughout."""
    roster, rng, ticks = roster_of(range(20), probe_interval=7, max_misses=2), np.random.default_rng(k), 4000
    heard, fair, suspended = Counter(), 0.0, set()
    for tick in range(ticks):
        if tick % 5 == 0:
            roster.leave(10 + tick // 5 % 10)
        if tick % 5 == 3:
            roster.join(10 + (tick // 5 + 4) % 10, "")
            suspended.discard(10 + (tick // 5 + 4) % 10)
        live, drawn = roster.live, roster.draw(k, rng)
        fair += len(set(drawn) - suspended) / max(live, 1)  # probes are no part of the fair draw
        for robot_id in drawn:
            if robot_id < 10 or rng.random() < 0.3:
                roster.heard(robot_id)
                heard[robot_id] += 1
                suspended.discard(robot_id)
            elif roster.missed(robot_id):
                suspended.add(robot_id)
    counts = np.array([heard[robot_id] for robot_id in range(10)])
    assert chisquare(counts).pvalue > 1e-3
    assert counts.mean() == pytest.approx(fair, rel=0.03)


@pytest.mark.slow
def test_a_draw_takes_as_long_from_many_robots_as_from_few():
    """Counted, not timed: elements of the list that a draw touches."""

    class Counting(list):
        touched = 0

        def __getitem__(self, place):
            Counting.touched += 1
            return super().__getitem__(place)

        def __iter__(self):
            raise AssertionError("the whole list is walked")

    touched = []
    for n in (100, 100_000):
        roster = roster_of(range(n))
        roster._live._of_type[0] = Counting(roster._live._of_type[0])
        Counting.touched = 0
        polled = roster.draw(25, np.random.default_rng(0))
        roster.draw_others(5, np.random.default_rng(1), polled)
        touched.append(Counting.touched)
    assert touched[0] == touched[1] < 400


@given(st.integers(1, 12), st.integers(0, 15), st.integers(0, 15), st.integers(0, 2**32 - 1))
def test_replacements_are_others(n, k, count, seed):
    roster, rng = roster_of(range(n)), np.random.default_rng(seed)
    polled = tuple(rng.permutation(n)[:k].tolist())
    others = roster.draw_others(count, rng, polled)
    assert len(set(polled + others)) == len(polled) + len(others) == min(min(k, n) + count, n)


def test_a_draw_does_not_depend_on_the_one_before():
    roster, rng = roster_of(range(6), probe_interval=10**9), np.random.default_rng(0)
    draws = [roster.draw(3, rng) for _ in range(6000)]
    shared = [len(set(before) & set(after)) for before, after in pairwise(draws)]
    expected = hypergeom(6, 3, 3).pmf(range(4)) * len(shared)
    assert chisquare(np.bincount(shared, minlength=4), expected).pvalue > 1e-3
    first = Counter((before[0], after[0]) for before, after in pairwise(draws))
    assert chisquare([first[i, j] for i in range(6) for j in range(6)]).pvalue > 1e-3


@pytest.mark.parametrize(("k", "size"), [(0, 0), (3, 3), (5, 5), (9, 5)])
def test_draw_is_as_large_as_asked_and_possible(k, size):
    drawn = roster_of(range(5)).draw(k, np.random.default_rng(0))
    assert len(set(drawn)) == len(drawn) == size


def test_nobody_is_drawn_from_an_empty_roster():
    assert Roster().draw(3, np.random.default_rng(0)) == ()


@pytest.mark.parametrize("max_misses", [1, 3])
def test_a_robot_is_suspended_after_misses_in_a_row(max_misses):
    roster = roster_of(range(3), max_misses=max_misses)
    assert suspend(roster, 1, max_misses) == [False] * (max_misses - 1) + [True]
    assert not roster.missed(1)
    assert (roster.live, len(roster), 1 in roster) == (2, 3, True)


def test_an_answer_forgives_misses():
    roster = roster_of(range(3), max_misses=2)
    for _ in range(5):
        assert not roster.missed(1)
        roster.heard(1)
    assert roster.live == 3


@pytest.mark.parametrize("revive", [lambda roster: roster.heard(1), lambda roster: roster.join(1, "robot_1")])
def test_a_suspended_robot_that_speaks_is_drawn_again(revive):
    roster = roster_of(range(3))
    suspend(roster, 1)
    revive(roster)
    assert roster.live == 3
    assert set(roster.draw(3, np.random.default_rng(0))) == {0, 1, 2}
    assert suspend(roster, 1) == [False, False, True]


def test_every_tenth_draw_probes_a_suspended_robot_in_place_of_a_live_one():
    roster, rng = roster_of(range(6), probe_interval=10), np.random.default_rng(0)
    suspend(roster, 4)
    draws = [roster.draw(3, rng) for _ in range(40)]
    assert [4 in drawn for drawn in draws] == ([False] * 9 + [True]) * 4
    assert all(len(set(drawn)) == 3 for drawn in draws)


def test_one_suspended_robot_is_probed_where_none_is_live():
    roster = roster_of([7])
    suspend(roster, 7)
    assert [roster.draw(3, np.random.default_rng(0)) for _ in range(2)] == [(7,), (7,)]


@pytest.mark.parametrize("flaps", [1, 4])
def test_suspended_robots_are_probed_in_turn(flaps):
    roster, rng = roster_of(range(5), probe_interval=1), np.random.default_rng(0)
    suspend(roster, 0)
    for _ in range(flaps):
        roster.heard(1)
        while not roster.missed(1):
            pass
    probed = Counter(robot_id for _ in range(12) for robot_id in roster.draw(1, rng))
    assert probed == {0: 6, 1: 6}


def test_a_robot_that_left_is_neither_drawn_nor_probed():
    roster = roster_of(range(3), probe_interval=1)
    suspend(roster, 1)
    assert roster.leave(1)
    assert roster.leave(2)
    assert not roster.leave(2)
    assert not roster.missed(2)
    assert {roster.draw(3, np.random.default_rng(0)) for _ in range(5)} == {(0,)}


def test_join_tells_whether_a_robot_is_new():
    roster = Roster()
    assert [roster.join(1, "a"), roster.join(1, "b"), roster.join(2, "b")] == [True, False, True]
    assert len(roster) == 2


operations = st.lists(st.tuples(st.sampled_from(["join", "leave", "heard", "missed", "draw"]), st.integers(0, 4)), max_size=60)


@given(operations)
def test_any_history_agrees_with_a_plain_model(history):
    roster, misses, live = Roster(max_misses=2, probe_interval=3), {}, set()
    rng = np.random.default_rng(0)
    for operation, robot_id in history:
        if operation == "join":
            roster.join(robot_id, "name")
            misses[robot_id] = 0
            live.add(robot_id)
        elif operation == "leave":
            assert roster.leave(robot_id) == (robot_id in misses)
            misses.pop(robot_id, None)
            live.discard(robot_id)
        elif operation == "heard" and robot_id in misses:
            roster.heard(robot_id)
            misses[robot_id] = 0
            live.add(robot_id)
        elif operation == "missed":
            misses.update({robot_id: misses[robot_id] + 1} if robot_id in misses else {})
            suspended = robot_id in live and misses[robot_id] >= 2
            assert roster.missed(robot_id) == suspended
            live -= {robot_id} if suspended else set()
        elif operation == "draw":
            drawn = roster.draw(robot_id, rng)
            assert len(set(drawn)) == len(drawn) <= robot_id
            assert set(drawn) <= set(misses)
            assert len(set(drawn) - live) <= 1
        assert (len(roster), roster.live) == (len(misses), len(live))


@pytest.mark.parametrize("answering", [0.97, 0.7, 0.5, 0.3])
def test_a_lossy_network_does_not_empty_the_draw(answering):
    rng = np.random.default_rng(0)
    roster = Roster(max_misses=3, probe_interval=10)
    for robot_id in range(30):
        roster.join(robot_id, "")
    live = []
    for _ in range(3000):
        for robot_id in roster.draw(5, rng):
            if rng.random() < answering:
                roster.heard(robot_id)
            else:
                roster.missed(robot_id)
        live.append(roster.live)
    assert np.mean(live[1000:]) > 28


def test_robots_out_of_reach_still_leave_the_draw_on_a_lossy_network():
    rng = np.random.default_rng(0)
    roster = Roster(max_misses=3, probe_interval=10)
    for robot_id in range(30):
        roster.join(robot_id, "")
    for _ in range(1500):
        for robot_id in roster.draw(5, rng):
            if robot_id < 15 and rng.random() < 0.5:
                roster.heard(robot_id)
            else:
                roster.missed(robot_id)
    assert 13 <= roster.live <= 15
