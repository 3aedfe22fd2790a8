from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError, BundleError
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.settings import CoordinatorSettings, DecisionSettings


def always(bundle, local_action, global_action, rungs=4):
    """A bundle whose robots and coordinator do one thing everywhere."""
    pi_l = LocalPolicy(np.broadcast_to(np.eye(3)[local_action], (5, 5, 3)))
    ladder = Ladder(tuple(np.full_like(rung, global_action) for rung in bundle.pi_g.rungs[:rungs]), 5, 5)
    return replace(bundle, pi_l=pi_l, pi_g=ladder)


def test_announced_policies_are_acted_by_from_the_switch_on(make_coordinator, small_bundle):
    coordinator = make_coordinator()
    new = always(small_bundle, 1, 2)
    coordinator.change(bundle=new)
    named = [coordinator.begin().policy_id]
    coordinator.decide()
    assert coordinator.next_bundle is new
    coordinator.switch()
    named.append(coordinator.begin().policy_id)
    assert coordinator.decide().action == 2
    assert named == [small_bundle.policy_id, new.policy_id]
    assert coordinator.next_bundle is None


def test_announcing_the_policy_in_force_recalls_the_other(make_coordinator, small_bundle):
    coordinator = make_coordinator()
    coordinator.change(bundle=always(small_bundle, 1, 2))
    coordinator.change(bundle=small_bundle)
    assert coordinator.next_bundle is None


def test_a_policy_without_a_rung_for_k_or_for_another_game_is_refused(make_coordinator, small_bundle):
    coordinator = make_coordinator(k=3)
    with pytest.raises(AltmarlError, match=r"k is 3, must be in 0..2"):
        coordinator.change(bundle=always(small_bundle, 1, 2, rungs=3))
    with pytest.raises(BundleError, match="train again"):
        coordinator.change(bundle=replace(small_bundle, game_hash="0" * 16, dynamics_hash="0" * 16))
    assert coordinator.bundle is small_bundle


def test_value_vectors_serve_any_k_and_may_take_over_from_a_ladder(make_coordinator, small_bundle, shares_bundle):
    coordinator = make_coordinator(k=3, robots=30)
    coordinator.change(bundle=shares_bundle)
    settings = replace(coordinator.settings, k=12)
    with pytest.raises(AltmarlError, match="k is -1, must be at least 0"):
        coordinator.check(settings=replace(settings, k=-1))
    coordinator.change(settings=settings)
    assert len(coordinator.begin().polled) == 3  # the ladder in force has no rung for more
    coordinator.decide()
    coordinator.switch()
    assert coordinator.most_reports is None
    assert len(coordinator.begin().polled) == 12
    with pytest.raises(AltmarlError, match=r"k is 12, must be in 0..3"):
        coordinator.change(bundle=small_bundle)


def test_the_estimate_is_carried_over_silent_ticks_and_over_a_switch(warehouse, small_bundle):
    """Without a report the mean moves by the kernel under the policy by which the robots acted."""
    old, new = always(small_bundle, 0, 0), always(small_bundle, 1, 0)
    settings = CoordinatorSettings(k=0, decision=DecisionSettings("filtered"))
    coordinator = Coordinator(warehouse, old, settings, np.random.default_rng(0))
    expected = warehouse.initial.alpha / warehouse.initial.alpha.sum()
    s_g, acted_by = None, None
    for number in range(8):
        if number == 4:
            coordinator.change(bundle=new)
            coordinator.switch()
        tick = coordinator.begin()
        decision = coordinator.decide()
        if s_g is not None:
            P = warehouse.P_l[:, s_g, acted_by]
            expected = expected @ P
        np.testing.assert_allclose(decision.estimate, expected, atol=1e-12)
        s_g, acted_by = tick.global_state, int(number >= 4)
