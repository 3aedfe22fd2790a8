"""A standby coordinator takes over in time, and never do two decide for one robot."""

import itertools
import signal
import socket
from functools import partial

import pytest
from wrong_actions import wrong_actions

from altmarl_ros.cli.processes import command
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.policies import load_bundle
from altmarl_ros.protocol.messages import is_newer

pytestmark = pytest.mark.ros

ROBOTS, PERIOD = 12, 0.2
LEASE = 3 * PERIOD


def whole(running, session=None):
    """Whether the newest tick, of that session if given, was acted on by all."""
    if not running.log.truths or running.observer.latest is None:
        return False
    truth = next(reversed(running.log.truths.values()))
    acting = [action is not None for action in truth.local_actions]
    return acting == [True] * ROBOTS and (session is None or truth.session == session)


@pytest.fixture
def pair(fleet, policy):
    running = fleet(
        FleetPlan("warehouse", policy, robots=ROBOTS, k=4, period=PERIOD, processes=2, standby=True, start_timeout=5.0)
    )
    children = running.start()
    running.wait_until(partial(whole, running), 40, "all robots acting")
    return running, children


def in_another_session(running, session):
    return running.observer.latest.session != session


def gap(running, session):
    """Seconds from the last decision of a session to the first one after it, by the coordinators' clock."""
    rows = list(running.log.statuses.values())
    last = max(row.stamp for row in rows if row.session == session)
    return min(row.stamp for row in rows if is_newer(row.session, session)) - last


def assert_nothing_wrong(running, policy):
    record = running.log.record({}, None)
    assert wrong_actions(record, load_bundle(policy).pi_l) == 0
    for earlier, later in itertools.pairwise(dict.fromkeys(record.session.tolist())):
        assert is_newer(later, earlier)


def test_the_standby_decides_within_two_periods_and_the_lease_after_a_kill(pair, policy):
    running, children = pair
    session = running.observer.latest.session
    assert running.set_parameters("coordinator", **{"sampling.k": 3})[0]
    running.wait_until(lambda: running.observer.latest.asked == 3, 5, "the live parameter")
    children["coordinator"].process.kill()
    running.wait_until(partial(in_another_session, running, session), 20, "the standby taking over")
    running.wait_until(lambda: whole(running, running.observer.latest.session), 10, "all robots following it")
    assert running.observer.latest.asked == 3, "the standby did not take the parameter over"
    # The decision before the kill came up to a period earlier; half a second is for a machine that stalls.
    assert gap(running, session) < LEASE + 3 * PERIOD + 0.5
    old = [row for row in running.log.statuses.values() if row.session == session][-1]
    new = next(row for row in running.log.statuses.values() if is_newer(row.session, session))
    assert (new.tick, new.live) == (0, ROBOTS)
    assert new.sampling_error < 1.5 * old.sampling_error, "the estimate was not gone on from"
    # The one that was killed comes back as the standby of the other.
    running.start("coordinator")
    running.listen(10 * PERIOD + LEASE + 1.0)
    assert running.observer.latest.session == new.session
    assert_nothing_wrong(running, policy)


def test_a_coordinator_that_was_stopped_does_not_come_between(pair, policy):
    running, children = pair
    session = running.observer.latest.session
    children["coordinator"].process.send_signal(signal.SIGSTOP)
    running.wait_until(partial(in_another_session, running, session), 20, "the standby taking over")
    second = running.observer.latest.session
    running.listen(5 * PERIOD)
    children["coordinator"].process.send_signal(signal.SIGCONT)
    running.listen(10 * PERIOD)
    last = max(tick for session_of, tick in running.log.statuses if session_of == second)
    running.wait_until(lambda: (second, last + 5) in running.log.statuses, 10, "five more ticks of the standby")
    assert {session_of for session_of, _ in running.log.statuses} == {session, second}
    assert_nothing_wrong(running, policy)
    children["standby"].process.kill()
    running.wait_until(partial(in_another_session, running, second), 20, "the first one taking over again")
    running.wait_until(lambda: whole(running, running.observer.latest.session), 10, "all robots following it")
    assert_nothing_wrong(running, policy)


def test_without_a_standby_robots_hold_and_go_on_after_the_restart(fleet, policy):
    running = fleet(FleetPlan("warehouse", policy, robots=ROBOTS, k=4, period=PERIOD, processes=1, start_timeout=5.0))
    children = running.start()
    running.wait_until(partial(whole, running), 40, "all robots acting")
    session = running.observer.latest.session
    children["coordinator"].process.kill()
    children["coordinator"].process.wait(5)
    running.listen(4 * PERIOD)
    truths = len(running.log.truths)
    running.listen(10 * PERIOD)
    assert len(running.log.truths) == truths, "a robot acted without a tick"
    running.start("coordinator")
    running.wait_until(partial(in_another_session, running, session), 20, "the coordinator deciding again")
    running.wait_until(lambda: whole(running, running.observer.latest.session), 20, "all robots acting again")
    assert is_newer(running.observer.latest.session, session)
    record = running.log.record({}, None)
    assert (record.actions[record.local_action == UNKNOWN] == 0).all()
    assert_nothing_wrong(running, policy)


def test_a_second_coordinator_without_a_lease_ends_and_says_who_is_there(fleet, policy):
    plan = FleetPlan("warehouse", policy, robots=4, k=2, period=PERIOD, processes=1, start_timeout=1.0)
    running = fleet(plan)
    first = running.start()["coordinator"]
    running.wait_until(partial(acting, running, 4), 40, "all robots acting")
    session = running.observer.latest.session
    second = fleet_of_its_own(running, plan)
    running.wait_until(lambda: second.exit_code is not None, 20, "the second one ending")
    assert second.exit_code == 2
    host = f"{socket.gethostname()}:{first.process.pid}"
    said = second.last_words()
    assert f"/coordinator on {host}, session {session} decides for /fleet already" in said
    before = running.observer.latest.tick
    running.wait_until(lambda: running.observer.latest.tick > before + 5, 10, "the first one going on")
    assert running.observer.latest.session == session
    assert first.exit_code is None
    assert {tick_session for tick_session, _ in running.log.truths} == {session}, "a robot followed the second one"


def test_of_two_coordinators_that_start_at_the_same_moment_one_stays(fleet, policy):
    plan = FleetPlan("warehouse", policy, robots=4, k=2, period=PERIOD, processes=1, start_timeout=1.0)
    running = fleet(plan)
    running.start("world", "robots_0")
    pair = [running.start("coordinator")["coordinator"], fleet_of_its_own(running, plan)]
    running.wait_until(lambda: any(one.exit_code is not None for one in pair), 30, "one of them ending")
    running.wait_until(partial(acting, running, 4), 40, "all robots acting")
    running.listen(4 * LEASE)
    codes = [one.exit_code for one in pair]
    assert sorted(codes, key=str) == [2, None]
    assert "decides for /fleet already" in pair[codes.index(2)].last_words()


def acting(running, robots):
    """Whether the newest tick was acted on by so many robots."""
    if not running.log.truths or running.observer.latest is None:
        return False
    truth = next(reversed(running.log.truths.values()))
    return sum(action is not None for action in truth.local_actions) == robots


def fleet_of_its_own(running, plan):
    """Another coordinator of the same plan, with a log of its own."""
    node = next(node for node in plan.nodes() if node.name == "coordinator")
    return running.group.start("second", command(node))
