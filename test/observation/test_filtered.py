"""The filter against closed forms, and its error against the errors it makes."""

import numpy as np
import pytest

from altmarl_ros.games import Start, TabularGame
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.observation import Filtered, draw_without_replacement, kalman, make_model
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

MANY = 10**9
ALPHA = np.array([0.5, 1.0, 2.5])


def filtered_with(P, alpha=ALPHA):
    """A filter for a game whose robots move by P whatever the actions are."""
    L = len(P)
    P_l = np.broadcast_to(np.asarray(P)[:, None, None, :], (L, 1, 1, L))
    game = TabularGame("still", [[[1.0]]], P_l, [[0.0]], np.zeros((L, 1, 1)), gamma=0.9, start=Start(np.ones(1), alpha))
    ladder = Ladder(tuple(np.zeros((1, number_of_counts(k, L)), np.uint16) for k in range(3)), L, 1)
    return Filtered(game, LocalPolicy.uniform(game), ladder)


def hear(model, *reports, n=MANY):
    for report in reports:
        model.decide(np.zeros(1, dtype=np.int64), np.array([report]), n)
    return model.estimate[0]


@pytest.mark.parametrize("report", [(1, 0, 0), (0, 4, 1), (20, 5, 5)])
def test_first_correction_is_the_dirichlet_posterior_mean(report):
    posterior = (ALPHA + report) / (ALPHA + report).sum()
    np.testing.assert_allclose(hear(filtered_with(np.eye(3)), report), posterior, atol=1e-6)


def test_before_any_report_the_start_is_predicted():
    P = np.array([[0.5, 0.5, 0.0], [0.0, 0.9, 0.1], [0.2, 0.0, 0.8]])
    mean = ALPHA / ALPHA.sum()
    np.testing.assert_allclose(hear(filtered_with(P), (0, 0, 0), (0, 0, 0), (0, 0, 0)), mean @ P @ P, atol=1e-12)


def test_hearing_everybody_leaves_no_doubt():
    model = filtered_with(np.eye(3))
    np.testing.assert_allclose(hear(model, (3, 2, 5), n=10), [0.3, 0.2, 0.5], atol=1e-6)
    assert model.error[0] < 1e-3


def test_many_reports_of_a_still_population_converge_to_it():
    model, rng, shares = filtered_with(np.eye(3)), np.random.default_rng(0), np.array([0.2, 0.7, 0.1])
    errors = []
    for _ in range(400):
        hear(model, rng.multinomial(1, shares))
        errors.append(model.error[0])
    np.testing.assert_allclose(model.estimate[0], shares, atol=4 * errors[-1])
    assert errors[-1] == pytest.approx(np.sqrt(0.7 * 0.3 / 400), rel=0.15)


def test_estimates_are_shares_whatever_is_reported():
    model, rng = filtered_with(np.full((3, 3), 1 / 3)), np.random.default_rng(1)
    for _ in range(50):
        estimate = hear(model, rng.multinomial(rng.integers(0, 3), [1, 0, 0]), n=5)
        assert (estimate >= 0).all()
        assert estimate.sum() == pytest.approx(1.0)


def test_fleets_are_independent():
    together, alone = filtered_with(np.eye(3)), filtered_with(np.eye(3))
    together.reset(2)
    together.decide(np.zeros(2, dtype=np.int64), np.array([[2, 0, 0], [0, 0, 0]]), 50)
    np.testing.assert_allclose(together.estimate[0], hear(alone, (2, 0, 0), n=50))
    np.testing.assert_allclose(together.estimate[1], ALPHA / ALPHA.sum())


@pytest.mark.slow
@pytest.mark.parametrize(("n", "k"), [(30, 2), (1000, 1), (1000, 5)])
def test_its_error_is_the_error_it_makes(n, k):
    P, rng = np.array([[0.9, 0.1, 0.0], [0.0, 0.8, 0.2], [0.3, 0.0, 0.7]]), np.random.default_rng(2)
    squared, claimed = [], []
    for _ in range(150):
        model, N = filtered_with(P), rng.multinomial(n, rng.dirichlet(ALPHA))
        for _ in range(20):
            estimate = hear(model, draw_without_replacement(N, k, rng), n=n)
            squared.append((estimate - N / n) ** 2)
            claimed.append(model.error[0] ** 2)
            N = rng.multinomial(N, P).sum(axis=0)
    assert 0.5 < np.mean(squared, axis=0).max() / np.mean(claimed) < 1.2


def test_one_report_per_tick_with_memory_beats_more_without(warehouse, small_bundle):
    start = start_fleets(warehouse, 1000, 300, np.random.default_rng(4))

    def returns(name, k):
        model = make_model(name, warehouse, small_bundle)
        return simulate(warehouse, small_bundle.pi_l, model, k=k, start=start, horizon=50, rng=np.random.default_rng(5)).returns

    gain = returns("filtered", 1) - returns("fresh", 3)
    assert gain.mean() > 5 * gain.std(ddof=1) / np.sqrt(len(gain))


def test_robots_of_a_single_state_are_where_they_can_only_be():
    model = filtered_with(np.ones((1, 1)), np.ones(1))
    for _ in range(3):
        assert hear(model, (2,), n=5).tolist() == [1.0]
    assert model.error[0] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("L", [5, 20, 21, 50, 300])
def test_shares_that_make_no_report_impossible_are_few_in_all(L):
    """With 50 states a floor of 0.001 for each added 5 % of the robots."""
    shares = np.zeros(L)
    shares[0] = 1.0
    raised = kalman.likely(shares)
    assert raised.min() > 0.0
    assert raised[1:].sum() <= 0.02
    if L <= 20:  # records of smaller worlds replay
        before = np.maximum(shares, 1e-3)
        np.testing.assert_allclose(raised, before / before.sum(), rtol=1e-14)
