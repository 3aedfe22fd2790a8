"""What a diagnosis says, on a clock of the test's own."""

import numpy as np
import pytest

from altmarl_ros.games import load_game
from altmarl_ros.monitoring.health import CoordinatorHealth, Level, Threshold, Thresholds, robots_finding
from altmarl_ros.monitoring.tick_expectation import TickExpectation
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.budget import REPORT_WIRE_BYTES
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Report, Tick, game_tag
from altmarl_ros.protocol.operated import Control, Operated

SESSION, PERIOD = 77, 0.5
TAG = game_tag(load_game("warehouse").content_hash)


class Run:
    """A coordinator whose robots answer as told, diagnosed when asked."""

    def __init__(self, core):
        self.core, self.health, self.now, self.missed = core, CoordinatorHealth(PERIOD), 100.0, 0

    def tick(self, count=1, answers=lambda robot_id: True, tag=TAG, repeats=1, period=PERIOD):
        for _ in range(count):
            tick = self.core.begin(self.now)
            sent = [robot_id for robot_id in tick.polled if answers(robot_id) for _ in range(repeats)]
            for robot_id in sent:
                self.core.hear(Report(SESSION, tick.tick, robot_id, 0, tag))
            self.health.add(self.core.decide(), 0.02, REPORT_WIRE_BYTES * len(sent), self.now)
            self.now += period

    def diagnose(self, thresholds=Thresholds(), starting=False):
        found = self.health.findings(
            self.core,
            thresholds,
            missed_ticks=self.missed,
            refused_hellos=0,
            policy_requests=0,
            starting=starting,
            now=self.now,
        )
        return {finding.name: finding for finding in found}


@pytest.fixture
def run(make_coordinator):
    return lambda **options: Run(make_coordinator(**options))


def levels(found):
    return {name: finding.level for name, finding in found.items()}


def test_all_is_well(run):
    running = run(robots=20)
    running.tick(60)
    found = running.diagnose()
    assert set(levels(found).values()) == {Level.OK}
    assert found["ticks"].values["frequency [Hz]"] == pytest.approx(2.0)
    assert found["reports"].values["accepted"] == 180
    assert found["roster"].message == "20 of 20 robots answer"


@pytest.mark.parametrize(("period", "level"), [(0.55, Level.OK), (0.6, Level.WARN), (1.1, Level.ERROR)])
def test_slow_ticks(run, period, level):
    running = run()
    running.tick(20, period=period)
    assert running.diagnose()["ticks"].level is level


def test_ticks_that_stop(run):
    running = run()
    running.tick(20)
    running.now += 30.0
    assert running.diagnose()["ticks"].level is Level.ERROR


def test_one_tick_and_then_none_and_no_tick_at_all(run):
    """A second tick is missed after three periods; the first one once it is due."""
    running = run()
    running.tick(1)
    running.now += 2 * PERIOD - 0.01
    assert running.diagnose()["ticks"].level is Level.OK
    running.now += 0.02
    assert running.diagnose()["ticks"].level is Level.ERROR
    running.health.begin(due=running.now + 10.0)
    assert running.diagnose()["ticks"].level is Level.OK
    running.now += 10.1
    assert (running.diagnose()["ticks"].level, running.diagnose()["ticks"].message) == (Level.ERROR, "no tick yet")


def test_missed_ticks_are_told_once(run):
    running = run()
    running.tick(5)
    running.missed = 2
    assert running.diagnose()["ticks"].level is Level.WARN
    assert running.diagnose()["ticks"].level is Level.OK


@pytest.mark.parametrize(("share", "level"), [(1.0, Level.OK), (0.5, Level.WARN), (0.0, Level.ERROR)])
def test_loss(run, share, level):
    running = run(robots=20, max_misses=10**9)
    rng = np.random.default_rng(0)
    running.tick(20, answers=lambda robot_id: rng.random() < share)
    found = running.diagnose()["reports"]
    assert found.level is level
    assert found.values["loss"] == pytest.approx(1 - share, abs=0.15)


