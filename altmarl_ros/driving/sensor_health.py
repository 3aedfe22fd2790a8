"""Judges whether a robot has the data that it needs to drive: in one place, for its governor and for `altmarl check`.

Data that are not fresh do not count: age = now - arrival (+ age at arrival) must lie in [0, timeout], which NaN does not.
"""

from __future__ import annotations

from typing import Collection, Iterable

from altmarl_ros.driving.freshness import is_fresh
from altmarl_ros.driving.governor_types import GovernorSettings, Inputs, Reason

POSE_REASONS = frozenset({Reason.POSE_STALE, Reason.POSE_INVALID, Reason.ODOMETRY_INVALID})
"""What is wrong with the pose, or the odometry that continues it."""

SCAN_REASONS = frozenset({Reason.SCAN_STALE})
"""What is wrong with the laser."""

WORK_REASONS = frozenset({Reason.LOAD_SILENT, Reason.BATTERY_SILENT})
"""What a robot at work does not know of itself."""

DRIVER_REASONS = frozenset({Reason.NO_DRIVER, Reason.DRIVER_TYPE})
"""What is wrong with who carries out the velocity commands."""


def sensor_reasons(now: float, inputs: Inputs, settings: GovernorSettings) -> list[Reason]:
    """Return what a robot lacks at time `now` [s] to drive at all: of its sensors, of its base's driver, and at work."""
    scan_wanted = settings.needs_scan or inputs.scan is not None
    scan_good = inputs.scan is not None and inputs.scan.is_valid and is_fresh(now, inputs.scan_arrived, settings.scan_timeout)
    pose_delay = inputs.pose_delay if not inputs.pose_delay < 0.0 else 0.0  # clocks of two machines differ
    pose_good = inputs.pose is not None and is_fresh(now, inputs.pose_arrived, settings.pose_timeout, pose_delay)
    found = {
        Reason.POSE_STALE: not pose_good,
        Reason.POSE_INVALID: inputs.pose is not None and not inputs.pose.is_finite,
        Reason.ODOMETRY_INVALID: inputs.measured is not None and not inputs.measured.is_finite,
        Reason.SCAN_STALE: scan_wanted and not scan_good,
    }
    problem = [] if inputs.driver_problem is None else [inputs.driver_problem]
    return problem + [reason for reason, holds in found.items() if holds] + list(inputs.work_problems)


def lasting(history: Iterable[Collection[Reason]]) -> frozenset[Reason]:
    """Return the reasons that hold at the end of a time, or came up within it.

    One that held at its beginning and went away does not count: data need a moment to come where somebody just began to
    listen.
    """
    found: set[Reason] = set()
    present: set[Reason] | None = None
    for reasons in history:
        now = set(reasons)
        found |= now - present if present is not None else set()
        present = now
    return frozenset(found | (present or set()))
