import numpy as np
import pytest
from scipy.stats import chisquare

from altmarl_ros.errors import BundleError
from altmarl_ros.policies import LocalPolicy


def uniform(shape=(2, 3, 2)):
    return np.full(shape, 1 / shape[-1])


def altered(index, value):
    p = uniform()
    p[index] = value
    return p


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (altered((1, 2, 0), -0.1), "pi_l[s_l=1, s_g=2, a_l=0] is -0.1, must be a probability"),
        (altered((0, 1, 1), np.nan), "pi_l[s_l=0, s_g=1, a_l=1] is nan, must be a probability"),
        (altered((1, 0), [0.5, 0.4]), "pi_l[s_l=1, s_g=0] sums to 0.9, not 1"),
        (np.ones((2, 2)), "pi_l has shape (2, 2)"),
        (np.ones((2, 0, 1)), "pi_l has shape (2, 0, 1)"),
        (np.full((2, 3, 2), "half"), "pi_l"),
    ],
)
def test_what_is_no_policy_is_refused_by_name(probabilities, message):
    with pytest.raises(BundleError) as refusal:
        LocalPolicy(probabilities)
    assert message in str(refusal.value)


def test_rounded_rows_are_made_to_sum_to_one():
    policy = LocalPolicy(altered((0, 0), [0.5, 0.5 + 5e-7]))
    np.testing.assert_allclose(policy.probabilities.sum(axis=-1), 1.0, rtol=0, atol=1e-15)


def test_probabilities_are_a_read_only_copy():
    given = uniform()
    policy = LocalPolicy(given)
    given[0, 0] = [1.0, 0.0]
    np.testing.assert_array_equal(policy.probabilities, uniform())
    with pytest.raises(ValueError, match="read-only"):
        policy.probabilities[0] = 1.0


def test_draws_follow_the_row():
    row = np.array([0.0, 0.2, 0.5, 0.0, 0.3])
    policy = LocalPolicy(np.stack([row, np.eye(5)[0]])[:, None, :])
    rng = np.random.default_rng(1)
    drawn = np.bincount([policy.draw(0, 0, rng) for _ in range(4000)], minlength=5)
    assert drawn[row == 0].sum() == 0
    assert chisquare(drawn[row > 0], 4000 * row[row > 0]).pvalue > 1e-3
    assert {policy.draw(1, 0, rng) for _ in range(50)} == {0}


class Fixed:
    """Stands in for a generator that draws the number u."""

    def __init__(self, u):
        self.u = u

    def random(self):
        return self.u


@pytest.mark.parametrize(("u", "action"), [(0.0, 1), (0.2, 2), (1 - 2**-53, 2)])
def test_impossible_actions_are_not_drawn_at_the_ends_of_the_unit_interval(u, action):
    assert LocalPolicy(np.array([[[0.0, 0.2, 0.8, 0.0]]])).draw(0, 0, Fixed(u)) == action


@pytest.mark.parametrize(
    ("row", "action"), [([0.0, 1.0, 0.0], 1), ([0.51, 0.0, 0.49], 0), ([0.5, 0.5, 0.0], None), ([0.4, 0.3, 0.3], None)]
)
def test_usual_is_what_is_done_more_often_than_all_else(row, action):
    policy = LocalPolicy(np.array([[row], [[0.0, 0.0, 1.0]]]))
    assert policy.usual(0, 0) == action
    assert policy.usual(1, 0) == 2


@pytest.mark.parametrize(("s_l", "s_g"), [(-1, 0), (1, 0), (0, -1), (0, 1)])
def test_nothing_is_usual_in_a_state_that_there_is_not(s_l, s_g):
    assert LocalPolicy(np.ones((1, 1, 1))).usual(s_l, s_g) is None


def test_transition_and_reward_are_means_over_actions(random_game):
    game = random_game(0, S_g=2, S_l=3, A_l=4)
    policy = LocalPolicy(np.random.default_rng(1).dirichlet(np.ones(4), (3, 2)))
    P, r = policy.transition(game), policy.reward(game)
    for s_g in range(2):
        for s_l in range(3):
            pi = policy.probabilities[s_l, s_g]
            np.testing.assert_allclose(P[s_g, s_l], sum(pi[a] * game.P_l[s_l, s_g, a] for a in range(4)), rtol=1e-13)
            assert r[s_g, s_l] == pytest.approx(sum(pi[a] * game.r_l[s_l, s_g, a] for a in range(4)))


def test_uniform_policy_of_a_game(random_game):
    policy = LocalPolicy.uniform(random_game(0, S_g=2, S_l=3, A_l=4))
    np.testing.assert_array_equal(policy.probabilities, np.full((3, 2, 4), 0.25))