@pytest.mark.slow
def test_reports_of_another_game_are_named(run):
    running = run()
    running.tick(3, tag=TAG ^ 1)
    found = running.diagnose()["reports"]
    assert found.level >= Level.WARN
    assert "9 wrong_game" in found.message
    running.tick(30)
    assert "wrong_game" not in running.diagnose()["reports"].message


def test_suspended_robots(run):
    running = run(robots=10)
    running.tick(60, answers=lambda robot_id: robot_id != 0)
    assert running.diagnose()["roster"].level is Level.WARN
    running.tick(200, answers=lambda robot_id: False)
    found = running.diagnose()["roster"]
    assert (found.level, found.values["live"], found.values["suspended"]) == (Level.ERROR, 0, 10)


def test_a_fleet_without_robots(run):
    running = run(robots=0)
    running.tick(3)
    found = running.diagnose()["roster"]
    assert (found.level, found.message) == (Level.ERROR, "no robot has joined")
    assert running.diagnose(starting=True)["roster"].level is Level.OK


def test_robots_not_heard_for_long(run):
    running = run(robots=20, max_misses=10**9)
    running.tick(200, answers=lambda robot_id: robot_id > 3)
    found = running.diagnose()["roster"]
    assert found.level is Level.ERROR
    assert found.values["largest age [ticks]"] == 200


def test_the_budget(run):
    free = run()
    free.tick(20)
    assert free.diagnose()["bandwidth"].message == "no limit"
    limited = run(bandwidth_limit=500.0, period=PERIOD)
    limited.tick(30)
    found = limited.diagnose()["bandwidth"]
    assert found.level is Level.WARN
    assert 300 < found.values["reports on the wire [B/s]"] <= 500
    limited.tick(10, repeats=5)
    assert limited.diagnose()["bandwidth"].level is Level.ERROR


def test_robots_without_coordinator_or_policy():
    agents = [RobotAgent(i, np.random.default_rng(i), silence=2.0) for i in range(4)]
    threshold = Threshold(0.01, 0.5)
    expected = TickExpectation(least=2.0, grace=3.0)

    def diagnose(now):
        return robots_finding(agents, now, threshold, expected)

    early = diagnose(6.0)
    assert (early.level, early.message) == (Level.OK, "the first tick is not due yet")
    late = diagnose(9.5)
    assert (late.level, late.message) == (Level.ERROR, "no coordinator was heard yet")
    for agent in agents:
        agent.hear(Tick(1, 0, 9, 0, None, ()), 10.0)
    expected.tick(1, 10.0)
    waiting = diagnose(10.5)
    assert waiting.level is Level.WARN
    assert waiting.message == "4 of 4 robots hear the coordinator, 4 lack its policy"
    for agent in agents:
        agent.policies.hold(HeldPolicy(9, LocalPolicy(np.full((5, 5, 3), 1 / 3)), TAG))
        agent.answer(0)
    assert diagnose(10.5).level is Level.OK
    for agent in agents[:3]:
        agent.hear(Tick(1, 1, 8, 0, None, ()), 12.4)
        agent.hear(Tick(1, 2, 9, 0, None, ()), 12.5)
        agent.answer(0)
    expected.tick(1, 12.5)
    found = diagnose(12.6)
    assert found.level is Level.WARN
    assert (found.values["silent"], found.values["ticks without action"]) == (1, 3)
    assert found.values["of these for want of the policy"] == 3
    assert diagnose(20.0).level is Level.ERROR


def test_robots_in_an_operators_hand_are_told_and_no_alarm(run):
    running = run(robots=3)
    running.tick(30)
    running.core.roster.join(1, "", operated=Operated(Control.HELD, "anna"))
    found = running.diagnose()["roster"]
    assert (found.level, found.message) == (Level.OK, "2 of 2 robots answer; robot 1 held by anna")
    assert (found.values["suspended"], found.values["in an operator's hand"]) == (0, 1)
    for robot_id in (0, 2):
        running.core.roster.join(robot_id, "", operated=Operated(Control.SENT, "bob"))
    found = running.diagnose()["roster"]
    assert found.level == Level.WARN
    assert found.message.startswith("no robot acts by its policy; robot 0 sent by bob, 1 held by anna")
