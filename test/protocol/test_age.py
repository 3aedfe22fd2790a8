import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.protocol.age import AgeOfInformation, AgeSummary
from altmarl_ros.protocol.roster import Roster

events = st.lists(st.tuples(st.sampled_from(["heard", "forget", "later"]), st.integers(0, 12)), max_size=120)


@given(events)
def test_any_history_agrees_with_sorting_all_ages(history):
    age, last, now = AgeOfInformation(), {}, 0
    for event, number in history:
        if event == "heard":
            age.heard(number, now)
            last[number] = now
        elif event == "forget":
            age.forget(number)
            last.pop(number, None)
        else:
            now += number
        ages = sorted(now - tick for tick in last.values())
        summary = age.summary(now)
        if not ages:
            assert summary == AgeSummary()
            continue
        assert summary.mean == pytest.approx(np.mean(ages))
        quantiles = [ages[math.ceil(q * len(ages)) - 1] for q in (0.5, 0.95, 1.0)]
        assert [summary.median, summary.p95, summary.maximum] == quantiles
        assert len(age) == len(last)


def test_ages_in_a_fair_draw_are_geometric():
    n, k, ticks = 200, 10, 3000
    roster, rng = Roster(probe_interval=10**9), np.random.default_rng(0)
    for robot_id in range(n):
        roster.join(robot_id, "")
    means, tails = [], []
    for tick in range(ticks):
        for robot_id in roster.draw(k, rng):
            roster.heard(robot_id)
        if tick > 500:
            means.append(roster.ages.mean)
            tails.append(roster.ages.p95)
    p = k / n
    assert np.mean(means) == pytest.approx((1 - p) / p, rel=0.02)
    assert np.mean(tails) == pytest.approx(math.log(0.05) / math.log(1 - p), rel=0.05)


def test_suspended_robots_do_not_count_and_count_from_new_when_they_are_back():
    roster, rng = Roster(max_misses=1), np.random.default_rng(0)
    for robot_id in range(3):
        roster.join(robot_id, "")
    for _ in range(5):
        roster.draw(3, rng)
        roster.heard(0)
        roster.heard(1)
    assert roster.ages.maximum == 5
    assert roster.missed(2)
    assert (roster.live, roster.ages.maximum) == (2, 0)
    roster.heard(2)
    assert (roster.live, roster.ages.maximum) == (3, 0)
