from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from altmarl_ros.errors import AltmarlError, GameError
from altmarl_ros.games import HiddenState
from altmarl_ros.games.holding import held_back
from altmarl_ros.games.room import Places, Room
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.trajectory import UNKNOWN, Trajectory
from altmarl_ros.learning import prediction
from altmarl_ros.learning.prediction import compare, in_regimes, runs_in_regimes
from altmarl_ros.policies import LocalPolicy


def one_action(P, S_g=1):
    """A game whose robots move by P [s_l, s_l'], or [s_g, s_l, s_l'], and earn 1 in state 0."""
    P = np.broadcast_to(P, (S_g, *np.shape(P)[-2:]))
    L = P.shape[-1]
    return TabularGame(
        "chain",
        np.full((S_g, 1, S_g), 1 / S_g),
        P.transpose(1, 0, 2)[:, :, None],
        np.zeros((S_g, 1)),
        np.eye(L)[0][:, None, None] * np.ones((L, S_g, 1)),
        gamma=0.9,
    )


def run_of(s_l, a_l=None, s_g=None, a_g=None, session=None):
    s_l = np.asarray(s_l)
    T, nothing = len(s_l), np.zeros(len(s_l), dtype=np.int64)
    a_l = np.where(s_l == UNKNOWN, UNKNOWN, 0) if a_l is None else a_l
    given = (nothing if each is None else each for each in (s_g, a_g))
    return Trajectory(nothing if session is None else session, np.arange(T), *given, s_l, a_l)


def against(game, run, kernels=None, fleets=1000, seed=0):
    kernels = game.P_l[None] if kernels is None else kernels
    return compare(game, LocalPolicy.uniform(game), kernels, [run], fleets=fleets, rng=np.random.default_rng(seed))


def played(game, pi_l, T, n, seed):
    """A run of the game under random global states, robot by robot."""
    rng = np.random.default_rng(seed)
    s_g, s_l = rng.integers(game.n_global_states, size=T), np.zeros((T, n), dtype=np.int64)
    a_g, a_l = rng.integers(game.n_global_actions, size=T), np.zeros((T, n), dtype=np.int64)
    s_l[0] = rng.integers(game.n_local_states, size=n)
    act, move = pi_l.probabilities.cumsum(axis=-1), game.P_l.cumsum(axis=-1)
    for t in range(T):
        a_l[t] = (rng.random((n, 1)) >= act[s_l[t], s_g[t], :-1]).sum(axis=1)
        if t + 1 < T:
            s_l[t + 1] = (rng.random((n, 1)) >= move[s_l[t], s_g[t], a_l[t], :-1]).sum(axis=1)
    return run_of(s_l, a_l, s_g, a_g)


def test_without_chance_the_band_is_a_line():
    forward, backward = np.roll(np.eye(3), 1, axis=1), np.roll(np.eye(3), -1, axis=1)
    game = one_action([forward, backward], S_g=2)
    s_g = np.array([0, 0, 1, 0, 1])
    s_l = (np.array([0, 0, 1])[None] + np.array([0, 1, 2, 1, 2])[:, None]) % 3
    result = against(game, run_of(s_l, s_g=s_g))
    np.testing.assert_array_equal(result.low, result.high)
    np.testing.assert_allclose(result.low, result.observed, rtol=1e-12)
    assert result.inside.all()
    assert (result.simulated_shares == 1).all()
    assert result.holds
    s_l[3] = (s_l[3] + 1) % 3
    wrong = against(game, run_of(s_l, s_g=s_g))
    assert wrong.inside.all(axis=1).tolist() == [True, True, True, False, True]
    assert not wrong.holds


@pytest.mark.slow
def test_bands_are_binomial_quantiles():
    q, n, T = 0.8, 40, 6
    game = one_action([[q, 1 - q], [0, 1]])
    result = against(game, run_of(np.zeros((T, n), dtype=int)), fleets=40_000)
    for t in range(T):
        expected = stats.binom.ppf([0.025, 0.975], n, q**t)
        np.testing.assert_allclose([result.low[t, 0], result.high[t, 0]], expected, atol=0.2)
        assert result.mean[t, 0] == pytest.approx(n * q**t, abs=0.1)
        np.testing.assert_allclose(result.mean[t, 2], result.mean[t, 0] / n, rtol=1e-12)  # the reward counts state 0


