"""What a value vector promises: the exact value of a plan that needs no report."""

from types import SimpleNamespace

import numpy as np
import pytest

from altmarl_ros.errors import BundleError
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.learning.shares import evaluation
from altmarl_ros.learning.shares.evaluation import evaluate, inconsistency
from altmarl_ros.learning.shares.improvement import gain, improved, pruned
from altmarl_ros.learning.shares.initial import blind_plans, repeated
from altmarl_ros.learning.shares.points import Points
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess, lookahead
from altmarl_ros.policies.shares.lookahead import look_ahead, predict


def random_points(process, per_state, seed=0):
    rng = np.random.default_rng(seed)
    s = np.repeat(np.arange(process.n_global_states), per_state)
    return Points(process, s, rng.dirichlet(np.full(process.n_local_states, 0.5), len(s)))


def chain_of(process, vectors):
    """Transitions of s_g under the plans, node to node."""
    matrix = np.zeros((len(vectors), len(vectors)))
    for node in range(len(vectors)):
        c = vectors.choice[node]
        outcomes = range(process.arrays.outcome_start[c], process.arrays.outcome_start[c + 1])
        for o in outcomes:
            then = vectors.follow(process, node, process.outcome_successor[o])
            matrix[node, then] += process.arrays.outcome_probability[o]
    return matrix


def test_blind_plans_solve_their_linear_equations(random_game, uniform_process):
    game = random_game(3, S_g=3, A_g=2, S_l=3)
    process, pi_l = uniform_process(game), LocalPolicy.uniform(game)
    vectors = blind_plans(process, 1e-13)
    P, r = pi_l.transition(game), pi_l.reward(game)
    for a in range(2):
        joint = np.zeros((9, 9))
        for s in range(3):
            for then in range(3):
                joint[3 * s : 3 * s + 3, 3 * then : 3 * then + 3] = game.P_g[s, a, then] * P[s]
        exact = np.linalg.solve(np.eye(9) - game.gamma * joint, (r + game.r_g[:, a, None]).ravel()).reshape(3, 3)
        np.testing.assert_allclose(vectors.alpha[a::2], exact, rtol=0, atol=1e-9)


def test_sweeps_and_lookups_of_many_vectors_are_those_of_single_ones(random_game, uniform_process):
    process = uniform_process(random_game(4, S_g=3, A_g=3, S_l=4))
    choice = np.random.default_rng(0).choice(process.choice_of[0], 70) + 3 * np.arange(3)[:, None]  # 70 plans in each s_g
    vectors = repeated(process, choice, 1e-9)
    alone = [evaluation._swept(process.arrays, one_node(vectors, node), vectors.alpha)[0] for node in range(len(vectors))]
    np.testing.assert_array_equal(evaluation.backed_up(process, vectors, vectors.alpha), alone)
    for s in range(3):
        begin, end = vectors.start[s], vectors.start[s + 1]
        for m in np.random.default_rng(s).dirichlet(np.ones(4), 20):
            worth = lookahead._values(vectors.alpha, begin, end, m)[: end - begin]
            np.testing.assert_allclose(worth, vectors.alpha[begin:end] @ m)
            best = worth.max(), begin + worth.argmax()
            assert lookahead._best_of_many(vectors.arrays.transposed, begin, end, m) == best


def one_node(vectors, node):
    outcomes = slice(vectors.following_start[node], vectors.following_start[node + 1])
    following = vectors.following[outcomes]
    return SimpleNamespace(
        choice=vectors.choice[node : node + 1],
        following=following,
        arrays=vectors.arrays._replace(
            state=vectors.state[node : node + 1],
            choice=vectors.choice[node : node + 1],
            following=following,
            following_start=np.array([0, len(following)]),
        ),
    )


