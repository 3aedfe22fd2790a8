"""Tests of games with the same dynamics and other rewards."""

import numpy as np
import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.games import load_game
from altmarl_ros.games.rewards import Rewards, parse_parameters


@pytest.mark.parametrize("name", ["warehouse", "federated", "floor"])
def test_weights_scale_both_parts_and_leave_the_dynamics(name):
    own, other = load_game(name), Rewards(2.0, -0.5, 0.8).of(name)
    np.testing.assert_allclose(other.r_g, 2.0 * own.r_g)
    np.testing.assert_allclose(other.r_l, -0.5 * own.r_l)
    np.testing.assert_array_equal(other.P_l, own.P_l)
    assert (other.gamma, other.local_state_names) == (0.8, own.local_state_names)
    assert other.dynamics_hash == own.dynamics_hash
    assert other.content_hash != own.content_hash
    assert Rewards().of(name).content_hash == own.content_hash


@pytest.mark.parametrize("name", ["deliveries", "coverage"])
def test_rewards_under_a_hidden_state_are_scaled_too(name):
    own, other = load_game(name), Rewards(2.0, -0.5, 0.8).of(name)
    np.testing.assert_allclose(other.hidden.r_l, -0.5 * own.hidden.r_l)
    np.testing.assert_allclose(other.r_l, -0.5 * own.r_l, atol=1e-12)
    np.testing.assert_allclose(other.r_g, 2.0 * own.r_g)
    assert other.hidden.names == own.hidden.names
    assert other.dynamics_hash == own.dynamics_hash
    assert other.content_hash != own.content_hash
    assert Rewards().of(name).content_hash == own.content_hash


def test_a_continuous_game_is_played_for_the_same_rewards_as_its_tables():
    own, other = load_game("continuous_warehouse"), Rewards(2.0, 3.0).of("continuous_warehouse")
    s, a = np.array([0.1, -0.7]), np.array([1, 2])
    np.testing.assert_allclose(other.continuous.r_g(s, a), 2.0 * own.continuous.r_g(s, a))
    np.testing.assert_allclose(other.continuous.r_l(s, -s, a), 3.0 * own.continuous.r_l(s, -s, a))
    np.testing.assert_allclose(other.r_l, 3.0 * own.r_l)
    assert other.dynamics_hash == own.dynamics_hash
    assert load_game("continuous_warehouse", {"sigma_l": 0.05}).dynamics_hash != own.dynamics_hash


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("warehouse", {"nearby": 4.0, "next_reward": 0.0, "global_reward": "distance"}),
        ("federated", {"work_cost": 2.0}),
        ("floor", {"travel_cost": 1.0, "gamma": 0.9}),
        ("continuous_warehouse", {"move_cost": 0.0}),
    ],
)
def test_builder_parameters_shape_the_rewards(name, parameters):
    own, other = load_game(name), Rewards(parameters=parameters).of(name)
    assert other.dynamics_hash == own.dynamics_hash
    assert other.content_hash != own.content_hash


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"nearby": 1.0, "move_logit": 2.0}, "move_logit would change how the fleet moves"),
        ({"nearbye": 1.0}, "nearbye"),
        ({"nearby": "far"}, "nearby"),
    ],
)
def test_what_is_no_reward_is_refused_by_name(parameters, reason):
    with pytest.raises(GameError, match=reason) as refusal:
        Rewards(parameters=parameters).of("warehouse")
    assert "warehouse" in str(refusal.value)


def test_weights_that_are_no_numbers_are_refused():
    with pytest.raises(GameError, match="of_local is nan"):
        Rewards(of_local=float("nan"))


def test_parameters_are_one_line_of_yaml():
    assert parse_parameters("") == parse_parameters("  ") == parse_parameters("{}") == {}
    assert parse_parameters("{nearby: 4, global_reward: distance}") == {"nearby": 4, "global_reward": "distance"}
    for text in ("nearby", "[1]", "{1: 2}", "{a: 1, a: 2}", "{a: &x 1, b: *x}", "{", "!!python/object:os.system {}"):
        with pytest.raises(GameError):
            parse_parameters(text)
