"""What the robots of one process receive from the coordinator, over a fake node."""

from types import SimpleNamespace

import numpy as np
import pytest

from altmarl_ros.monitoring.tick_expectation import TickExpectation
from altmarl_ros.msg import FleetTick
from altmarl_ros.nodes.common import conversions
from altmarl_ros.nodes.robot.coordinator_subscriptions import CoordinatorSubscriptions, RobotCallbacks
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.messages import Tick, game_tag

HASH = "0123456789abcdef"


class FakeDeferredWork:
    def __init__(self):
        self.works = []

    def soon(self, work):
        self.works.append(work)

    def take(self):
        works, self.works = self.works, []
        for work in works:
            work()


class Room:
    """CoordinatorSubscriptions, and what their robots were called with, in order."""

    def __init__(self):
        self.callbacks, self.errors, self.received, self.counted, self.deferred = {}, [], [], [], FakeDeferredWork()
        logger = SimpleNamespace(error=lambda text, **_: self.errors.append(text))
        make = SimpleNamespace(subscription=self.subscription)
        node = SimpleNamespace(get_logger=lambda: logger)
        self.expected, self.now = TickExpectation(least=2.0, grace=30.0), 5.0
        self.coordinator = CoordinatorSubscriptions(
            node,
            make,
            "/fleet",
            game_hash=HASH,
            deferred=self.deferred,
            expected=self.expected,
            now=lambda: self.now,
            lease=0.5,
        )

    def subscription(self, _type, topic, callback, _qos, count_writers=None):
        self.callbacks[topic] = callback
        self.count = count_writers or getattr(self, "count", None)

    def add(self, robot_id):
        self.coordinator.add_robot(
            robot_id,
            RobotCallbacks(
                lambda message, tick: self.received.append((robot_id, tick.tick)),
                lambda: self.received.append((robot_id, "policy")),
                lambda alive, silent: self.counted.append((robot_id, alive, silent)),
            ),
        )

    def tick(self, number, *polled):
        message = conversions.tick_to_message(Tick(7, number, 1, 0, None, polled), FleetTick().stamp)
        self.callbacks["/fleet/tick"](message)

    def policy(self, policy_id, game_hash=HASH):
        policy = LocalPolicy(np.full((2, 2, 2), 0.5))
        self.callbacks["/fleet/policy"](conversions.policy_to_message(policy, policy_id, game_hash))


@pytest.fixture
def room():
    room = Room()
    for robot_id in (1, 2, 3):
        room.add(robot_id)
    return room


def test_polled_robots_get_a_tick_first_and_the_others_when_nobody_waits(room):
    room.tick(0, 3, 9, 1, 3)
    assert room.received == [(3, 0), (1, 0)]
    room.deferred.take()
    assert room.received == [(3, 0), (1, 0), (2, 0)]


def test_nobody_gets_a_later_tick_before_an_earlier_one(room):
    room.tick(0, 3)
    room.tick(1, 2)
    room.deferred.take()
    assert room.received == [(3, 0), (1, 0), (2, 0), (2, 1), (1, 1), (3, 1)]


def test_a_single_robot_waits_for_nobody():
    room = Room()
    room.add(5)
    room.tick(0)
    assert room.received == [(5, 0)]


def test_all_robots_are_told_of_a_policy_that_is_held_by_then(room):
    room.policy(9)
    assert room.received == [(1, "policy"), (2, "policy"), (3, "policy")]
    held = room.coordinator.policies.get(9)
    assert (held.policy_id, held.game_tag) == (9, game_tag(HASH))
    np.testing.assert_array_equal(held.policy.probabilities, np.full((2, 2, 2), 0.5))


def test_robots_that_come_later_are_told_who_is_alive(room):
    room.count(1, 0)
    room.counted.clear()
    room.add(4)
    assert room.counted == [(4, 1, 0)]
    room.coordinator.remove_robot(4)
    room.count(0, 1)
    room.policy(7)
    assert all(entry[0] != 4 for entry in room.counted[1:] + room.received)


def test_a_policy_of_another_game_is_refused_once_for_all(room):
    room.policy(1, "f" * 16)
    assert room.received == []
    assert 1 not in room.coordinator.policies
    (error,) = room.errors
    assert HASH in error
