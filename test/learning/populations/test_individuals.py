"""Robots with kernels of their own: against the population's counts, and against closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError, ResourceError
from altmarl_ros.games import HiddenState, TabularGame
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.room import Places, Room
from altmarl_ros.learning.evaluation import ALL_SEEN, INFORMED, RANDOM, Evaluation, common_start
from altmarl_ros.learning.local_agent import l_learn
from altmarl_ros.learning.local_responses import moved_by, own_responses, room_solution
from altmarl_ros.learning.memoryless import best_memoryless
from altmarl_ros.learning.populations.individuals import Individuals
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.populations.population import CountedPopulation, Fleets
from altmarl_ros.learning.populations.robot_kernels import RobotKernels, draw_kernels
from altmarl_ros.policies import LocalPolicy


def stage(game, bundle, spread, *, n=40, runs=600, seed=3, horizon=12):
    kernels = None if spread is None else draw_kernels(game, n, spread, np.random.default_rng([seed, 4]))
    return Evaluation(game, bundle, common_start(game, n, runs, seed), horizon, seed, kernels)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["fresh", "sticky", "filtered", ALL_SEEN, RANDOM])
def test_without_spread_they_are_the_population(warehouse, small_bundle, rule):
    counted, single = (stage(warehouse, small_bundle, spread).rollouts(rule, 3) for spread in (None, 0.0))
    for a, b in ((counted.rewards, single.rewards), (counted.rewards**2, single.rewards**2)):
        error = np.sqrt((a.var(axis=0) + b.var(axis=0)) / len(a))
        assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < 4.5 * error).all()
    hits = np.array([counted.mode_hits, single.mode_hits])
    assert abs(np.diff(hits.mean(axis=1))[0]) < 4.5 * np.sqrt(hits.var(axis=1).sum() / hits.shape[1])


@pytest.mark.parametrize("spread", [0.05, 0.4, 0.9, 0.9999, 1.0])
def test_kernels_have_the_mean_and_the_spread_that_are_asked_for(warehouse, spread):
    P = draw_kernels(warehouse, 4000, spread, np.random.default_rng(0)).dense
    p = warehouse.P_l
    deviation = spread * np.sqrt(p * (1 - p))
    assert np.allclose(P.sum(axis=-1), 1.0)
    assert (np.abs(P.mean(axis=0) - p) < 5.5 * deviation / np.sqrt(4000)).all()
    assert np.allclose(P.std(axis=0), deviation, rtol=0.25, atol=0.003)


def test_spread_1_makes_every_robot_deterministic_and_0_the_game(warehouse):
    rng = np.random.default_rng(0)
    assert set(np.unique(draw_kernels(warehouse, 50, 1.0, rng).dense)) == {0.0, 1.0}
    assert (draw_kernels(warehouse, 3, 0.0, rng).dense == warehouse.P_l).all()


def still(counts):
    """Fleets of these counts at s_g = 0."""
    return Fleets(np.zeros(len(counts), dtype=np.int64), np.array(counts))


def test_every_robot_moves_by_its_own_kernel_and_keeps_it(random_game):
    game = random_game(0, S_g=1, A_g=1, S_l=3, A_l=1)
    shift = np.roll(np.eye(3), 1, axis=1)  # s -> s + 1
    kernels = np.stack([np.linalg.matrix_power(shift, i % 3) for i in range(6)])[:, :, None, None, :]
    kernels = RobotKernels.from_dense(kernels)
    robots = Individuals(game, np.ones((1, 3, 1, 1)), kernels, still([[2, 2, 2]] * 4), np.random.default_rng(1))
    before, a_g = robots.states.copy(), np.zeros(4, dtype=np.int64)
    for tick in range(1, 4):
        reward = robots.step(a_g, np.random.default_rng(tick))
        assert (robots.states == (before + tick * np.arange(6)) % 3).all()
        was = (before + (tick - 1) * np.arange(6)) % 3
        assert reward == pytest.approx(game.r_g[0, 0] + game.r_l[was, 0, 0].mean(axis=1))
        assert (robots.counts == [[(row == j).sum() for j in range(3)] for row in robots.states]).all()


@pytest.mark.parametrize(("turnover", "stay"), [(0.0, 4), (0.5, 2), (1.0, 0)])
def test_a_sticky_subset_keeps_robots_and_not_states(random_game, turnover, stay):
    game = random_game(0, S_l=8)
    identity = RobotKernels.from_dense(np.broadcast_to(np.eye(8)[:, None, None, :], (8, *game.P_l.shape)))
    counts = np.ones((300, 8), dtype=np.int64)  # robot and state are one: reports name robots
    robots = Individuals(game, LocalPolicy.uniform(game).probabilities[None], identity, still(counts), np.random.default_rng(0))
    rng = np.random.default_rng(1)
    first, second = robots.poll(4, turnover, rng), robots.poll(4, turnover, rng)
    assert (first.sum(axis=1) == 4).all()
    assert (second.sum(axis=1) == 4).all()
    both = (first * second).sum(axis=1)
    assert both.min() >= stay
    expected = stay + (4 - stay) ** 2 / (8 - stay)  # the others are drawn among all that do not stay
    assert both.mean() == pytest.approx(expected, abs=0.25)
    assert second.mean(axis=0) == pytest.approx(np.full(8, 0.5), abs=0.13)


def test_best_responses_are_those_of_each_kernel(warehouse):
    occupancy = Occupancy.of(np.random.default_rng(0).random((5, 5, 5)))
    kernels = draw_kernels(warehouse, 3, 0.7, np.random.default_rng(1))
    policies = own_responses(warehouse, LocalPolicy.uniform(warehouse), kernels, occupancy)
    for kernel, policy in zip(kernels.dense, policies, strict=True):
        assert (policy == l_learn(replace(warehouse, P_l=kernel), occupancy).pi_l.probabilities).all()


def test_informed_robots_earn_more_than_those_that_go_by_the_mean(warehouse, small_bundle):
    play = stage(warehouse, small_bundle, 0.9, n=60, runs=100, horizon=40)
    gain = play.rollouts(INFORMED, 0).returns - play.rollouts(ALL_SEEN, 0).returns
    assert gain.mean() > 5 * gain.std() / 10


def test_what_cannot_be_drawn_is_refused(warehouse):
    for spread in (-0.1, 1.1, float("nan")):
        with pytest.raises(AltmarlError, match="spread"):
            draw_kernels(warehouse, 2, spread, np.random.default_rng(0))
    with pytest.raises(ResourceError, match="1000000 robots"):
        draw_kernels(warehouse, 1_000_000, 0.5, np.random.default_rng(0))


def test_a_seed_gives_the_same_again_and_another_does_not(warehouse, small_bundle):
    a, b, c = (stage(warehouse, small_bundle, 0.5, runs=20, seed=seed).rollouts("fresh", 2).returns for seed in (1, 1, 2))
    assert (a == b).all()
    assert (a != c).any()


def test_all_robots_of_a_fleet_are_placed(warehouse):
    counts = np.array([[3, 0, 1, 0, 2], [0, 0, 0, 6, 0]])
    kernels = draw_kernels(warehouse, 6, 0.0, np.random.default_rng(0))
    uniform = LocalPolicy.uniform(warehouse).probabilities[None]
    robots = Individuals(warehouse, uniform, kernels, still(counts), np.random.default_rng(5))
    assert (np.stack([np.bincount(row, minlength=5) for row in robots.states]) == counts).all()


def test_robots_of_many_zones_are_moved_by_what_is_not_zero():
    game = build_attention(AttentionParameters(width=8, height=8))
    kernels = draw_kernels(game, 20, 0.5, np.random.default_rng(0))
    assert kernels.data.shape == (20, 64 * len(game.local_kernel.rows.data))
    sums = np.add.reduceat(kernels.data, kernels.mean.indptr[:-1], axis=1)
    np.testing.assert_allclose(sums, 1.0, atol=1e-12)
    counts = np.bincount(np.arange(20), minlength=64)[None]
    robots = Individuals(game, LocalPolicy.uniform(game).probabilities[None], kernels, still(counts), np.random.default_rng(1))
    for tick in range(5):
        before = robots.states.copy()
        robots.step(np.array([0]), np.random.default_rng(tick))
        apart = np.abs(np.stack(np.divmod(robots.states, 8)) - np.stack(np.divmod(before, 8))).sum(axis=0)
        assert apart.max() == 1


@pytest.mark.parametrize("spread", [0.0, 0.3, 0.9999, 1.0])
def test_the_kernel_of_one_robot_is_its_table(random_game, spread):
    game = random_game(0, S_g=3, S_l=4)
    kernels = draw_kernels(game, 5, spread, np.random.default_rng(0))
    for i in range(5):
        np.testing.assert_allclose(np.stack(list(kernels.of_robot(i).blocks())), kernels.dense[i], atol=1e-15)
    assert (RobotKernels.from_dense(kernels.dense).dense == kernels.dense).all()


def hidden_game(room=None):
    """Robots that toggle between two states, more often in one hidden state than in the other."""
    P_l = np.empty((2, 2, 2, 2, 2))  # d, s_l, s_g, a_l, s_l'
    for d, s_l, s_g, a_l in np.ndindex(*P_l.shape[:4]):
        P_l[d, s_l, s_g, a_l] = np.roll([1.0 - (0.1 + 0.5 * d * a_l + 0.2 * s_g), 0.1 + 0.5 * d * a_l + 0.2 * s_g], s_l)
    r_l = np.random.default_rng(0).normal(size=(2, 2, 2, 2))
    hidden = HiddenState([[0.8, 0.2], [0.3, 0.7]], P_l, r_l)
    P_g = np.tile(0.8 * np.eye(2) + 0.1, (2, 1, 1))
    return TabularGame("toggle", P_g, r_g=np.zeros((2, 2)), gamma=0.9, hidden=hidden, room=room)


def test_robots_of_one_kernel_are_the_population_with_a_hidden_state_too():
    game, R = hidden_game(), 3000
    uniform = LocalPolicy.uniform(game)
    start = Fleets(np.arange(R) % 2, np.tile([5, 2], (R, 1)), np.arange(R) // 2 % 2)
    kernels = draw_kernels(game, 7, 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(kernels.dense[3], np.stack(list(game.hidden.local_kernel.blocks())), atol=1e-15)
    robots = Individuals(game, uniform.probabilities[None], kernels, start, np.random.default_rng(1))
    counted = CountedPopulation(game, uniform, start)
    rngs = np.random.default_rng(2), np.random.default_rng(3)
    for tick in range(4):
        a_g = np.arange(R) // 4 % 2
        a, b = robots.step(a_g, rngs[0]), counted.step(a_g, rngs[1])
        for x, y in ((a, b), (robots.counts[:, 0], counted.counts[:, 0]), (robots.d, counted.d)):
            for mean, other in ((x, y), (x * start.d, y * start.d), (x**2, y**2)):
                error = np.sqrt((mean.var() + other.var()) / R)
                assert abs(mean.mean() - other.mean()) < 4.5 * error, tick


@pytest.mark.slow
def test_informed_robots_meet_the_hidden_state_by_their_own_kernels():
    game = hidden_game()
    pi_l = LocalPolicy.uniform(game)
    occupancy = Occupancy.of(np.random.default_rng(4).random((2, 4, 2)))
    kernels = draw_kernels(game, 4, 0.8, np.random.default_rng(1))
    policies = own_responses(game, pi_l, kernels, occupancy)
    assert policies.shape == (4, 2, 2, 2)
    for i, policy in enumerate(policies):
        own = moved_by(game, kernels.of_robot(i))
        assert (own.hidden.local_kernel.rows.dense() == kernels.of_robot(i).rows.dense()).all()
        earned = [best_memoryless(own, occupancy, (p,)).value for p in (policy, pi_l.probabilities)]
        assert earned[0] >= earned[1] - 1e-9


def test_informed_robots_keep_to_their_share_of_the_room(warehouse):
    game = replace(warehouse, room=Room.of_shares(Places.of_states(warehouse.local_state_names), 0.4))
    occupancy = Occupancy.of(np.random.default_rng(0).random((5, 5, 5)))
    kernels = draw_kernels(game, 5, 0.5, np.random.default_rng(1))
    policies = own_responses(game, LocalPolicy.uniform(game), kernels, occupancy)
    for i, policy in enumerate(policies):
        solution = room_solution(moved_by(game, kernels.of_robot(i)), occupancy, 5)
        assert (policy == solution.probabilities).all()
        shares = solution.x.sum(axis=2)
        assert (shares <= 0.4 * shares.sum(axis=1, keepdims=True) + solution.overflow + 1e-7).all()
