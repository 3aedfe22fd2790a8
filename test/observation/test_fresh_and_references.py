from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from altmarl_ros.games import Start
from altmarl_ros.observation import AllSeen, Fresh, RandomActions, draw_without_replacement
from altmarl_ros.policies import Ladder
from altmarl_ros.policies.counts import number_of_counts, scale_counts

K, L, S_G, ACTIONS = 4, 3, 2, 50
START = Start(np.full(S_G, 1 / S_G), np.ones(L))


@pytest.fixture
def ladder():
    rng = np.random.default_rng(0)
    rungs = [rng.integers(ACTIONS, size=(S_G, number_of_counts(k, L)), dtype=np.uint16) for k in range(K + 1)]
    return Ladder(tuple(rungs), L, ACTIONS)


def test_fresh_decides_each_fleet_by_the_rung_of_its_reports(ladder):
    reports = np.array([[2, 1, 1], [0, 0, 0], [0, 1, 0], [0, 4, 0]])
    s_g = np.array([1, 0, 1, 0])
    model = Fresh(ladder, START)
    action = model.decide(s_g, reports, 10)
    np.testing.assert_array_equal(model.rung, [4, 0, 1, 4])
    for r in range(4):
        assert action[r] == ladder.act(s_g[r], reports[r])


def test_fresh_estimates_by_shares_and_uniformly_without_reports(ladder):
    model = Fresh(ladder, START)
    model.decide(np.array([0, 0]), np.array([[3, 1, 0], [0, 0, 0]]), 10)
    np.testing.assert_allclose(model.estimate, [[0.75, 0.25, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-15)


def test_fresh_forgets_on_reset(ladder):
    model = Fresh(ladder, START)
    model.decide(np.array([0]), np.array([[4, 0, 0]]), 10)
    model.reset(2)
    np.testing.assert_allclose(model.estimate, np.full((2, L), 1 / L))
    np.testing.assert_array_equal(model.rung, [0, 0])


def test_all_seen_acts_by_the_top_rung_on_the_scaled_population(ladder):
    model = AllSeen(ladder, START)
    action = model.decide(np.array([1]), np.array([[500, 250, 250]]), 1000)
    assert action[0] == ladder.act(1, np.array([2, 1, 1]))
    assert model.rung[0] == K


def test_random_actions_are_uniform_whatever_is_reported(ladder):
    model = RandomActions(ladder, START, np.random.default_rng(0))
    actions = model.decide(np.zeros(5000, dtype=np.int64), np.tile([4, 0, 0], (5000, 1)), 10)
    assert chisquare(np.bincount(actions, minlength=ACTIONS)).pvalue > 1e-3
    assert (model.rung == 0).all()


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any), st.integers(0, 7))
def test_scaled_counts_are_the_nearest_count_vector(population, k):
    shares = np.array([population]) / sum(population)
    counts = scale_counts(shares, k)[0]
    nearest = min(np.abs(np.array(c) - k * shares[0]).sum() for c in product(range(k + 1), repeat=L) if sum(c) == k)
    assert counts.sum() == k
    assert (counts >= 0).all()
    assert np.abs(counts - k * shares[0]).sum() == pytest.approx(nearest, abs=1e-9)


def test_subset_without_replacement_has_hypergeometric_moments():
    population, k, draws = np.array([10, 5, 0, 25]), 8, 20_000
    n = population.sum()
    p = population / n
    drawn = draw_without_replacement(np.tile(population, (draws, 1)), k, np.random.default_rng(3))
    assert (drawn.sum(axis=1) == k).all()
    assert (drawn <= population).all()
    covariance = k * (np.diag(p) - np.outer(p, p)) * (n - k) / (n - 1)
    standard_error = np.sqrt(np.diag(covariance) / draws)
    assert (np.abs(drawn.mean(axis=0) - k * p) <= 4 * standard_error).all()
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=4 * covariance.max() * np.sqrt(2 / draws))


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=4), st.integers(0, 40))
def test_subset_never_exceeds_the_population(populations, k):
    population = np.array(populations)
    drawn = draw_without_replacement(population, k, np.random.default_rng(0))
    assert (drawn <= population).all()
    np.testing.assert_array_equal(drawn.sum(axis=1), np.minimum(population.sum(axis=1), k))


@pytest.mark.parametrize("k", [7, 8, 1000])
def test_everyone_is_heard_where_k_reaches_n(k):
    population = np.array([[4, 0, 3]])
    np.testing.assert_array_equal(draw_without_replacement(population, k, np.random.default_rng(0)), population)
