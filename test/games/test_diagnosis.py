import numpy as np
import pytest

from altmarl_ros.games import HiddenState, TabularGame, load_game
from altmarl_ros.games.diagnosis import oddities
from altmarl_ros.games.sources import builtin_games


@pytest.mark.parametrize("name", builtin_games())
def test_nothing_is_odd_about_the_built_in_games(name):
    assert oddities(load_game(name)) == []


def tables(random_game, **changes):
    game = random_game(1, S_g=2, A_g=3, S_l=3, A_l=3)
    values = {name: np.array(getattr(game, name)) for name in ("P_g", "P_l", "r_g", "r_l")}
    for name, change in changes.items():
        values[name] = change(values[name])
    return TabularGame("odd", gamma=0.9, **values)


def swept(axis):
    return lambda table: np.repeat(table.take([0], axis=axis), table.shape[axis], axis=axis)


def one_way(P_l):
    P_l[0] += P_l[0, ..., 2:] * [1, 0, -1]  # zones 0 and 1 never move to zone 2
    P_l[1] += P_l[1, ..., 2:] * [1, 0, -1]
    return P_l


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"P_g": swept(1), "r_g": swept(1)}, "the coordinator has no say"),
        ({"P_g": swept(1)}, "P_g is the same for all of them"),
        ({"P_l": swept(1), "r_l": swept(1)}, "the robots do not feel the global state"),
        ({"P_l": swept(2), "r_l": swept(2)}, "the robots have no say"),
        ({"r_l": swept(0)}, "r_l does not depend on s_l"),
        ({"P_l": lambda P: P[:, :, [0, 1, 1]], "r_l": lambda r: r[:, :, [0, 1, 1]]}, "same in every state: action 1, action 2"),
        ({"P_g": lambda P: P[:, [0, 1, 0]], "r_g": lambda r: r[:, [0, 1, 0]]}, "same in every state: target 0, target 2"),
        ({"P_l": one_way}, "local states fall into 2 parts without a way back: what enters {zone 0, zone 1}"),
        ({"P_g": lambda P: np.array([[[1, 0]] * 3, P[1]])}, "global states fall into 2 parts"),
        ({"r_g": lambda r: 1e6 * r}, "the robots hardly count"),
    ],
)
def test_what_is_odd_is_told_and_nothing_else(random_game, changes, told):
    (line,) = oddities(tables(random_game, **changes))
    assert told in line


def test_a_game_without_rewards_is_told(random_game):
    assert "all rewards are the same: nothing can be learned" in oddities(
        tables(random_game, r_g=np.zeros_like, r_l=np.zeros_like)
    )


def test_a_hidden_state_that_changes_nothing_is_odd(random_game):
    game = random_game(1)
    same = HiddenState([[0.9, 0.1], [0.1, 0.9]], np.stack([game.P_l] * 2), np.stack([game.r_l] * 2))
    told = oddities(TabularGame("odd", game.P_g, r_g=game.r_g, gamma=0.9, hidden=same))
    assert len(told) == 1
    assert told[0].startswith("the hidden state changes nothing")
    paid = HiddenState(same.P_d, np.stack([game.P_l] * 2), np.stack([game.r_l, 2 * game.r_l]))
    assert oddities(TabularGame("fine", game.P_g, r_g=game.r_g, gamma=0.9, hidden=paid)) == []


@pytest.mark.filterwarnings("error")
def test_rewards_near_the_largest_number_are_judged_as_well(random_game):
    game = tables(random_game, r_l=lambda r_l: 1e148 * np.sign(r_l))
    assert all("robots hardly count" not in line for line in oddities(game))
