"""Solutions against closed forms, and what they do not depend on."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import ResourceError
from altmarl_ros.games import Start, TabularGame
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.learning.shares.estimates import SimulatedEstimates
from altmarl_ros.learning.shares.lower_bounds import heard_nobody
from altmarl_ros.learning.shares.solver import SharesOptions, learn_shares
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesProcess


def watched_value(s, mu, change, gamma=0.9):
    """See the fixture `watched`."""
    keep = 1 - 2 * change
    d = abs(mu[0] - 0.5)
    return mu[s] + gamma / (2 * (1 - gamma)) + d * gamma * keep / (1 - gamma * keep)


@pytest.mark.parametrize("change", [0.0, 0.1, 0.3, 0.5])
def test_a_hidden_state_solved_by_hand(watched, even_start, solved, change):
    solution = solved(watched(change), even_start)
    for share in np.linspace(0, 1, 11):
        mu = np.array([share, 1 - share])
        for s in range(2):
            value = solution.policy.vectors.value(np.array([s]), mu[None])[0]
            assert value == pytest.approx(watched_value(s, mu, change), abs=1e-8)
    fuller = np.array([[0.9, 0.1], [0.2, 0.8]])
    if change < 0.5:
        assert solution.policy.act_on_shares(np.array([1, 0]), fuller).tolist() == [0, 1]


def test_states_that_swap_are_watched_in_turn(watched, even_start, solved):
    solution = solved(watched(1.0), even_start)
    mu = np.array([0.7, 0.3])
    assert solution.policy.act_on_shares(np.array([0, 1]), np.array([mu, mu])).tolist() == [1, 1]  # where the 0.7 will be
    assert solution.policy.vectors.value(np.array([0]), mu[None])[0] == pytest.approx(0.7 / (1 - 0.9), abs=1e-8)


def test_one_state_that_nothing_changes(watched, solved, random_game, uniform_process):
    game = random_game(0, S_g=1, A_g=1, S_l=1, A_l=1)
    vectors = solved(uniform_process(game), game.initial).policy.vectors
    assert len(vectors) == 1
    assert vectors.alpha[0, 0] == pytest.approx((game.r_g[0, 0] + game.r_l[0, 0, 0]) / (1 - game.gamma))


@pytest.mark.parametrize(
    ("factor", "constant"),
    [pytest.param(1e-4, 0.0, marks=pytest.mark.slow), pytest.param(1e-4, 3.0, marks=pytest.mark.slow), (1e5, -100.0)],
)
def test_the_unit_of_reward_changes_no_decision(warehouse, small_bundle, solved, factor, constant):
    scaled = replace(warehouse, r_l=warehouse.r_l * factor + constant, r_g=warehouse.r_g * factor)
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(5, 0.4), 400)
    s = rng.integers(5, size=400)
    taken = []
    for game in (warehouse, scaled):
        process = SharesProcess.under_policy(game, small_bundle.pi_l)
        policy = solved(process, game.initial).policy
        taken.append(policy.act_on_shares(s, shares))
        assert len(set(taken[-1])) > 1
    np.testing.assert_array_equal(*taken)


def test_solutions_repeat(warehouse, small_bundle, solved):
    process = SharesProcess.under_policy(warehouse, small_bundle.pi_l)
    first, second = (solved(process, warehouse.initial).policy.vectors for _ in range(2))
    assert first.alpha.tobytes() == second.alpha.tobytes()
    assert first.following.tobytes() == second.following.tobytes()


def test_a_warm_start_begins_where_the_last_solution_ended(warehouse, small_bundle, solved):
    process = SharesProcess.under_policy(warehouse, small_bundle.pi_l)
    cold = solved(process, warehouse.initial)
    seen = []
    sampler = SimulatedEstimates(warehouse.initial, runs=60, ticks=20)
    warm = learn_shares(
        process,
        warehouse.initial,
        sampler,
        SharesOptions(points=200, rounds=1),
        vectors=cold.policy.vectors,
        on_improvement=lambda steps, value: seen.append((steps, value)),
    )
    at = (cold.points.s, cold.points.shares)
    assert warm.policy.vectors.value(*at).mean() > cold.policy.vectors.value(*at).mean() - 1e-3 * process.scale
    assert warm.improvements < cold.improvements
    assert [steps for steps, _ in seen] == list(range(1, warm.improvements + 1))
    other = SharesProcess.under_policy(warehouse, LocalPolicy.uniform(warehouse))
    moved = learn_shares(other, warehouse.initial, sampler, SharesOptions(points=200), vectors=cold.policy.vectors)
    assert moved.inconsistency < 1e-10


def test_any_source_of_estimates_will_do(watched, even_start):
    def sampler(process, policy, rng):
        return np.array([0, 1]), np.array([[1.0, 0.0], [0.0, 1.0]])

    solution = learn_shares(watched(0.1), even_start, sampler, SharesOptions(rounds=1))
    assert len(solution.points) == 4  # these, and the mean start at both states


def test_a_state_that_no_episode_visits_has_vectors_all_the_same(random_game, uniform_process):
    game = random_game(0, S_g=3, A_g=2)
    P_g = np.zeros((3, 2, 3))
    P_g[:, :, 0] = 1.0
    stuck = replace(game, P_g=P_g, start=Start(np.array([1.0, 0.0, 0.0]), np.ones(2)))
    solution = learn_shares(uniform_process(stuck), stuck.initial, SimulatedEstimates(stuck.initial, runs=5, ticks=5))
    assert set(solution.policy.vectors.state) == {0, 1, 2}


def test_what_has_a_negligible_chance_changes_no_value(random_game):
    game = random_game(0, S_g=3, S_l=4)
    P_l, P_g = game.P_l.copy(), game.P_g.copy()
    for P in (P_l, P_g):
        P[..., 0] += P[..., 1]
        P[..., 1] = 0.0
    tails = [(1.0 - 1e-16) * P + 1e-16 / P.shape[-1] for P in (P_l, P_g)]  # nothing is zero
    values = []
    for kernels in ((P_l, P_g), tails):
        world = TabularGame("tails", kernels[1], kernels[0], game.r_g, game.r_l, gamma=game.gamma)
        process = SharesProcess.under_policy(world, LocalPolicy.uniform(world))
        assert process.arrays.data.min() > 1e-9
        found = learn_shares(process, world.initial, SimulatedEstimates(world.initial, runs=20, ticks=10))
        values.append(heard_nobody(found.policy, world.initial).value)
    assert values[1] == pytest.approx(values[0], rel=1e-9)


def test_too_much_memory_is_refused_before_work(watched, even_start):
    with pytest.raises(ResourceError, match=r"needs .* MiB for 750 points of 2 local states, over the limit"):
        learn_shares(watched(0.1), even_start, SimulatedEstimates(even_start), SharesOptions(memory_limit=1000))
    with pytest.raises(ResourceError, match="tolerance is 0"):
        SharesOptions(tolerance=0)


def test_a_grid_of_zones_is_solved_far_above_chance():
    game = build_attention(AttentionParameters(width=4, height=3))
    process = SharesProcess.under_policy(game, LocalPolicy(np.full(game.r_l.shape, 0.2)))
    sampler = SimulatedEstimates(game.start, runs=60)
    policy = learn_shares(process, game.start, sampler, SharesOptions(points=120)).policy
    assert len(process.action_of) < 12 * 12 / 2  # most targets lead the same way
    alone = np.eye(12)[[0, 11]]
    assert policy.act_on_shares(np.array([5, 5]), alone).tolist() == [
        process.action_of[process.choice_of[5, 0]],
        process.action_of[process.choice_of[5, 11]],
    ]
