import numpy as np
import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.games import Start, TabularGame

S_g, A_g, S_l, A_l = 2, 3, 4, 5


def tables(**changes):
    values = {
        "name": "plain",
        "P_g": np.full((S_g, A_g, S_g), 1 / S_g),
        "P_l": np.full((S_l, S_g, A_l, S_l), 1 / S_l),
        "r_g": np.zeros((S_g, A_g)),
        "r_l": np.zeros((S_l, S_g, A_l)),
        "gamma": 0.9,
    }
    return {**values, **changes}


def changed(array, index, value):
    values = tables()[array].copy()
    values[index] = value
    return {array: values}


def test_sizes_are_those_of_the_tables():
    game = TabularGame(**tables())
    sizes = (game.n_global_states, game.n_global_actions, game.n_local_states, game.n_local_actions)
    assert sizes == (S_g, A_g, S_l, A_l)


def test_start_is_uniform_unless_given():
    game = TabularGame(**tables())
    np.testing.assert_array_equal(game.initial.rho_g, [0.5, 0.5])
    np.testing.assert_array_equal(game.initial.alpha, [1, 1, 1, 1])


def test_arrays_are_read_only_copies():
    given = tables()
    game = TabularGame(**given)
    given["r_g"][0, 0] = 7.0
    assert game.r_g[0, 0] == 0.0
    for array in (game.P_g, game.P_l, game.r_g, game.r_l, game.initial.rho_g, game.initial.alpha):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (changed("P_l", (2, 0, 1), [0.22, 0.25, 0.25, 0.25]), "P_l[s_l=2, s_g=0, a_l=1] sums to 0.97, not 1"),
        (changed("P_g", (1, 2), [0.5, 0.6]), "P_g[s_g=1, a_g=2] sums to 1.1, not 1"),
        (changed("P_g", (1, 0), [1.5, -0.5]), "P_g[s_g=1, a_g=0, s_g'=1] is -0.5, must not be negative"),
        (changed("r_l", (3, 1, 4), np.nan), "r_l[s_l=3, s_g=1, a_l=4] is nan, must be finite"),
        (changed("r_g", (0, 2), np.inf), "r_g[s_g=0, a_g=2] is inf, must be finite"),
        (
            changed("r_l", (3, 1, 4), -1e308),
            "r_l[s_l=3, s_g=1, a_l=4] is -1e+308: over a long run at gamma 0.9 this is too large",
        ),
        ({"r_g": np.zeros((A_g, S_g))}, "r_g has shape (3, 2), must be (2, 3)"),
        ({"r_l": np.zeros((S_l, S_g))}, "r_l has shape (4, 2), must have the 3 axes [s_l, s_g, a_l]"),
        ({"P_g": np.zeros((0, A_g, 0))}, "P_g has shape (0, 3, 0)"),
        ({"P_g": np.full((S_g, A_g, 4), 0.25)}, "P_g has shape (2, 3, 4), must be (2, 3, 2)"),
        ({"P_l": np.full((S_l, 3, A_l, S_l), 0.25)}, "P_l has shape (4, 3, 5, 4), must be (4, 2, 5, 4)"),
        ({"r_g": [["a", "b", "c"]] * 2}, "r_g is not an array of numbers"),
        ({"r_g": np.full((S_g, A_g), 1j)}, "r_g is not an array of numbers"),
        ({"gamma": 1.0}, "gamma is 1.0, must be in (0, 1)"),
        ({"gamma": float("nan")}, "gamma is nan, must be in (0, 1)"),
        ({"gamma": "0.9"}, "gamma is '0.9', must be in (0, 1)"),
        ({"start": Start([0.5, 0.4], np.ones(S_l))}, "start.rho_g sums to 0.9, not 1"),
        ({"start": Start([0.5, 0.5], np.ones(3))}, "start.alpha has shape (3,), must be (4,)"),
        ({"start": Start([0.5, 0.5], [1, 1, 0, 1])}, "start.alpha[s_l=2] is 0, must be positive"),
        ({"local_state_names": ("a", "b")}, "local_state_names has 2 distinct names, must have 4"),
        ({"global_action_names": ("x", "y", "x")}, "global_action_names has 2 distinct names, must have 3"),
        ({"local_action_names": tuple("abcdef")}, "local_action_names has 6 distinct names, must have 5"),
    ],
)
def test_broken_tables_are_refused_by_name(changes, message):
    with pytest.raises(GameError) as refusal:
        TabularGame(**tables(**changes))
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_more_states_than_messages_can_carry_are_refused():
    actions = 65536
    with pytest.raises(GameError, match="P_l has an axis of 65536, must be at most 65535"):
        TabularGame(
            "wide", np.ones((1, 1, 1)), np.ones((1, 1, actions, 1)), np.zeros((1, 1)), np.zeros((1, 1, actions)), gamma=0.9
        )


@pytest.mark.parametrize(
    "changes",
    [
        changed("P_g", (0, 0), [0.4, 0.6]),
        changed("P_l", (0, 0, 0), [0.1, 0.4, 0.25, 0.25]),
        changed("r_g", (1, 1), 1e-6),
        changed("r_l", (1, 1, 1), 1e-6),
        {"gamma": 0.91},
        {"start": Start([0.4, 0.6], np.ones(S_l))},
        {"start": Start([0.5, 0.5], np.full(S_l, 2.0))},
    ],
)
def test_hash_changes_with_every_number(changes):
    assert TabularGame(**tables(**changes)).content_hash != TabularGame(**tables()).content_hash


@pytest.mark.parametrize(
    "changes",
    [{"name": "other"}, {"local_state_names": tuple("abcd")}, changed("r_g", (0, 0), 1e-15), changed("r_g", (0, 0), -0.0)],
)
def test_hash_ignores_names_and_rounding(changes):
    assert TabularGame(**tables(**changes)).content_hash == TabularGame(**tables()).content_hash
