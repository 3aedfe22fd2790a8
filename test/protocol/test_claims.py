"""Who speaks for a robot id: restarts, second robots of the same id, and goodbyes of somebody else."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altmarl_ros.protocol.claims import Claims
from altmarl_ros.protocol.membership import Membership
from altmarl_ros.protocol.pledge import Pledge, is_kept
from altmarl_ros.protocol.roster import Roster
from altmarl_ros.protocol.roster_page import MOST_RUNS, Counted, RosterPage, Run, split, tag_of

A, B = Pledge(11), Pledge(22)


@given(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_pledge_is_kept_by_its_secret_alone(secret, other):
    pledge = Pledge(secret)
    assert is_kept(pledge.mark, secret)
    assert is_kept(pledge.mark, other) == (other == secret)


def test_a_goodbye_of_somebody_else_removes_nobody():
    roster = Roster()
    roster.join(7, "/a", A.mark, 0.0)
    for secret in (0, 1, A.mark, B.secret):
        assert not roster.leave(7, secret, 1.0)
    assert 7 in roster
    assert roster.leave(7, A.secret, 1.0)
    assert 7 not in roster


def test_a_robot_that_pledged_nothing_can_be_taken_off():
    roster = Roster()
    roster.join(7, "/a")
    assert roster.leave(7)


@pytest.mark.parametrize("later", [0.1, 10.0, 500.0])
def test_a_restarted_robot_is_no_second_one(later):
    claims = Claims()
    claims.claim(7, A.mark, "/a", 0.0)
    claims.claim(7, B.mark, "/a", later)
    claims.claim(7, B.mark, "/a", later + 1.0)
    assert not claims.doubled(later + 1.0)
    assert not claims.withdraw(7, A.secret, later + 2.0), "the late goodbye of the process before"


def test_two_robots_of_one_id_are_noticed_and_the_goodbye_of_one_leaves_the_other():
    roster = Roster()
    roster.join(7, "/a", A.mark, 0.0)
    roster.join(7, "/b", B.mark, 1.0)
    roster.join(7, "/a", A.mark, 3.0)
    (found,) = roster.claims.doubled(3.0)
    assert (found.robot_id, set(found.names)) == (7, {"/a", "/b"})
    assert not roster.leave(7, A.secret, 20.0), "b is left"
    assert 7 in roster
    assert not roster.claims.doubled(3.0 + 41.0)
    assert roster.leave(7, B.secret, 61.0)


def test_who_claims_an_id_and_gives_it_back_at_once_removes_nobody():
    roster = Roster()
    roster.join(7, "/a", A.mark, 0.0)
    roster.join(7, "/rogue", B.mark, 1000.0)
    assert not roster.leave(7, B.secret, 1000.1)
    assert 7 in roster
    assert roster.leave(7, A.secret, 1001.0)


def counted(roster, robot_id, mark, pages=50):
    found = {roster.claims.next_page().find(robot_id, mark) for _ in range(pages)} - {Counted.NOT_TOLD}
    assert len(found) == 1
    return found.pop()


@settings(deadline=None, max_examples=settings.default.max_examples * 4 // 5)
@given(st.sets(st.integers(0, 2**32 - 1) | st.integers(0, 300), max_size=400), st.integers(0, 2**32 - 1))
def test_the_parts_of_a_roster_tell_every_id_whether_it_is_counted(ids, other):
    roster = Roster()
    for robot_id in ids:
        roster.join(robot_id, "", A.mark if robot_id % 3 else B.mark)
    pages = split(roster.claims._runs())
    assert pages[0].first == 0
    assert pages[-1].last == 2**32 - 1
    assert all(before.last + 1 == after.first for before, after in itertools.pairwise(pages))
    assert all(len(page.runs) <= MOST_RUNS for page in pages)
    for robot_id in (*list(ids)[:20], other):
        told = {page.find(robot_id, A.mark) for page in pages} - {Counted.NOT_TOLD}
        expected = Counted.NO if robot_id not in ids else Counted.YES if robot_id % 3 else Counted.AS_ANOTHER
        assert told == {expected}


def test_a_crowd_is_one_run_and_notices_a_gap():
    page = RosterPage(0, 2**32 - 1, (Run(0, 5000, tag_of(A.mark)), Run(5001, 4999, tag_of(A.mark))))
    assert page.find_range(range(5000), A.mark) is Counted.YES
    assert page.find_range(range(10_000), A.mark) is Counted.NO
    assert page.find_range(range(100), B.mark) is Counted.AS_ANOTHER
    assert RosterPage(50, 60).find_range(range(10), A.mark) is Counted.NOT_TOLD
    roster = Roster()
    for robot_id in range(10_000):
        roster.join(robot_id, "/crowd", A.mark)
    assert len(split(roster.claims._runs())) == 1


def test_a_robot_that_is_not_counted_asks_ever_more_seldom_and_at_once_again_after_it_was():
    membership, page, asked = Membership(), RosterPage(0, 10), []
    for tenth in range(1200):
        now = 0.1 * tenth
        if membership.must_repeat(page, lambda page: page.find(7, A.mark), now):
            membership.said_hello(now)
            asked.append(now)
    pauses = [round(later - before) for before, later in itertools.pairwise(asked)]
    assert pauses[:4] == [4, 8, 16, 16]
    assert set(pauses[4:]) == {16}
    own = RosterPage(0, 10, (Run(7, 1, tag_of(A.mark)),))
    assert not membership.must_repeat(own, lambda page: page.find(7, A.mark), 121.0)
    assert membership.must_repeat(page, lambda page: page.find(7, A.mark), 130.0)
    assert not membership.is_doubled(130.0)


def test_two_robots_of_one_id_notice_each_other_by_the_ticks():
    """Both hear the coordinator's ticks, ten a second, and say hello again when another one is counted in their place."""
    roster, robots = Roster(), {A: Membership(), B: Membership()}
    for pledge, membership in robots.items():
        roster.join(7, f"/{pledge.secret}", pledge.mark, 0.0)
        membership.said_hello(0.0)
    noticed = {}
    for tenth in range(200):
        now = 0.1 * tenth
        page = roster.claims.next_page()
        for pledge, membership in robots.items():
            if membership.must_repeat(page, lambda page, pledge=pledge: page.find(7, pledge.mark), now):
                roster.join(7, f"/{pledge.secret}", pledge.mark, now)
                membership.said_hello(now)
            if membership.is_doubled(now):
                noticed.setdefault(pledge, now)
        if roster.claims.doubled(now):
            noticed.setdefault("coordinator", now)
    assert set(noticed) == {A, B, "coordinator"}
    assert max(noticed.values()) < 8.0
