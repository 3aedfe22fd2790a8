from itertools import pairwise

import numpy as np
import pytest

from altmarl_ros.games.start import Start
from altmarl_ros.learning.shares.estimates import ALL, SimulatedEstimates, draw_successors, start_estimates
from altmarl_ros.learning.shares.points import spread
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess


def test_points_are_thinned_to_those_far_apart(watched):
    share = np.linspace(0, 1, 101)
    s, shares = np.tile([1, 0], 101), np.repeat(np.stack([share, 1 - share], axis=1), 2, axis=0)
    drawn = [(s[:50], shares[:50]), (s[50:], shares[50:])]
    few = spread(watched(0.1), drawn, per_state=3, distance=0.0)
    assert few.s.tolist() == [0, 0, 0, 1, 1, 1]
    assert sorted(few.shares[:3, 0].round(9)) == [0.0, 0.5, 1.0]
    apart = spread(watched(0.1), drawn, per_state=1000, distance=0.1)
    for s in range(2):
        gaps = np.diff(np.sort(apart.shares[apart.s == s, 0]))
        assert gaps.min() > 0.1
        assert gaps.max() < 0.2 + 1e-9


def test_first_points_are_kept_whatever_happens(watched):
    shares = np.array([[0.5, 0.5], [0.51, 0.49], [1.0, 0.0]])
    process, drawn = watched(0.1), [(np.zeros(3, dtype=int), shares)]
    assert len(spread(process, drawn, per_state=2, distance=0.2, fixed=2)) == 2
    np.testing.assert_allclose(spread(process, drawn, per_state=9, distance=0.2, fixed=2).shares, shares)


@pytest.mark.parametrize("policy", [False, True])
def test_estimates_are_distributions(warehouse, small_bundle, solved, policy):
    process = SharesProcess.under_policy(warehouse, small_bundle.pi_l)
    by = solved(process, warehouse.initial, points=40).policy if policy else None
    s, shares = SimulatedEstimates(warehouse.initial, runs=30, ticks=15)(process, by, np.random.default_rng(0))
    assert s.shape == (450,)
    assert set(s) == set(range(5))
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_more_reports_spread_the_estimates(warehouse, small_bundle):
    process = SharesProcess.under_policy(warehouse, small_bundle.pi_l)
    widths = []
    for k in (0, 1, 25, ALL):
        sampler = SimulatedEstimates(warehouse.initial, runs=400, ticks=1, reports=(k,))
        _, shares = sampler(process, None, np.random.default_rng(0))
        widths.append(shares.std(axis=0).mean())
    assert widths[0] == pytest.approx(0.0, abs=1e-12)
    assert all(a < b for a, b in pairwise(widths))


def test_the_mean_start_is_a_point_of_every_global_state(watched):
    start = Start(np.array([0.0, 1.0]), np.array([[1.0, 3.0], [1.0, 1.0]]))
    s, shares = start_estimates(watched(0.1), start)
    assert s.tolist() == [0, 1]
    np.testing.assert_allclose(shares, [[0.375, 0.625]] * 2)


def test_successors_are_drawn_by_their_probabilities(random_game, uniform_process):
    game = random_game(0, S_g=3, A_g=2)
    process = uniform_process(game)
    rng = np.random.default_rng(0)
    for choice in range(len(process.action_of)):
        drawn = draw_successors(process, np.full(20_000, choice), rng)
        s, a = process.state_of_choice[choice], process.action_of[choice]
        np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 20_000, game.P_g[s, a], atol=0.02)


def test_a_policy_of_its_own_kind_moves_where_it_says(watched, even_start, solved):
    process = watched(0.1)
    policy = solved(process, even_start).policy
    assert isinstance(policy, SharesPolicy)
    sampler = SimulatedEstimates(even_start, runs=50, ticks=10, reports=(ALL,), random=0.0)
    s, shares = sampler(process, policy, np.random.default_rng(0))
    later = s.reshape(10, 50)[1:]
    fuller = shares.reshape(10, 50, 2)[1:].argmax(axis=2)
    assert (later == fuller).mean() > 0.99
