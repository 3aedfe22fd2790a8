from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.counts.global_agent import g_learn, lift
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.counts import enumerate_counts

TIGHT = GLearnOptions(backup="exact", tolerance=1e-9)


class DenseProcess:
    """The decision process on (s_g, c) with explicit matrices: an independent solver."""

    def __init__(self, game, pi_l, k, counts_kernel):
        P_pi, r_pi = pi_l.transition(game), pi_l.reward(game)
        T = np.stack([counts_kernel(P, k) for P in P_pi])
        S_g, C = T.shape[:2]
        self.shape, self.gamma = (S_g, C), game.gamma
        self.P = np.einsum("gah,gcd->gcahd", game.P_g, T).reshape(S_g * C, game.n_global_actions, S_g * C)
        shares = enumerate_counts(k, game.n_local_states) / max(k, 1)
        self.r = (game.r_g[:, None, :] + (r_pi @ shares.T)[:, :, None]).reshape(S_g * C, -1)

    def value(self, policy):
        rows, action = np.arange(len(self.r)), np.asarray(policy).reshape(-1)
        return np.linalg.solve(np.eye(len(rows)) - self.gamma * self.P[rows, action], self.r[rows, action])

    def optimum(self):
        policy = self.r.argmax(axis=1)
        while True:
            V = self.value(policy)
            Q = self.r + self.gamma * self.P @ V
            if (Q.max(axis=1) <= V + 1e-11 * (1 + abs(V))).all():
                return V
            policy = Q.argmax(axis=1)

    def loss(self, policy):
        return float((self.optimum() - self.value(policy)).max())


def policy_of(game, seed):
    shape = (game.n_local_states, game.n_global_states)
    return LocalPolicy(np.random.default_rng(seed).dirichlet(np.ones(game.n_local_actions), shape))


def test_one_local_state_in_closed_form():
    """Action a leads to state a for sure, state s pays w_s: go to the best state and stay."""
    w, gamma = np.array([0.0, 3.0, 1.0]), 0.8
    game = TabularGame(
        "jump",
        np.tile(np.eye(3), (3, 1, 1)),
        np.ones((1, 3, 1, 1)),
        np.tile(w[:, None], 3),
        np.full((1, 3, 1), 5.0),
        gamma=gamma,
    )
    solution = g_learn(game, LocalPolicy.uniform(game), 4, TIGHT)
    np.testing.assert_array_equal(solution.policy, [[1], [1], [1]])
    np.testing.assert_allclose(solution.V[0] - solution.V[0, 1], w - w[1], rtol=0, atol=1e-8)


@pytest.mark.parametrize("k", [0, 3])
def test_vanishing_discount_is_greedy_on_the_next_reward(random_game, k):
    game = random_game(1, S_g=3, A_g=4, S_l=2, gamma=1e-6)
    solution = g_learn(game, LocalPolicy.uniform(game), k, TIGHT)
    np.testing.assert_array_equal(solution.policy, np.tile(game.r_g.argmax(axis=1)[:, None], k + 1))


@pytest.mark.parametrize("gamma", [0.9, 0.99])
def test_values_that_swing_from_sweep_to_sweep_converge_too(gamma):
    """Two global states that mostly change places: the slow mode has a negative eigenvalue."""
    swap = np.array([[[0.05, 0.95]], [[0.95, 0.05]]])
    game = TabularGame("swing", swap, np.ones((1, 2, 1, 1)), [[0.0], [1.0]], np.zeros((1, 2, 1)), gamma=gamma)
    solution = g_learn(game, LocalPolicy.uniform(game), 2, TIGHT)
    assert solution.loss_bound <= TIGHT.tolerance
    assert solution.V[0, 1] - solution.V[0, 0] == pytest.approx(1.0 / (1.0 + 0.9 * gamma), abs=1e-8)


def test_no_policy_of_a_tiny_game_is_better(random_game, counts_kernel):
    game = random_game(5)
    process = DenseProcess(game, LocalPolicy.uniform(game), 1, counts_kernel)
    best = max(process.value(policy).sum() for policy in product(range(2), repeat=4))
    solution = g_learn(game, LocalPolicy.uniform(game), 1, TIGHT)
    assert process.value(solution.policy).sum() == pytest.approx(best, abs=1e-7)


