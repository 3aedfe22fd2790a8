"""Wrong tokens are slowed by address, across connections."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.dashboard import guesses
from altmarl_ros.dashboard.guesses import FREE, PAUSE, GuessLimiter


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_some_are_free_then_one_in_a_while(clock):
    limiter = GuessLimiter(clock)
    for _ in range(FREE):
        assert limiter.wait("10.0.0.7") == 0.0
        limiter.wrong("10.0.0.7")
    assert limiter.wait("10.0.0.7") == pytest.approx(PAUSE)
    assert limiter.wait("10.0.0.8") == 0.0, "another address is not slowed"
    clock.now += PAUSE
    assert limiter.wait("10.0.0.7") == 0.0
    limiter.wrong("10.0.0.7")
    assert limiter.wait("10.0.0.7") == pytest.approx(PAUSE)
    clock.now += FREE * PAUSE
    assert limiter.wait("10.0.0.7") == 0.0


@given(st.lists(st.floats(0.0, 10.0), max_size=200))
def test_no_pattern_of_guesses_beats_the_rate(pauses):
    clock = Clock()
    limiter, looked_at = GuessLimiter(clock), 0
    for pause in pauses:
        clock.now += pause
        if limiter.wait("10.0.0.7") == 0.0:
            looked_at += 1
            limiter.wrong("10.0.0.7")
    assert looked_at <= FREE + sum(pauses) / PAUSE + 1e-6


def test_neighbours_of_ipv6_count_as_one(clock):
    limiter = GuessLimiter(clock)
    for host in range(FREE):
        limiter.wrong(f"2001:db8::{host:x}")
    assert limiter.wait("2001:db8::ffff") > 0.0
    assert limiter.wait("2001:db8:1::1") == 0.0
    for _ in range(FREE):
        limiter.wrong("::ffff:10.0.0.7")
    assert limiter.wait("10.0.0.7") > 0.0


def test_memory_is_bounded_and_old_addresses_make_room(clock, monkeypatch):
    monkeypatch.setattr(guesses, "_MOST_ADDRESSES", 10)
    limiter = GuessLimiter(clock)
    for host in range(100):
        limiter.wrong(f"10.0.0.{host}")
    assert len(limiter._debts) <= 11
    assert limiter.wait("10.0.1.1") > 0.0, "further addresses share one account while there are too many"
    clock.now += 200 * PAUSE
    assert limiter.wait("10.0.1.1") == 0.0
    limiter.wrong("10.0.1.1")
    assert "10.0.1.1" in limiter._debts
