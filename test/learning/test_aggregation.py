import numpy as np
import pytest

from altmarl_ros.games import TabularGame
from altmarl_ros.learning.aggregation import aggregate
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import LocalPolicy, load_bundle, save_bundle
from altmarl_ros.policies.counts import by_group

S_G, A_G, S_L, A_L = 2, 2, 4, 3
GROUPS = np.array([0, 1, 1, 0])


@pytest.fixture
def grouped(random_game):
    game = random_game(3, S_G, A_G, S_L, A_L)
    return TabularGame("grouped", game.P_g, game.P_l, game.r_g, game.r_l, gamma=game.gamma, groups=GROUPS)


@pytest.fixture
def pi_l():
    return LocalPolicy(np.random.default_rng(4).dirichlet(np.ones(A_L), (S_L, S_G)))


def test_weights_follow_the_occupancy(grouped, pi_l):
    occupancy = np.random.default_rng(5).random((S_G, S_L, A_G))
    counted, alone = aggregate(grouped, pi_l, occupancy)
    P, r, seen = pi_l.transition(grouped), pi_l.reward(grouped), occupancy.sum(axis=2)
    for s_g, J, to in np.ndindex(S_G, 2, 2):
        inside = np.flatnonzero(GROUPS == J)
        w = seen[s_g, inside] / seen[s_g, inside].sum()
        assert counted.P_l[J, s_g, 0, to] == pytest.approx(w @ P[s_g][np.ix_(inside, to == GROUPS)].sum(axis=1), abs=1e-5)
        assert counted.r_l[J, s_g, 0] == pytest.approx(w @ r[s_g, inside], abs=1e-5)
    assert alone.probabilities.shape == (2, S_G, 1)


def test_a_game_whose_groups_are_alike_is_aggregated_exactly(pi_l):
    # Twins: states 2j and 2j + 1 behave alike, so that no weights matter.
    rng = np.random.default_rng(6)
    small = rng.dirichlet(np.ones(2), (2, S_G, A_L))
    P_l = np.repeat(np.repeat(small, 2, axis=0) / 2, 2, axis=-1)
    r_l = np.repeat(rng.normal(size=(2, S_G, A_L)), 2, axis=0)
    twins = LocalPolicy(np.repeat(pi_l.probabilities[:2], 2, axis=0))
    P_g = rng.dirichlet(np.ones(S_G), (S_G, A_G))
    game = TabularGame("twins", P_g, P_l, np.zeros((S_G, A_G)), r_l, gamma=0.9, groups=np.array([0, 0, 1, 1]))
    for occupancy in (None, rng.random((S_G, 4, A_G)), np.zeros((S_G, 4, A_G))):
        counted, _ = aggregate(game, twins, occupancy)
        expected = np.einsum("jga,jgai->jgi", pi_l.probabilities[:2], small)
        np.testing.assert_allclose(counted.P_l[:, :, 0], expected, atol=1e-12)
        np.testing.assert_allclose(counted.r_l[:, :, 0], np.einsum("jga,jga->jg", pi_l.probabilities[:2], r_l[::2]), atol=1e-12)


def test_without_groups_nothing_changes(random_game, pi_l):
    game = random_game(3, S_G, A_G, S_L, A_L)
    assert aggregate(game, pi_l, None) == (game, pi_l)


def test_by_group_sums():
    np.testing.assert_array_equal(by_group(np.array([[1, 2, 3, 4], [5, 0, 0, 0]]), GROUPS), [[5, 5], [5, 0]])


def test_a_grouped_bundle_is_trained_kept_and_read_back(grouped, tmp_path):
    bundle = train(grouped, TrainingOptions(K=2, n=20, runs=20, horizon=20, rounds=2, certificate_runs=0, learn_for="fresh"))
    assert bundle.pi_g.n_groups == 2
    again = load_bundle(save_bundle(bundle, tmp_path / "grouped.npz"), grouped)
    assert again.policy_id == bundle.policy_id
    counts = np.array([[1, 0, 0, 1], [0, 1, 1, 0]])
    s_g = np.array([0, 1])
    np.testing.assert_array_equal(again.pi_g.act(s_g, counts), [bundle.pi_g.rungs[2][0, 2], bundle.pi_g.rungs[2][1, 0]])
    np.testing.assert_array_equal(again.pi_g.act(s_g, 5 * counts), again.pi_g.act(s_g, counts))
