"""L-LEARN against a hidden state: values are those of the joint chain, and no simple change gains."""

from itertools import product

import numpy as np
import pytest

from altmarl_ros.games import HiddenState, TabularGame
from altmarl_ros.learning.coordinator_response import response_to
from altmarl_ros.learning.memoryless import MemorylessWorld, best_memoryless
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.observation.start_posterior import mean_start


def world(seed, D=2, S_g=2, A_g=2, S_l=2, A_l=2):
    rng = np.random.default_rng(seed)
    P_d = 0.8 * np.eye(D) + 0.2 * rng.dirichlet(np.ones(D), D)
    hidden = HiddenState(P_d, rng.dirichlet(np.ones(S_l), (D, S_l, S_g, A_l)), rng.normal(size=(D, S_l, S_g, A_l)))
    game = TabularGame(
        "world", rng.dirichlet(np.ones(S_g), (S_g, A_g)), r_g=rng.normal(size=(S_g, A_g)), gamma=0.9, hidden=hidden
    )
    return game, Occupancy.of(rng.random((S_g, D * S_l, A_g)))


def value(game, occupancy, policy):
    """The discounted reward of a robot by a dense linear system over (s_g, d, s_l)."""
    D, S_l, S_g = len(game.hidden), game.n_local_states, game.n_global_states
    q = occupancy.dense / occupancy.dense.sum(axis=2, keepdims=True)  # [s_g, x, a_g]
    kernels, rewards = game.under(policy)
    size = S_g * D * S_l
    P, r = np.zeros((size, size)), np.zeros(size)
    for s, x in product(range(S_g), range(D * S_l)):
        r[s * D * S_l + x] = rewards[s][x] + q[s, x] @ game.r_g[s]
        P[s * D * S_l + x] = np.outer(q[s, x] @ game.P_g[s], kernels[s].toarray()[x]).ravel()
    start = np.outer(game.initial.rho_g, np.outer(game.hidden.rho_d, mean_start(game.initial))).ravel()
    return start @ np.linalg.solve(np.eye(size) - game.gamma * P, r)


def deterministic(game):
    S_l, S_g, A_l = game.r_l.shape
    for actions in product(range(A_l), repeat=S_l * S_g):
        yield np.eye(A_l)[np.array(actions).reshape(S_l, S_g)]


@pytest.mark.parametrize("seed", range(5))
def test_a_policy_earns_what_the_joint_chain_says(seed):
    game, occupancy = world(seed)
    policy = np.random.default_rng(seed).dirichlet(np.ones(2), (2, 2))
    found = MemorylessWorld(game, response_to(game, occupancy)).solved(policy)
    assert found.value == pytest.approx(value(game, occupancy, policy), abs=1e-6)


@pytest.mark.slow
def test_it_is_near_the_best_policy_without_memory():
    for seed in range(12):
        game, occupancy = world(seed)
        found = best_memoryless(game, occupancy)
        earned = value(game, occupancy, found.policy)
        values = [value(game, occupancy, policy) for policy in deterministic(game)]
        assert found.value == pytest.approx(earned, abs=1e-6)
        assert earned >= max(values) - 0.05 * np.ptp(values)


def test_a_policy_that_is_given_is_never_made_worse():
    game, occupancy = world(3)
    best = max(deterministic(game), key=lambda policy: value(game, occupancy, policy))
    assert best_memoryless(game, occupancy, (best,)).value >= value(game, occupancy, best) - 1e-9


def test_mixing_actions_is_found_where_no_single_one_serves():
    # A robot at the same place earns by action d only, and the place moves on by the other: aliased states need a coin.
    P_l = np.zeros((2, 2, 1, 2, 2))
    P_l[:, 0, :, :, 0] = P_l[:, 1, :, :, 1] = 1.0
    r_l = np.zeros((2, 2, 1, 2))
    r_l[0, :, 0, 0] = r_l[1, :, 0, 1] = 1.0
    hidden = HiddenState(np.full((2, 2), 0.5), P_l, r_l)
    game = TabularGame("coin", np.ones((1, 1, 1)), r_g=np.zeros((1, 1)), gamma=0.9, hidden=hidden)
    assert best_memoryless(game, Occupancy.of(np.ones((1, 4, 1)))).value == pytest.approx(5.0)
