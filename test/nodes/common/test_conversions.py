"""Messages and plain data agree, both ways, and nonsense from outside is refused by name."""

import zlib

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message

from altmarl_ros.msg import FleetConfiguration, FleetTick, FleetTruth, LocalPolicy
from altmarl_ros.nodes.common import conversions
from altmarl_ros.policies import LocalPolicy as Policy
from altmarl_ros.policies.packing import Form, as_on_the_wire
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Tick
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.rows import Configuration
from altmarl_ros.simulation.markov_world import Truth
from altmarl_ros.simulation.vectorised_fleet import MOST_LISTED, Crowd


@pytest.mark.parametrize("action", [None, 0, 4])
def test_ticks_survive_the_wire(action):
    tick = Tick(session=2**32 - 1, tick=7, policy_id=9, global_state=3, global_action=action, polled=(5, 2**32 - 1))
    assert conversions.tick_from_message(conversions.tick_to_message(tick, Time(sec=1))) == tick


def test_policies_survive_the_wire():
    policy = Policy(np.random.default_rng(0).dirichlet(np.ones(3), size=(5, 4)))
    message = conversions.policy_to_message(policy, 77, "abc")
    np.testing.assert_array_equal(conversions.policy_from_message(message).probabilities, policy.probabilities)


@pytest.mark.parametrize(
    ("shape", "entries", "reason"),
    [
        ((1, 1, 2), [0.5], "probabilities do not hold 16 bytes"),
        ((0, 1, 1), [], "shape (0, 1, 1) has 0 entries"),
        ((65535, 65535, 65535), [1.0], "entries, must have 1 to"),
        ((1, 1, 2), [0.5, 0.6], "sums to 1.1, not 1"),
        ((1, 1, 2), [float("nan"), 1.0], "is nan, must be a probability"),
        ((1, 1, 2), [-0.5, 1.5], "is -0.5, must be a probability"),
    ],
)
def test_a_broken_policy_is_refused_by_its_id(shape, entries, reason):
    packed = bytes([Form.EXACT]) + zlib.compress(np.array(entries).tobytes())
    message = LocalPolicy(
        policy_id=77, n_local_states=shape[0], n_global_states=shape[1], n_local_actions=shape[2], probabilities=packed
    )
    with pytest.raises(ValueError, match=r"^policy 0000004d: ") as refusal:
        conversions.policy_from_message(message)
    assert reason in str(refusal.value)


def test_large_action_values_come_when_a_robot_asked_for_them():
    rng = np.random.default_rng(0)
    policy = Policy(np.eye(3)[rng.integers(3, size=(200, 60))], rng.normal(size=(200, 60, 3)))
    without = conversions.policy_to_message(policy, 1, "g", with_values=False)
    held = conversions.held_policy_from_message(without, "g")
    assert held.left_out
    assert held.policy.action_values is None
    held = conversions.held_policy_from_message(conversions.policy_to_message(policy, 1, "g"), "g")
    assert not held.left_out
    np.testing.assert_array_equal(held.policy.action_values, as_on_the_wire(policy).action_values)
    small = Policy(np.eye(3)[None], np.zeros((1, 3, 3)))
    assert (
        conversions.policy_from_message(conversions.policy_to_message(small, 1, "g", with_values=False)).action_values
        is not None
    )


@pytest.mark.parametrize("hidden_state", [None, 0, 3])
def test_truths_survive_the_wire(hidden_state):
    truth = Truth(1, 2, (3, 4), (0, 1), (None, 2), (0, 1), hidden_state=hidden_state)
    message = deserialize_message(serialize_message(conversions.truth_to_message(truth)), FleetTruth)
    assert conversions.truth_from_message(message) == truth


def test_a_truth_with_arrays_of_different_lengths_is_refused():
    with pytest.raises(ValueError, match="tick 2"):
        conversions.truth_from_message(FleetTruth(tick=2, robot_id=[1, 2], local_state=[0]))


@pytest.mark.parametrize(
    "handover",
    [
        Handover(),
        Handover(estimated_in=2, estimate=(0.25, 0.75), sampling_error=0.5),
        Handover(estimated_in=2, estimate=(0.25, 0.75), sampling_error=0.5, belief=(0.125, 0.0, 0.875)),
    ],
)
def test_configurations_survive_the_wire(handover):
    parameters = {"game": "warehouse", "standby": True, "sampling.k": 4, "tick.period": 0.1}
    configuration = Configuration(2**32 - 1, 7, "warehouse", "abc", "def", 2**32 - 1, parameters, handover)
    message = deserialize_message(
        serialize_message(conversions.configuration_to_message(configuration, Time())), FleetConfiguration
    )
    assert conversions.configuration_from_message(message) == configuration


def test_default_messages_convert():
    assert conversions.tick_from_message(FleetTick()).polled == ()


@pytest.mark.parametrize(("robots", "listed"), [(MOST_LISTED, True), (MOST_LISTED + 1, False)])
def test_a_crowd_lists_its_robots_or_counts_them(warehouse, small_bundle, robots, listed):
    crowd = Crowd(warehouse, first_id=5, count=robots, seed=1)
    crowd.policies.hold(HeldPolicy(9, small_bundle.pi_l, 0))
    crowd.hear(Tick(1, 2, 9, 3, None, ()), 0.0)
    moves = crowd.act()
    truth = conversions.truth_from_message(conversions.moves_to_message(moves))
    occupancy = np.bincount(moves.local_states, minlength=5)
    assert (truth.session, truth.tick) == (1, 2)
    np.testing.assert_array_equal(truth.occupancy(5), occupancy)
    assert truth.robot_ids == (tuple(range(5, 5 + robots)) if listed else ())
    if not listed:
        np.testing.assert_array_equal(np.reshape(truth.counts, (5, 3)), moves.counts)
