from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from altmarl_ros.errors import GameError, ResourceError
from altmarl_ros.games import TabularGame
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.kernels import GlobalKernel, LocalKernel
from altmarl_ros.games.rows import Rows
from altmarl_ros.games.sparse import Sparse
from altmarl_ros.policies import LocalPolicy


def random_table(seed, shape, zeros=0.6):
    """Rows of distributions of which most entries are zero."""
    rng = np.random.default_rng(seed)
    table = rng.random(shape) * (rng.random(shape) > zeros)
    table[..., 0] += table.sum(axis=-1) == 0
    return table / table.sum(axis=-1, keepdims=True)


def given_sparsely(game):
    """The same game from matrices, as a builder for many states makes it."""
    S_g, A_g, _ = game.P_g.shape
    moves = [[Sparse(game.P_l[:, g, a]) for a in range(game.n_local_actions)] for g in range(S_g)]
    return TabularGame(
        game.name,
        GlobalKernel(Rows.from_matrix(Sparse(game.P_g.reshape(S_g * A_g, S_g))), A_g),
        LocalKernel.from_moves(moves, np.arange(S_g)),
        game.r_g,
        game.r_l,
        gamma=game.gamma,
        start=game.start,
    )


@given(st.integers(0, 10_000))
def test_rows_are_those_of_the_table(seed):
    table = random_table(seed, (5, 7))
    rows = Rows.from_dense(table)
    assert (rows.dense() == table).all()
    assert (rows.dense(2, 4) == table[2:4]).all()
    assert (rows.part(1, 3).dense() == table[1:3]).all()
    assert (rows.matrix.toarray() == table).all()
    assert (Rows.from_matrix(sparse.csc_array(table)).dense() == table).all()
    assert (np.concatenate(list(rows.blocks())) == table).all()


@given(st.integers(0, 10_000))
def test_running_sums_are_those_of_dense_rows_to_the_last_bit(seed):
    table = random_table(seed, (6, 9))
    rows, at = Rows.from_dense(table), np.nonzero(table)
    assert (rows.cumulative == np.cumsum(table, axis=1)[at]).all()
    rest = np.cumsum(table[:, ::-1], axis=1)[:, ::-1][at]
    np.testing.assert_allclose(rows.share_of_rest, table[at] / rest, rtol=1e-15)
    last = np.array([np.flatnonzero(row)[-1] for row in table])
    assert (rows.share_of_rest[rows.indices == last[rows.row_of]] == 1.0).all()


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_draws_are_those_of_dense_rows(seed, u):
    table = random_table(seed, (4, 6))
    rows = Rows.from_dense(table)
    for row, p in enumerate(table):
        assert rows.draw(row, u) == min(np.searchsorted(np.cumsum(p), u, side="right"), 5)


def test_entries_of_one_place_are_summed():
    rows = Rows.from_entries([0, 1, 0, 1], [2, 0, 2, 1], [0.25, 1.0, 0.75, 0.0], (2, 3))
    assert rows.dense().tolist() == [[0, 0, 1], [1, 0, 0]]
    assert len(rows.data) == 2
    with pytest.raises(GameError, match="outside of 2 rows and 3 columns"):
        Rows.from_entries([2], [0], [1.0], (2, 3))
    with pytest.raises(GameError, match="of the same number"):
        Rows.from_entries([0, 1], [0], [1.0], (2, 3))


@given(st.integers(0, 10_000), st.booleans())
def test_a_game_is_the_same_from_tables_and_from_matrices(seed, off):
    P_g, P_l = random_table(seed, (3, 2, 3)), random_table(seed + 1, (4, 3, 2, 4))
    if off:  # rows that are renormalised
        P_g, P_l = P_g * (1 + 1e-9), np.round(P_l, 7)
    rng = np.random.default_rng(seed)
    tables = TabularGame("g", P_g, P_l, rng.normal(size=(3, 2)), rng.normal(size=(4, 3, 2)), gamma=0.9)
    again = TabularGame(
        "g",
        GlobalKernel(Rows.from_dense(P_g.reshape(6, 3)), 2),
        LocalKernel.from_moves([[Sparse(P_l[:, g, a]) for a in range(2)] for g in range(3)], np.arange(3)),
        tables.r_g,
        tables.r_l,
        gamma=0.9,
    )
    assert (again.P_g == tables.P_g).all()
    assert (again.P_l == tables.P_l).all()
    assert (tables.content_hash, tables.dynamics_hash) == (again.content_hash, again.dynamics_hash)
    assert (np.abs(tables.P_l.sum(axis=-1) - 1) < 1e-13).all()


