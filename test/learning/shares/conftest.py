import numpy as np
import pytest

from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.games.sparse import Sparse
from altmarl_ros.games.start import Start
from altmarl_ros.learning.shares.estimates import SimulatedEstimates
from altmarl_ros.learning.shares.solver import SharesOptions, learn_shares
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesProcess


@pytest.fixture(scope="session")
def uniform_process():
    """The process of a game whose robots act uniformly."""

    def make(game):
        return SharesProcess.under_policy(game, LocalPolicy.uniform(game))

    return make


@pytest.fixture(scope="session")
def steered_game():
    """A random game in which it matters where the coordinator steers."""

    def make(seed, S_g, S_l):
        return build_random_game(RandomGameParameters(seed=seed, global_states=S_g, local_states=S_l, inertia=0.97))

    return make


@pytest.fixture(scope="session")
def solved():
    """Value vectors of a process for a start."""

    def solve(process, start, **options):
        options = {"points": 200, "tolerance": 1e-6, **options}
        return learn_shares(process, start, SimulatedEstimates(start, runs=60, ticks=20), SharesOptions(**options))

    return solve


@pytest.fixture(scope="session")
def watched():
    """Two states, each of which the coordinator can watch: a robot there earns 1; robots change over with `change`.

    With d = |mu_0 - 1/2|, g = gamma and l = 1 - 2 change, watching the fuller state is best at every tick:
    V(s, mu) = mu_s + g / (2 (1 - g)) + d g l / (1 - g l), for change up to 1/2.
    """

    def make(change, gamma=0.9, reward=1.0):
        P = Sparse(np.array([[1 - change, change], [change, 1 - change]]))
        P_g = Sparse(np.tile(np.eye(2), (2, 1)))
        return SharesProcess([P], np.zeros(2, dtype=np.int64), reward * np.eye(2), P_g, np.zeros((2, 2)), gamma=gamma)

    return make


@pytest.fixture(scope="session")
def even_start():
    return Start(np.array([0.5, 0.5]), np.array([0.5, 0.5]))


@pytest.fixture(scope="session")
def brute_force():
    """V_n [s_g, x_1 * .. * x_n] by value iteration over the whole joint process of n robots, all of whom are seen."""

    def solve(game, pi_l, n):
        P, r = pi_l.transition(game), pi_l.reward(game)
        S_g = len(r)
        joint = np.ones((S_g, 1, 1))
        local = np.zeros((S_g, 1))
        for _ in range(n):
            joint = np.stack([np.kron(a, b) for a, b in zip(joint, P, strict=True)])
            local = (local[:, :, None] + r[:, None, :]).reshape(S_g, -1)
        V = np.zeros_like(local)
        for _ in range(2000):
            Q = game.r_g[:, :, None] + game.gamma * np.einsum("gah,gxy,hy->gax", game.P_g, joint, V, optimize=True)
            V, before = local / n + Q.max(axis=1), V
            if np.abs(V - before).max() < 1e-12:
                break
        return V

    return solve


@pytest.fixture(scope="session")
def shares_of_tuples():
    """Shares [L^n, L] of the joint states x_1 * .. * x_n."""

    def make(L, n):
        states = np.stack(np.unravel_index(np.arange(L**n), (L,) * n), axis=1)
        return np.stack([np.bincount(row, minlength=L) / n for row in states])

    return make
