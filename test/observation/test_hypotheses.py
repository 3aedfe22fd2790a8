"""The filter over a few starts, against Bayes' rule written out."""

import numpy as np
import pytest

from altmarl_ros.games import Start, TabularGame
from altmarl_ros.observation import Filtered, Hypotheses, make_filter
from altmarl_ros.observation.start_posterior import posterior_mean
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

MANY = 10**12
STARTS = np.array([[0.55, 0.45, 0.0, 0.0], [0.45, 0.55, 0.0, 0.0], [0.0, 0.5, 0.3, 0.2], [0.3, 0.3, 0.2, 0.2]]) + 1e-7
STARTS /= STARTS.sum(axis=1, keepdims=True)
MOVES = np.array([[0.9, 0.1, 0, 0], [0.0, 0.8, 0.2, 0], [0.1, 0.0, 0.8, 0.1], [0, 0, 0.5, 0.5]])


def filter_for(P=MOVES, alpha=1e15 * STARTS):
    L = len(P)
    P_l = np.broadcast_to(P[:, None, None, :], (L, 1, 1, L))
    game = TabularGame("few", [[[1.0]]], P_l, [[0.0]], np.zeros((L, 1, 1)), gamma=0.9, start=Start(np.ones(1), alpha))
    ladder = Ladder(tuple(np.zeros((1, number_of_counts(k, L)), np.uint16) for k in range(2)), L, 1)
    return make_filter(game, LocalPolicy.uniform(game), ladder)


def hear(model, reports, n=MANY):
    for report in reports:
        model.decide(np.zeros(1, dtype=np.int64), np.array([report]), n)
    return model


def bayes(reports, P, n=MANY):
    x, log_w = STARTS.copy(), np.zeros(len(STARTS))
    for t, c in enumerate(np.array(reports)):
        x = x @ P if t else x
        log_w += c @ np.log(x.T + 1e-4 / 4)
        x = (n * x + c) / (n + c.sum())
    w = np.exp(log_w - log_w.max())
    return w / w.sum(), x


@pytest.mark.parametrize("n", [30, MANY])
def test_equals_bayes_rule_over_all_starts(n):
    reports = [[1, 0, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    model, (w, x) = hear(filter_for(), reports, n), bayes(reports, MOVES, n)
    np.testing.assert_allclose(model.weights[0], w, rtol=1e-6)
    np.testing.assert_allclose(model.estimate[0], w @ x, atol=1e-9)
    shares, k = w @ x, 1
    robots = (n - k) / n / (n + k + 1) * shares * (1 - shares)  # given the start; it is worth n robots, and the last k = 1
    spread = np.sqrt(w @ x**2 - shares**2 + robots).max()
    assert model.error[0] == pytest.approx(spread, rel=1e-6)


def test_before_any_report_the_mean_start_is_predicted():
    estimate = hear(filter_for(), [[0, 0, 0, 0]] * 3).estimate[0]
    np.testing.assert_allclose(estimate, STARTS.mean(axis=0) @ MOVES @ MOVES, atol=1e-12)


def test_many_reports_find_the_start_among_similar_ones():
    rng = np.random.default_rng(0)
    model = hear(filter_for(np.eye(4)), rng.multinomial(10, STARTS[1], size=200))
    assert model.weights[0].argmax() == 1
    assert model.weights[0, 1] > 0.99


def test_a_fleet_unlike_any_start_is_learned_in_time():
    model = hear(filter_for(np.eye(4)), [[0, 0, 0, 5]] * 100, n=50)
    assert model.estimate[0, 3] > 0.95


def test_hearing_all_robots_leaves_no_doubt():
    """The estimate was off by 0.083 here while an error of 0 was claimed."""
    model = hear(filter_for(), [[1, 0, 0, 0], [2, 3, 1, 6]], n=12)
    np.testing.assert_allclose(model.estimate[0], np.array([2, 3, 1, 6]) / 12, rtol=1e-12)
    assert model.error[0] == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(("n", "k"), [(40, 1), (40, 10), (40, 40), (1000, 25)])
def test_starts_of_low_concentration_are_as_doubtful_as_they_are(n, k):
    start = Start(np.ones(1), 3.0 * STARTS)
    rng = np.random.default_rng(1)
    squared, claimed = [], []
    for _ in range(300):
        counts = rng.multinomial(n, start.draw_shares(1, rng)[0])
        model = hear(filter_for(alpha=start.alpha), [rng.multivariate_hypergeometric(counts, k)], n)
        squared.append((model.estimate[0] - counts / n) ** 2)
        claimed.append(model.error[0] ** 2)
    assert np.mean(squared, axis=0).max() == pytest.approx(np.mean(claimed), rel=0.35, abs=1e-15)


@pytest.mark.parametrize("reports", [[2, 1, 0, 0], [0, 0, 4, 1], [9, 1, 1, 1]])
def test_the_first_correction_is_the_posterior_mean_of_a_mixture(reports):
    start = Start(np.ones(1), 5.0 * STARTS)
    model = hear(filter_for(alpha=start.alpha), [reports], n=30)
    np.testing.assert_allclose(model.estimate[0], posterior_mean(start, np.array([reports]), 30)[0], atol=1e-4)


def test_impossible_reports_leave_shares():
    model = hear(filter_for(alpha=1e15 * STARTS[:2]), [[0, 0, 0, 3], [0, 0, 3, 0]], n=5)
    assert np.isfinite(model.estimate).all()
    assert (model.estimate >= 0).all()
    assert model.estimate.sum() == pytest.approx(1.0)


def test_fleets_are_independent():
    together = filter_for()
    together.reset(2)
    for reports in ([[1, 0, 0, 0], [0, 0, 0, 2]], [[0, 1, 0, 0], [0, 0, 0, 0]]):
        together.decide(np.zeros(2, dtype=np.int64), np.array(reports), 40)
    alone = hear(filter_for(), [[0, 0, 0, 2], [0, 0, 0, 0]], n=40)
    np.testing.assert_allclose(together.estimate[1], alone.estimate[0], rtol=1e-12)
    together.reset(1)
    np.testing.assert_array_equal(hear(together, [[0, 0, 0, 2], [0, 0, 0, 0]], n=40).estimate, alone.estimate)


def test_the_start_decides_which_filter_is_made():
    assert isinstance(filter_for(), Hypotheses)
    assert isinstance(filter_for(alpha=np.ones(4)), Filtered)
