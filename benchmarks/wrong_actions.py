"""Counts what robots must never do, in the record of a run; for benchmarks and tests."""

from __future__ import annotations

import numpy as np

from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.records.run_record import RunRecord


def wrong_actions(record: RunRecord, pi_l: LocalPolicy) -> int:
    """Number of robot-ticks in which the world received a second action, or one that pi_l never takes there."""
    acted = record.local_action != UNKNOWN
    probability = pi_l.probabilities[
        np.maximum(record.local_state, 0), record.global_state[:, None], np.maximum(record.local_action, 0)
    ]
    return int(((record.actions > 1) | (acted & (probability == 0.0))).sum())
