"""What the first reports say about the shares, against Bayes' rule by logarithms, and how `fresh` decides by it."""

import numpy as np
import pytest
from scipy.special import gammaln

from altmarl_ros.games.start import Start
from altmarl_ros.observation import AllSeen, Fresh
from altmarl_ros.observation.start_posterior import mean_start, posterior_mean

MIXTURE = np.array([[0.3, 2.0, 5.0], [4.0, 0.02, 1.0], [1.0, 1.0, 1.0]])


def by_logarithms(alpha, counts):
    """E[p | c]: the mean over the concentrations of (alpha_h + c) / (A_h + k), weighed by their likelihoods."""
    total, k = alpha.sum(axis=1), counts.sum()
    log = (gammaln(alpha + counts) - gammaln(alpha)).sum(axis=1) - gammaln(total + k) + gammaln(total)
    weight = np.exp(log - log.max())
    return (weight / weight.sum()) @ ((alpha + counts) / (total + k)[:, None])


@pytest.mark.parametrize("counts", [[0, 0, 0], [1, 0, 0], [3, 2, 7], [0, 400, 0], [700, 300, 900]])
@pytest.mark.parametrize("alpha", [MIXTURE, MIXTURE[:1], 1e3 * MIXTURE])
def test_it_is_bayes_rule(alpha, counts):
    counts = np.array(counts)
    start = Start(np.ones(1), alpha if len(alpha) > 1 else alpha[0])
    np.testing.assert_allclose(posterior_mean(start, counts[None], None)[0], by_logarithms(alpha, counts), rtol=1e-9)


def test_of_a_finite_team_what_was_heard_is_known():
    start, counts = Start(np.ones(1), MIXTURE), np.array([[3, 2, 7]])
    unseen = by_logarithms(MIXTURE, counts[0])
    for n in (12, 13, 500):
        np.testing.assert_allclose(posterior_mean(start, counts, n)[0], (counts[0] + (n - 12) * unseen) / n, rtol=1e-12)


def test_fresh_decides_by_value_vectors_on_the_posterior_of_this_tick(warehouse, shares_bundle):
    pi_g, rng = shares_bundle.pi_g, np.random.default_rng(0)
    model = Fresh(pi_g, warehouse.initial)
    reports, s_g = rng.multinomial(4, np.full(5, 0.2), size=30), rng.integers(5, size=30)
    for _ in range(2):  # nothing is remembered
        actions = model.decide(s_g, reports, 1000)
        np.testing.assert_array_equal(model.estimate, posterior_mean(warehouse.initial, reports, 1000))
        np.testing.assert_array_equal(actions, pi_g.act_on_shares(s_g, model.estimate))
    assert model.rung.tolist() == [4] * 30
    model.reset(1)
    np.testing.assert_allclose(model.estimate[0], mean_start(warehouse.initial))


def test_all_seen_decides_by_value_vectors_on_the_shares(warehouse, shares_bundle):
    counts = np.array([[3, 0, 4, 0, 3]])
    action = AllSeen(shares_bundle.pi_g, warehouse.initial).decide(np.array([1]), counts, 10)
    assert action[0] == shares_bundle.pi_g.act_on_shares(np.array([1]), counts / 10)[0]
