"""Compiles what a control loop calls before a robot drives."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from altmarl_ros.driving.governor import Governor
from altmarl_ros.driving.governor_types import GovernorSettings, Inputs
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.local_planner import Goal, LocalPlanner, PlannerSettings
from altmarl_ros.driving.planar import STILL, Pose, Velocity
from altmarl_ros.driving.scan import Scan


def warm_up() -> None:
    """Take a step of planner and governor: compiling takes seconds where it is not cached, longer than a robot may wait."""
    scan = Scan(np.full(8, 1.0), -math.pi, 0.25 * math.pi, 0.05, 8.0)
    pose, goal = Pose(0.0, 0.0), Goal(1.0, 0.0)
    for limits in (Limits(), replace(Limits(), lateral=0.4)):
        LocalPlanner(limits, PlannerSettings()).steer(0.0, pose, goal, STILL, scan.points)
        governor = Governor(limits, GovernorSettings())
        for now in (0.0, 0.1):
            inputs = Inputs(
                wanted=Velocity(0.1, 0.0, 0.1),
                pose=pose,
                pose_arrived=now,
                tick_arrived=now,
                coordinator_silent=False,
                scan=scan,
                scan_arrived=now,
            )
            governor.step(now, inputs)