@given(st.integers(0, 1000), st.integers(0, 4), st.sampled_from([0.3, 0.9, 0.97]))
def test_equals_an_independent_dense_solver(random_game, counts_kernel, seed, k, gamma):
    game = random_game(seed, S_g=2, A_g=3, S_l=3, gamma=gamma)
    pi_l = policy_of(game, seed)
    solution = g_learn(game, pi_l, k, TIGHT)
    V = DenseProcess(game, pi_l, k, counts_kernel).optimum().reshape(2, -1).T
    np.testing.assert_allclose(solution.V - solution.V[0, 0], V - V[0, 0], rtol=0, atol=1e-7)


@given(seed=st.integers(0, 1000), k=st.integers(0, 3), tolerance=st.floats(1e-3, 50), max_sweeps=st.integers(1, 20))
def test_loss_bound_bounds_the_loss(random_game, counts_kernel, seed, k, *, tolerance, max_sweeps):
    game = random_game(seed, S_g=3, A_g=3, S_l=2, gamma=0.95)
    pi_l = policy_of(game, seed)
    solution = g_learn(game, pi_l, k, GLearnOptions(backup="exact", tolerance=tolerance, max_sweeps=max_sweeps))
    assert DenseProcess(game, pi_l, k, counts_kernel).loss(solution.policy) <= solution.loss_bound + 1e-9
    assert solution.loss_bound <= tolerance or solution.sweeps == max_sweeps


@pytest.mark.parametrize("tolerance", [5.0, 0.1, 1e-6])
def test_values_are_not_shifted_however_early_the_solver_stops(random_game, counts_kernel, tolerance):
    """They were too low by up to gamma / (1 - gamma) times the change in the last sweep."""
    game = random_game(2, S_g=3, A_g=3, S_l=2, gamma=0.95)
    game = TabularGame("shifted", game.P_g, game.P_l, game.r_g + 10.0, game.r_l, gamma=game.gamma)
    pi_l = policy_of(game, 2)
    solution = g_learn(game, pi_l, 3, GLearnOptions(backup="exact", tolerance=tolerance))
    optimum = DenseProcess(game, pi_l, 3, counts_kernel).optimum().reshape(3, -1).T
    assert np.abs(solution.V - optimum).max() <= 0.5 * solution.loss_bound + 1e-9


def test_more_samples_bring_the_sampled_policy_to_the_optimum(random_game, counts_kernel):
    game = random_game(3, S_g=2, A_g=2, S_l=3, gamma=0.9)
    pi_l = policy_of(game, 3)
    process = DenseProcess(game, pi_l, 3, counts_kernel)
    solution = g_learn(game, pi_l, 3, GLearnOptions(backup="sampled", samples=20_000, tolerance=1e-4))
    assert process.loss(solution.policy) < 1e-2


def test_warm_start_reaches_the_same_value(random_game, counts_kernel):
    game, k = random_game(7, S_g=2, A_g=3, S_l=3, gamma=0.95), 5
    pi_l = policy_of(game, 7)
    process = DenseProcess(game, pi_l, k, counts_kernel)
    below = g_learn(game, pi_l, k - 1, TIGHT)
    cold, warm = g_learn(game, pi_l, k, TIGHT), g_learn(game, pi_l, k, TIGHT, V=lift(below.V, k, 3))
    np.testing.assert_allclose(process.value(warm.policy), process.value(cold.policy), rtol=0, atol=1e-8)
    assert warm.sweeps < cold.sweeps


def test_lift_keeps_means_over_robots():
    w = np.array([[1.0, 10.0], [2.0, 20.0], [5.0, -50.0]])
    below, above = enumerate_counts(4, 3), enumerate_counts(5, 3)
    np.testing.assert_allclose(lift(below @ w / 4, 5, 3), above @ w / 5, rtol=1e-13)
