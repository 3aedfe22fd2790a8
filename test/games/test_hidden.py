"""Games with a hidden state: what they are made of, and the process of (hidden state, local state) that follows."""

import numpy as np
import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.games import HiddenState, Start, TabularGame, load_game

YAML = """
name: loads
gamma: 0.95
tables:
  global_states: [east crew, west crew]
  local_states: [empty, loaded]
  global_actions: [east, west]
  local_actions: [wait, work]
  hidden_states: [orders east, orders west]
  P_d: [["*", {same: 0.9, orders east: 0.05, orders west: 0.05}]]
  P_g: [["*", east, {east crew: 1}], ["*", west, {west crew: 1}]]
  P_l:
    - ["*", empty, "*", work, {same: 0.9, loaded: 0.1}]
    - [orders east, empty, east crew, work, {same: 0.5, loaded: 0.5}]
    - ["*", loaded, "*", work, {empty: 1}]
  r_l: [["*", loaded, "*", work, 1.0], [orders west, loaded, "*", work, 2.0]]
"""


@pytest.fixture
def tables():
    rng = np.random.default_rng(3)
    D, S_g, A_g, S_l, A_l = 3, 2, 2, 4, 2
    return {
        "P_d": rng.dirichlet(np.ones(D), D),
        "P_l": rng.dirichlet(np.ones(S_l), (D, S_l, S_g, A_l)),
        "r_l": rng.normal(size=(D, S_l, S_g, A_l)),
        "P_g": rng.dirichlet(np.ones(S_g), (S_g, A_g)),
        "r_g": rng.normal(size=(S_g, A_g)),
    }


def made(tables, **changes):
    parts = {**tables, **changes}
    hidden = HiddenState(parts["P_d"], parts["P_l"], parts["r_l"], rho_d=parts.get("rho_d"))
    return TabularGame("hidden", parts["P_g"], r_g=parts["r_g"], gamma=0.9, hidden=hidden)


def test_one_who_knows_nothing_sees_the_average_of_the_long_run(tables):
    game = made(tables)
    values, vectors = np.linalg.eig(tables["P_d"].T)
    weights = np.real(vectors[:, np.argmax(np.real(values))])
    weights /= weights.sum()
    np.testing.assert_allclose(game.P_l, np.einsum("d,dlgak->lgak", weights, tables["P_l"]), atol=1e-12)
    np.testing.assert_allclose(game.r_l, np.einsum("d,dlga->lga", weights, tables["r_l"]), atol=1e-12)
    np.testing.assert_allclose(game.hidden.rho_d, weights, atol=1e-12)


def test_the_joint_process_moves_hidden_state_and_robot_each_by_its_kernel(tables):
    game = made(tables)
    pi_l = np.random.default_rng(0).dirichlet(np.ones(2), (4, 2))
    kernels, rewards = game.under(pi_l)
    P = np.einsum("lga,dlgak->gdlk", pi_l, tables["P_l"])
    joint = np.einsum("de,gdlk->gdlek", tables["P_d"], P).reshape(2, 12, 12)
    np.testing.assert_allclose([kernel.toarray() for kernel in kernels], joint, atol=1e-12)
    np.testing.assert_allclose(rewards, np.einsum("lga,dlga->gdl", pi_l, tables["r_l"]).reshape(2, 12), atol=1e-12)


def test_hidden_states_follow_their_kernel(tables):
    hidden, rng = made(tables, rho_d=[0.2, 0.5, 0.3]).hidden, np.random.default_rng(1)
    first = hidden.draw_first(200_000, rng)
    np.testing.assert_allclose(np.bincount(first) / len(first), [0.2, 0.5, 0.3], atol=5e-3)
    after = hidden.draw_next(np.ones(200_000, dtype=np.int64), rng)
    np.testing.assert_allclose(np.bincount(after, minlength=3) / len(after), tables["P_d"][1], atol=5e-3)


