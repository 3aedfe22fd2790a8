"""Pure conversions to the messages of a trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from altmarl_ros.msg import TrainingProgress
from altmarl_ros.nodes.common.status_subscriber import StatusSubscriber
from altmarl_ros.policy_updates import Candidate


def progress_to_message(
    candidate: Candidate,
    *,
    game: str,
    seconds: float,
    fleet: StatusSubscriber,
    kept: Sequence[int],
    file: Path | None,
    stamp: object,
) -> TrainingProgress:
    """Convert what a trainer is doing to a message.

    Args:
        candidate: the present candidate.
        game: the fleet's game, as the parameter names it.
        seconds: time since the training began [s].
        fleet: configuration and status of the fleet.
        kept: ids of the policies that are kept for a rollback.
        file: the candidate's file; None: there is none.
        stamp: time of the message, a builtin_interfaces/Time.
    """
    message = TrainingProgress(
        stamp=stamp,
        state=int(candidate.stage),
        message=candidate.message,
        fraction=candidate.fraction,
        elapsed=seconds,
        game=game,
        policy_id=fleet.policy_id or 0,
        candidate_id=candidate.policy_id or 0,
        candidate_file=str(file or ""),
        shadow_ticks=candidate.shadow_ticks,
        shadow_agreed=candidate.shadow_agreed,
        kept=list(kept),
    )
    if fleet.configuration is not None:
        message.policy_file = str(fleet.configuration.parameters["policy.file"])
    if candidate.score is not None:
        message.value, message.value_half_width = candidate.score.present
        message.candidate_value, message.candidate_value_half_width = candidate.score.candidate
        message.gain, message.gain_half_width = candidate.score.gain
    return message
