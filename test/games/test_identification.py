from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from altmarl_ros.errors import GameError, ResourceError
from altmarl_ros.games import load_game
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.game_files import load_posterior, save_identified_game
from altmarl_ros.games.identification import (
    count_transitions,
    draw_kernels,
    feels_global_state,
    identify,
    transitions_needed,
)
from altmarl_ros.games.trajectory import UNKNOWN, Trajectory


@pytest.fixture(scope="module")
def game(random_game):
    return random_game(3, S_g=2, S_l=3, A_l=2)


def played(game, ticks, n, seed):
    """A run of independent robots under random actions [T], [T, n], [T, n]."""
    rng = np.random.default_rng(seed)
    s_g = rng.integers(game.n_global_states, size=ticks)
    a_l = rng.integers(game.n_local_actions, size=(ticks, n))
    s_l = np.zeros((ticks, n), dtype=np.int64)
    for t in range(ticks - 1):
        cumulative = game.P_l[s_l[t], s_g[t], a_l[t]].cumsum(axis=-1)
        s_l[t + 1] = (rng.random(n)[:, None] >= cumulative[:, :-1]).sum(axis=1)
    return s_g, s_l, a_l


def counted(game, ticks, n, seed=0):
    s_g, s_l, a_l = played(game, ticks, n, seed)
    nothing = np.zeros(ticks, int)
    return count_transitions(game, Trajectory(nothing, np.arange(ticks), s_g, nothing, s_l, a_l))


def test_transitions_are_counted_one_by_one(game):
    s_g, s_l, a_l = played(game, 30, 4, 1)
    expected = np.zeros(game.P_l.shape, dtype=int)
    for t in range(29):
        for i in range(4):
            expected[s_l[t, i], s_g[t], a_l[t, i], s_l[t + 1, i]] += 1
    np.testing.assert_array_equal(counted(game, 30, 4, 1), expected)


def test_gaps_sessions_and_idle_robots_do_not_count(game):
    session, tick = [1, 1, 1, 2, 2], [0, 1, 3, 4, 5]  # follow: 0-1 and 3-4 (by position)
    s_g = [0, 0, 0, 1, 1]
    s_l = np.array([[0, 1, 2], [1, 1, UNKNOWN], [0, 0, 0], [2, 2, 0], [0, 1, 0]])
    a_l = np.array([[1, UNKNOWN, 1], [0, 0, 0], [1, 1, 1], [0, 1, UNKNOWN], [0, 0, 0]])
    counts = count_transitions(game, Trajectory(session, tick, s_g, np.zeros(5, int), s_l, a_l))
    assert {tuple(index) for index in np.argwhere(counts).tolist()} == {(0, 0, 1, 1), (2, 1, 0, 0), (2, 1, 1, 1)}
    assert counts.sum() == 3


def test_posterior_is_the_dirichlets(game):
    counts = np.zeros(game.P_l.shape, dtype=np.int64)
    counts[1, 0, 1] = [5, 0, 15]
    kernel = identify(game.P_l, counts, weight=30.0)
    alpha = 30.0 * game.P_l[1, 0, 1] + [5, 0, 15]
    draws = np.random.default_rng(0).dirichlet(alpha, 200_000)
    np.testing.assert_allclose(kernel.P_l[1, 0, 1], draws.mean(axis=0), atol=5e-4)
    np.testing.assert_allclose(kernel.standard_error[1, 0, 1], draws.std(axis=0), rtol=0.02)
    np.testing.assert_allclose(kernel.P_l[0], game.P_l[0], rtol=1e-12)
    np.testing.assert_allclose(kernel.P_l.sum(axis=-1), 1.0, rtol=1e-12)


def test_a_known_kernel_is_recovered_at_the_monte_carlo_rate(game):
    guess = np.full(game.P_l.shape, 1 / 3)
    errors = []
    for ticks in (100, 1600):
        kernel = identify(guess, counted(game, ticks, 60), weight=1.0)
        errors.append(np.sqrt(np.mean((kernel.P_l - game.P_l) ** 2)))
        z = (kernel.P_l - game.P_l) / kernel.standard_error
        assert 0.6 < np.sqrt(np.mean(z**2)) < 1.5  # the errors are as large as they claim
    assert errors[1] < 0.01
    assert 2.0 < errors[0] / errors[1] < 8.0  # 16 times the data, a quarter of the error


