"""One vehicle on fake endpoints and a clock of the test's own, with the nodes around it that the test wants."""

import math
from types import SimpleNamespace

import numpy as np
from nav_msgs.msg import Odometry

from altmarl_ros.msg import DriveState
from altmarl_ros.nodes.robot.node import PARAMETERS
from altmarl_ros.nodes.robot.shared_resources import VehicleResources
from altmarl_ros.nodes.robot.vehicle import Vehicle
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import Answer
from altmarl_ros.protocol.messages import Tick

PERIOD, TIMEOUT = 0.05, 1.5
VALUES = {
    **{parameter.name: parameter.default for parameter in PARAMETERS},
    "body": "drive",
    "game": "hall",
    "robot_id": 3,
    "scan.required": False,
    "scan.topic": "",
    "pose.start.x": 1.0,
    "pose.start.y": 1.0,
    "timeout.tick": TIMEOUT,
}
TICK = Tick(7, 5, 1, 0, None, ())


def answer(action, policy=None):
    """The answer to TICK; without a policy, of one that says nothing of what comes after the action."""
    return Answer(TICK, None, action, LocalPolicy(np.full((1, 1, 4), 0.25)) if policy is None else policy)


class FakeClock:
    """A clock that says what it is told to."""

    def __init__(self):
        self.time, self.jumps = 100.0, 0

    def now(self):
        return self.time

    def ros(self):
        return self.time

    def stamp(self):
        return DriveState().stamp

    def start_timer(self, period, callback):
        self.idle = getattr(self, "idle", callback)  # the first is the one of a robot that is not active
        self.step = callback
        return self

    def end_timer(self, timer):
        self.step = None

    def when_stopped(self, callback):
        self.stop = callback


class FakePublisher:
    """Keeps what is published."""

    def __init__(self, readers):
        self.sent, self.readers = [], readers

    def publish(self, message):
        self.sent.append(message)

    def get_subscription_count(self):
        return self.readers


class FakeNode(SimpleNamespace):
    """A node in /robot_3; `published` and `subscribed` are the types of the others around it, by topic."""

    def resolve_topic_name(self, topic):
        return topic if topic.startswith("/") else f"/robot_3/{topic}"

    def get_namespace(self):
        return "/robot_3"

    def get_publishers_info_by_topic(self, topic):
        return [self._other(name) for name in self.published.get(topic, ())]

    def get_subscriptions_info_by_topic(self, topic):
        return [self._other(name) for name in self.subscribed.get(topic, ())]

    def get_topic_names_and_types(self):
        return list(self.published.items())

    def count_publishers(self, topic):
        return len(self.published.get(topic, ()))

    def _other(self, type_name):
        return SimpleNamespace(node_name="other", node_namespace="/robot_3", topic_type=type_name)


class Stage:
    """A vehicle with its endpoints."""

    def __init__(self, goal_map, readers=1, transforms=None, active=True, **values):
        values = {**VALUES, **values}
        self.clock, self.publishers, self.callbacks, self.errors = FakeClock(), {}, {}, []
        self.fleet_stop = SimpleNamespace(pressed=False)

        def publisher(_type, topic, _qos):
            self.publishers[topic] = FakePublisher(readers)
            return self.publishers[topic]

        def subscription(_type, topic, callback, _qos):
            self.callbacks[topic] = callback

        self.services = {}

        def create_service(_type, name, callback):
            self.services[name] = callback

        self.warnings = []
        logger = SimpleNamespace(
            error=lambda text, **_: self.errors.append(text),
            warning=lambda text, **_: self.warnings.append(text),
            info=lambda text, **_: None,
        )
        self.published, self.subscribed = {}, {}
        node = FakeNode(
            create_service=create_service,
            get_logger=lambda: logger,
            create_timer=lambda *_, **__: SimpleNamespace(cancel=lambda: None),
            published=self.published,
            subscribed=self.subscribed,
        )
        make = SimpleNamespace(publisher=publisher, subscription=subscription)
        self.node, self.make, self.values = node, make, values
        shared = VehicleResources(self.clock, goal_map, self.fleet_stop, transforms)
        self.vehicle = Vehicle(node, make, values, shared, lambda: True)
        if active:
            self.vehicle.enter(lambda: None)

    @property
    def state(self):
        return self.publishers["~/drive"].sent[-1]

    @property
    def speeds(self):
        return [message.linear.x for message in self.publishers["cmd_vel"].sent]

    def odometry(self, x=0.0, y=0.0):
        message = Odometry(child_frame_id="base_link")
        message.header.frame_id = "odom"
        stamp = self.clock.time if math.isfinite(self.clock.time) and self.clock.time > 0.0 else 1.0
        message.header.stamp.sec, message.header.stamp.nanosec = int(stamp), int(1e9 * (stamp % 1.0))
        message.pose.pose.position.x, message.pose.pose.position.y = x, y
        self.callbacks["odom"](message)

    def step(self, tick=True):
        self.clock.time += PERIOD
        self.odometry()
        if tick:
            self.vehicle.tick_received(self.clock.time)
        self.clock.step()

    def drive_on(self):
        """The vehicle moves to the next zone."""
        self.step()
        self.vehicle.act(answer(1))
        for _ in range(20):
            self.step()
        assert self.speeds[-1] > 0.1
        return self