def test_dense_tables_are_made_once_and_cannot_be_written(random_game):
    game = given_sparsely(random_game(0))
    assert game.P_l is game.P_l
    for table in (game.P_g, game.P_l):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1.0


def test_a_changed_game_keeps_the_kernel_that_is_not_changed(random_game):
    game = random_game(0)
    other = replace(game, P_l=np.full(game.P_l.shape, 0.5))
    assert other.global_kernel is game.global_kernel
    assert (other.P_l == 0.5).all()
    assert replace(game, gamma=0.5).local_kernel is game.local_kernel


def test_global_states_at_which_robots_move_alike_share_their_kernels(random_game):
    dense = build_attention(AttentionParameters(width=3, height=2)).P_l
    for table in (dense, np.broadcast_to(dense[:, :1], dense.shape)):
        kernel = LocalKernel.from_dense(table)
        assert kernel.n_kinds == 1
        assert kernel.moves_at.tolist() == [0] * 6
        assert (np.stack(list(kernel.blocks())) == dense).all()
    some = random_game(0, S_g=4).P_l[:, [1, 0, 1, 3]]
    assert LocalKernel.from_dense(some).moves_at.tolist() == [0, 1, 0, 2]
    assert (np.stack(list(LocalKernel.from_dense(some).blocks())) == some).all()


def test_kinds_of_movement_that_no_state_has_are_left_out(random_game):
    game = random_game(0, S_g=3)
    moves = [[Sparse(game.P_l[:, g, a]) for a in range(2)] for g in range(3)]
    kernel = LocalKernel.from_moves(moves, np.array([2, 2]))
    assert kernel.n_kinds == 1
    assert (kernel.moves[0][1].toarray() == game.P_l[:, 2, 1]).all()


def test_kernels_and_rewards_under_a_policy(random_game):
    game = random_game(1, S_g=3, S_l=4, A_l=3)
    pi_l = LocalPolicy(np.random.default_rng(0).dirichlet(np.ones(3), (4, 3)))
    kernels, reward = game.under(pi_l.probabilities)
    np.testing.assert_allclose(np.stack([P.toarray() for P in kernels]), pi_l.transition(game), atol=1e-15)
    np.testing.assert_allclose(reward, pi_l.reward(game), atol=1e-15)
    with pytest.raises(GameError, match="local policy has shape"):
        game.under(np.ones((1, 1, 1)))


def test_successors_are_the_states_that_can_follow():
    P_g = np.zeros((3, 2, 3))
    P_g[0, 0, 1] = P_g[0, 1, 0] = P_g[1, :, 2] = P_g[2, :, 2] = 1.0
    follow = GlobalKernel.from_dense(P_g).successors
    assert [follow.indices[follow.indptr[s] : follow.indptr[s + 1]].tolist() for s in range(3)] == [[0, 1], [2], [2]]


def test_what_has_a_negligible_chance_is_left_out_where_it_is_asked_for():
    P_g = np.zeros((2, 1, 2))
    P_g[:, 0] = [[1.0 - 1e-16, 1e-16], [1e-14, 1.0 - 1e-14]]
    kernel = GlobalKernel.from_dense(P_g)
    assert kernel.successors.indices.tolist() == [0, 1, 0, 1]
    assert kernel.likely_successors.indices.tolist() == [0, 0, 1]
    np.testing.assert_allclose(kernel.rows.likely.data, [1.0, 1e-14, 1.0], rtol=1e-12)
    assert len(kernel.rows.likely) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.25])
def test_bad_entries_are_named_as_in_tables(random_game, value):
    game = random_game(0, S_g=3, S_l=4)
    messages = []
    for axis, array in (("P_g", game.P_g), ("P_l", game.P_l)):
        for index in ((1, 1), (2, 0)):
            table = array.copy()
            table[(*index, *[1] * (table.ndim - 2))] = value
            for build in (replace, sparsely):
                with pytest.raises(GameError) as refusal:
                    build(game, **{axis: table})
                messages.append(str(refusal.value))
    assert messages[::2] == messages[1::2]
    assert messages[0].startswith("P_g[s_g=1, a_g=1, s_g'=1] is ")
    assert messages[6].startswith("P_l[s_l=2, s_g=0, a_l=1, s_l'=1] is ")


