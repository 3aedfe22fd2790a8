import numpy as np
import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.sparse import Sparse, SparseGame
from altmarl_ros.policies import LocalPolicy


def test_a_dense_game_comes_back_unchanged(random_game):
    game = random_game(0, S_g=3, A_g=2, S_l=4, A_l=3)
    again = SparseGame.from_tabular(game).tabular(game.name)
    assert again.content_hash == game.content_hash


def test_global_states_at_which_robots_move_alike_share_their_kernels():
    game = build_attention(AttentionParameters(width=3, height=2))
    again = SparseGame.from_tabular(game.tabular("grid"))
    assert len(again.moves) == 1
    assert again.moves_at.tolist() == [0] * 6


def test_kernels_and_rewards_under_a_policy(random_game):
    game = random_game(1, S_g=3, S_l=4, A_l=3)
    pi_l = LocalPolicy(np.random.default_rng(0).dirichlet(np.ones(3), (4, 3)))
    kernels, reward = SparseGame.from_tabular(game).under(pi_l.probabilities)
    np.testing.assert_allclose(np.stack([P.toarray() for P in kernels]), pi_l.transition(game), atol=1e-15)
    np.testing.assert_allclose(reward, pi_l.reward(game), atol=1e-15)


def test_what_does_not_fit_is_named(random_game):
    game = SparseGame.from_tabular(random_game(0))
    fields = {name: getattr(game, name) for name in ("P_g", "moves", "moves_at", "r_g", "r_l", "gamma", "start")}
    with pytest.raises(GameError, match="local policy has shape"):
        game.under(np.ones((1, 1, 1)))
    with pytest.raises(GameError, match=r"P_g: row 0 sums to 2"):
        SparseGame(**{**fields, "P_g": Sparse(2 * game.P_g)})
    with pytest.raises(GameError, match="moves_at"):
        SparseGame(**{**fields, "moves_at": np.array([0, 9])})
    with pytest.raises(GameError, match=r"moves\[0\] has 1 local actions, must have 2"):
        SparseGame(**{**fields, "moves": (game.moves[0][:1], *game.moves[1:])})


def test_zones_of_a_grid():
    game = build_attention(AttentionParameters(width=3, height=2))
    P_l = np.stack([P.toarray() for P in game.moves[0]])  # [a_l, s_l, s_l']
    stay, east, west, north, south = range(5)
    # From the corner 0 east is 1 and north is 3; west and south are walls.
    np.testing.assert_allclose(P_l[east, 0, [0, 1, 3]], [0.6 * 0.15 + 0.03, 0.85 + 0.015, 0.015])
    np.testing.assert_allclose(P_l[north, 0, [0, 1, 3]], [0.09 + 0.03, 0.015, 0.865])
    np.testing.assert_allclose(P_l[west, 0, 0], 0.85 + 0.09 + 0.03)
    np.testing.assert_allclose(P_l[south, 4, [1, 3, 4, 5]], [0.865, 0.015, 0.09 + 0.015, 0.015])
    P_g = game.P_g.toarray().reshape(6, 6, 6)
    np.testing.assert_allclose(P_g[0, 5, [0, 1]], [0.2, 0.8])  # two east, one north: the longer side first
    np.testing.assert_allclose(P_g[1, 4, [1, 4]], [0.2, 0.8])
    assert P_g[2, 2, 2] == 1.0
    assert game.r_l[4, 4].tolist() == pytest.approx([10.0, 9.7, 9.7, 9.7, 9.7])
    assert game.r_l[0, 5, stay] == pytest.approx(2 / 4)
    assert game.r_g[1].tolist() == [-0.5, 0.0, -0.5, -0.5, -0.5, -0.5]


def test_hundreds_of_zones_take_little_room():
    game = build_attention(AttentionParameters(width=20, height=20))
    assert game.P_g.nnz < 2 * 400 * 400
    assert sum(P.nnz for P in game.moves[0]) < 5 * 6 * 400
