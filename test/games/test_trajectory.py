import numpy as np
import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.games.identification import count_transitions
from altmarl_ros.games.trajectory import UNKNOWN, Trajectory


@pytest.fixture(scope="module")
def game(random_game):
    return random_game(3, S_g=2, S_l=3, A_l=2)


def random_run(seed, n, session, tick):
    rng = np.random.default_rng(seed)
    T = len(tick)
    s_l, a_l = rng.integers(-1, 3, size=(T, n)), rng.integers(-1, 2, size=(T, n))
    return Trajectory(session, tick, rng.integers(2, size=T), rng.integers(2, size=T), s_l, a_l)


def test_ticks_follow_within_a_session_alone():
    run = random_run(0, 2, [7, 7, 7, 8, 8], [0, 1, 3, 4, 5])
    assert run.follows.tolist() == [False, True, False, False, True]


def test_rewards_are_the_mean_over_the_robots_that_acted(game):
    s_l, a_l = np.array([[0, 2, UNKNOWN, 1], [1, 1, 1, 1]]), np.array([[1, 0, UNKNOWN, UNKNOWN], [UNKNOWN] * 4])
    run = Trajectory([0, 0], [0, 1], [1, 0], [0, 1], s_l, a_l)
    expected = game.r_g[1, 0] + (game.r_l[0, 1, 1] + game.r_l[2, 1, 0]) / 2
    np.testing.assert_allclose(run.rewards(game), [expected, game.r_g[0, 1]], rtol=1e-12)
    assert run.occupancy(3).tolist() == [[1, 1, 1], [0, 4, 0]]


def test_joined_runs_tell_what_they_tell_apart(game):
    runs = [random_run(1, 3, [0, 0, 1, 1], [0, 1, 0, 1]), random_run(2, 5, [1, 1, 1], [2, 3, 4])]  # session 1 is in both
    joined = Trajectory.joined(runs)
    expected = sum(count_transitions(game, run) for run in runs)
    np.testing.assert_array_equal(count_transitions(game, joined), expected)
    assert joined.follows.tolist() == [False, True, False, True, False, True, True]
    np.testing.assert_array_equal(joined.occupancy(3), np.concatenate([run.occupancy(3) for run in runs]))
    np.testing.assert_allclose(joined.rewards(game), np.concatenate([run.rewards(game) for run in runs]), rtol=1e-12)


def test_no_tick_follows_in_an_empty_run(game):
    empty = np.zeros(0, dtype=np.int64)
    run = Trajectory(empty, empty, empty, empty, np.zeros((0, 3), dtype=np.int64), np.zeros((0, 3), dtype=np.int64))
    assert run.follows.shape == (0,)
    assert count_transitions(game, run).sum() == 0


def test_a_run_of_another_game_is_refused_by_name(game):
    run = Trajectory([0], [0], [0], [0], [[0, 3]], [[0, 0]])
    with pytest.raises(GameError, match=r"local_state\[0, 1\] is 3, must be below 3"):
        run.check(game)