@pytest.mark.slow
def test_bands_of_an_uncertain_kernel_are_beta_binomial_quantiles():
    n, a, b = 50, 6.0, 3.0
    game = one_action([[a / (a + b), b / (a + b)], [0, 1]])
    rows = np.random.default_rng(3).beta(a, b, 40_000)
    kernels = np.broadcast_to(game.P_l, (len(rows), *game.P_l.shape)).copy()
    kernels[:, 0, 0, 0] = np.stack([rows, 1 - rows], axis=-1)
    result = against(game, run_of(np.zeros((2, n), dtype=int)), kernels, fleets=40_000)
    expected = stats.betabinom.ppf([0.025, 0.975], n, a, b)
    np.testing.assert_allclose([result.low[1, 0], result.high[1, 0]], expected, atol=1.2)
    known = against(game, run_of(np.zeros((2, n), dtype=int)))
    assert result.high[1, 0] - result.low[1, 0] > 1.5 * (known.high[1, 0] - known.low[1, 0])


def test_a_kernel_given_once_for_all_global_states_is_that_at_each(random_game):
    game = random_game(5, S_g=2, S_l=3, A_l=2)
    game = replace(game, P_l=np.repeat(game.P_l[:, :1], 2, axis=1))
    run = played(game, LocalPolicy.uniform(game), 10, 6, 0)
    whole, once = against(game, run), against(game, run, game.P_l[None, :, :1])
    np.testing.assert_array_equal(whole.low, once.low)
    np.testing.assert_array_equal(whole.mean, once.mean)


@pytest.mark.slow
def test_runs_of_the_model_lie_in_the_bands_and_are_seldom_rejected(random_game):
    game = random_game(8, S_g=2, S_l=3, A_l=2, inertia=0.6)
    pi_l = LocalPolicy.uniform(game)
    results = [against(game, played(game, pi_l, 30, 60, seed), fleets=400, seed=seed) for seed in range(60)]
    shares = np.mean([result.shares for result in results], axis=0)
    expected = np.mean([result.expected_shares for result in results], axis=0)
    assert (np.abs(shares - expected) < 0.025).all()
    assert shares[-1] == pytest.approx(0.95, abs=0.025)  # the reward is nearly continuous
    assert (shares > 0.92).all()
    rejected = sum(not result.holds for result in results)
    assert stats.binomtest(rejected, len(results), 0.05, alternative="greater").pvalue > 0.01


def test_runs_of_another_kernel_are_rejected(random_game):
    game, other = (random_game(seed, S_g=2, S_l=3, A_l=2) for seed in (8, 9))
    results = [against(game, played(other, LocalPolicy.uniform(game), 30, 60, seed), fleets=400) for seed in range(5)]
    assert not any(result.holds for result in results)


def test_slow_robots_that_are_found_in_the_same_places_are_rejected_by_their_moves(random_game):
    game = random_game(8, S_g=2, S_l=3, A_l=2, inertia=0.2)
    slow = replace(game, P_l=0.3 * game.P_l + 0.7 * np.eye(3)[:, None, None])
    results = [against(game, played(slow, LocalPolicy.uniform(game), 30, 60, seed), fleets=400) for seed in range(5)]
    assert not any(result.holds for result in results)
    assert max(result.transition_significance for result in results) < 0.01
    assert any(result.band_significance > 0.025 for result in results)


def test_slow_robots_are_rejected_on_their_way():
    P = np.array([[0.2, 0.8, 0, 0], [0, 0.2, 0.8, 0], [0, 0, 0.2, 0.8], [0, 0, 0, 1]])
    game, slow = one_action(P), one_action(0.5 * P + 0.5 * np.eye(4))
    assert not against(game, played(slow, LocalPolicy.uniform(game), 15, 30, 0)).holds


