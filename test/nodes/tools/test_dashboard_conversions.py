"""Messages as the dashboard shows them."""

import json

import pytest

pytest.importorskip("rclpy")
from altmarl_ros.msg import CoordinatorStatus, TrainingProgress
from altmarl_ros.nodes.common.remote_parameters import RemoteParameter
from altmarl_ros.nodes.tools.dashboard_conversions import account_from_message, parameter_to_dict, progress_from_message


def test_a_status_is_told_in_si_units():
    message = CoordinatorStatus(tick=7, latency=0.25, estimate=[0.25, 0.75], estimated_reward=2.0, k=5, global_action=3)
    message.stamp.sec, message.stamp.nanosec = 10, 500_000_000
    account = account_from_message(message)
    assert (account.stamp, account.tick, account.latency, account.reward) == (10.5, 7, 0.25, 2.0)
    assert account.estimate == (0.25, 0.75)


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
