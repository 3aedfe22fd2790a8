"""The estimate while an operator takes a robot and gives it back, against the enumeration of all that can happen."""

from itertools import product
from math import prod

import numpy as np
import pytest
from scipy.special import betaln

from altmarl_ros.games import HiddenState, Start, TabularGame
from altmarl_ros.observation import Filtered
from altmarl_ros.observation.hypotheses import Hypotheses
from altmarl_ros.observation.joining import Joining
from altmarl_ros.observation.switching import SwitchingEstimate
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

P = np.array([[0.8, 0.2], [0.4, 0.6]])
ALPHA = np.array([2.0, 1.0])
N = 4
TAKEN = 3  # the robots are exchangeable: any one
S_G = np.zeros(1, dtype=np.int64)


def game_of(hidden=False, starts=1):
    P_l = np.broadcast_to(P[:, None, None, :], (2, 1, 1, 2))
    start = Start(np.ones(1), ALPHA if starts == 1 else np.array([ALPHA, [1.0, 2.0]]))
    if hidden:  # two hidden states that look alike
        alike = HiddenState(np.full((2, 2), 0.5), np.stack([P_l, P_l]), np.zeros((2, 2, 1, 1)))
        return TabularGame("still", [[[1.0]]], r_g=[[0.0]], gamma=0.9, hidden=alike, start=start)
    return TabularGame("still", [[[1.0]]], P_l, [[0.0]], np.zeros((2, 1, 1)), gamma=0.9, start=start)


def model_of(kind):
    """A function that makes what estimates, and one that lets it take reports in and returns its estimate."""
    game = game_of(hidden=kind == "switching")
    pi_l = LocalPolicy.uniform(game)
    if kind == "switching":

        def observe(model, counts, n):
            model.observe(S_G, counts, n)
            return model.shares[0]

        return lambda: SwitchingEstimate(game, pi_l), observe
    ladder = Ladder(tuple(np.zeros((1, number_of_counts(k, 2)), np.uint16) for k in range(5)), 2, 1)
    make = Filtered if kind == "filtered" else Hypotheses
    return lambda: make(game, pi_l, ladder), lambda model, counts, n: (model.decide(S_G, counts, n), model.estimate[0])[1]


def counts_of(*states):
    return np.bincount(np.array(states, dtype=np.int64), minlength=2)[None].astype(np.int64)


def start_probability(states):
    ones = sum(states)
    return np.exp(betaln(ALPHA[0] + len(states) - ones, ALPHA[1] + ones) - betaln(*ALPHA))


def bias(kind, known, sent):
    """E[estimate - true share of state 1] when the robot is given back, and the probability of all that was counted.

    Tick 0: one of four robots reports, then the operator takes one of them. Tick 1: one robot reports. Tick 2: it is given
    back. `known`: whether the coordinator knows of it; else the robot can be polled as any other. `sent`: it is brought to
    state 1; else it stays where it is.
    """
    make, decide = model_of(kind)
    expected = total = 0.0
    estimates = {}

    def estimate(first, second, back):
        key = first, second, back
        if key not in estimates:
            model = make()
            decide(model, counts_of(first), N)
            decide(model, counts_of(second), N - known)
            if known:
                model.admit(counts_of(back))
            estimates[key] = decide(model, counts_of(), N)[1]
        return estimates[key]

    asked = range(N - known)
    for states, moved in product(product((0, 1), repeat=N), product((0, 1), repeat=N - 1)):
        there = 1 if sent else states[TAKEN]
        chance = start_probability(states) * prod(P[a, b] for a, b in zip(states, moved, strict=False))
        true_share = (sum(P[b, 1] for b in moved) + there) / N  # expected, given what was before the last move
        for first, second in product(range(N), asked):
            p = chance / N / len(asked)
            expected += p * (estimate(states[first], (*moved, there)[second], there) - true_share)
            total += p
    return expected, total


@pytest.mark.parametrize("sent", [False, True], ids=["held", "sent"])
@pytest.mark.parametrize("kind", ["filtered", "hypotheses", "switching"])
def test_the_estimate_is_unbiased_while_an_operator_takes_a_robot_and_gives_it_back(kind, sent):
    expected, total = bias(kind, known=True, sent=sent)
    assert total == pytest.approx(1.0)
    # The Kalman filters begin with the covariance of many robots: of four, their second gain is not quite the best.
    assert abs(expected) < (1e-9 if kind == "hypotheses" else 1e-4)


@pytest.mark.parametrize("kind", ["filtered", "hypotheses", "switching"])
def test_it_would_be_biased_if_the_robot_were_taken_for_one_that_acts_by_its_policy(kind):
    expected, total = bias(kind, known=False, sent=True)
    assert total == pytest.approx(1.0)
    assert abs(expected) > 0.02


@pytest.mark.parametrize("kind", ["filtered", "hypotheses", "switching"])
def test_robots_whose_states_are_all_known_are_known(kind):
    make, decide = model_of(kind)
    model = make()
    decide(model, counts_of(1), 2)
    model.admit(counts_of(0, 0, 1))
    np.testing.assert_allclose(decide(model, counts_of(), 3), [2 / 3, 1 / 3], atol=1e-9)
    assert np.max(model.error) < (1.0 if kind == "hypotheses" else 1e-6)


def test_mean_and_covariance_follow_the_linear_map():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1.0, 2.0, 3.0], size=100_000)
    joining = Joining.of(np.array([[2, 0, 1]]), 10)
    together = joining.kept[:, None] * shares + joining.added
    np.testing.assert_allclose(together.sum(axis=1), 1.0)
    np.testing.assert_allclose(together[0], (7 * shares[0] + [2, 0, 1]) / 10)
    np.testing.assert_allclose(np.cov(together.T), joining.kept[0] ** 2 * np.cov(shares.T), atol=1e-12)
