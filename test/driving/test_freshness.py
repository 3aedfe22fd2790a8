"""Which data count."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.freshness import NEVER, is_fresh

number = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([math.nan, math.inf, -math.inf]))


@given(number, number, st.floats(1e-3, 1e3), number)
def test_fresh_is_no_older_than_the_timeout_and_not_from_the_future(now, arrived, timeout, delay):
    fresh = is_fresh(now, arrived, timeout, delay)
    assert fresh == (now - arrived >= 0.0 and now - arrived + delay <= timeout)
    if any(map(math.isnan, (now, arrived, delay))) or arrived == NEVER:
        assert not fresh


@pytest.mark.parametrize(("age", "delay", "fresh"), [(0.0, 0.0, True), (0.5, 0.0, True), (0.4, 0.2, False), (-0.1, 0.0, False)])
def test_the_age_at_arrival_counts(age, delay, fresh):
    assert is_fresh(16.0 + age, 16.0, 0.5, delay) is fresh