@pytest.mark.slow
def test_values_are_found_where_all_robots_head_for_one_place():
    """GMRES alone stood still on a floor of 100 zones whose robots all did."""
    game = build_attention(AttentionParameters(width=8, height=8))
    heading = LocalPolicy(np.eye(game.n_local_actions)[np.full(game.r_l.shape[:2], 1)])
    process = SharesProcess.under_policy(game, heading)
    vectors = blind_plans(process, 1e-9)
    spread = np.ptp(evaluation.backed_up(process, vectors, vectors.alpha) - vectors.alpha)
    assert game.gamma / (1.0 - game.gamma) * spread < 1e-8 * process.scale


@pytest.mark.parametrize("n", [1, 2])
def test_every_plan_earns_its_vector_in_the_joint_process(steered_game, uniform_process, solved, shares_of_tuples, n):
    game = steered_game(5, 3, 3)
    process, pi_l = uniform_process(game), LocalPolicy.uniform(game)
    vectors = solved(process, game.initial).policy.vectors
    P, r = pi_l.transition(game), pi_l.reward(game)
    moves = chain_of(process, vectors)
    size, nodes = 3**n, len(vectors)
    joint = np.zeros((nodes * size, nodes * size))
    reward = np.empty((nodes, size))
    assert nodes > 3
    shares = shares_of_tuples(3, n)
    for node in range(nodes):
        s = vectors.state[node]
        robots = np.ones((1, 1))
        for _ in range(n):
            robots = np.kron(robots, P[s])
        reward[node] = shares @ r[s] + process.arrays.choice_reward[vectors.choice[node]]
        joint[node * size : (node + 1) * size] = np.kron(moves[node][None], robots)
    earned = np.linalg.solve(np.eye(len(joint)) - game.gamma * joint, reward.ravel()).reshape(nodes, size)
    np.testing.assert_allclose(earned, vectors.alpha @ shares.T, rtol=0, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 10, 1000])
def test_a_plan_played_without_reports_earns_its_vector(warehouse, small_bundle, solved, uniform_process, n):
    from altmarl_ros.learning.populations.population import CountedPopulation, Fleets
    from altmarl_ros.policies.shares import SharesProcess

    process = SharesProcess.under_policy(warehouse, small_bundle.pi_l)
    policy = solved(process, warehouse.initial, points=60).policy
    rng = np.random.default_rng(n)
    runs, ticks = 1500, 150
    node = int(policy.vectors.start[2])  # a plan of global state 2
    counts = rng.multinomial(n, warehouse.initial.draw_shares(1, rng)[0])
    population = CountedPopulation(warehouse, small_bundle.pi_l, Fleets(np.full(runs, 2), np.tile(counts, (runs, 1))))
    nodes = np.full(runs, node)
    returns = np.zeros(runs)
    for t in range(ticks):
        a_g = process.action_of[policy.vectors.choice[nodes]]
        returns += warehouse.gamma**t * population.step(a_g, rng)
        nodes = np.array([policy.vectors.follow(process, i, s) for i, s in zip(nodes, population.s_g, strict=True)])
    expected = policy.vectors.alpha[node] @ counts / n
    left = warehouse.gamma**ticks * process.scale
    assert abs(returns.mean() - expected) < 4 * returns.std() / np.sqrt(runs) + left


def test_lookahead_never_falls_below_the_vectors_after_pruning(steered_game, uniform_process, solved):
    game = steered_game(7, 3, 4)
    process = uniform_process(game)
    solution = solved(process, game.initial)
    first = np.searchsorted(solution.points.s, np.arange(3))
    few = pruned(Points(process, solution.points.s[first], solution.points.shares[first]), solution.policy.vectors, 1e-13)
    assert len(few) == 3 < len(solution.policy.vectors)
    anywhere = random_points(process, 200)
    for vectors in (solution.policy.vectors, few):
        vectors.check(process)
        assert gain(anywhere, vectors).min() > -1e-9
        assert inconsistency(process, vectors) < 1e-12
        corners = Points(process, np.repeat(np.arange(3), 4), np.tile(np.eye(4), (3, 1)))
        assert gain(corners, vectors).min() > -1e-9


