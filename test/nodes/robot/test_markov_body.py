"""SimulatedRobots of one process over a fake node: what is sent, when, and which answers count."""

import time
from types import SimpleNamespace

import pytest

from altmarl_ros.msg import BodyCommand, BodyState
from altmarl_ros.nodes.common.deferred_work import DeferredWork
from altmarl_ros.nodes.robot.markov_body import SimulatedRobots
from altmarl_ros.protocol.messages import Tick


class FakeTimer:
    timer_period_ns = 0

    def __init__(self, callback):
        self.callback, self.running = callback, True

    def cancel(self):
        self.running = False

    def reset(self):
        self.running = True


class FakeNode:
    """A node and its endpoints."""

    def __init__(self):
        self.sent, self.timers = [], []

    def publisher(self, *_):
        return SimpleNamespace(publish=self.sent.append)

    def subscription(self, _type, _topic, callback, _qos):
        self.receive = callback
        return SimpleNamespace(topic_name="/robots/body")

    def create_timer(self, _period, callback, clock):
        self.timers.append(FakeTimer(callback))
        return self.timers[-1]

    def pass_time(self):
        for timer in self.timers:
            if timer.running:
                timer.callback()


@pytest.fixture
def node():
    return FakeNode()


@pytest.fixture
def states():
    return {}


@pytest.fixture
def robots(node, states):
    """Two robots that are in the world."""
    robots = SimulatedRobots(node, node, "/world", DeferredWork(node))
    for robot_id in (4, 9):
        robots.enter(robot_id, lambda state, robot_id=robot_id: states.update({robot_id: state}))
    node.pass_time()
    node.receive(BodyState(robot_id=[4, 9], local_state=[1, 2]))
    node.sent.clear()
    return robots


def tick(number, s_g=0):
    return Tick(7, number, 1, s_g, None, ())


def test_robots_that_enter_get_their_states(robots, states):
    assert states == {4: 1, 9: 2}


def test_one_message_per_tick_carries_the_actions_of_all(robots, node):
    robots.act(4, tick(3, s_g=2), 0)
    assert node.sent == []
    robots.act(9, tick(3, s_g=2), 1)
    assert node.sent == [
        BodyCommand(body_topic="/robots/body", session=7, tick=3, global_state=2, robot_id=[4, 9], local_action=[0, 1])
    ]


def test_a_message_does_not_wait_for_a_silent_robot_nor_mix_ticks(robots, node):
    robots.act(4, tick(3), 0)
    node.pass_time()
    assert [list(message.robot_id) for message in node.sent] == [[4]]
    robots.act(9, tick(4), 1)
    robots.act(4, tick(5), 1)
    assert [(message.tick, list(message.robot_id)) for message in node.sent] == [(3, [4]), (4, [9])]


def test_answers_to_earlier_ticks_are_not_believed(robots, node, states):
    for robot_id in (4, 9):
        robots.act(robot_id, tick(3), 0)
    node.receive(BodyState(session=7, tick=2, robot_id=[4], local_state=[4]))
    node.receive(BodyState(session=6, tick=3, robot_id=[4], local_state=[4]))
    node.receive(BodyState(session=7, tick=3, robot_id=[8], local_state=[4]))
    assert states[4] == 1
    node.receive(BodyState(session=7, tick=3, robot_id=[4, 9], local_state=[0, 3]))
    node.receive(BodyState(session=7, tick=3, robot_id=[4], local_state=[2]))
    assert states == {4: 0, 9: 3}


def test_a_lost_answer_is_asked_for_again(robots, node, monkeypatch):
    for robot_id in (4, 9):
        robots.act(robot_id, tick(3), 1)
    node.receive(BodyState(session=7, tick=3, robot_id=[4], local_state=[0]))
    node.sent.clear()
    node.pass_time()
    assert node.sent == []
    later = time.monotonic() + 1.0
    monkeypatch.setattr(time, "monotonic", lambda: later)
    node.pass_time()
    node.pass_time()
    message = node.sent[0]
    assert (message.session, message.tick, list(message.robot_id)) == (7, 3, [9])
    assert list(message.local_action) == [BodyCommand.ASK]


def test_the_moves_of_polled_robots_wait_until_all_have_reported(robots, node):
    polled = Tick(7, 3, 1, 0, None, (4, 9))
    for robot_id in (4, 9):
        robots.act(robot_id, polled, 1)
    assert node.sent == []
    node.pass_time()
    assert [list(message.robot_id) for message in node.sent] == [[4, 9]]


def test_a_single_robot_puts_nothing_off(node):
    robots = SimulatedRobots(node, node, "/world", DeferredWork(node))
    robots.enter(1, lambda state: None)
    node.sent.clear()
    robots.act(1, Tick(7, 3, 1, 0, None, (1,)), 1)
    assert [list(message.robot_id) for message in node.sent] == [[1]]


def test_a_robot_that_has_left_does_not_act(robots, node):
    robots.act(4, Tick(7, 3, 1, 0, None, (4,)), 1)
    robots.leave(4)
    node.pass_time()
    assert [(list(message.robot_id), list(message.local_action)) for message in node.sent] == [([4], [BodyCommand.LEAVE])]


def test_robots_leave_the_world_with_the_last_words(robots, node):
    robots.leave(4)
    robots.leave(9)
    left = [robot_id for message in node.sent for robot_id in message.robot_id]
    actions = {action for message in node.sent for action in message.local_action}
    assert sorted(left) == [4, 9]
    assert actions == {BodyCommand.LEAVE}
