"""Fault injection in the robots of a fleet over DDS."""

import numpy as np
import pytest
from wrong_actions import wrong_actions

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.policies import load_bundle
from altmarl_ros.protocol.link_model import Network

pytestmark = [pytest.mark.ros, pytest.mark.soak]


def test_a_harsh_network_causes_no_wrong_action_and_no_crash(fleet, policy):
    ticks = 60
    harsh = Network(loss=0.3, duplicate=0.2, jitter=0.1)
    plan = FleetPlan(
        "warehouse", policy, robots=30, k=5, period=0.3, ticks=ticks, processes=2, network=harsh, start_timeout=8.0
    )
    running = fleet(plan)
    children = running.start()
    running.wait_until(lambda: any(tick == ticks - 1 for _, tick in running.log.statuses), 60, f"{ticks} ticks")
    running.listen(2.5)  # the world tells the last ones after a silence
    assert all(child.exit_code is None for child in children.values())
    record = running.record(ticks)
    assert wrong_actions(record, load_bundle(policy).pi_l) == 0
    acted = record.local_action != UNKNOWN
    # 30 % of the ticks are lost, and half of those that come again with a backfill are not.
    assert 0.5 < acted.mean() < 0.97
    assert 0.3 < record.heard.sum() / record.asked.sum() < 0.99
    assert len(np.unique(record.session)) == 1
    assert running.observer.latest.live >= 28


def test_a_robot_that_is_always_cut_off_never_acts(fleet, policy):
    plan = FleetPlan("warehouse", policy, robots=4, k=2, period=0.1, processes=1, network=Network(loss=1.0), start_timeout=2.0)
    running = fleet(plan)
    running.start()
    running.wait_until(lambda: len(running.log.statuses) >= 15, 30, "ticks without robots")
    assert all(status.heard == 0 for status in running.log.statuses.values())
    assert all(set(truth.local_actions) <= {None} for truth in running.log.truths.values())
