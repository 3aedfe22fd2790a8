"""What a fleet does when a part of it dies."""

import time
from functools import partial

import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan

pytestmark = pytest.mark.ros


def newest_truth(running):
    return next(reversed(running.log.truths.values()))


def all_act(running, n, session=None):
    if not running.log.truths or running.observer.latest is None:
        return False
    truth = newest_truth(running)
    acting = sum(action is not None for action in truth.local_actions)
    return acting == n and (session is None or truth.session == session)


def test_the_rest_go_on_when_robots_die(fleet, policy):
    running = fleet(FleetPlan("warehouse", policy, robots=12, k=4, period=0.1, processes=2))
    children = running.start()
    running.wait_until(lambda: all_act(running, 12), 30, "all robots acting")
    children["robots_1"].process.kill()
    running.wait_until(lambda: running.observer.latest.live == 6, 20, "the dead robots leaving the draw")
    before = running.observer.latest.tick
    running.wait_until(lambda: running.observer.latest.tick >= before + 10, 10, "ten more ticks")
    assert all_act(running, 6)
    assert running.observer.latest.heard >= 3
    running.start("robots_1")
    running.wait_until(lambda: running.observer.latest.live == 12 and all_act(running, 12), 20, "the robots coming back")


def test_a_restarted_coordinator_has_everything_back_in_three_seconds(fleet, policy, tmp_path):
    plan = FleetPlan(
        "warehouse", policy, robots=12, k=4, period=0.1, processes=2, state_file=str(tmp_path / "state"), start_timeout=5.0
    )
    running = fleet(plan)
    coordinator = running.start()["coordinator"]
    running.wait_until(lambda: all_act(running, 12), 30, "all robots acting")
    seconds = []
    while not seconds or (seconds[-1] >= 3.0 and len(seconds) < 3):  # again where the machine was busy meanwhile
        coordinator.process.kill()
        coordinator.process.wait(5)
        last = running.observer.latest
        running.listen(1.0)
        assert running.observer.latest.session == last.session
        restarted = time.time()
        coordinator = running.start("coordinator")["coordinator"]
        back = partial(first_whole_tick, running, 12, 4, last.session)
        running.wait_until(back, 15, "roster and policy coming back")
        seconds.append(back().stamp - restarted)
    assert min(seconds) < 3.0
    assert len({status.session for status in running.log.statuses.values()}) == 1 + len(seconds)


def first_whole_tick(running, n, k, last_session):
    """The first tick after a session in which everybody is back: by the coordinator's clock, not by when we heard."""
    for key, status in running.log.statuses.items():
        if status.session <= last_session or key not in running.log.truths:
            continue
        acting = [action is not None for action in running.log.truths[key].local_actions]
        if status.live == n and status.heard == k and acting == [True] * n:
            return status
    return None


def test_the_global_state_survives_a_restart(fleet, policy, tmp_path):
    from altmarl_ros.nodes.coordinator.state_file import read_checkpoint

    plan = FleetPlan("warehouse", policy, robots=4, k=2, period=0.1, processes=1, state_file=str(tmp_path / "state"))
    running = fleet(plan)
    children = running.start()
    running.wait_until(lambda: len(running.log.statuses) > 5, 30, "some ticks")
    children["coordinator"].process.kill()
    children["coordinator"].process.wait(5)
    kept = read_checkpoint(tmp_path / "state")
    running.start("coordinator")
    running.wait_until(lambda: running.observer.latest.session != kept.session, 15, "a new session")
    first = next(status for status in running.log.statuses.values() if status.session != kept.session)
    assert (first.tick, first.global_state) == (0, kept.global_state)


def test_any_start_order_works(fleet, policy):
    running = fleet(FleetPlan("warehouse", policy, robots=6, k=2, period=0.1, processes=1, start_timeout=0.0))
    running.start("coordinator")
    running.wait_until(lambda: running.observer.latest is not None, 20, "ticks without robots")
    assert running.observer.latest.asked == 0
    running.start("robots_0")
    running.wait_until(lambda: running.observer.latest.live == 6, 20, "robots joining")
    running.start("world")
    running.wait_until(lambda: all_act(running, 6), 20, "all robots acting")
    running.wait_until(lambda: running.observer.latest.heard == 2, 10, "reports")