def test_robots_that_come_and_go_and_those_that_do_not_act():
    game = one_action([[0, 1], [1, 0]])  # who acts changes sides
    s_l = [[0, 0, 1, UNKNOWN], [1, 0, 0, 0], [0, UNKNOWN, UNKNOWN, 1], [1, 0, UNKNOWN, 0]]
    a_l = [[0, UNKNOWN, 0, UNKNOWN], [0, 0, 0, UNKNOWN], [0, UNKNOWN, UNKNOWN, 0], [0, 0, UNKNOWN, 0]]
    result = against(game, run_of(s_l, a_l), fleets=4000)
    robots = (np.array(s_l) != UNKNOWN).sum(axis=1)
    np.testing.assert_allclose(result.mean[:, :2].sum(axis=1), robots, rtol=1e-12)
    # Of 2 in state 0 and 1 in state 1 one does not act: 2/3 it is one of the first; then robot 3 appears in 0.
    assert result.mean[1, 0] == pytest.approx(1 + 2 / 3 * 2 + 1 / 3 * 0, abs=0.05)
    assert result.inside.all()


def test_after_a_gap_all_begin_anew():
    game = one_action([[0.5, 0.5], [0, 1]])
    run = run_of(np.zeros((4, 20), dtype=int), session=[0, 0, 1, 1])
    result = against(game, run)
    for t in (0, 2):
        assert (result.low[t, 0], result.high[t, 0]) == (20, 20)
    assert result.inside[:, 0].tolist() == [True, False, True, False]


