import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.protocol.budget import NO_LIMIT, REPORT_WIRE_BYTES, WINDOW, BandwidthBudget


def polls(budget, times, k, backfill=()):
    """(time, number) of everything the budget lets through, k wanted per tick and more where `backfill` says so."""
    made = []
    for i, now in enumerate(times):
        budget.begin(now)
        count = min(k, budget.room(now))
        budget.spend(count, now)
        made.append((now, count))
        if i < len(backfill):
            later = now + 0.3 * (times[i + 1] - now if i + 1 < len(times) else 0.0)
            count = min(backfill[i], budget.room(later))
            budget.spend(count, later)
            made.append((later, count))
    return made


def worst_window(sent):
    """Most bytes in any closed window of WINDOW seconds that begins with a report."""
    return max(REPORT_WIRE_BYTES * sum(n for t, n in sent if start <= t <= start + WINDOW) for start, _ in sent)


@given(
    limit=st.floats(1.0, 50_000.0),
    period=st.sampled_from([0.01, 0.1, 0.3, 0.5, 2.0, 7.0]),
    k=st.integers(0, 100),
    jitter=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=60),
    lags=st.lists(st.floats(0.0, 1.0), min_size=120, max_size=120),
    backfill=st.lists(st.integers(0, 20), max_size=60),
)
def test_no_window_of_five_seconds_costs_more_than_the_limit_however_late_ticks_and_reports_are(
    limit, period, k, jitter, lags, backfill
):
    delay = 0.8 * period
    times = sorted(period * (i + 0.9 * shift) for i, shift in enumerate(jitter))
    made = polls(BandwidthBudget(limit, period, delay), times, k, backfill)
    sent = [(t + 0.999 * delay * lag, n) for (t, n), lag in zip(made, lags, strict=False)]
    assert worst_window(sent) <= limit * WINDOW


@pytest.mark.parametrize(
    ("limit", "period"), [(2000.0, 0.5), (2000.0, 0.1), (500.0, 0.1), (100.0, 0.1), (10_000.0, 0.05), (60.0, 1.0)]
)
def test_in_the_long_run_the_limit_is_used_up_to_one_tick_and_one_report_per_window(limit, period):
    ticks = int(100 / period)
    made = polls(BandwidthBudget(limit, period, 0.8 * period), [i * period for i in range(ticks)], 10_000)
    used = REPORT_WIRE_BYTES * sum(n for _, n in made) / (ticks * period)
    assert limit * WINDOW / (WINDOW + 2 * period) - REPORT_WIRE_BYTES / WINDOW <= used <= limit


def test_ticks_get_even_shares():
    made = polls(BandwidthBudget(2000.0, 0.5, 0.4), [0.5 * i for i in range(200)], 100)
    assert {n for _, n in made} == {4, 5}


def test_a_limit_that_k_does_not_reach_changes_nothing():
    assert {n for _, n in polls(BandwidthBudget(2000.0, 0.5, 0.4), [0.5 * i for i in range(50)], 3)} == {3}


def test_no_limit():
    budget = BandwidthBudget(0.0, 0.5, 0.4)
    budget.begin(0.0)
    assert budget.room(0.0) == NO_LIMIT


def test_a_limit_set_while_running_counts_what_was_sent_before():
    budget = BandwidthBudget(0.0, 0.5, 0.4)
    polls(budget, [0.5 * i for i in range(20)], 50)
    budget.limit = 2000.0
    later = polls(budget, [10.0 + 0.5 * i for i in range(30)], 50)
    assert all(n == 0 for t, n in later if t < 9.5 + WINDOW)
    assert sum(n for t, n in later if t >= 9.5 + WINDOW + 0.5) > 0
