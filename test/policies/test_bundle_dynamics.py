"""Tests that a fleet may play a bundle that was learned on its dynamics, for any rewards."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import BundleError
from altmarl_ros.games.rewards import Rewards
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.policies import load_bundle, save_bundle
from altmarl_ros.policies.lookahead import Lookahead
from altmarl_ros.protocol.coordinator import check_bundle


@pytest.fixture(scope="module", params=["exact", "shares"])
def other_rewards(request):
    """A bundle learned for the warehouse with a reward for the coordinator's action."""
    game = Rewards(of_global=3.0, gamma=0.8, parameters={"global_reward": "distance"}).of("warehouse")
    g_learn = GLearnOptions(backup=request.param)
    return game, train(game, TrainingOptions(K=3, rounds=1, runs=10, n=10, certificate_runs=0, g_learn=g_learn))


def test_other_rewards_are_refused_as_the_game_and_taken_as_its_dynamics(warehouse, other_rewards, tmp_path):
    game, bundle = other_rewards
    path = save_bundle(bundle, tmp_path / "other.npz")
    with pytest.raises(BundleError, match="was learned for game"):
        load_bundle(path, warehouse)
    loaded = load_bundle(path, warehouse, same_rewards=False)
    assert (loaded.game_hash, loaded.dynamics_hash) == (game.content_hash, warehouse.dynamics_hash)
    if loaded.kind == "ladder":
        np.testing.assert_array_equal(loaded.r_g, game.r_g)
    else:
        np.testing.assert_array_equal(loaded.pi_g.process.arrays.choice_reward[loaded.pi_g.process.choice_of], game.r_g)
    check_bundle(loaded, warehouse, 3)


def test_other_dynamics_are_refused(warehouse, other_rewards):
    _, bundle = other_rewards
    moved = replace(warehouse, P_l=np.roll(warehouse.P_l, 1, axis=-1))
    with pytest.raises(BundleError, match="was learned for game"):
        bundle.check_dynamics(moved)
    bundle.carried_to(moved).check_game(moved)


def test_a_bundle_that_does_not_name_its_dynamics_is_for_its_very_game(warehouse, small_bundle, tmp_path):
    old = replace(small_bundle, dynamics_hash="")
    loaded = load_bundle(save_bundle(old, tmp_path / "old.npz"), warehouse, same_rewards=False)
    assert loaded.dynamics_hash == ""
    with pytest.raises(BundleError, match="was learned for game"):
        loaded.check_dynamics(replace(warehouse, gamma=0.5))


def test_actions_are_weighed_by_the_rewards_that_the_values_are_of(warehouse, other_rewards):
    game, bundle = other_rewards
    shares = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    in_the_fleet, in_its_game = Lookahead(warehouse, bundle), Lookahead(game, bundle)
    for s_g in range(5):
        np.testing.assert_allclose(in_the_fleet.gaps(s_g, shares, 0), in_its_game.gaps(s_g, shares, 0))
    if bundle.kind == "ladder":
        by_the_fleets = Lookahead(warehouse, replace(bundle, r_g=None))
        assert any((by_the_fleets.gaps(s, shares, 0) != in_the_fleet.gaps(s, shares, 0)).any() for s in range(5))


@pytest.mark.parametrize("r_g", [np.zeros((5, 4)), np.full((5, 5), np.nan)])
def test_a_global_reward_that_is_none_is_refused(small_bundle, r_g):
    with pytest.raises(BundleError, match="r_g has shape"):
        replace(small_bundle, r_g=r_g)
