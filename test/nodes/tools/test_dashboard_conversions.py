"""Messages as the dashboard shows them."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("rclpy")
from altmarl_ros.driving.governor_types import Command, Reason, State
from altmarl_ros.driving.planar import STILL
from altmarl_ros.monitoring.drive_health import drive_finding
from altmarl_ros.monitoring.health import Finding, Level
from altmarl_ros.monitoring.tick_expectation import Standing
from altmarl_ros.msg import CoordinatorStatus, TrainingProgress
from altmarl_ros.nodes.common.diagnostics import to_status
from altmarl_ros.nodes.common.remote_parameters import RemoteParameter
from altmarl_ros.nodes.tools.dashboard_conversions import (
    account_from_message,
    charge_of,
    drive_of,
    parameter_to_dict,
    progress_from_message,
)


def test_a_diagnosis_tells_what_a_robot_does_and_why():
    said = drive_finding(
        12,
        Command(STILL, State.STOPPED, (Reason.POSE_STALE, Reason.SCAN_STALE)),
        standing=Standing.HEARD,
        starting=False,
        blocked=0.0,
        patience=20.0,
        pose_age=9.0,
        tick_age=0.1,
        emergency_stop=False,
        zone="a",
    )
    assert drive_of(to_status(said, "/robots_0", "/fleet")) == (12, 2, "stopped: no fresh pose, no fresh laser scan")
    moving = replace(said, level=Level.OK, values={"state": "moving", "reasons": "none"})
    assert drive_of(to_status(moving, "/robot_12/robot", "/fleet")) == (12, 0, "moving")
    assert drive_of(to_status(replace(said, name="robots"), "/robots_0", "/fleet")) is None
    assert drive_of(to_status(replace(said, values={}), "/robots_0", "/fleet")) is None
    sent = replace(said, level=Level.OK, values={"state": "moving", "reasons": "none", "operator": "sent by anna"})
    assert drive_of(to_status(sent, "/robot_12/robot", "/fleet")) == (12, 0, "moving (sent by anna)")


@pytest.mark.parametrize(
    ("values", "charge"),
    [({"battery [%]": 37.5}, (12, 0.375)), ({"battery [%]": "full"}, None), ({"battery [%]": 101.0}, None), ({}, None)],
)
def test_a_diagnosis_tells_the_battery_where_it_is_known(values, charge):
    said = Finding("robot 12", Level.OK, "moving", {"state": "moving", **values})
    assert charge_of(to_status(said, "/robot_12/robot", "/fleet")) == charge
    assert charge_of(to_status(replace(said, name="robots"), "/robots_0", "/fleet")) is None


def test_a_status_is_told_in_si_units():
    message = CoordinatorStatus(tick=7, latency=0.25, estimate=[0.25, 0.75], estimated_reward=2.0, k=5, global_action=3)
    message.stamp.sec, message.stamp.nanosec = 10, 500_000_000
    account = account_from_message(message)
    assert (account.stamp, account.tick, account.latency, account.reward) == (10.5, 7, 0.25, 2.0)
    assert account.estimate == (0.25, 0.75)
    assert (account.operated, account.on_roster) == ({}, 0)


def test_robots_in_an_operators_hand_are_told_and_damaged_entries_left_out():
    message = CoordinatorStatus(
        operated_id=[3, 4, 5, 6], operated_control=[1, 3, 9, 2], operator_name=["anna", "bob", "carl", "x\ny"]
    )
    account = account_from_message(message)
    assert account.operated == {3: "held by anna", 4: "removed by bob"}
    assert account.on_roster == 1


def test_an_estimate_of_more_states_than_a_game_can_have_is_refused():
    with pytest.raises(ValueError, match="estimate of 100000 states"):
        account_from_message(CoordinatorStatus(estimate=[0.0] * 100_000))


def test_progress_has_the_name_of_its_state_and_is_json():
    told = progress_from_message(TrainingProgress(state=TrainingProgress.SHADOW, kept=[3, 4], fraction=1.0))
    assert (told["state"], told["kept"], told["fraction"]) == ("shadow", [3, 4], 1.0)
    json.dumps(told)


@pytest.mark.parametrize(
    ("value", "live", "kind", "shown"),
    [
        (3, True, "int", 3),
        (True, True, "bool", True),
        (0.5, False, "float", 0.5),
        ("a", True, "text", "a"),
        (None, True, "", "None"),
        ([1, 2], True, "", "[1, 2]"),
    ],
)
def test_a_parameter_of_another_type_is_shown_and_not_set(value, live, kind, shown):
    told = parameter_to_dict(RemoteParameter("p", value, "what", None, None, (), live))
    assert (told["kind"], told["value"], told["live"]) == (kind, shown, live and bool(kind))


def test_a_belief_is_shown_unless_it_is_of_more_hidden_states_than_a_game_can_have():
    assert account_from_message(CoordinatorStatus(hidden_belief=[0.25, 0.75])).belief == (0.25, 0.75)
    with pytest.raises(ValueError, match="belief of 65 hidden states"):
        account_from_message(CoordinatorStatus(hidden_belief=[0.0] * 65))
