"""The drives that a robot can have: this node's own planner, or Nav2."""

from __future__ import annotations

from typing import Any, Mapping

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving import Pose, Velocity
from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.local_planner import Goal, LocalPlanner
from altmarl_ros.driving.robot_topics import Fault
from altmarl_ros.nodes.common.clock import AgeClock
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.robot.drive import Drive
from altmarl_ros.nodes.robot.parameters import DriveSettings, drive_settings


class PlannerDrive:
    """Plans by `driving.local_planner`; see `drive.Drive`."""

    def __init__(self, settings: DriveSettings, robot_id: int) -> None:
        self._id = robot_id
        self.adjust(settings)

    @property
    def arrived(self) -> bool:
        """See Drive."""
        return self._planner.arrived

    @property
    def problem(self) -> Reason | None:
        """See Drive; a blocked robot goes on trying."""
        return self._planner.problem

    @property
    def fault(self) -> Fault | None:
        """See Drive."""
        return None

    def steer(self, now: float, pose: Pose, goal: Goal, velocity: Velocity, points: FloatArray) -> Velocity:
        """See Drive."""
        return self._planner.steer(now, pose, goal, velocity, points)

    def rest(self) -> None:
        """See Drive."""
        self._planner.forget()

    def adjust(self, settings: DriveSettings) -> None:
        """See Drive."""
        self._planner = LocalPlanner(settings.limits, settings.planner, self._id)

    def close(self) -> None:
        """See Drive."""


def make_drive(node: GuardedNode, make: Endpoints, values: Mapping[str, Any], clock: AgeClock) -> Drive:
    """Return the drive that the parameters name.

    Raises:
        AltmarlError: it needs a package that is not installed.
    """
    if values["drive.kind"] != "nav2":
        return PlannerDrive(drive_settings(values), int(values["robot_id"]))
    from altmarl_ros.nodes.robot.nav2_drive import Nav2Drive, navigate_to_pose

    return Nav2Drive(node, make, values, clock, navigate_to_pose())
