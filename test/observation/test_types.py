"""The draw by type, and what the filter knows of robots with types, against enumeration and closed forms."""

import numpy as np
import pytest
from scipy.stats import beta, binom, hypergeom

from altmarl_ros.games import RobotTypes, Start, TabularGame, join_types
from altmarl_ros.learning.populations.population import CountedPopulation, start_fleets
from altmarl_ros.learning.shares.initial import blind_plans
from altmarl_ros.observation import allocated, make_filter, numbers_in
from altmarl_ros.observation.start_posterior import mean_start, posterior_mean
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess


@pytest.mark.parametrize("numbers", [(3, 4), (1, 9), (5, 5, 2), (0, 6), (7,)])
def test_each_robot_is_drawn_with_the_same_probability(numbers):
    """Over all values of the uniform draw, which there are n of: exact."""
    numbers = np.array(numbers)
    n = numbers.sum()
    for k in range(n + 1):
        drawn = allocated(np.full(n, k), numbers, np.arange(n))
        assert (drawn.sum(axis=1) == k).all()
        assert (drawn <= numbers).all()
        assert (drawn >= 0).all()
        np.testing.assert_array_equal(drawn.sum(axis=0), k * numbers)  # the mean over n draws is k n_t / n
        assert (np.abs(drawn - k * numbers / n) < 1).all()


def game(A=2.0, common=True):
    """Two types on two places: one moves on with probability 0.8, one with 0.3; rewards are of no matter."""
    ones = []
    for t, move in enumerate((0.8, 0.3)):
        P_l = np.array([[[[1 - move, move]]], [[[0.1, 0.9]]]])
        alpha = A * np.array([0.25, 0.75]) if common or not t else A * np.array([0.5, 0.5])
        start = Start(np.ones(1), alpha)
        ones.append(TabularGame("g", np.ones((1, 1, 1)), P_l, np.zeros((1, 1)), np.zeros((2, 1, 1)), gamma=0.9, start=start))
    return join_types("g", RobotTypes(("a", "b"), np.array([1.0, 2.0]), ones[0].local_state_names), ones)


def filter_of(game):
    pi_l = LocalPolicy(np.ones((4, 1, 1)))
    process = SharesProcess.under_policy(game, pi_l)
    return make_filter(game, pi_l, SharesPolicy(process, blind_plans(process, 1e-6)))


@pytest.mark.parametrize("common", [True, False])
@pytest.mark.parametrize("reports", [(1, 0, 0, 0), (0, 1, 2, 1), (0, 0, 2, 2), (1, 1, 0, 0), (1, 1, 3, 1)])
def test_the_first_correction_is_the_exact_posterior_mean(common, reports):
    """Robots of a type tell of the others of their type, and of those of the other type where both have one start."""
    played, n = game(A=3.0, common=common), 6
    c = np.array(reports)
    model = filter_of(played)
    model.decide(np.array([0]), c[None], n)
    np.testing.assert_allclose(model.estimate, posterior_mean(played.initial, c[None], n), atol=2e-6)


def test_the_posterior_mean_is_that_of_enumeration():
    played = game(A=3.0)
    rng, n = np.random.default_rng(0), 3
    p = rng.dirichlet(played.initial.draws[0], size=200_000)
    c = np.array([[1, 0, 0, 1]])  # numbers are 1 and 2
    likelihood = p[:, 0] * 0.5 * 2 * p[:, 1]  # of one of two b heard, it at place 1: whichever it is
    likelihood /= likelihood.sum()
    expected = np.array([1.0, 0.0, likelihood @ p[:, 0], 1.0 + likelihood @ p[:, 1]]) / n
    np.testing.assert_allclose(posterior_mean(played.initial, c, n)[0], expected, atol=2e-3)


def moved(m, s, kernel):
    """Distribution of the robots at place 0 after a move of s robots there and m - s elsewhere [m + 1]."""
    parts = [binom.pmf(np.arange(size + 1), size, row[0]) for size, row in ((s, kernel[0]), (m - s, kernel[1]))]
    return np.convolve(*parts)


