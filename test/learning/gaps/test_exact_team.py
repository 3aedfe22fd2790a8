import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError, ResourceError
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.counts.global_agent import g_learn
from altmarl_ros.learning.gaps.exact_team import TeamGame, rung_reports
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.observation import Fresh
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import number_of_counts


def random_pair(game, k, seed):
    rng = np.random.default_rng(seed)
    width = number_of_counts(k, game.n_local_states)
    rung = rng.integers(game.n_global_actions, size=(game.n_global_states, width)).astype(np.uint16)
    shape = (game.n_local_states, game.n_global_states)
    return rung, LocalPolicy(rng.dirichlet(np.ones(game.n_local_actions), shape))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_value_is_that_of_the_chain_of_all_robots(random_game, joint_chain, k, seed):
    game = random_game(seed, S_g=2, A_g=3, S_l=2, A_l=2)
    rung, pi_l = random_pair(game, k, seed)
    chain, team = joint_chain(game, 3), TeamGame(game, 3)
    expected = chain.value(chain.hears(rung, k), [pi_l.probabilities] * 3)
    assert team.value(team.response(rung), pi_l) == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
def test_value_is_what_simulated_fleets_earn(random_game):
    game = random_game(5, S_g=3, A_g=3, S_l=3, A_l=2)
    rung, pi_l = random_pair(game, 2, 5)
    team = TeamGame(game, 7)
    rungs = [random_pair(game, k, 0)[0] for k in range(2)]
    start = start_fleets(game, 7, 4000, np.random.default_rng(0))
    played = simulate(
        game,
        pi_l,
        Fresh(Ladder((*rungs, rung), 3, 3), game.initial),
        k=2,
        start=start,
        horizon=120,
        rng=np.random.default_rng(1),
    )
    q = team.response(rung)
    assert abs(team.value(q, pi_l) - played.value) < 4 * played.standard_error
    share = played.occupancy / played.occupancy.sum()
    np.testing.assert_allclose(team.local_occupancy(q, pi_l), share, atol=0.01)


def test_occupancy_times_reward_is_the_value(random_game):
    game = random_game(2, S_g=2, A_g=2, S_l=3, A_l=2)
    rung, pi_l = random_pair(game, 2, 2)
    team = TeamGame(game, 5)
    q = team.response(rung)
    reward = np.einsum("nga,ga->ng", q, game.r_g) + team.local_reward(pi_l)
    earned = (team.occupancy(q, pi_l) * reward).sum() / (1 - game.gamma)
    assert earned == pytest.approx(team.value(q, pi_l), abs=1e-8)


@pytest.mark.parametrize(("n", "L"), [(3, 2), (8, 2), (3, 3), (5, 3), (8, 3), (3, 4), (6, 4), (8, 4)])
def test_with_every_robot_heard_g_learn_is_the_best(random_game, n, L):
    game = random_game(n, S_g=2, A_g=2, S_l=L, A_l=2)
    pi_l = LocalPolicy.uniform(game)
    team = TeamGame(game, n)
    solution = g_learn(game, pi_l, n, GLearnOptions(backup="exact", tolerance=1e-8))
    best = (team.start * team.best_values(pi_l)).sum()
    assert team.value(team.response(solution.policy), pi_l) == pytest.approx(best, abs=1e-8)


def test_one_local_state_is_a_process_of_s_g_alone(random_game):
    game = random_game(1, S_g=3, A_g=2, S_l=1, A_l=1)
    rung = np.array([[0], [1], [0]], dtype=np.uint16)
    team = TeamGame(game, 6)
    P = game.P_g[np.arange(3), rung[:, 0]]
    r = game.r_g[np.arange(3), rung[:, 0]] + game.r_l[0, :, 0]
    V = np.linalg.solve(np.eye(3) - game.gamma * P, r)
    assert team.value(team.response(rung), LocalPolicy.uniform(game)) == pytest.approx(game.initial.rho_g @ V, abs=1e-9)


def test_too_large_a_team_is_refused_before_work(warehouse):
    with pytest.raises(ResourceError, match=r"exact team game for n=100 on 5 local states needs .* MiB, over the limit"):
        TeamGame(warehouse, 100)


def test_more_reports_than_robots_are_refused(random_game):
    game = random_game(0)
    with pytest.raises(AltmarlError, match="for 3 reports, there are only 2 robots"):
        TeamGame(game, 2).response(random_pair(game, 3, 0)[0])
    with pytest.raises(AltmarlError, match="n is 0"):
        TeamGame(game, 0)


def test_reports_of_a_rung_follow_from_its_width(random_game):
    game = random_game(0, S_l=3)
    assert [rung_reports(random_pair(game, k, 0)[0], 3) for k in range(6)] == list(range(6))
