"""Pure conversions from messages to the data that the dashboard shows."""

from __future__ import annotations

import re
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from altmarl_ros.dashboard import TickAccount
from altmarl_ros.games.hidden import MOST_HIDDEN
from altmarl_ros.games.tabular import MAX_STATES
from altmarl_ros.msg import CoordinatorStatus, TrainingProgress
from altmarl_ros.nodes.common.conversions import operated_by_robot
from altmarl_ros.nodes.common.remote_parameters import RemoteParameter
from altmarl_ros.protocol.operated import on_roster

TRAINER_STATES = {
    getattr(TrainingProgress, name): name.lower()
    for name in ("IDLE", "TRAINING", "SHADOW", "READY", "DEPLOYING", "DEPLOYED", "CANCELLED", "FAILED")
}

_ROBOT = re.compile(r": robot (\d{1,10})$")

_PROGRESS = (
    "message",
    "fraction",
    "elapsed",
    "game",
    "policy_id",
    "policy_file",
    "candidate_id",
    "candidate_file",
    "value",
    "value_half_width",
    "candidate_value",
    "candidate_value_half_width",
    "gain",
    "gain_half_width",
    "shadow_ticks",
    "shadow_agreed",
)


def account_from_message(message: CoordinatorStatus) -> TickAccount:
    """Convert a status into the part that is shown.

    Raises:
        ValueError: the estimate or the belief has more states than a game can have.
    """
    if len(message.estimate) > MAX_STATES:
        raise ValueError(f"estimate of {len(message.estimate)} states, must be at most {MAX_STATES}")
    if len(message.hidden_belief) > MOST_HIDDEN:
        raise ValueError(f"belief of {len(message.hidden_belief)} hidden states, must be at most {MOST_HIDDEN}")
    operated = operated_by_robot(message)
    return TickAccount(
        stamp=message.stamp.sec + 1e-9 * message.stamp.nanosec,
        session=message.session,
        tick=message.tick,
        policy_id=message.policy_id,
        next_policy_id=message.next_policy_id,
        robots=message.robots,
        live=message.live,
        k=message.k,
        k_eff=message.k_eff,
        asked=message.asked,
        heard=message.heard,
        rung=message.rung,
        late=message.late,
        missed_ticks=message.missed_ticks,
        report_bytes=message.report_bytes,
        bandwidth_limit=message.bandwidth_limit,
        latency=message.latency,
        age_mean=message.age_mean,
        age_p95=message.age_p95,
        global_state=message.global_state,
        global_action=message.global_action,
        estimate=tuple(message.estimate),
        sampling_error=message.sampling_error,
        reward=message.estimated_reward,
        belief=tuple(message.hidden_belief),
        operated={robot_id: str(each) for robot_id, each in operated.items()},
        on_roster=on_roster(operated),
    )


def drive_of(status: DiagnosticStatus) -> tuple[int, int, str] | None:
    """What a status of /diagnostics tells of a robot's motion: its id, a level, and what it does and why; None: nothing."""
    robot = _ROBOT.search(status.name)
    values = {item.key: item.value for item in status.values}
    if robot is None or "state" not in values:
        return None
    reasons, operator = values.get("reasons", "none"), values.get("operator", "none")
    text = values["state"] + ("" if reasons == "none" else f": {reasons}")
    return int(robot[1]), ord(status.level), text + ("" if operator == "none" else f" ({operator})")


def charge_of(status: DiagnosticStatus) -> tuple[int, float] | None:
    """What a status of /diagnostics tells of a robot's battery: the robot's id and the share that is left; None: nothing."""
    robot = _ROBOT.search(status.name)
    told = {item.key: item.value for item in status.values}.get("battery [%]")
    if robot is None or told is None:
        return None
    try:
        charge = float(told) / 100.0
    except ValueError:
        return None
    return (int(robot[1]), charge) if 0.0 <= charge <= 1.0 else None


def progress_from_message(message: TrainingProgress) -> dict[str, Any]:
    """Convert a trainer's progress into JSON values."""
    told = {name: getattr(message, name) for name in _PROGRESS}
    return {**told, "state": TRAINER_STATES.get(message.state, str(message.state)), "kept": list(message.kept)}


def parameter_to_dict(parameter: RemoteParameter) -> dict[str, Any]:
    """Convert a parameter into the JSON values that the page needs to show and set it."""
    value = parameter.value
    kind = {bool: "bool", int: "int", float: "float", str: "text"}.get(type(value), "")
    return {
        "name": parameter.name,
        "value": value if kind else str(value),
        "kind": kind,
        "description": parameter.description,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "choices": list(parameter.choices),
        "live": parameter.live and bool(kind),
    }
