import numpy as np
import pytest

from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.tabular import Start
from altmarl_ros.learning.population import simulate, start_fleets
from altmarl_ros.learning.shares.estimates import SimulatedEstimates
from altmarl_ros.learning.shares.initial import blind_plans
from altmarl_ros.learning.shares.solver import SharesOptions, learn_shares
from altmarl_ros.observation import Filtered, RandomActions
from altmarl_ros.observation.filtered_shares import FilteredShares
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess


@pytest.fixture(scope="module")
def policy(warehouse, small_bundle):
    process = SharesProcess.from_tabular(warehouse, small_bundle.pi_l)
    sampler = SimulatedEstimates(warehouse.initial, runs=60, ticks=20)
    return learn_shares(process, warehouse.initial, sampler, SharesOptions(points=200)).policy


def heard(counts, k, rng):
    return np.stack([rng.multivariate_hypergeometric(row, k) for row in counts])


@pytest.mark.parametrize("n", [30, 1000])
def test_estimates_are_those_of_the_dense_filter(warehouse, small_bundle, policy, n):
    dense = Filtered(warehouse, small_bundle.pi_l, small_bundle.ladder)
    sparse = FilteredShares(warehouse.initial, policy)
    rng = np.random.default_rng(0)
    counts = rng.multinomial(n, warehouse.initial.draw_shares(3, rng))
    for model in (dense, sparse):
        model.reset(3)
    for k in (0, 1, 7, 0, 3, 25):
        s_g = rng.integers(5, size=3)
        reports = heard(counts, k, rng) if k else np.zeros_like(counts)
        dense.decide(s_g, reports, n)
        sparse.decide(s_g, reports, n)
        np.testing.assert_allclose(sparse.estimate, dense.estimate, atol=1e-7)
        np.testing.assert_allclose(sparse.error, dense.error, atol=1e-7)
        assert sparse.rung.tolist() == [k] * 3


def test_covariances_stay_covariances_of_shares():
    game = build_attention(AttentionParameters(width=6, height=5))
    process = SharesProcess.under_policy(game, LocalPolicy(np.full(game.r_l.shape, 0.2)))
    model = FilteredShares(game.start, SharesPolicy(process, blind_plans(process, 1e-3)))
    rng = np.random.default_rng(0)
    counts = rng.multinomial(200, game.start.draw_shares(1, rng))
    for _ in range(20):
        model.decide(rng.integers(30, size=1), heard(counts, 5, rng), 200)
        S = model._covariance[0]
        np.testing.assert_array_equal(S, S.T)
        assert np.linalg.eigvalsh(S).min() > -1e-12
        np.testing.assert_allclose(S.sum(axis=0), 0.0, atol=1e-8)  # shares sum to 1
        np.testing.assert_allclose(model._mean.sum(), 1.0, atol=1e-8)


def test_all_robots_heard_are_known_exactly(policy, warehouse):
    model = FilteredShares(warehouse.initial, policy)
    model.reset(1)
    counts = np.array([[3, 0, 4, 0, 3]])
    action = model.decide(np.array([2]), counts, 10)
    np.testing.assert_array_equal(model.estimate, counts / 10)
    assert model.error[0] == 0.0
    assert action[0] == policy.act(np.array([2]), counts / 10)[0]


def test_the_start_may_be_a_mixture(policy):
    start = Start(np.full(5, 0.2), np.array([[8.0, 1, 1, 1, 1], [1.0, 1, 1, 1, 8]]))
    draws = start.draw_shares(200_000, np.random.default_rng(0))
    model = FilteredShares(start, policy)
    np.testing.assert_allclose(model.estimate[0], draws.mean(axis=0), atol=2e-3)
    np.testing.assert_allclose(model.error[0], draws.std(axis=0).max(), atol=2e-3)


def test_another_goes_on_from_its_last_decision(warehouse, policy):
    first, second = (FilteredShares(warehouse.initial, policy) for _ in range(2))
    rng = np.random.default_rng(0)
    counts = rng.multinomial(1000, warehouse.initial.draw_shares(1, rng))
    s_g = np.array([1])
    first.decide(s_g, heard(counts, 25, rng), 1000)
    second.resume(first.estimate, first.error, s_g)
    assert second.error[0] == pytest.approx(first.error[0])
    for model in (first, second):
        model.decide(np.array([3]), np.zeros_like(counts), 1000)
    np.testing.assert_allclose(first.estimate, second.estimate, atol=1e-6)


def test_it_plays_far_better_than_chance_on_one_report(warehouse, small_bundle, policy):
    start = start_fleets(warehouse, 500, 200, np.random.default_rng(0))
    models = [FilteredShares(warehouse.initial, policy), RandomActions(small_bundle.ladder, np.random.default_rng(2))]
    played = [
        simulate(warehouse, small_bundle.pi_l, model, k=1, start=start, horizon=60, rng=np.random.default_rng(1)).returns
        for model in models
    ]
    gain = played[0] - played[1]
    assert gain.mean() > 10 * gain.std() / np.sqrt(200)
