import numpy as np
import pytest
from scipy.stats import chisquare

from altmarl_ros.games import Start, TabularGame
from altmarl_ros.learning.occupancy import Occupancy
from altmarl_ros.learning.population import Fleets, Rollouts, simulate, start_fleets
from altmarl_ros.observation import Fresh
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

S_G, A_G, S_L, A_L = 2, 3, 3, 2


@pytest.fixture
def game(random_game):
    return random_game(11, S_G, A_G, S_L, A_L, gamma=0.8)


@pytest.fixture
def pi_l():
    return LocalPolicy(np.random.default_rng(12).dirichlet(np.ones(A_L), (S_L, S_G)))


def ladder(K, constant=None):
    rng = np.random.default_rng(13)
    rungs = [rng.integers(A_G, size=(S_G, number_of_counts(k, S_L)), dtype=np.uint16) for k in range(K + 1)]
    return Ladder(tuple(rungs if constant is None else [np.full_like(rung, constant) for rung in rungs]), S_L, A_G)


class Recorder(Fresh):
    """Records the reports it was given and the actions it decided."""

    def reset(self, runs):
        super().reset(runs)
        self.seen = []

    def decide(self, s_g, reports, n):
        action = super().decide(s_g, reports, n)
        self.seen.append((s_g.copy(), reports.copy(), action))
        return action


def fleets(runs, s_g, counts):
    return Fleets(np.full(runs, s_g), np.tile(counts, (runs, 1)))


def recorded(game, pi_l, start, k, horizon, *, seed=0, K=9):
    model = Recorder(ladder(K), game.initial)
    rollouts = simulate(game, pi_l, model, k=k, start=start, horizon=horizon, rng=np.random.default_rng(seed))
    s_g, reports, action = (np.array(column) for column in zip(*model.seen, strict=True))
    return rollouts, s_g, reports, action


def test_no_robot_is_lost_or_made(game, pi_l):
    start = start_fleets(game, 9, 50, np.random.default_rng(0))
    _, _, reports, _ = recorded(game, pi_l, start, 9, 20)
    assert (reports.sum(axis=-1) == 9).all()
    assert (reports >= 0).all()
    np.testing.assert_array_equal(reports[0], start.counts)


def test_one_tick_moves_robots_by_their_kernel(game, pi_l):
    runs, counts = 20_000, np.array([4, 0, 5])
    _, _, reports, _ = recorded(game, pi_l, fleets(runs, 1, counts), 9, 2)
    P = pi_l.transition(game)[1]
    variance = counts @ (P * (1 - P))
    assert (np.abs(reports[1].mean(axis=0) - counts @ P) < 4 * np.sqrt(variance / runs)).all()
    np.testing.assert_allclose(reports[1].var(axis=0), variance, rtol=0.06)


def test_one_tick_moves_the_global_state_by_its_kernel(game, pi_l):
    runs = 5000
    _, s_g, _, action = recorded(game, pi_l, fleets(runs, 0, [2, 2, 2]), 6, 2)
    assert len(set(action[0])) == 1
    assert chisquare(np.bincount(s_g[1], minlength=S_G), runs * game.P_g[0, action[0, 0]]).pvalue > 1e-3


def test_rewards_and_returns_of_a_deterministic_local_policy(game):
    greedy = LocalPolicy(np.eye(A_L)[np.array([[0, 1], [1, 1], [1, 0]])])
    start = start_fleets(game, 9, 5, np.random.default_rng(0))
    rollouts, s_g, counts, action = recorded(game, greedy, start, 9, 12)
    r_pi = greedy.reward(game)
    for t in range(12):
        for r in range(5):
            expected = game.r_g[s_g[t, r], action[t, r]] + counts[t, r] @ r_pi[s_g[t, r]] / 9
            assert rollouts.rewards[r, t] == pytest.approx(expected)
    np.testing.assert_allclose(rollouts.returns, sum(0.8**t * rollouts.rewards[:, t] for t in range(12)))


def test_occupancy_and_mode_hits_are_those_of_the_episode(game, pi_l):
    start = start_fleets(game, 9, 5, np.random.default_rng(0))
    rollouts, s_g, counts, action = recorded(game, pi_l, start, 9, 12)
    occupancy = np.zeros((S_G, S_L, A_G))
    for t in range(12):
        for r in range(5):
            occupancy[s_g[t, r], :, action[t, r]] += 0.8**t * counts[t, r] / 9
    np.testing.assert_allclose(rollouts.occupancy, occupancy)
    np.testing.assert_allclose(rollouts.mode_hits, (action == counts.argmax(axis=-1)).mean(axis=0))


def test_value_and_standard_error():
    rollouts = Rollouts(np.zeros((4, 1)), np.array([1.0, 2.0, 3.0, 6.0]), np.zeros(4), Occupancy.of(np.zeros((1, 1, 1))))
    assert rollouts.value == 3.0
    assert rollouts.standard_error == pytest.approx(np.sqrt(14 / 3) / 2)


def test_seed_makes_the_episode(game, pi_l):
    start = start_fleets(game, 30, 4, np.random.default_rng(0))
    one, same, other = (recorded(game, pi_l, start, 3, 10, seed=seed) for seed in (5, 5, 6))
    for a, b in zip(one[1:], same[1:], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one[0].rewards, same[0].rewards)
    assert (one[0].rewards != other[0].rewards).all(axis=0).any()


def test_hearing_more_changes_no_robot(game, pi_l):
    """Common random numbers: with the same actions the dynamics are the same, whatever reports came in."""
    start = start_fleets(game, 30, 4, np.random.default_rng(0))
    one, two = (
        simulate(
            game, pi_l, Fresh(ladder(9, constant=1), game.initial), k=k, start=start, horizon=20, rng=np.random.default_rng(0)
        ).rewards
        for k in (0, 9)
    )
    np.testing.assert_array_equal(one, two)


def test_start_is_not_altered(game, pi_l):
    start = start_fleets(game, 9, 5, np.random.default_rng(0))
    before = start.s_g.copy(), start.counts.copy()
    simulate(game, pi_l, Fresh(ladder(3), game.initial), k=3, start=start, horizon=5, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(start.s_g, before[0])
    np.testing.assert_array_equal(start.counts, before[1])


@pytest.mark.parametrize(("alpha", "least", "most"), [(1e6, 0.3, 0.37), (1e-4, 0.99, 1.0)])
def test_start_follows_the_games_distribution(game, alpha, least, most):
    start = Start(np.array([0.2, 0.8]), np.full(S_L, alpha))
    game = TabularGame("start", game.P_g, game.P_l, game.r_g, game.r_l, gamma=game.gamma, start=start)
    first = start_fleets(game, 10_000, 3000, np.random.default_rng(0))
    assert chisquare(np.bincount(first.s_g), [600, 2400]).pvalue > 1e-3
    assert (first.counts.sum(axis=1) == 10_000).all()
    assert least < np.median(first.counts.max(axis=1)) / 10_000 <= most


def test_rows_within_the_tolerance_of_a_game_can_be_played(game, pi_l):
    P_l = game.P_l.copy()
    P_l[..., :] = [0.5, 0.5 + 5e-10, 0.0]
    rounded = TabularGame("rounded", game.P_g, P_l, game.r_g, game.r_l, gamma=game.gamma)
    rollouts = simulate(
        rounded,
        pi_l,
        Fresh(ladder(0), game.initial),
        k=0,
        start=fleets(2, 0, [3, 3, 3]),
        horizon=3,
        rng=np.random.default_rng(0),
    )
    assert np.isfinite(rollouts.rewards).all()
