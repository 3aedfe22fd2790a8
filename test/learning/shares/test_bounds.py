"""Brackets of small teams against value iteration over their whole joint process."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from altmarl_ros.errors import ResourceError
from altmarl_ros.games.sparse import Sparse
from altmarl_ros.games.start import Start
from altmarl_ros.learning.populations.population import Fleets, simulate
from altmarl_ros.learning.shares.bounds import lookahead_loss
from altmarl_ros.learning.shares.informed_bound import fast_informed_vectors
from altmarl_ros.learning.shares.lower_bounds import all_seen, heard_nobody, heard_some, start_values
from altmarl_ros.learning.shares.mean_field_bounds import points_from_the_mean_start, sawtooth
from altmarl_ros.learning.shares.points import Points
from altmarl_ros.learning.shares.subset_values import (
    counted_bound,
    subset_bound,
    tuple_distribution,
    tuple_values,
)
from altmarl_ros.observation.fresh import Fresh
from altmarl_ros.observation.start_posterior import mean_start, posterior_mean
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares.process import SharesProcess


def subset_means(V, S_l, n, k):
    """Mean of V_k [s_g, x_1 .. x_k] over the k-subsets of n robots [s_g, x_1 * .. * x_n]."""
    states = np.stack(np.unravel_index(np.arange(S_l**n), (S_l,) * n))
    chosen = [V[(slice(None), *states[list(subset)])] for subset in combinations(range(n), k)]
    return np.mean(chosen, axis=0)


@pytest.mark.parametrize(("seed", "S_g", "S_l", "n"), [(0, 3, 3, 3), (1, 2, 2, 5), (2, 3, 2, 4), (4, 2, 4, 3)])
def test_small_teams_lie_between_the_bounds(
    steered_game, uniform_process, solved, brute_force, shares_of_tuples, seed, S_g, S_l, n
):
    game = steered_game(seed, S_g, S_l)
    process, pi_l = uniform_process(game), LocalPolicy.uniform(game)
    exact = brute_force(game, pi_l, n)
    vectors = solved(process, game.initial, points=60).policy.vectors
    shares = shares_of_tuples(S_l, n)
    upper = np.inf
    for k in range(1, n + 1):
        above = subset_means(tuple_values(process, k), S_l, n, k)
        assert (above >= exact - 1e-9).all()
        assert (above <= upper + 1e-4).all()  # and fall with k
        upper = above
    np.testing.assert_allclose(upper, exact, atol=1e-3)
    for s in range(S_g):
        below = vectors.value(np.full(len(shares), s), shares)
        assert (below <= exact[s] + 1e-9).all()
        assert below.mean() > exact[s].mean() - 0.2 * np.ptp(exact[s])


@pytest.mark.parametrize("k", [1, 2, 3])
def test_tuples_and_counts_give_the_same_bound(steered_game, uniform_process, k):
    game = steered_game(3, 3, 3)
    by_tuples = subset_bound(uniform_process(game), game.initial, k, precision=1e-6)
    by_counts = counted_bound(game, LocalPolicy.uniform(game), k, precision=1e-6)
    assert by_tuples.value == pytest.approx(by_counts.value, abs=1e-3)
    assert f"{k} or more robots" in by_tuples.holds_for == by_counts.holds_for


def test_first_states_of_a_few_robots():
    start = Start(np.ones(1), np.array([[0.5, 1.0], [3.0, 0.2]]))
    pairs = tuple_distribution(start, 2)
    expected = np.zeros((2, 2))
    for alpha in start.alpha:
        total = alpha.sum()
        expected += 0.5 * (np.outer(alpha, alpha) + np.diag(alpha)) / (total * (total + 1))  # E p_i p_j of a Dirichlet
    np.testing.assert_allclose(pairs, expected)
    triples = tuple_distribution(start, 3)
    np.testing.assert_allclose(triples.sum(axis=2), pairs)
    np.testing.assert_allclose(triples, triples.transpose(2, 1, 0))


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [[0.5, 1.0, 2.0], [[0.5, 1.0, 2.0], [5.0, 0.2, 0.3]]])
def test_posterior_mean_of_the_shares(alpha):
    start = Start(np.ones(1), np.array(alpha))
    rng = np.random.default_rng(0)
    n = 4
    counts = rng.multinomial(n, start.draw_shares(400_000, rng))
    told = np.array([[1, 0, 1], [0, 2, 0]])
    for reports in told:
        # Of each team keep the k-subsets that would have said so: their number weighs the team.
        ways = np.prod(
            [np.array([[1, c, c * (c - 1) / 2] for c in range(n + 1)])[counts[:, j], reports[j]] for j in range(3)], 0
        )
        expected = (ways[:, None] * counts).sum(axis=0) / ways.sum() / n
        np.testing.assert_allclose(posterior_mean(start, reports[None], n)[0], expected, atol=3e-3)
    unheard = posterior_mean(start, np.zeros((1, 3), dtype=int), None)[0]
    np.testing.assert_allclose(unheard, mean_start(start), atol=1e-12)
    np.testing.assert_allclose(posterior_mean(start, np.array([[1, 0, 3]]), 4)[0], [0.25, 0, 0.75])


def test_knowing_more_is_worth_more(warehouse, small_bundle, solved):
    from altmarl_ros.policies.shares import SharesProcess

    policy = solved(SharesProcess.under_policy(warehouse, small_bundle.pi_l), warehouse.initial).policy
    start, n = warehouse.initial, 50
    bounds = [heard_nobody(policy, start)]
    bounds += [heard_some(policy, start, k, n, draws=4000, rng=np.random.default_rng(1)) for k in (1, 5, 50)]
    bounds.append(all_seen(policy, start, n, draws=4000, rng=np.random.default_rng(1)))
    values = [bound.value for bound in bounds]
    assert all(a < b for a, b in pairwise(values[:4]))
    assert values[3] == pytest.approx(values[4], abs=1e-9)  # all 50 heard is all seen
    assert "without a single report" in str(bounds[0])
    assert "50 robots, after 5 reports" in str(bounds[2])
    upper = [counted_bound(warehouse, small_bundle.pi_l, k).value for k in (1, 5, 10)]
    assert values[-1] < upper[2] < upper[1] < upper[0]


@pytest.mark.slow
def test_the_lookahead_earns_its_lower_bound(warehouse, small_bundle, solved):
    """All robots seen, its estimate is exact: it earns at least V_Gamma(s, N / n)."""
    from altmarl_ros.policies.shares import SharesProcess

    policy = solved(SharesProcess.under_policy(warehouse, small_bundle.pi_l), warehouse.initial, points=40).policy
    loss = lookahead_loss(policy)
    assert loss.inconsistency < 1e-8
    assert loss.at_error(0.01) == pytest.approx(loss.inconsistency + 0.01 * 2 * 0.95 / 0.05 * policy.vectors.span)

    class Seen(Fresh):
        def decide(self, s_g, reports, n):
            return policy.act_on_shares(s_g, reports / n)

    rng = np.random.default_rng(2)
    runs, n, ticks = 1500, 30, 150
    counts = rng.multinomial(n, warehouse.initial.draw_shares(runs, rng))
    s_g = rng.integers(5, size=runs)
    played = simulate(
        warehouse,
        small_bundle.pi_l,
        Seen(small_bundle.pi_g, warehouse.initial),
        k=n,
        start=Fleets(s_g, counts),
        horizon=ticks,
        rng=rng,
    )
    surplus = played.returns - policy.vectors.value(s_g, counts / n)
    assert surplus.mean() > -4 * surplus.std() / np.sqrt(runs) - 0.95**ticks * policy.process.scale


@pytest.mark.parametrize("change", [0.1, 0.3])
def test_mean_field_bounds_enclose_the_exact_value(watched, even_start, solved, change):
    process = watched(change)
    share = np.linspace(0, 1, 41)
    s = np.repeat([0, 1], 41)
    shares = np.tile(np.stack([share, 1 - share], axis=1), (2, 1))
    keep = 1 - 2 * change
    exact = shares[np.arange(82), s] + 4.5 + np.abs(shares[:, 0] - 0.5) * 0.9 * keep / (1 - 0.9 * keep)
    upper = sawtooth(Points(process, s, shares)).value(s, shares)
    informed = (shares[:, None] * fast_informed_vectors(process).reshape(2, 2, 2)[s]).sum(axis=2).max(axis=1)
    assert (upper >= exact - 1e-9).all()
    assert (informed >= upper - 1e-9).all()
    assert upper.max() < exact.max() + 0.05
    assert np.abs(upper - exact).max() < np.abs(informed - exact).max()


@pytest.fixture
def alike():
    """A process whose robots move alike in two global states, and otherwise in the two between them; and its dense arrays."""
    rng, kernel_of = np.random.default_rng(5), np.array([1, 0, 1, 0])
    kernels = rng.dirichlet(np.ones(3), (2, 3))
    reward, r_g, P_g = rng.random((4, 3)), rng.random((4, 3)), rng.dirichlet(np.full(4, 0.3), (4, 3))
    P_g[0, :, 3] = 0.0  # not every state follows every other
    P_g /= P_g.sum(axis=2, keepdims=True)
    process = SharesProcess([Sparse(P) for P in kernels], kernel_of, reward, Sparse(P_g.reshape(12, 4)), r_g, gamma=0.9)
    return process, kernels[kernel_of], reward, P_g, r_g


def test_values_of_pairs_where_robots_move_alike_in_some_states(alike):
    process, P, reward, P_g, r_g = alike
    V = np.zeros((4, 3, 3))
    for _ in range(300):
        ahead = np.einsum("sij,skl,tjl->stik", P, P, V)
        V = (r_g[..., None, None] + 0.9 * np.einsum("sat,stik->saik", P_g, ahead)).max(axis=1)
        V += 0.5 * (reward[:, :, None] + reward[:, None, :])
    above = tuple_values(process, 2)
    assert (above >= V - 1e-9).all()
    np.testing.assert_allclose(above, V, atol=1e-4)


def test_the_informed_bound_where_robots_move_alike_in_some_states(alike):
    process, P, reward, P_g, r_g = alike
    alpha = np.zeros((4, 3, 3))  # [s, a, j]
    for _ in range(300):
        ahead = np.einsum("sij,taj->stai", P, alpha).max(axis=2)
        alpha = reward[:, None, :] + r_g[..., None] + 0.9 * np.einsum("sat,sti->sai", P_g, ahead)
    found = fast_informed_vectors(process)[process.choice_of]
    assert (found >= alpha - 1e-9).all()
    np.testing.assert_allclose(found, alpha, atol=1e-4)


def test_mean_field_bounds_enclose_the_vectors(steered_game, uniform_process, solved):
    game = steered_game(6, 3, 3)
    process = uniform_process(game)
    solution = solved(process, game.initial)
    at = (solution.points.s, solution.points.shares)
    lower, upper = solution.policy.vectors.value(*at), sawtooth(solution.points).value(*at)
    assert (upper >= lower - 1e-6).all()
    assert (upper - lower).mean() < 0.1 * process.scale


def test_a_sawtooth_is_tight_where_the_mean_field_goes(steered_game, uniform_process, solved):
    game = steered_game(6, 3, 3)
    solution = solved(uniform_process(game), game.initial)
    points = points_from_the_mean_start(solution.policy, game.initial, 60, np.random.default_rng(0))
    at = (np.arange(3), np.tile(mean_start(game.initial), (3, 1)))
    lower, upper = solution.policy.vectors.value(*at), sawtooth(points).value(*at)
    assert (upper >= lower - 1e-6).all()
    assert (upper - lower).max() < 0.03 * solution.policy.process.scale


def test_start_values_average_over_the_first_global_state(steered_game, uniform_process, solved):
    game = steered_game(6, 3, 3)
    policy = solved(uniform_process(game), game.initial).policy
    start = Start(np.array([0.0, 0.25, 0.75]), game.initial.alpha)
    m = np.array([[0.2, 0.3, 0.5]])
    expected = 0.25 * policy.vectors.value(np.array([1]), m) + 0.75 * policy.vectors.value(np.array([2]), m)
    np.testing.assert_allclose(start_values(policy, start, m), expected)


def test_tables_over_tuples_that_do_not_fit_are_refused(steered_game, uniform_process):
    with pytest.raises(ResourceError, match=r"values of 12 robots on 4 local states need .* MiB, over the limit"):
        tuple_values(uniform_process(steered_game(0, 3, 4)), 12)
