"""The clockwork over a fake node: what happens when a timer is due, and when settings take effect."""

import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest
from builtin_interfaces.msg import Time

from altmarl_ros.games import load_game
from altmarl_ros.msg import FleetTick, RobotReport
from altmarl_ros.nodes.common.guarded import BrokenNode
from altmarl_ros.nodes.coordinator.tick_scheduler import TickScheduler
from altmarl_ros.protocol import game_tag

TAG = game_tag(load_game("warehouse").content_hash)
VALUES = {"tick.limit": 0, "start.robots": 0, "start.timeout": 0.0, "fleet_prefix": "/fleet", "tick.lease": 0.4}


class FakeTimer:
    def __init__(self, period, callback):
        self.timer_period_ns, self.callback, self.running = int(1e9 * period), callback, True

    def cancel(self):
        self.running = False

    def reset(self):
        self.running = True

    def is_canceled(self):
        return not self.running


class FakeEndpoints:
    """A node and its endpoints, which keep what is published; `ticker`, `deadline` and `backfiller` are its timers."""

    def __init__(self):
        self.node, self.ticks, self.statuses, self.timers = self, [], [], []

    def publisher(self, message_type, _topic, _qos):
        return SimpleNamespace(publish=(self.ticks if message_type is FleetTick else self.statuses).append)

    def subscription(self, _type, _topic, callback, _qos):
        self.report = callback

    def create_timer(self, period, callback):
        self.timers.append(FakeTimer(period, callback))
        return self.timers[-1]

    def get_clock(self):
        return SimpleNamespace(now=lambda: SimpleNamespace(to_msg=Time))

    def get_logger(self):
        return logging.getLogger("scheduler")

    @property
    def periods(self):
        """Of ticker, deadline and backfiller [s]."""
        return [1e-9 * timer.timer_period_ns for timer in self.timers[1:]]


class Hooks:
    """What the clockwork asks and tells, in order."""

    def __init__(self):
        self.calls, self.may_begin = [], True

    def fleet_listens(self, robots):
        return True

    def settings_taken(self, settings):
        self.calls.append(settings)

    def report_heard(self, session, robot_id):
        self.reports = (*getattr(self, "reports", ()), (session, robot_id))

    def may_begin_tick(self):
        self.calls.append("asked")
        return self.may_begin

    def tick_began(self):
        self.calls.append("began")

    def tick_held(self):
        self.calls.append("held")

    def tick_decided(self, decision, status):
        self.calls.append("decided")


class Clockwork:
    def __init__(self, core, **values):
        self.core, self.endpoints, self.hooks = core, FakeEndpoints(), Hooks()
        self.scheduler = TickScheduler(self.endpoints, core, self.hooks, {**VALUES, **values})
        _, self.ticker, self.deadline, self.backfiller = self.endpoints.timers
        self.scheduler.start(gated=True)

    def due(self):
        self.ticker.callback()

    def give(self, **changes):
        self.core.change(settings=replace(self.core.next_settings, **changes))

    def answer(self, robots):
        tick = self.endpoints.ticks[-1]
        for robot_id in list(tick.polled)[:robots]:
            self.endpoints.report(RobotReport(session=tick.session, tick=tick.tick, robot_id=int(robot_id), game_tag=TAG))

    @property
    def told(self):
        """k, k_eff and accepted reports of each status."""
        return [(status.k, status.k_eff, status.heard) for status in self.endpoints.statuses]


@pytest.fixture
def clockwork(make_coordinator):
    return lambda **values: Clockwork(make_coordinator(), **values)


def test_a_tick_is_decided_by_the_last_answer_and_at_the_latest_by_its_deadline(clockwork):
    running = clockwork()
    running.due()
    running.answer(2)
    assert running.told == []
    running.answer(3)
    assert running.told == [(3, 3, 3)]
    assert not running.deadline.running
    running.due()
    running.answer(1)
    running.deadline.callback()
    assert running.told[1:] == [(3, 3, 1)]
    assert [status.tick for status in running.endpoints.statuses] == [0, 1]


@pytest.mark.parametrize("answers", [1, 3])
def test_a_decision_that_fails_ends_the_node_and_is_no_fault_of_a_report(clockwork, monkeypatch, answers):
    running = clockwork()
    running.due()

    def fail(*_, **__):
        raise IndexError("index 25 is out of bounds")

    monkeypatch.setattr(running.core._decision_maker, "decide", fail)
    with pytest.raises(BrokenNode, match="tick 0 cannot be decided: IndexError: index 25"):
        (running.answer if answers == 3 else lambda _: running.deadline.callback())(answers)


def test_settings_that_are_given_in_a_tick_take_effect_all_at_once_when_the_next_is_due(clockwork):
    running = clockwork()
    running.due()
    running.give(k=1, period=2.0, deadline=0.5, backfill=0.25)
    assert running.endpoints.periods == pytest.approx([0.5, 0.4, 0.2])
    running.answer(2)
    assert running.hooks.calls == ["asked", "began"]
    running.due()
    assert running.told == [(3, 3, 2)], "the open tick is decided as it began"
    assert running.endpoints.periods == pytest.approx([2.0, 1.0, 0.25])
    assert running.hooks.calls[2:] == ["decided", running.core.settings, "asked", "began"]
    running.answer(1)
    assert running.told[1:] == [(1, 1, 1)]


def test_settings_wait_for_no_tick_that_will_not_come(clockwork):
    running = clockwork()
    running.due()
    running.give(paused=True)
    running.scheduler.stop()
    assert running.core.settings.paused
    assert running.hooks.calls[2:] == [running.core.settings]
    assert running.told == [], "the open tick stays undecided"
    running = clockwork(**{"tick.limit": 1})
    running.due()
    running.give(k=2)
    running.due()
    assert running.told == [(3, 3, 0)]
    assert (len(running.endpoints.ticks), running.scheduler.running, running.core.settings.k) == (1, False, 2)


def test_a_pause_begins_and_ends_when_a_tick_is_due(clockwork):
    running = clockwork()
    running.give(paused=True)
    for _ in range(3):
        running.due()
    assert running.endpoints.ticks == []
    running.give(paused=False, k=2)
    running.due()
    assert [len(tick.polled) for tick in running.endpoints.ticks] == [2]
    assert running.scheduler.missed == 0


def test_a_tick_that_may_not_begin_is_not_broadcast(clockwork):
    running = clockwork()
    running.hooks.may_begin = False
    running.due()
    assert running.endpoints.ticks == []
    assert running.hooks.calls == ["asked"]