def test_bad_sums_are_named_as_in_tables(random_game):
    game = random_game(0, S_g=3, S_l=4)
    P_l = game.P_l.copy()
    P_l[1, 2, 0] *= 2
    P_l[3, 0, 0] *= 2
    with pytest.raises(GameError, match=r"^P_l\[s_l=1, s_g=2, a_l=0\] sums to 2, not 1$"):
        sparsely(game, P_l=P_l)
    with pytest.raises(GameError, match=r"^P_g\[s_g=2, a_g=1\] sums to 1.001, not 1 within"):
        sparsely(game, P_g=game.P_g * np.array([1, 1, 1.001])[:, None, None] ** np.array([0, 1])[:, None])


def sparsely(game, P_g=None, P_l=None):
    """The game with a table that is given by matrices, not checked before."""
    P_g, P_l = (own if table is None else table for table, own in ((P_g, game.P_g), (P_l, game.P_l)))
    S_g, A_g, _ = P_g.shape
    moves = [[Rows.from_dense(P_l[:, g, a]) for a in range(P_l.shape[2])] for g in range(S_g)]
    kernel = GlobalKernel(Rows.from_dense(P_g.reshape(S_g * A_g, S_g)), A_g)
    return replace(game, P_g=kernel, P_l=LocalKernel.from_moves(moves, np.arange(S_g)))


def test_parts_that_do_not_fit_are_named(random_game):
    game = random_game(0)
    moves = game.local_kernel.moves
    with pytest.raises(GameError, match="moves_at must hold a number below 2"):
        LocalKernel.from_moves(moves, np.array([0, 9]))
    with pytest.raises(GameError, match=r"moves\[1\] has 1 local actions, must have 2"):
        LocalKernel.from_moves([moves[0], moves[1][:1]], np.array([0, 1]))
    with pytest.raises(GameError, match=r"moves\[0\]\[1\] has shape \(2, 3\), must be \(2, 2\)"):
        LocalKernel.from_moves([(moves[0][0], Sparse(np.full((2, 3), 1 / 3)))], np.array([0]))
    with pytest.raises(GameError, match="moves must have"):
        LocalKernel.from_moves([], np.array([0]))
    with pytest.raises(GameError, match="P_g has 3 rows of 2 states"):
        GlobalKernel(Rows.from_dense(np.full((3, 2), 0.5)), 2)
    with pytest.raises(GameError, match="the game 'g' has no P_l"):
        TabularGame("g", game.P_g, r_g=game.r_g, r_l=game.r_l, gamma=0.9)
    with pytest.raises(GameError, match=r"P_l has shape \(2, 2, 2, 2\), must be \(2, 3, 2, 2\)"):
        replace(game, P_g=np.full((3, 2, 3), 1 / 3))


@pytest.mark.slow
def test_tables_that_would_not_fit_are_refused_by_name():
    game = build_attention(AttentionParameters(width=20, height=20))
    with pytest.raises(ResourceError, match=r"^P_l of the game 'grid' would fill 2,441 MiB as a dense array, more than 1,024"):
        _ = game.P_l
    assert game.P_g.shape == (400, 400, 400)


def test_zones_of_a_grid():
    game = build_attention(AttentionParameters(width=3, height=2))
    P_l = game.P_l[:, 0].transpose(1, 0, 2)  # [a_l, s_l, s_l']
    stay, east, west, north, south = range(5)
    # From the corner 0 east is 1 and north is 3; west and south are walls.
    np.testing.assert_allclose(P_l[east, 0, [0, 1, 3]], [0.6 * 0.15 + 0.03, 0.85 + 0.015, 0.015])
    np.testing.assert_allclose(P_l[north, 0, [0, 1, 3]], [0.09 + 0.03, 0.015, 0.865])
    np.testing.assert_allclose(P_l[west, 0, 0], 0.85 + 0.09 + 0.03)
    np.testing.assert_allclose(P_l[south, 4, [1, 3, 4, 5]], [0.865, 0.015, 0.09 + 0.015, 0.015])
    P_g = game.P_g
    np.testing.assert_allclose(P_g[0, 5, [0, 1]], [0.2, 0.8])  # two east, one north: the longer side first
    np.testing.assert_allclose(P_g[1, 4, [1, 4]], [0.2, 0.8])
    assert P_g[2, 2, 2] == 1.0
    assert game.r_l[4, 4].tolist() == pytest.approx([10.0, 9.7, 9.7, 9.7, 9.7])
    assert game.r_l[0, 5, stay] == pytest.approx(2 / 4)
    assert game.r_g[1].tolist() == [-0.5, 0.0, -0.5, -0.5, -0.5, -0.5]