def exact_posteriors(numbers, kernels, alpha, heard):
    """Posterior mean counts [tick, type, place] of a team on two places, by the weights of its states (robots at place 0)."""
    p = (np.arange(400) + 0.5) / 400
    density = beta.pdf(p, *alpha) / 400
    weight = np.einsum("q,qa,qb->ab", density, *(binom.pmf(np.arange(m + 1), m, p[:, None]) for m in numbers))
    steps = [np.stack([moved(m, s, kernel) for s in range(m + 1)]) for m, kernel in zip(numbers, kernels, strict=True)]
    means = []
    for t, counts in enumerate(np.reshape(heard, (-1, 2, 2))):
        if t:
            weight = steps[0].T @ weight @ steps[1]
        told = [
            hypergeom.pmf(own[0], m, np.arange(m + 1), own.sum()) for m, own in zip(numbers, counts, strict=True)
        ]  # one where nobody was heard
        weight *= np.outer(*told)
        weight /= weight.sum()
        first = weight.sum(axis=1) @ np.arange(numbers[0] + 1), weight.sum(axis=0) @ np.arange(numbers[1] + 1)
        means.append([[s, m - s] for s, m in zip(first, numbers, strict=True)])
    return np.array(means)


def test_the_filter_is_near_the_exact_posterior_of_a_small_team():
    played, numbers = game(A=2.0), (2, 4)
    P = [played.P_l[:2, 0, 0, :2], played.P_l[2:, 0, 0, 2:]]
    rng = np.random.default_rng(1)
    errors, blind = [], []
    for _ in range(6):
        population = CountedPopulation(played, LocalPolicy(np.ones((4, 1, 1))), start_fleets(played, 6, 1, rng))
        model, heard, told = filter_of(played), [], []
        for _ in range(5):
            heard.append(population.poll(2, 1.0, rng)[0])
            model.decide(np.array([0]), heard[-1][None], 6)
            told.append(model.estimate[0])
            population.step(np.array([0]), rng)
        exact = exact_posteriors(numbers, P, played.initial.draws[0], heard).reshape(5, 4) / 6
        errors.append(np.abs(np.array(told) - exact).max())
        blind.append(np.abs(exact - mean_start(played.initial)).max())
    assert max(errors) < 0.04
    assert np.mean(errors) < 0.1 * np.mean(blind), "the filter hardly follows the exact posterior"


def test_a_type_without_a_report_is_only_predicted_where_starts_are_apart():
    played = game(common=False)
    model = filter_of(played)
    model.decide(np.array([0]), np.array([[0, 0, 2, 0]]), 9)
    np.testing.assert_allclose(model.estimate[0, :2], mean_start(played.initial)[:2], atol=1e-9)
    assert model.estimate[0, 2] > mean_start(played.initial)[2]


def test_raw_shares_of_reports_would_be_biased():
    """One report of each type: the estimate still gives each type its share of the fleet."""
    played = game(A=1e4)
    model = filter_of(played)
    model.decide(np.array([0]), np.array([[1, 0, 1, 0]]), 30)
    np.testing.assert_allclose(played.types.by_type(model.estimate[0]), [1 / 3, 2 / 3])


def test_the_estimate_follows_the_numbers_of_robots_and_tells_them():
    played = game()
    model = filter_of(played)
    for numbers in ((3, 6), (3, 1), (0, 1), (2, 1)):
        model.count(np.array(numbers))
        model.decide(np.array([0]), np.zeros((1, 4), dtype=np.int64), sum(numbers))
        assert numbers_in(model.estimate[0].astype(np.float32), sum(numbers), played.types).tolist() == list(numbers)
    assert np.isfinite(model.error).all()


def test_robots_that_are_all_heard_are_known():
    played = game()
    model = filter_of(played)
    c = np.array([[1, 2, 4, 2]])
    model.decide(np.array([0]), c, 9)
    np.testing.assert_allclose(model.estimate, c / 9)
    assert model.error[0] < 1e-6


def test_reports_of_a_simulated_fleet_are_drawn_by_type():
    played = game()
    rng = np.random.default_rng(2)
    population = CountedPopulation(played, LocalPolicy(np.ones((4, 1, 1))), start_fleets(played, 30, 500, rng))
    reports = population.poll(5, 1.0, rng).reshape(500, 2, 2)
    heard = reports.sum(axis=2)
    assert (heard.sum(axis=1) == 5).all()
    assert set(heard[:, 0].tolist()) == {1, 2}
    assert heard[:, 0].mean() == pytest.approx(5 / 3, abs=0.1)
