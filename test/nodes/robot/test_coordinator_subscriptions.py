"""What the robots of one process hear, over a fake node."""

from types import SimpleNamespace

import numpy as np
import pytest

from altmarl_ros.msg import FleetTick
from altmarl_ros.nodes.common import conversions
from altmarl_ros.nodes.robot.coordinator_subscriptions import CoordinatorSubscriptions, Listener
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.messages import Tick, game_tag

HASH = "0123456789abcdef"


class FakeTurn:
    def __init__(self):
        self.works = []

    def soon(self, work):
        self.works.append(work)

    def take(self):
        works, self.works = self.works, []
        for work in works:
            work()


class Room:
    """CoordinatorSubscriptions, and what their listeners heard, in order."""

    def __init__(self):
        self.hear, self.errors, self.heard, self.counted, self.deferred = {}, [], [], [], FakeTurn()
        logger = SimpleNamespace(error=lambda text, **_: self.errors.append(text))
        make = SimpleNamespace(subscription=self.subscription)
        self.ears = CoordinatorSubscriptions(
            SimpleNamespace(get_logger=lambda: logger), make, "/fleet", HASH, self.deferred, lease=0.5
        )

    def subscription(self, _type, topic, callback, _qos, count_writers=None):
        self.hear[topic] = callback
        self.count = count_writers or getattr(self, "count", None)

    def add(self, robot_id):
        self.ears.listen(
            robot_id,
            Listener(
                lambda message, tick: self.heard.append((robot_id, tick.tick)),
                lambda policy_id, policy, tag: self.heard.append((robot_id, policy_id, tag)),
                lambda alive, silent: self.counted.append((robot_id, alive, silent)),
            ),
        )

    def tick(self, number, *polled):
        message = conversions.tick_to_message(Tick(7, number, 1, 0, None, polled), FleetTick().stamp)
        self.hear["/fleet/tick"](message)

    def policy(self, policy_id, game_hash=HASH):
        policy = LocalPolicy(np.full((2, 2, 2), 0.5))
        self.hear["/fleet/policy"](conversions.policy_to_message(policy, policy_id, game_hash))


@pytest.fixture
def room():
    room = Room()
    for robot_id in (1, 2, 3):
        room.add(robot_id)
    return room


def test_polled_robots_hear_first_and_the_others_when_nobody_waits(room):
    room.tick(0, 3, 9, 1, 3)
    assert room.heard == [(3, 0), (1, 0)]
    room.deferred.take()
    assert room.heard == [(3, 0), (1, 0), (2, 0)]


def test_nobody_hears_a_later_tick_before_an_earlier_one(room):
    room.tick(0, 3)
    room.tick(1, 2)
    room.deferred.take()
    assert room.heard == [(3, 0), (1, 0), (2, 0), (2, 1), (1, 1), (3, 1)]


def test_a_single_robot_waits_for_nobody():
    room = Room()
    room.add(5)
    room.tick(0)
    assert room.heard == [(5, 0)]


def test_robots_that_come_later_hear_the_latest_policies_and_who_is_alive(room):
    for policy_id in range(6):
        room.policy(policy_id)
    room.count(1, 0)
    room.heard.clear()
    room.counted.clear()
    room.add(4)
    assert room.heard == [(4, policy_id, game_tag(HASH)) for policy_id in (2, 3, 4, 5)]
    assert room.counted == [(4, 1, 0)]
    room.ears.forget(4)
    room.count(0, 1)
    room.policy(7)
    assert all(entry[0] != 4 for entry in room.counted[1:] + room.heard[4:])


def test_a_policy_of_another_game_is_refused_once_for_all(room):
    room.policy(1, "f" * 16)
    assert room.heard == []
    (error,) = room.errors
    assert HASH in error