def test_lines_and_arrays_say_the_same_game(tmp_path):
    (tmp_path / "lines.yaml").write_text(YAML)
    lines = load_game(tmp_path / "lines.yaml")
    hidden = lines.hidden
    assert hidden.names == ("orders east", "orders west")
    np.testing.assert_allclose(hidden.P_d, [[0.95, 0.05], [0.05, 0.95]])
    P_l = np.stack(
        [hidden.local_kernel.rows.part(kind * 4, kind * 4 + 4).dense() for kind in range(hidden.local_kernel.n_kinds)]
    )
    at = hidden.local_kernel.moves_at.reshape(2, 2)
    dense = P_l.reshape(-1, 2, 2, 2)[at].transpose(0, 3, 1, 2, 4)  # [d, s_l, s_g, a_l, s_l']
    assert dense[0, 0, 0, 1, 1] == 0.5
    assert dense[1, 0, 0, 1, 1] == dense[0, 0, 1, 1, 1] == 0.1
    r_l = hidden.r_l.reshape(2, 2, 2, 2).transpose(1, 0, 2, 3)
    arrays = {"P_g": lines.P_g, "P_d": hidden.P_d, "P_l": dense, "r_g": lines.r_g, "r_l": r_l, "gamma": np.float64(0.95)}
    np.savez(tmp_path / "tables.npz", **arrays)
    (tmp_path / "arrays.yaml").write_text("{name: loads, arrays: tables.npz}")
    assert load_game(tmp_path / "arrays.yaml").content_hash == lines.content_hash


def test_every_number_of_the_hidden_state_is_in_the_hash(tables):
    game = made(tables)
    P_d = np.roll(tables["P_d"], 1, axis=0)
    assert len({game.content_hash, made(tables, P_d=P_d).content_hash, made(tables, rho_d=[1, 0, 0]).content_hash}) == 3
    assert made(tables, rho_d=[1, 0, 0]).dynamics_hash == game.dynamics_hash
    without = TabularGame("plain", tables["P_g"], tables["P_l"][0], tables["r_g"], tables["r_l"][0], gamma=0.9)
    assert len({game.content_hash, without.content_hash}) == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"P_d": np.full((3, 3), 0.5)}, "P_d[d=0] sums to 1.5"),
        ({"P_d": np.ones((1, 1))}, "D from 2"),
        ({"rho_d": np.ones(2) / 2}, "rho_d has shape"),
        ({"r_l": np.zeros((2, 4, 2, 2))}, "r_l has 2 hidden states"),
        ({"r_l": np.zeros((3, 5, 2, 2))}, "to agree with P_d and r_l"),
        ({"P_l": np.full((3, 4, 2, 2, 4), 0.3)}, "sums to 1.2"),
        ({"P_l": np.full((2, 4, 2, 2, 4), 0.25)}, "P_l has 2 hidden states"),
    ],
)
def test_a_wrong_part_is_named(tables, changes, says):
    with pytest.raises(GameError) as error:
        made(tables, **changes)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("P_d: [", "P_d: [[orders north, {same: 1}], ", "tables.P_d[0]: 'orders north' is no hidden state"),
        ("  hidden_states: [orders east, orders west]\n", "", "tables.P_d is for a game with hidden_states"),
        ("[orders east, empty, east crew, work,", "[empty, east crew, work,", "hidden state, local state, global state"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, old, new, says):
    (tmp_path / "game.yaml").write_text(YAML.replace(old, new))
    with pytest.raises(GameError) as error:
        load_game(tmp_path / "game.yaml")
    assert says in str(error.value)


def test_a_start_may_be_given_beside_a_hidden_state(tables):
    hidden = HiddenState(tables["P_d"], tables["P_l"], tables["r_l"], names=("a", "b", "c"))
    start = Start(np.array([1.0, 0.0]), np.ones(4))
    game = TabularGame("hidden", tables["P_g"], r_g=tables["r_g"], gamma=0.9, hidden=hidden, start=start)
    assert (game.n_hidden_states, game.n_local_states, game.hidden.n_global_states) == (3, 4, 2)
