"""Tests of the values of actions, against a sweep of the training, and of draws by temperature."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import BundleError
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.counts import enumerate_counts
from altmarl_ros.policies.lookahead import Lookahead


@pytest.fixture(scope="module")
def lookahead(warehouse, small_bundle):
    return Lookahead(warehouse, small_bundle)


def test_where_no_robot_moves_the_gaps_are_those_of_the_bellman_equation(warehouse, small_bundle):
    """With the identity as P_l the next counts are the present ones, so that V' needs no approximation."""
    still = np.broadcast_to(np.eye(5)[:, None, None, :], warehouse.P_l.shape).copy()
    game = replace(warehouse, P_l=still)
    V = np.random.default_rng(0).normal(size=small_bundle.pi_g.values.shape).astype(np.float32)
    bundle = replace(small_bundle, pi_g=replace(small_bundle.pi_g, values=V))
    lookahead, K = Lookahead(game, bundle), bundle.pi_g.K
    for rank, counts in enumerate(enumerate_counts(K, 5)):
        for s_g in range(5):
            Q = game.r_g[s_g] + game.gamma * game.P_g[s_g] @ V[rank].astype(float)
            best = int(Q.argmax())
            np.testing.assert_allclose(lookahead.gaps(s_g, counts / K, best), Q[best] - Q, atol=1e-9)


def test_the_ladders_own_action_is_nearly_always_the_best(lookahead, small_bundle):
    """The loss from looking ahead on a rounded population is small beside the differences of the actions."""
    ladder = small_bundle.pi_g
    counts = enumerate_counts(ladder.K, 5)
    lost, spread = [], []
    for s_g in range(5):
        for c in counts:
            own = int(ladder.act(np.array([s_g]), c[None])[0])
            every = np.array([lookahead.gaps(s_g, c / ladder.K, a) for a in range(5)])  # [best, a]
            lost.append(every[:, own].max())
            spread.append(every.max())
    assert np.mean(lost) < 0.1 * np.mean(spread)


@pytest.mark.slow
def test_a_temperature_draws_by_softmax(lookahead):
    shares, draws = np.array([0.6, 0.1, 0.1, 0.1, 0.1]), 5_000
    gaps = lookahead.gaps(0, shares, 0)
    for temperature in (0.1, 1.0, 10.0):
        expected = np.exp(-gaps / temperature) / np.exp(-gaps / temperature).sum()
        chances = (np.arange(draws) + 0.5) / draws
        drawn = np.bincount([lookahead.draw(0, shares, 0, temperature, chance) for chance in chances], minlength=5)
        np.testing.assert_allclose(drawn / draws, expected, atol=2 / draws)  # the grid of chances
    cold = {lookahead.draw(0, shares, 0, 1e-9, chance) for chance in (0.0, 0.3, 0.999)}
    assert cold <= set(np.flatnonzero(gaps < 1e-6))


def test_without_values_there_is_no_temperature(warehouse, small_bundle):
    with pytest.raises(BundleError, match="has no values"):
        Lookahead(warehouse, replace(small_bundle, pi_g=replace(small_bundle.pi_g, values=None)))


def test_a_local_policy_is_softened_by_its_action_values():
    Q = np.array([[[1.0, 2.0, 3.0]]])
    policy = LocalPolicy(np.array([[[0.0, 0.0, 1.0]]]), Q)
    assert policy.softened(0.0) is policy
    for temperature in (0.5, 2.0):
        expected = np.exp(Q / temperature) / np.exp(Q / temperature).sum()
        np.testing.assert_allclose(policy.softened(temperature).probabilities, expected)
    assert policy.softened(2.0) is policy.softened(2.0)  # shared by the robots of a process
    np.testing.assert_allclose(policy.softened(1e-6).probabilities, policy.probabilities, atol=1e-12)
    bare = LocalPolicy(policy.probabilities)
    assert bare.softened(1.0) is bare