def test_surprise_is_standard_normal_under_the_model_and_large_beside_it(game):
    counts = counted(game, 2000, 40, seed=5)
    right = identify(game.P_l, counts).surprise()
    assert 0.6 < right.std() < 1.4
    assert np.abs(right).max() < 4.5
    wrong = np.full(game.P_l.shape, 1 / 3)
    assert np.abs(identify(wrong, counts).surprise()).max() > 20


def test_an_impossible_transition_stays_so_until_it_is_seen():
    model, counts = np.zeros((2, 1, 1, 2)), np.zeros((2, 1, 1, 2), dtype=np.int64)
    model[:, 0, 0] = np.eye(2)
    counts[0, 0, 0, 0] = counts[1, 0, 0, 0] = 10
    kernel = identify(model, counts, weight=10.0)
    assert kernel.P_l[0, 0, 0].tolist() == [1, 0]
    assert kernel.P_l[1, 0, 0].tolist() == [0.5, 0.5]
    assert kernel.surprise()[0, 0, 0].tolist() == [0, 0]
    assert kernel.surprise()[1, 0, 0].tolist() == [10, -10]


@pytest.mark.parametrize(
    ("change", "culprit"),
    [
        ({"global_state": [0, 2]}, "global_state[1] is 2, must be below 2"),
        ({"global_action": [-1, 0]}, "global_action[0] is -1"),
        ({"local_state": [[0], [3]]}, "local_state[1, 0] is 3, must be below 3"),
        ({"local_action": [[0], [-2]]}, "local_action[1, 0] is -2"),
        ({"local_state": [0, 1]}, "local_state has shape (2,)"),
        ({"local_action": [[0, 0], [1, 1]]}, "local_action has shape (2, 2)"),
        ({"tick": [0]}, "tick has shape (1,)"),
        ({"session": [0.5, 0.5]}, "session has shape (2,) of float64"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(game, change, culprit):
    run = {
        "session": [0, 0],
        "tick": [0, 1],
        "global_state": [0, 1],
        "global_action": [0, 1],
        "local_state": [[0], [1]],
        "local_action": [[0], [1]],
    }
    with pytest.raises(GameError) as refusal:
        count_transitions(game, Trajectory(**{**run, **change}))
    assert culprit in str(refusal.value)


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_a_weight_that_is_none_is_refused(game, weight):
    with pytest.raises(GameError, match=r"weight is .*, must be positive"):
        identify(game.P_l, np.zeros(game.P_l.shape, dtype=np.int64), weight)


@pytest.fixture(scope="module")
def blind(game):
    """A game whose robots move in the same way at every s_g."""
    return replace(game, P_l=np.repeat(game.P_l[:, :1], 2, axis=1))


def test_only_a_kernel_that_is_the_same_everywhere_does_not_feel_the_global_state(game, blind):
    assert feels_global_state(game.P_l)
    assert not feels_global_state(blind.P_l)


def test_pooled_rows_are_those_of_a_game_without_global_states(blind):
    counts = counted(blind, 200, 5)
    pooled = identify(blind.P_l, counts, 7.0, pool=True)
    alone = identify(blind.P_l[:, :1], counts.sum(axis=1, keepdims=True), 7.0)
    assert pooled.pooled
    assert not alone.pooled
    np.testing.assert_array_equal(pooled.alpha, alone.alpha)
    np.testing.assert_array_equal(pooled.surprise(), alone.surprise())
    for s_g in range(2):
        np.testing.assert_array_equal(pooled.P_l[:, s_g], alone.P_l[:, 0])
        np.testing.assert_array_equal(pooled.standard_error[:, s_g], alone.standard_error[:, 0])
    assert pooled.deviation.mean() < 0.85 * identify(blind.P_l, counts, 7.0).deviation.mean()  # nearly sqrt(2) more precise


def test_rows_that_the_model_tells_apart_are_not_pooled(game):
    with pytest.raises(GameError, match="differs between global states"):
        identify(game.P_l, np.zeros(game.P_l.shape, dtype=np.int64), pool=True)


def test_intervals_hold_the_truth_as_often_as_they_say(game):
    rng = np.random.default_rng(4)
    row, hits = game.P_l[1, 0, 1], []
    for _ in range(400):
        truth = rng.dirichlet(20.0 * row)
        counts = np.zeros(game.P_l.shape, dtype=np.int64)
        counts[1, 0, 1] = rng.multinomial(30, truth)
        low, high = identify(game.P_l, counts, weight=20.0).interval(0.8)
        hits.append((low[1, 0, 1] <= truth) & (truth <= high[1, 0, 1]))
    assert np.mean(hits) == pytest.approx(0.8, abs=0.05)


def test_intervals_are_betas_quantiles_and_points_where_nothing_is_left_to_chance():
    model, counts = np.zeros((3, 1, 1, 3)), np.zeros((3, 1, 1, 3), dtype=np.int64)
    model[:, 0, 0] = [[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]
    counts[0, 0, 0] = [3, 9, 0]
    low, high = identify(model, counts, weight=4.0).interval()
    np.testing.assert_allclose([low[0, 0, 0, 0], high[0, 0, 0, 0]], stats.beta(5, 11).ppf([0.025, 0.975]), rtol=1e-9)
    assert low[:, 0, 0, 2].tolist() == high[:, 0, 0, 2].tolist() == [0, 0, 1]
    assert low[1, 0, 0].tolist() == high[1, 0, 0].tolist() == [0, 1, 0]


def test_drawn_kernels_have_the_posteriors_mean_and_deviation(game):
    kernel = identify(game.P_l, counted(game, 30, 4), weight=3.0)
    draws = draw_kernels(kernel.alpha, 20_000, np.random.default_rng(0))
    np.testing.assert_allclose(draws.sum(axis=-1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(draws.mean(axis=0), kernel.mean, atol=0.01)
    np.testing.assert_allclose(draws.std(axis=0), kernel.deviation, atol=0.005)


def test_drawn_kernels_are_distributions_however_little_is_known():
    alpha = np.array([[1e-6, 1e-6, 0.0], [1e6, 2.0, 0.0]])
    draws = draw_kernels(alpha, 5000, np.random.default_rng(0))
    np.testing.assert_allclose(draws.sum(axis=-1), 1.0, rtol=1e-12)
    assert (draws[..., 2] == 0).all()
    assert draws[:, 0, 0].mean() == pytest.approx(0.5, abs=0.03)  # one or the other, each as likely
    assert draws[:, 0].max(axis=-1).min() > 0.99


@given(p=st.floats(0.0, 1.0), error=st.floats(0.005, 0.2), weight=st.floats(0.5, 50.0))
def test_so_many_transitions_give_the_wanted_error_and_one_less_does_not(p, error, weight):
    def deviation(transitions):
        return np.sqrt(p * (1 - p) / (weight + transitions + 1))

    needed = transitions_needed(p, error, weight)
    assert deviation(needed) <= error * (1 + 1e-6)
    assert needed == 0 or deviation(needed - 1) > error * (1 - 1e-6)


def test_a_kernel_of_many_states_is_identified_over_all_global_states_together(tmp_path):
    game = build_attention(AttentionParameters(width=18, height=18))
    rng = np.random.default_rng(0)
    states, s_g = rng.integers(324, size=(40, 30)), rng.integers(324, size=40)
    run = Trajectory(np.zeros(40, int), np.arange(40), s_g, s_g, states, np.ones((40, 30), int))
    with pytest.raises(ResourceError, match="the transitions of the game 'grid' would fill 1,297 MiB"):
        count_transitions(game, run)
    counts = count_transitions(game, run, pool=True)
    assert counts.shape == (324, 1, 5, 324)
    assert counts.sum() == 39 * 30
    kernel = identify(game.local_kernel.shared_table(), counts, pool=True, n_global_states=324)
    assert kernel.pooled
    assert kernel.P_l.shape == (324, 324, 5, 324)
    (tmp_path / "grid.yaml").write_text("name: grid\nbuilder: grid\nparameters: {width: 18, height: 18}\n")
    save_identified_game(tmp_path / "grid.yaml", kernel, tmp_path / "seen.yaml")
    again = load_game(tmp_path / "seen.yaml")
    assert again.local_kernel.n_kinds == 1
    np.testing.assert_allclose(again.local_kernel.shared_table(), kernel.mean, atol=1e-15)
    np.testing.assert_array_equal(load_posterior(tmp_path / "seen.yaml", again).alpha, kernel.alpha)


def test_counts_over_all_global_states_are_the_sum_of_those_of_each(warehouse):
    rng = np.random.default_rng(0)
    series = rng.integers(5, size=20)
    run = Trajectory(
        np.zeros(20, int), np.arange(20), series, series, rng.integers(5, size=(20, 9)), rng.integers(3, size=(20, 9))
    )
    apart, together = (count_transitions(warehouse, run, pool=pool) for pool in (False, True))
    np.testing.assert_array_equal(together, apart.sum(axis=1, keepdims=True))
