"""The filter of a coordinator that acts by value vectors, against the dense one of a ladder."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.start import Start
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.learning.shares.estimates import SimulatedEstimates
from altmarl_ros.learning.shares.initial import blind_plans
from altmarl_ros.learning.shares.solver import SharesOptions, learn_shares
from altmarl_ros.observation import Filtered, Hypotheses, RandomActions, make_filter
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess


@pytest.fixture(scope="module")
def policy(warehouse, small_bundle):
    process = SharesProcess.under_policy(warehouse, small_bundle.pi_l)
    sampler = SimulatedEstimates(warehouse.initial, runs=60, ticks=20)
    return learn_shares(process, warehouse.initial, sampler, SharesOptions(points=200)).policy


def heard(counts, k, rng):
    return np.stack([rng.multivariate_hypergeometric(row, k) for row in counts])


@pytest.mark.parametrize("n", [30, 1000])
def test_estimates_are_those_of_the_dense_filter(warehouse, small_bundle, policy, n):
    dense = Filtered(warehouse, small_bundle.pi_l, small_bundle.pi_g)
    sparse = Filtered(warehouse, small_bundle.pi_l, policy)
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
    pi_l = LocalPolicy(np.full(game.r_l.shape, 0.2))
    model = Filtered(game, pi_l, SharesPolicy(process, blind_plans(process, 1e-3)))
    rng = np.random.default_rng(0)
    counts = rng.multinomial(200, game.start.draw_shares(1, rng))
    for _ in range(20):
        model.decide(rng.integers(30, size=1), heard(counts, 5, rng), 200)
        S = model._covariance[0]
        np.testing.assert_array_equal(S, S.T)
        assert np.linalg.eigvalsh(S).min() > -1e-12
        np.testing.assert_allclose(S.sum(axis=0), 0.0, atol=1e-8)  # shares sum to 1
        np.testing.assert_allclose(model._mean.sum(), 1.0, atol=1e-8)


def test_all_robots_heard_are_known_exactly(policy, warehouse, small_bundle):
    model = Filtered(warehouse, small_bundle.pi_l, policy)
    model.reset(1)
    counts = np.array([[3, 0, 4, 0, 3]])
    action = model.decide(np.array([2]), counts, 10)
    np.testing.assert_array_equal(model.estimate, counts / 10)
    assert model.error[0] == 0.0
    assert action[0] == policy.act_on_shares(np.array([2]), counts / 10)[0]


def test_a_start_that_is_a_mixture_has_its_own_filter(policy, warehouse, small_bundle):
    start = Start(np.full(5, 0.2), np.array([[8.0, 1, 1, 1, 1], [1.0, 1, 1, 1, 8]]))
    model = make_filter(replace(warehouse, start=start), small_bundle.pi_l, policy)
    assert isinstance(model, Hypotheses)
    reports = np.array([[5, 0, 0, 0, 0]])
    action = model.decide(np.array([2]), reports, 1000)
    assert model.weights[0, 0] > 0.99
    assert action[0] == policy.act_on_shares(np.array([2]), model.estimate)[0]
    assert model.rung.tolist() == [5]


@pytest.mark.parametrize("first", ["ladder", "shares"])
def test_another_kind_of_policy_goes_on_with_the_same_estimate(warehouse, small_bundle, policy, first):
    kinds = [small_bundle.pi_g, policy] if first == "ladder" else [policy, small_bundle.pi_g]
    swapped, kept = (Filtered(warehouse, small_bundle.pi_l, kinds[0]) for _ in range(2))
    rng = np.random.default_rng(0)
    counts = rng.multinomial(1000, warehouse.initial.draw_shares(1, rng))
    for tick in range(6):
        if tick == 3:
            swapped.adopt(warehouse, small_bundle.pi_l, kinds[1])
        reports, s_g = heard(counts, 3, rng), np.array([tick % 5])
        actions = [model.decide(s_g, reports, 1000) for model in (swapped, kept)]
        np.testing.assert_allclose(swapped.estimate, kept.estimate, atol=1e-6)
        assert actions[0] == kinds[tick >= 3].act_on_shares(s_g, swapped.estimate)


def test_another_goes_on_from_its_last_decision(warehouse, small_bundle, policy):
    first, second = (Filtered(warehouse, small_bundle.pi_l, policy) for _ in range(2))
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
    models = [
        Filtered(warehouse, small_bundle.pi_l, policy),
        RandomActions(small_bundle.pi_g, warehouse.initial, np.random.default_rng(2)),
    ]
    played = [
        simulate(warehouse, small_bundle.pi_l, model, k=1, start=start, horizon=60, rng=np.random.default_rng(1)).returns
        for model in models
    ]
    gain = played[0] - played[1]
    assert gain.mean() > 10 * gain.std() / np.sqrt(200)


@pytest.mark.parametrize("by", ["value vectors", "ladder"])
def test_estimates_stay_shares_however_long_a_fleet_runs(warehouse, small_bundle, policy, by):
    """Kernels are rounded, and so are sums: nothing of that may grow from tick to tick."""
    model = Filtered(warehouse, small_bundle.pi_l, policy if by == "value vectors" else small_bundle.pi_g)
    model.reset(1)
    rng = np.random.default_rng(3)
    counts = rng.multinomial(20, warehouse.initial.draw_shares(1, rng))
    for tick in range(3000):
        model.decide(rng.integers(5, size=1), heard(counts, 5, rng), 20)
        if tick % 100 == 99:
            assert abs(model._mean.sum() - 1.0) < 1e-9
            assert np.abs(model._covariance.sum(axis=1)).max() < 1e-15
            assert np.linalg.eigvalsh(model._covariance[0]).min() > -1e-15
