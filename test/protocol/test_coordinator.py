from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare, dirichlet

from altmarl_ros.errors import AltmarlError, BundleError
from altmarl_ros.games import load_game
from altmarl_ros.policies import Ladder
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.messages import Report, game_tag
from altmarl_ros.protocol.plant import VirtualPlant
from altmarl_ros.protocol.settings import CoordinatorSettings

SESSION = 77
TAG = game_tag(load_game("warehouse").content_hash)


def answer(coordinator, tick, states):
    return [
        coordinator.hear(Report(SESSION, tick.tick, robot_id, s_l, TAG))
        for robot_id, s_l in zip(tick.polled, states, strict=False)
    ]


def test_first_broadcast(make_coordinator, small_bundle, warehouse):
    coordinator = make_coordinator(plant=VirtualPlant(warehouse, np.random.default_rng(0), 2))
    tick = coordinator.begin()
    assert (tick.session, tick.tick, tick.policy_id) == (SESSION, 0, small_bundle.policy_id)
    assert (tick.global_state, tick.global_action) == (2, None)
    assert len(set(tick.polled)) == 3


def test_next_broadcast_tells_the_decision(make_coordinator):
    coordinator = make_coordinator()
    coordinator.begin()
    decision = coordinator.decide()
    tick = coordinator.begin()
    assert (tick.tick, tick.global_action, tick.global_state) == (1, decision.action, coordinator.global_state)


@pytest.mark.parametrize("states", [(), (4,), (2, 2), (0, 3, 3)])
def test_decides_by_the_rung_of_the_reports_that_came(make_coordinator, small_bundle, warehouse, states):
    coordinator = make_coordinator(plant=VirtualPlant(warehouse, np.random.default_rng(0), 1))
    answer(coordinator, coordinator.begin(), states)
    decision = coordinator.decide()
    counts = np.bincount(np.array(states, dtype=int), minlength=5)
    assert decision.heard == decision.rung == len(states)
    assert decision.action == small_bundle.pi_g.act(1, counts)
    shares = counts / len(states) if states else np.full(5, 0.2)
    np.testing.assert_allclose(decision.estimate, shares)
    local = sum(shares[s] * small_bundle.pi_l.probabilities[s, 1] @ warehouse.r_l[s, 1] for s in range(5))
    assert decision.reward == pytest.approx(warehouse.r_g[1, decision.action] + local)


@pytest.mark.parametrize("states", [(0, 0, 1), (2,), ()])
def test_sampling_error_is_the_largest_posterior_deviation_of_a_share(make_coordinator, states):
    coordinator = make_coordinator()
    if states:
        answer(coordinator, coordinator.begin(), states)
    else:
        coordinator.begin()
    posterior = dirichlet(1.0 + np.bincount(states, minlength=5))
    assert coordinator.decide().sampling_error == pytest.approx(np.sqrt(posterior.var().max()))


def test_ticks_go_on_with_nobody_there(make_coordinator):
    coordinator = make_coordinator(robots=0)
    for number in range(5):
        tick = coordinator.begin()
        assert (tick.tick, tick.polled) == (number, ())
        decision = coordinator.decide()
        assert (decision.heard, decision.rung, decision.suspended) == (0, 0, ())


@pytest.mark.slow
def test_global_state_follows_its_kernel_under_the_action(make_coordinator, small_bundle, warehouse):
    action = np.array([3, 0, 1, 4, 2])
    bundle = replace(small_bundle, pi_g=Ladder((action[:, None],), 5, 5))
    coordinator = make_coordinator(robots=0, k=0, bundle=bundle)
    moves = np.zeros((5, 5), dtype=int)
    for _ in range(5000):
        before = coordinator.begin().global_state
        coordinator.decide()
        moves[before, coordinator.global_state] += 1
    for s_g in range(5):
        assert chisquare(moves[s_g], moves[s_g].sum() * warehouse.P_g[s_g, action[s_g]]).pvalue > 1e-3


def test_same_seed_gives_the_same_run(make_coordinator):
    def run(coordinator):
        history = []
        for _ in range(20):
            tick = coordinator.begin()
            answer(coordinator, tick, [robot_id % 5 for robot_id in tick.polled])
            history.append((tick, coordinator.decide().action))
        return history

    assert run(make_coordinator()) == run(make_coordinator())


@pytest.mark.parametrize("k", [-1, 4])
def test_k_outside_the_rungs_is_refused(make_coordinator, k):
    with pytest.raises(AltmarlError, match=rf"k is {k}, must be in 0..3"):
        make_coordinator(k=k)


def test_policy_for_another_game_is_refused(small_bundle):
    game = load_game("warehouse", {"move_logit": 2.0})
    with pytest.raises(BundleError, match="train again"):
        Coordinator(game, small_bundle, CoordinatorSettings(k=1), np.random.default_rng(0))
