"""A report survives the wire, and the status of a tick tells of that tick."""

from dataclasses import replace

import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message

from altmarl_ros.msg import RobotReport
from altmarl_ros.nodes.common.conversions import report_to_message, status_from_message
from altmarl_ros.nodes.coordinator.conversions import report_from_message, status_to_message
from altmarl_ros.protocol import Report
from altmarl_ros.protocol.budget import REPORT_PAYLOAD_BYTES
from altmarl_ros.protocol.operated import Control, Operated


def test_reports_survive_the_wire_and_cost_what_we_say():
    report = Report(session=2**32 - 1, tick=3, robot_id=2**32 - 1, local_state=65535, game_tag=65534)
    message = report_to_message(report)
    assert report_from_message(message) == report
    assert len(serialize_message(message)) == REPORT_PAYLOAD_BYTES
    assert report_from_message(RobotReport()) == Report(0, 0, 0, 0, 0)


@pytest.mark.parametrize("k", [1, 2])
def test_a_status_shows_the_k_with_which_its_tick_began(make_coordinator, k):
    coordinator = make_coordinator(k=3)
    coordinator.begin()
    coordinator.change(settings=replace(coordinator.settings, k=k, bandwidth_limit=7.0))
    status = status_to_message(coordinator, coordinator.decide(), Time(), 0)
    assert (status.k, status.k_eff, status.asked, status.bandwidth_limit) == (3, 3, 3, 0.0)
    coordinator.change(settings=replace(coordinator.next_settings, bandwidth_limit=0.0))
    coordinator.begin()
    status = status_to_message(coordinator, coordinator.decide(), Time(), 0)
    assert (status.k, status.k_eff, status.asked) == (k, k, k)


def test_a_status_tells_which_robots_are_in_whose_hand(make_coordinator):
    coordinator = make_coordinator(robots=4)
    coordinator.roster.join(2, "", operated=Operated(Control.SENT, "anna"))
    coordinator.roster.join(1, "", operated=Operated(Control.HELD, "bob"))
    coordinator.roster.join(1, "", local_state=4)
    coordinator.begin()
    row = status_from_message(status_to_message(coordinator, coordinator.decide(), Time(), 0))
    assert (row.live, row.returned) == (3, (4,))
    assert row.operated == ((2, Control.SENT, "anna"),)
