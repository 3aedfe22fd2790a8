import numpy as np
import pytest

from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.learning.coordinator_response import Response, response_to
from altmarl_ros.learning.local_agent import best_local_response, greedy
from altmarl_ros.learning.populations.population import Fleets, simulate
from altmarl_ros.learning.shares.response import play_mean_field
from altmarl_ros.observation.fresh import Fresh
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesProcess


@pytest.mark.slow
def test_the_response_is_that_of_played_episodes(warehouse, small_bundle, solved):
    process = SharesProcess.under_policy(warehouse, small_bundle.pi_l)
    policy = solved(process, warehouse.initial, points=60).policy

    class Seen(Fresh):
        def decide(self, s_g, reports, n):
            return policy.act_on_shares(s_g, reports / n)

    rng = np.random.default_rng(0)
    response, returns = play_mean_field(policy, warehouse.initial, 4000, rng)
    shares = warehouse.initial.draw_shares(4000, rng)
    start = Fleets(rng.integers(5, size=4000), rng.multinomial(100_000, shares))
    played = simulate(
        warehouse, small_bundle.pi_l, Seen(small_bundle.pi_g, warehouse.initial), k=100_000, start=start, horizon=90, rng=rng
    )
    error = np.hypot(returns.std(), played.returns.std()) / np.sqrt(4000)
    assert abs(returns.mean() - played.value) < 4 * error
    counted = response_to(warehouse, played.visits)
    np.testing.assert_allclose(response.successor, counted.successor, atol=0.06)
    np.testing.assert_allclose(response.reward, counted.reward, atol=0.06)
    np.testing.assert_allclose(response.successor.sum(axis=2), 1.0)


def test_pooled_responses_say_nothing_of_the_robot(warehouse, small_bundle, solved):
    process = SharesProcess.under_policy(warehouse, small_bundle.pi_l)
    policy = solved(process, warehouse.initial, points=60).policy
    response, _ = play_mean_field(policy, warehouse.initial, 100, np.random.default_rng(0), pooled=True)
    assert np.ptp(response.successor, axis=1).max() == 0.0


def test_robots_of_a_grid_go_where_attention_is():
    game = build_attention(AttentionParameters(width=3, height=1))
    process = SharesProcess.under_policy(game, LocalPolicy(np.full(game.r_l.shape, 0.2)))
    staying = np.zeros((3, 3, process.most_successors))
    for s in range(3):
        staying[s, :, list(process.successors(s)).index(s)] = 1.0
    policy = greedy(best_local_response(game, Response(staying, np.zeros((3, 3)))))
    stay, east, west = 0, 1, 2
    assert policy.argmax(axis=2).tolist() == [[stay, east, east], [west, stay, east], [west, west, stay]]


@pytest.mark.parametrize("unit", [1e-4, 1e6])
def test_ties_do_not_depend_on_the_unit(unit):
    Q = np.array([[[0.1 + 0.2, 0.3, 0.0]]])
    np.testing.assert_array_equal(greedy(unit * Q), [[[1.0, 0.0, 0.0]]])
    np.testing.assert_array_equal(greedy(unit * Q[..., ::-1]), [[[0.0, 1.0, 0.0]]])
