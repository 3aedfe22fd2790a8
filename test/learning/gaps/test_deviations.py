from itertools import product

import numpy as np
import pytest

from altmarl_ros.learning.gaps.deviations import OneRobot, best_all, best_global, found_global, found_local
from altmarl_ros.learning.gaps.exact_team import TeamGame
from altmarl_ros.learning.gaps.gap_rate import best_rung
from altmarl_ros.policies import LocalPolicy

N = 2
SEEDS = range(4)


@pytest.fixture(params=[(k, seed) for k in (1, 2) for seed in SEEDS], ids=lambda p: f"k{p[0]}-seed{p[1]}")
def pair(request, random_game, joint_chain):
    """The chain of a tiny game, its team, a rung of k reports, a stochastic pi_l, and k."""
    k, seed = request.param
    game = random_game(seed, S_g=2, A_g=2, S_l=2, A_l=2)
    pi_l = LocalPolicy(np.random.default_rng(seed).dirichlet(np.ones(2), (2, 2)))
    return joint_chain(game, N), TeamGame(game, N), best_rung(game, pi_l, k), pi_l, k


def test_global_gains_enclose_every_deterministic_rung(pair, every_policy):
    chain, team, rung, pi_l, k = pair
    found, table = found_global(team, rung, pi_l)
    policies = [pi_l.probabilities] * N
    values = [chain.value(chain.hears(other, k), policies) for other in every_policy(rung.shape, 2)]
    best = best_global(team, pi_l)
    assert chain.value(chain.hears(table, k), policies) == pytest.approx(found, abs=1e-8)
    assert found <= max(values) + 1e-8
    assert max(values) <= best + 1e-8
    if k == N:
        assert found == pytest.approx(max(values), abs=1e-8)
        assert best == pytest.approx(max(values), abs=1e-8)


def test_best_global_is_the_best_play_with_every_robot_in_sight(pair):
    chain, team, _, pi_l, _ = pair
    actions = [np.tile(row, (len(chain.states), 1)) for row in np.eye(2)]

    def choices(row):
        g, s = chain.states[row]
        return [(q, [pi_l.probabilities[i, g] for i in s]) for q in actions]

    assert best_global(team, pi_l) == pytest.approx(chain.best(choices), abs=1e-8)


def test_one_robot_deviates_as_in_the_chain_of_all_robots(pair, every_policy):
    chain, team, rung, pi_l, k = pair
    q, everywhere = team.response(rung), chain.hears(rung, k)
    one = OneRobot(team, q, pi_l)
    values = [chain.value(everywhere, [np.eye(2)[table], pi_l.probabilities]) for table in every_policy((2, 2), 2)]
    found, policy = found_local(team, q, pi_l, one.value)
    assert found == pytest.approx(max(*values, chain.value(everywhere, [pi_l.probabilities] * N)), abs=1e-8)
    assert one.value(policy) == pytest.approx(found, abs=1e-9)

    def choices(row):
        g, s = chain.states[row]
        return [(everywhere, [own, pi_l.probabilities[s[1], g]]) for own in np.eye(2)]

    assert one.best() == pytest.approx(chain.best(choices), abs=1e-8)
    assert one.best() >= found - 1e-9


def test_all_robots_deviate_as_in_the_chain_of_all_robots(pair, every_policy):
    chain, team, rung, pi_l, k = pair
    q, everywhere = team.response(rung), chain.hears(rung, k)
    values = [chain.value(everywhere, [np.eye(2)[table]] * N) for table in every_policy((2, 2), 2)]
    found, _ = found_local(team, q, pi_l, lambda own: team.value(q, own))
    assert found == pytest.approx(max(*values, chain.value(everywhere, [pi_l.probabilities] * N)), abs=1e-8)
    mind = chain.best(lambda row: [(everywhere, list(own)) for own in product(np.eye(2), repeat=N)])
    assert best_all(team, q) == pytest.approx(mind, abs=1e-8)
    assert best_all(team, q) >= found - 1e-9


def test_a_search_over_many_policies_never_ends_below_its_start(random_game):
    game = random_game(3, S_g=3, A_g=2, S_l=3, A_l=2)  # 512 local policies: searched, not enumerated
    pi_l = LocalPolicy.uniform(game)
    team = TeamGame(game, 4)
    q = team.response(best_rung(game, pi_l, 2))
    found, policy = found_local(team, q, pi_l, lambda own: team.value(q, own))
    assert team.value(q, policy) == pytest.approx(found, abs=1e-9)
    assert team.value(q, pi_l) <= found <= best_all(team, q) + 1e-9
    for cell in product(range(3), range(3)):  # and no single change of it helps
        for a in range(2):
            p = policy.probabilities.copy()
            p[cell] = np.eye(2)[a]
            assert team.value(q, LocalPolicy(p)) <= found + 1e-7


@pytest.mark.parametrize("k", [1, 3])
def test_nothing_to_choose_is_nothing_to_gain(random_game, k):
    game = random_game(0, S_g=2, A_g=1, S_l=3, A_l=1)
    pi_l, team = LocalPolicy.uniform(game), TeamGame(game, 3)
    rung = best_rung(game, pi_l, k)
    q = team.response(rung)
    value = team.value(q, pi_l)
    ends = best_global(team, pi_l), OneRobot(team, q, pi_l).best(), best_all(team, q), found_global(team, rung, pi_l)[0]
    np.testing.assert_allclose(ends, value, atol=1e-8)
