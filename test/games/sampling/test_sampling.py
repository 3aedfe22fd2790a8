"""Tests that sampled tables are those of the simulator within their errors, and that what was not seen is said."""

import numpy as np
import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.games import HiddenState, Start, TabularGame, load_game
from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.games.sampling import Outcome, sample_game

SETS = {"states": {"global": "ab", "local": "xyz"}, "actions": {"global": "gh", "local": "lr"}}


def oracle(game):
    """The generative oracle of a game, by numbers."""
    P_g, hidden = game.P_g, game.hidden

    def step(at, rng):
        s_g, s_l, a_l = at.global_state, at.local_state, at.local_action
        d, after_d = at.hidden_state, ()
        P_l, r_l = (game.P_l, game.r_l) if hidden is None else (tables(hidden)[0][d], tables(hidden)[1][d])
        if hidden is not None:
            after_d = (int(rng.choice(len(hidden), p=hidden.P_d[d])),)
        return (
            int(rng.choice(len(P_g), p=P_g[s_g, at.global_action])),
            int(rng.choice(len(P_l), p=P_l[s_l, s_g, a_l])),
            game.r_g[s_g, at.global_action],
            r_l[s_l, s_g, a_l] + rng.normal(0.0, 0.1),
            *after_d,
        )

    return step


def tables(hidden):
    """P_l [d, s_l, s_g, a_l, s_l'] and r_l [d, s_l, s_g, a_l] of a hidden state."""
    S_l, regimes, A_l, _ = hidden.local_kernel.shape
    D, S_g = len(hidden), regimes // len(hidden)
    dense = hidden.local_kernel.rows.dense().reshape(-1, A_l, S_l, S_l)[hidden.local_kernel.moves_at]
    return dense.reshape(D, S_g, A_l, S_l, S_l).transpose(0, 3, 1, 2, 4), hidden.r_l.reshape(S_l, D, S_g, A_l).transpose(
        1, 0, 2, 3
    )


def numbered(game):
    hidden = {} if game.hidden is None else {"hidden": range(len(game.hidden))}
    states = {"global": range(game.n_global_states), "local": range(game.n_local_states), **hidden}
    return {"states": states, "actions": {"global": range(game.n_global_actions), "local": range(game.n_local_actions)}}


def within(estimate, truth, error, sigmas=5.0):
    """Whether estimates are near the truth; where all samples were alike the error is 0, and a rare one may be missed."""
    return (np.abs(estimate - truth) <= sigmas * error + 0.03).all()


def test_tables_are_those_of_the_simulator():
    game = build_random_game(RandomGameParameters(seed=3))
    sampled = sample_game(oracle(game), **numbered(game), samples=400, gamma=game.gamma, seed=1)
    assert within(sampled.game.P_g, game.P_g, sampled.global_error)
    assert within(sampled.game.P_l, game.P_l, sampled.local_error[0])
    np.testing.assert_allclose(sampled.game.r_g, game.r_g)
    assert within(sampled.game.r_l, game.r_l, sampled.tally.r_l.error[0])
    assert sampled.tally.r_l.error[0] == pytest.approx(0.1 / np.sqrt(400), rel=0.3)
    assert (sampled.local_samples == 400).all()
    assert sampled.hardly_visited() == []
    assert "seen less than 30 times: nothing" in str(sampled)


def test_a_hidden_state_is_sampled_as_well():
    rng = np.random.default_rng(0)
    P_l, P_g = rng.dirichlet(np.ones(3), size=(2, 3, 2, 2)), rng.dirichlet(np.ones(2), size=(2, 2))
    hidden = HiddenState([[0.9, 0.1], [0.3, 0.7]], P_l, rng.random((2, 3, 2, 2)))
    game = TabularGame("hidden", P_g, r_g=np.zeros((2, 2)), gamma=0.9, hidden=hidden)
    sampled = sample_game(oracle(game), **numbered(game), samples=300)
    assert sampled.game.hidden is not None
    assert within(sampled.game.hidden.P_d, hidden.P_d, 0.01)
    found, expected = tables(sampled.game.hidden), tables(hidden)
    np.testing.assert_allclose(expected[0], P_l)
    assert within(found[0], expected[0], sampled.local_error)
    assert within(found[1], expected[1], sampled.tally.r_l.error)


