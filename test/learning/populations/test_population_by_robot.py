import numpy as np

from altmarl_ros.learning.populations.population import Fleets, simulate
from altmarl_ros.observation import Fresh
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

S_G, A_G, S_L, A_L = 2, 3, 3, 2


def robot_by_robot(game, pi_l, ladder, *, k, robots, s_g, horizon, rng):
    """Play the same game with every robot drawn by itself: robots [R, n], s_g [R] -> rewards [R, T]."""

    def draw(p):
        return (rng.random(p.shape[:-1])[..., None] >= np.cumsum(p, axis=-1)[..., :-1]).sum(axis=-1)

    rewards = []
    for _ in range(horizon):
        heard = rng.permuted(robots, axis=1)[:, :k]
        a_g = ladder.act(s_g, (heard[:, :, None] == np.arange(S_L)).sum(axis=1))
        a_l = draw(pi_l.probabilities[robots, s_g[:, None]])
        rewards.append(game.r_g[s_g, a_g] + game.r_l[robots, s_g[:, None], a_l].mean(axis=1))
        robots, s_g = draw(game.P_l[robots, s_g[:, None], a_l]), draw(game.P_g[s_g, a_g])
    return np.array(rewards).T


def test_agrees_with_a_simulation_robot_by_robot(random_game):
    runs, k, horizon, robots = 8000, 2, 4, np.array([0, 0, 1, 2, 2])
    game, rng = random_game(11, S_G, A_G, S_L, A_L, gamma=0.8), np.random.default_rng(13)
    pi_l = LocalPolicy(rng.dirichlet(np.ones(A_L), (S_L, S_G)))
    rungs = [rng.integers(A_G, size=(S_G, number_of_counts(j, S_L)), dtype=np.uint16) for j in range(k + 1)]
    ladder = Ladder(tuple(rungs), S_L, A_G)

    start = Fleets(np.zeros(runs, dtype=np.int64), np.tile(np.bincount(robots), (runs, 1)))
    fast = simulate(game, pi_l, Fresh(ladder, game.initial), k=k, start=start, horizon=horizon, rng=rng).rewards
    states = np.tile(robots, (runs, 1))
    slow = robot_by_robot(game, pi_l, ladder, k=k, robots=states, s_g=start.s_g, horizon=horizon, rng=rng)
    error = np.sqrt((slow.var(axis=0) + fast.var(axis=0)) / runs)
    assert (np.abs(slow.mean(axis=0) - fast.mean(axis=0)) < 4 * error).all()
    np.testing.assert_allclose(np.cov(slow.T), np.cov(fast.T), atol=8 * fast.var(axis=0).max() / np.sqrt(runs))
