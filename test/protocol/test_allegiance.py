"""Whoever shouts, a coordinator that goes on ticking keeps its robots, and one that is silent loses them after a lease."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altmarl_ros.protocol.allegiance import Allegiance, Heard
from altmarl_ros.protocol.messages import Tick
from altmarl_ros.protocol.pledge import Pledge

LEASE, PERIOD, TRUE = 2.0, 0.5, 1000

u32, u64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)


def tick(session, number, mark=0, secret=0):
    return Tick(session, number, 1, 0, None, (), mark=mark, secret=secret)


shouts = st.lists(
    st.builds(tick, u32.filter(lambda session: session != TRUE), u32, u64, st.just(0) | u64)
    | st.builds(lambda number, mark, secret: tick(TRUE, number, mark, secret), u32, u64, u64.filter(bool)),
    max_size=4,
)


@pytest.mark.slow
@settings(max_examples=3 * settings.default.max_examples, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.booleans(), shouts), min_size=5, max_size=40), st.integers(1, 2**64 - 1))
def test_the_true_coordinator_is_followed_until_its_lease_is_over(history, secret):
    """In each period the true coordinator's tick arrives or is lost, and others shout as often as they like."""
    pledge, allegiance, last = Pledge(secret), Allegiance(LEASE), 0.0
    assert allegiance.hear(tick(TRUE, 0, pledge.mark), 0.0) is Heard.NEW_SESSION
    for number, (arrives, others) in enumerate(history, start=1):
        now = PERIOD * number
        for place, other in enumerate(others):
            then = now - PERIOD + (place + 1) * PERIOD / 6
            if other.secret == secret:
                continue
            heard = allegiance.hear(other, then)
            if then - last <= LEASE:
                assert heard in (Heard.OLD, Heard.FOREIGN), "a shouter was followed"
        if arrives and now - last <= LEASE:
            assert allegiance.hear(tick(TRUE, number, pledge.mark), now) is Heard.NEW
            last = now
        elif now - last > LEASE:
            return
    assert allegiance.session == TRUE


@settings(max_examples=2 * settings.default.max_examples, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from([TRUE, 7, 2**32 - 1]), st.integers(0, 60), st.floats(0.0, 3.0)), max_size=80))
def test_no_tick_is_new_twice(history):
    allegiance, now, new = Allegiance(LEASE), 0.0, []
    for session, number, pause in history:
        now += pause
        if allegiance.hear(tick(session, number), now) in (Heard.NEW, Heard.NEW_SESSION):
            new.append((session, number))
    assert len(set(new)) == len(new)


def test_a_single_number_far_ahead_deafens_nobody():
    allegiance = Allegiance(LEASE)
    for number in range(10):
        assert allegiance.hear(tick(TRUE, number), PERIOD * number) in (Heard.NEW, Heard.NEW_SESSION)
        assert allegiance.hear(tick(TRUE, 2**32 - 1 - 1000 * number), PERIOD * number + 0.1) is Heard.OLD


def test_a_true_leap_is_believed_when_the_next_tick_confirms_it():
    allegiance = Allegiance(LEASE)
    allegiance.hear(tick(TRUE, 0), 0.0)
    assert allegiance.hear(tick(TRUE, 300), 1.5) is Heard.OLD
    assert allegiance.hear(tick(TRUE, 301), 1.51) is Heard.NEW


def test_a_leap_after_silence_needs_no_confirmation():
    allegiance = Allegiance(LEASE)
    allegiance.hear(tick(TRUE, 0), 0.0)
    assert allegiance.hear(tick(TRUE, 300), 2.1) is Heard.NEW


def test_a_coordinator_that_ends_in_the_open_is_left_at_once_and_for_no_wrong_secret():
    pledge, allegiance = Pledge.draw(), Allegiance(LEASE)
    allegiance.hear(tick(TRUE, 0, pledge.mark), 0.0)
    assert allegiance.hear(tick(TRUE, 0, pledge.mark, pledge.secret ^ 1), 0.1) is Heard.OLD
    assert allegiance.hear(tick(7, 0), 0.2) is Heard.FOREIGN
    allegiance.hear(tick(TRUE, 0, pledge.mark, pledge.secret), 0.3)
    assert allegiance.hear(tick(7, 0), 0.4) is Heard.NEW_SESSION
    assert allegiance.hear(tick(9, 0), 0.5) is Heard.FOREIGN, "the next one is kept to as well"


def test_who_pledged_nothing_is_not_given_up_by_anybody():
    allegiance = Allegiance(LEASE)
    allegiance.hear(tick(TRUE, 0), 0.0)
    allegiance.hear(tick(TRUE, 0, secret=5), 0.1)
    assert allegiance.hear(tick(7, 0), 0.2) is Heard.FOREIGN


def test_a_coordinator_that_ticks_slowly_is_kept_to_between_its_ticks():
    allegiance = Allegiance(LEASE)
    for number in range(5):
        allegiance.hear(tick(TRUE, number), 9.0 * number)
    assert not allegiance.is_over(36.0 + 17.9)
    assert allegiance.is_over(36.0 + 18.1)


def test_a_shouter_is_counted():
    allegiance = Allegiance(LEASE)
    allegiance.hear(tick(TRUE, 0), 0.0)
    for number in range(5):
        allegiance.hear(tick(7, number), 0.1)
    assert allegiance.foreign == 5
