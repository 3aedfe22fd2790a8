"""The messages of a trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from altmarl_ros.msg import TrainingProgress
from altmarl_ros.nodes.common.status_subscriber import StatusSubscriber
from altmarl_ros.policy_updates.candidate import Candidate


def progress_to_message(
    candidate: Candidate,
    game: str,
    seconds: float,
    ear: StatusSubscriber,
    kept: Sequence[int],
    file: Path | None,
    stamp: object,
) -> TrainingProgress:
    """What a trainer is doing; `seconds` is the age of the training, `file` the candidate's."""
    message = TrainingProgress(
        stamp=stamp,
        state=int(candidate.stage),
        message=candidate.message,
        fraction=candidate.fraction,
        elapsed=seconds,
        game=game,
        policy_id=ear.policy_id or 0,
        candidate_id=candidate.policy_id or 0,
        candidate_file=str(file or ""),
        shadow_ticks=candidate.shadow_ticks,
        shadow_agreed=candidate.shadow_agreed,
        kept=list(kept),
    )
    if ear.configuration is not None:
        message.policy_file = str(ear.configuration.parameters["policy.file"])
    if candidate.score is not None:
        message.value, message.value_half_width = candidate.score.present
        message.candidate_value, message.candidate_value_half_width = candidate.score.candidate
        message.gain, message.gain_half_width = candidate.score.gain
    return message