def test_every_action_of_the_coordinator_is_asked_often_enough():
    sets = {"states": {"global": [0], "local": [0]}, "actions": {"global": range(50), "local": [0]}}
    sampled = sample_game(lambda at, rng: (0, 0, float(at.global_action), 0.0), **sets, samples=7)
    assert (sampled.global_samples >= 7).all()
    np.testing.assert_allclose(sampled.game.r_g[0], np.arange(50.0))


def test_labels_become_names_and_the_same_seed_gives_the_same_game():
    def step(at, rng):
        return Outcome("b", "xyz"[rng.integers(3)], 1.0, 2.0)

    one, same, other = (sample_game(step, **SETS, samples=5, seed=seed).game for seed in (1, 1, 2))
    assert one.local_state_names == ("x", "y", "z")
    assert one.content_hash == same.content_hash != other.content_hash


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("c", "x", 0.0, 0.0), "global state 'c', which is not declared"),
        (("a", ["x"], 0.0, 0.0), "local state"),
        (("a", "x", float("nan"), 0.0), "not finite"),
        (("a", "x"), "must return"),
        (None, "must return"),
        (("a", "x", "much", 0.0), "must return"),
    ],
)
def test_what_a_step_must_not_return(given, why):
    with pytest.raises(GameError, match=why):
        sample_game(lambda at, rng: given, **SETS, samples=1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"states": {"global": "ab"}}, r"states\['local'\] is missing"),
        ({"states": {"global": "aa", "local": "x"}}, "twice"),
        ({"states": {"global": "a", "local": "x", "robot": "y"}}, "'robot', known are"),
        ({"states": None}, "needs states"),
        ({"samples": 0}, "at least 1"),
    ],
)
def test_what_must_be_declared(changes, why):
    with pytest.raises(GameError, match=why):
        sample_game(lambda at, rng: ("a", "x", 0.0, 0.0), **{**SETS, "samples": 1, **changes})


def test_an_environment_is_played_and_what_it_never_reaches_stays():
    pytest.importorskip("pettingzoo")
    from altmarl_ros.environments import fleet_environment

    P_g, P_l = np.full((1, 1, 1), 1.0), np.zeros((3, 1, 2, 3))
    P_l[0, 0] = P_l[1, 0] = [[0.7, 0.3, 0.0], [0.2, 0.8, 0.0]]
    P_l[2, 0] = [1.0, 0.0, 0.0]  # nobody ever comes here
    r_l = np.arange(6.0).reshape(3, 1, 2)
    start = Start(np.ones(1), np.array([1e6, 1e6, 1e-6]))
    game = TabularGame("narrow", P_g, P_l, np.full((1, 1), 0.5), r_l, gamma=0.9, start=start)
    sampled = sample_game(fleet_environment(game, robots=20, k=1, horizon=50), samples=400, gamma=0.9, seed=2)
    assert within(sampled.game.P_l[:2], P_l[:2], sampled.local_error[0, :2])
    np.testing.assert_allclose(sampled.game.r_l[:2], r_l[:2])
    np.testing.assert_allclose(sampled.game.r_g, 0.5)
    assert sampled.game.P_l[2, 0].tolist() == [[0, 0, 1], [0, 0, 1]]
    assert sampled.hardly_visited()[0] == "robot at 2, 0; coordinator at 0: never seen"
    assert "2 rows" in str(sampled)


def test_an_environment_tells_its_hidden_state_where_it_is_declared():
    pytest.importorskip("pettingzoo")
    from altmarl_ros.environments import fleet_environment

    game = load_game("deliveries")
    assert game.hidden is not None
    fleet = fleet_environment(game, robots=60, k=1, horizon=1000)
    sampled = sample_game(fleet, **numbered(game), samples=2000, gamma=game.gamma)
    assert sampled.game.hidden is not None
    assert sampled.game.hidden.P_d.diagonal() == pytest.approx(game.hidden.P_d.diagonal(), abs=0.02)
    assert within(
        tables(sampled.game.hidden)[0][sampled.local_samples > 50], tables(game.hidden)[0][sampled.local_samples > 50], 0.06
    )
