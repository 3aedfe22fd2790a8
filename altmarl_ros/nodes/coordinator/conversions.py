"""Pure conversions between the coordinator's own messages and the plain data of its core."""

from __future__ import annotations

import numpy as np

from altmarl_ros.msg import CoordinatorStatus, RobotReport
from altmarl_ros.protocol import Report, Verdict
from altmarl_ros.protocol.budget import REPORT_WIRE_BYTES
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.decision import Decision

_MOST_OPERATED = 100


def report_from_message(message: RobotReport) -> Report:
    """Convert a received report to its plain form."""
    return Report(message.session, message.tick, message.robot_id, message.local_state, message.game_tag)


def status_to_message(core: Coordinator, decision: Decision, stamp: object, reports: int) -> CoordinatorStatus:
    """Convert a decision, and the state of the coordinator after it, to a status; the node adds its own counters and times.

    Args:
        core: the coordinator that decided.
        decision: the decision.
        stamp: time of the decision, a builtin_interfaces/Time.
        reports: number of reports received since the last status.
    """
    roster, ages, operated = core.roster, core.roster.ages, core.roster.operated.listed(_MOST_OPERATED)
    status = CoordinatorStatus(
        stamp=stamp,
        session=decision.tick.session,
        tick=decision.tick.tick,
        policy_id=decision.tick.policy_id,
        polled=np.array(decision.tick.polled, dtype=np.uint32),
        asked=decision.asked,
        backfilled=decision.backfilled,
        k_eff=decision.k_eff,
        heard=decision.heard,
        rung=decision.rung,
        heard_id=np.array(list(decision.answers), dtype=np.uint32),
        heard_state=np.array(list(decision.answers.values()), dtype=np.uint16),
        global_state=decision.tick.global_state,
        global_action=decision.action,
        estimate=decision.estimate.astype(np.float32),
        sampling_error=decision.sampling_error,
        hidden_belief=np.array(decision.belief, dtype=np.float32),
        estimated_reward=decision.reward,
        k=decision.k,
        robots=len(roster),
        live=roster.live,
        next_policy_id=(core.next_bundle or core.bundle).policy_id,
        report_bytes=reports * REPORT_WIRE_BYTES,
        bandwidth_limit=core.budget.limit,
        age_mean=ages.mean,
        age_median=ages.median,
        age_p95=ages.p95,
        age_max=ages.maximum,
        hidden_evidence=np.array(decision.evidence, dtype=np.float32),
        returned_state=np.array(decision.returned, dtype=np.uint16),
        operated_id=np.array([robot_id for robot_id, _ in operated], dtype=np.uint32),
        operated_control=np.array([each.control for _, each in operated], dtype=np.uint8),
        operator_name=[each.operator for _, each in operated],
    )
    for verdict in Verdict:
        setattr(status, verdict.value, core.verdicts[verdict])
    return status
