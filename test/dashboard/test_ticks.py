"""Rows of the charts against the definitions."""

import numpy as np
import pytest

from altmarl_ros.dashboard.ticks import FIELDS, KEPT, Ticks, TickTruth, count_acted, true_reward


def rows(ticks, change=0):
    return [dict(zip(FIELDS, row, strict=True)) for row in ticks.since(change)]


def test_true_reward_is_the_mean_over_the_robots_that_acted(warehouse):
    states, actions = np.array([0, 1, 1, 4], np.uint16), np.array([2, 0, 65535, 1], np.uint16)
    acted = count_acted(states, actions, none=65535)
    expected = warehouse.r_g[1, 2] + np.mean([warehouse.r_l[0, 1, 2], warehouse.r_l[1, 1, 0], warehouse.r_l[4, 1, 1]])
    assert true_reward(warehouse, 1, 2, acted) == pytest.approx(expected)
    assert true_reward(None, 1, 2, acted) is None
    assert true_reward(warehouse, 1, 2, count_acted(states, np.full(4, 65535, np.uint16), 65535)) is None
    assert true_reward(warehouse, 99, 2, acted) is None
    assert true_reward(warehouse, 1, 2, np.ones((6, 1), np.int64)) is None


@pytest.mark.parametrize("truth_first", [True, False])
def test_truth_joins_its_tick_whichever_comes_first(warehouse, truth_first, at):
    ticks, truth = Ticks(), TickTruth(np.array([4, 0, 0, 0, 0]), np.array([[4, 0, 0]] + 4 * [[0, 0, 0]]))
    if truth_first:
        ticks.hear_truth(1, 0, truth, warehouse)
    ticks.account(at(0), warehouse)
    told = ticks.changes
    if not truth_first:
        assert rows(ticks)[0]["true_reward"] is None
        ticks.hear_truth(1, 0, truth, warehouse)
        assert [row["tick"] for row in rows(ticks, told)] == [0]
    (row,) = rows(ticks)
    assert row["true_error"] == pytest.approx(0.8)
    assert row["true_reward"] == pytest.approx(warehouse.r_g[1, 2] + warehouse.r_l[0, 1, 0], rel=1e-4)
    assert ticks.truth.tolist() == [1, 0, 0, 0, 0]


def test_rows_are_told_once_and_the_oldest_are_forgotten(at):
    ticks = Ticks()
    for tick in range(KEPT + 5):
        assert ticks.account(at(tick), None)
    assert not ticks.account(at(KEPT), None), "told before"
    assert len(rows(ticks)) == KEPT
    assert rows(ticks, ticks.changes) == []


@pytest.mark.parametrize(("seconds", "rate"), [(0.1, 3880.0), (0.5, 776.0), (75.0, 388 / 75)])
def test_bytes_per_second_of_a_steady_fleet(seconds, rate, at):
    ticks = Ticks()
    for tick in range(80):
        ticks.account(at(tick, seconds), None)
    assert rows(ticks)[-1]["rate"] == pytest.approx(rate, rel=0.001)
    assert rows(ticks)[0]["rate"] == 0.0


def test_waiting_truths_are_bounded(warehouse, at):
    ticks, truth = Ticks(), TickTruth(np.ones(5, np.int64), np.ones((5, 3), np.int64))
    for tick in range(1000):
        ticks.hear_truth(1, tick, truth, warehouse)
    ticks.account(at(3), warehouse)
    ticks.account(at(999), warehouse)
    assert [row["true_reward"] is None for row in rows(ticks)] == [True, False]