def test_what_cannot_be_compared_is_refused(warehouse):
    game = one_action([[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(GameError, match=r"local_state\[0, 0\] is 2, must be below 2"):
        against(game, run_of([[2]]))
    with pytest.raises(AltmarlError, match="0 ticks and 1000 fleets"):
        against(game, run_of(np.zeros((0, 1), dtype=int)))
    with pytest.raises(AltmarlError, match="the policy has shape"):
        compare(game, LocalPolicy.uniform(warehouse), game.P_l[None], [run_of([[0]])], fleets=100, rng=np.random.default_rng(0))


def crowded(T, n, seed, stays):
    """A run of n robots that want to go round three places with probability 1 - stays, with little room in each."""
    game = one_action(stays * np.eye(3) + (1.0 - stays) * np.roll(np.eye(3), 1, axis=1))
    room = Room.of_shares(Places.of_states(game.local_state_names), 0.42)
    rng, limits = np.random.default_rng(seed), room.limits(n)
    s_l = np.zeros((T, n), dtype=np.int64)
    s_l[0] = np.arange(n) % 3
    for t in range(1, T):
        wanted = np.where(rng.random(n) < stays, s_l[t - 1], (s_l[t - 1] + 1) % 3)
        held = held_back(s_l[t - 1], wanted, rng.random(n), limits)
        s_l[t] = np.where(held, s_l[t - 1], wanted)
    return replace(game, room=room), run_of(s_l)


@pytest.mark.slow
def test_robots_that_were_held_back_are_no_contradiction_to_the_kernel():
    verdicts = []
    for seed in range(4):
        game, run = crowded(100, 12, seed, 0.2)
        verdicts.append(against(game, run, fleets=100, seed=seed).holds)
    assert sum(verdicts) >= 3
    assert not against(replace(game, room=None), run, fleets=100).holds, "without room it is one"
    slower = replace(game, local_kernel=one_action(0.4 * np.eye(3) + 0.6 * np.roll(np.eye(3), 1, axis=1)).local_kernel)
    assert not against(slower, run, fleets=100).holds, "room does not excuse everything"


def test_room_that_nobody_meets_changes_no_band():
    game, run = crowded(20, 12, 0, 0.2)
    wide, free = (replace(game, room=room) for room in (Room.of_shares(game.room.places, 1.0), None))
    a, b = against(wide, run, fleets=100), against(free, run, fleets=100)
    np.testing.assert_array_equal(a.low, b.low)
    np.testing.assert_array_equal(a.high, b.high)


@pytest.mark.parametrize("room", [False, True], ids=["no room", "room"])
def test_bands_are_the_same_however_few_moves_are_drawn_at_a_time(monkeypatch, room):
    """Two states of robots at a time, so that the pieces cut through fleets."""
    game, run = crowded(20, 12, 0, 0.2)
    game = replace(game, room=game.room if room else None)
    together = against(game, run, fleets=100)
    monkeypatch.setattr(prediction, "_MOST_NUMBERS", 2 * game.n_local_states)
    apart = against(game, run, fleets=100)
    for name in ("low", "mean", "high", "simulated_shares"):
        np.testing.assert_array_equal(getattr(apart, name), getattr(together, name))


@pytest.fixture
def demand():
    """A game whose robots move one way while d = 0 and another way while d = 1, which lasts 20 ticks; plays runs of it."""
    P_l = np.zeros((2, 2, 1, 1, 2))
    P_l[0, :, 0, 0], P_l[1, :, 0, 0] = [0.9, 0.1], [0.2, 0.8]
    r_l = np.arange(4.0).reshape(2, 2, 1, 1)
    hidden = HiddenState([[0.95, 0.05], [0.05, 0.95]], P_l, r_l)
    game = TabularGame("hidden", np.ones((1, 1, 1)), r_g=np.zeros((1, 1)), gamma=0.9, hidden=hidden)

    def play(seed, kernel=P_l, ticks=150, robots=10):
        rng = np.random.default_rng(seed)
        d, s_l = np.zeros(ticks, dtype=np.int64), np.zeros((ticks, robots), dtype=np.int64)
        for t in range(ticks - 1):
            s_l[t + 1] = rng.random(robots) < kernel[d[t], s_l[t], 0, 0, 1]
            d[t + 1] = d[t] if rng.random() < 0.95 else 1 - d[t]
        return replace(run_of(s_l), hidden_state=d)

    return game, P_l, play


def told(game, run, fleets=200, seed=0):
    rng = np.random.default_rng(seed)
    played, pi_l = in_regimes(game, LocalPolicy.uniform(game))
    return compare(played, pi_l, played.P_l[None], runs_in_regimes(game, run, 30, rng), fleets=fleets, rng=rng)


def test_a_recorded_hidden_state_takes_the_place_of_a_global_one(demand):
    game, _, play = demand
    run = play(0)
    for d, holds in ((run.hidden_state, True), (1 - run.hidden_state, False)):
        known = replace(run, hidden_state=d)
        (seen,) = runs_in_regimes(game, known, 30, np.random.default_rng(0))
        assert told(game, known).holds == holds
        np.testing.assert_allclose(seen.rewards(in_regimes(game, LocalPolicy.uniform(game))[0]), known.rewards(game))


def test_a_hidden_state_that_was_not_recorded_is_inferred(demand):
    game, P_l, play = demand
    runs = [play(seed) for seed in range(12)]
    verdicts = [told(game, replace(run, hidden_state=None)) for run in runs]
    assert sum(verdict.holds for verdict in verdicts) >= 11
    for run, verdict in zip(runs, verdicts, strict=True):
        known = told(game, run)
        assert np.abs(verdict.observed[:, -1] - known.observed[:, -1]).mean() < 0.15  # rewards are 0 to 3
        assert np.abs(verdict.mean - known.mean).mean() < 0.6  # of 10 robots
    slower = 0.5 * P_l + 0.5 * np.eye(2)[None, :, None, None]  # in both hidden states
    wrong = [told(game, replace(play(seed, slower), hidden_state=None)).holds for seed in range(4)]
    assert not any(wrong)


def test_a_hidden_state_that_was_recorded_in_part_is_kept_there(demand):
    game, _, play = demand
    run = play(3)
    known = np.arange(150) % 3 == 0
    drawn = runs_in_regimes(
        game, replace(run, hidden_state=np.where(known, run.hidden_state, UNKNOWN)), 30, np.random.default_rng(0)
    )
    assert len(drawn) == 30
    assert all((each.global_state[known] == run.hidden_state[known]).all() for each in drawn)
    assert len({tuple(each.global_state.tolist()) for each in drawn}) > 1