def test_improvement_raises_the_points(steered_game, uniform_process):
    game = steered_game(9, 3, 3)
    process = uniform_process(game)
    points = random_points(process, 30)
    before = blind_plans(process, 1e-12)
    after = improved(points, before, 1e-12)
    raised = after.value(points.s, points.shares).mean() - before.value(points.s, points.shares).mean()
    assert raised > 1e-3
    assert (np.diff(after.state) >= 0).all()


def test_evaluation_does_not_depend_on_where_it_starts(steered_game, uniform_process, solved):
    from dataclasses import replace

    game = steered_game(11, 3, 3)
    process = uniform_process(game)
    vectors = solved(process, game.initial).policy.vectors
    shaken = replace(vectors, alpha=np.random.default_rng(0).normal(size=vectors.alpha.shape))
    np.testing.assert_allclose(evaluate(process, shaken).alpha, vectors.alpha, atol=1e-9)


def test_the_best_action_and_its_values(steered_game, uniform_process, solved):
    game = steered_game(13, 3, 3)
    process = uniform_process(game)
    policy = solved(process, game.initial).policy
    P, r = LocalPolicy.uniform(game).transition(game), LocalPolicy.uniform(game).reward(game)
    m = np.array([0.2, 0.5, 0.3])
    for s in range(3):
        following = np.array([policy.vectors.value(np.array([t]), (m @ P[s])[None])[0] for t in range(3)])
        Q = m @ r[s] + game.r_g[s] + game.gamma * game.P_g[s] @ following
        np.testing.assert_allclose(policy.action_values(s, m), Q, atol=1e-9)
        assert policy.act_on_shares(np.array([s]), m[None])[0] == Q.argmax()


def test_alike_actions_are_one_choice_and_the_lowest_is_taken(random_game, uniform_process, solved):
    from dataclasses import replace

    game = random_game(15, S_g=2, A_g=2, S_l=2)
    doubled = replace(
        game,
        P_g=np.repeat(game.P_g, 2, axis=1),
        r_g=np.repeat(game.r_g, 2, axis=1),
        global_action_names=(),
    )
    process = uniform_process(doubled)
    assert len(process.action_of) == 4
    assert process.choice_of.tolist() == [[0, 0, 1, 1], [2, 2, 3, 3]]
    policy = solved(process, game.initial).policy
    points = random_points(process, 50)
    assert set(policy.act_on_shares(points.s, points.shares)) <= {0, 2}
    plain = SharesPolicy(uniform_process(game), policy.vectors)
    np.testing.assert_array_equal(
        policy.act_on_shares(points.s, points.shares), 2 * plain.act_on_shares(points.s, points.shares)
    )


def test_prediction_is_the_kernels(random_game, uniform_process):
    game = random_game(17, S_g=3, S_l=4)
    process = uniform_process(game)
    points = random_points(process, 5)
    P = LocalPolicy.uniform(game).transition(game)
    np.testing.assert_allclose(predict(process, points.s, points.shares), np.einsum("bl,blm->bm", points.shares, P[points.s]))


def test_lookahead_names_the_best_node_at_each_successor(steered_game, uniform_process, solved):
    game = steered_game(19, 3, 3)
    process = uniform_process(game)
    vectors = solved(process, game.initial).policy.vectors
    points = random_points(process, 10)
    found = look_ahead(process, vectors, points.s, points.predicted)
    for b in range(len(points)):
        for slot, t in enumerate(process.successors(points.s[b])):
            values = vectors.alpha[vectors.state == t] @ points.predicted[b]
            assert found.node[b, slot] == np.flatnonzero(vectors.state == t)[values.argmax()]


def test_vectors_of_another_process_are_refused(random_game, uniform_process, solved):
    game = random_game(0)
    vectors = solved(uniform_process(game), game.initial).policy.vectors
    with pytest.raises(BundleError, match="local states"):
        SharesPolicy(uniform_process(random_game(0, S_l=3)), vectors)
    with pytest.raises(BundleError, match="cannot follow"):
        vectors.follow(uniform_process(game), 0, 7)
