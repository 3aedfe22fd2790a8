"""What the governor of a robot is told, what it is set to, and what it answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from altmarl_ros.driving.planar import STILL, Pose, Velocity
from altmarl_ros.errors import AltmarlError

if TYPE_CHECKING:
    from altmarl_ros.driving.scan import Scan

NEVER = -math.inf
"""Time of arrival of what has not arrived."""


class Reason(Enum):
    """Why a robot stands or goes slower than wanted, the gravest first."""

    EMERGENCY_STOP = "emergency stop"
    FLEET_STOP = "fleet stop"
    NOT_ACTIVE = "not active"
    DRIVER_FAULT = "the driver reports a fault"
    CLOCK_JUMPED = "the clock jumped, no fresh pose and tick since"
    POSE_STALE = "no fresh pose"
    POSE_INVALID = "pose is not finite"
    ODOMETRY_INVALID = "measured velocity is not finite"
    TICK_SILENT = "no tick from the coordinator"
    NO_POLICY = "no policy for this session"
    SCAN_STALE = "no fresh laser scan"
    COMMAND_INVALID = "wanted velocity is not finite"
    LEFT_AREA = "outside the allowed area"
    OBSTACLE = "obstacle in the protective field"
    BLIND = "the scan does not cover the direction of motion"
    OBSTACLE_NEAR = "obstacle near"
    BORDER_NEAR = "border of the allowed area near"

    @property
    def halts(self) -> bool:
        """Whether nothing may move; otherwise only some directions and speeds are barred."""
        return self not in _PARTIAL


_PARTIAL = frozenset({Reason.LEFT_AREA, Reason.OBSTACLE, Reason.BLIND, Reason.OBSTACLE_NEAR, Reason.BORDER_NEAR})


class State(Enum):
    """Of a robot's motion."""

    MOVING = "moving"
    SLOWING = "slowing"  # something bars a part of what is wanted
    STOPPING = "stopping"  # on the way to rest
    STOPPED = "stopped"


class OnSilence(Enum):
    """What a robot does whose coordinator fell silent.

    The governor stops it for HOLD only; for the others whoever chooses goals keeps the present one, or a parking place.
    """

    HOLD = "hold"
    FINISH = "finish"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class Border:
    """Of the area that a robot may be in.

    Attributes:
        distance: to the border, negative outside [m].
        inward: where the inside is, perpendicular to the nearest border [rad, base_link].
    """

    distance: float
    inward: float


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known at one step; times are of the governor's clock [s].

    Attributes:
        wanted: velocity, or None: rest.
        pose: the newest.
        pose_arrived: when it came.
        pose_delay: how old it was then, by its stamp [s].
        tick_arrived: when the newest tick came.
        scan: the newest, or None: the robot has no laser, or it has not spoken yet.
        scan_arrived: when it came.
        measured: velocity by odometry, if known.
        border: of the allowed area, if there is one.
        active: whether the robot is switched on to drive.
        has_policy: whether policy and session are the coordinator's.
        driver_ok: whether the base's driver reports no fault.
        emergency_stop: the robot's own emergency stop, latched by the governor.
        fleet_stop: the fleet's emergency stop, latched where it is given.
        clock_jumped: somebody else saw the clock jump.
        coordinator_lost: somebody else saw the coordinator fall silent, before the next tick is due.
    """

    wanted: Velocity | None = None
    pose: Pose | None = None
    pose_arrived: float = NEVER
    pose_delay: float = 0.0
    tick_arrived: float = NEVER
    scan: Scan | None = None
    scan_arrived: float = NEVER
    measured: Velocity | None = None
    border: Border | None = None
    active: bool = True
    has_policy: bool = True
    driver_ok: bool = True
    emergency_stop: bool = False
    fleet_stop: bool = False
    clock_jumped: bool = False
    coordinator_lost: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """What goes to the base."""

    velocity: Velocity = STILL
    state: State = State.STOPPED
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class GovernorSettings:
    """Of one robot.

    Attributes:
        radius: of the robot's outline [m].
        pose_timeout: oldest pose to drive by [s].
        tick_timeout: longest silence of the coordinator [s].
        scan_timeout: oldest scan to drive by [s].
        needs_scan: refuse to move without a laser.
        on_silence: what the coordinator's silence means.
        reaction_time: from the arrival of a scan to the base's answer, control period included [s].
        margin: kept from obstacles ahead [m].
        side_margin: kept from obstacles passed [m].
        turning_margin: kept when turning in place [m]; below the other two, or a robot that stopped could not turn away.
        approach_speed: at which obstacles are taken to come nearer [m/s].
        blind_speed: highest speed where the scan does not look [m/s]; 0: none.
        return_speed: highest speed back into the allowed area [m/s].
        longest_gap: between steps, beyond which the clock is held to have jumped [s].
        longest_step: time credited to one step at most [s].

    Raises:
        AltmarlError: naming the attribute and its rule.
    """

    radius: float = 0.2
    pose_timeout: float = 0.5
    tick_timeout: float = 1.5
    scan_timeout: float = 0.5
    needs_scan: bool = True
    on_silence: OnSilence = OnSilence.HOLD
    reaction_time: float = 0.2
    margin: float = 0.05
    side_margin: float = 0.03
    turning_margin: float = 0.01
    approach_speed: float = 0.25
    blind_speed: float = 0.0
    return_speed: float = 0.1
    longest_gap: float = 1.0
    longest_step: float = 0.2

    def __post_init__(self) -> None:
        for name in ("radius", "pose_timeout", "tick_timeout", "scan_timeout", "longest_gap", "longest_step"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise AltmarlError(f"governor: {name} is {getattr(self, name)}, must be positive")
        for name in (
            "reaction_time",
            "margin",
            "side_margin",
            "turning_margin",
            "approach_speed",
            "blind_speed",
            "return_speed",
        ):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise AltmarlError(f"governor: {name} is {getattr(self, name)}, must not be negative")
        if self.turning_margin > min(self.margin, self.side_margin):
            raise AltmarlError(
                f"governor: turning_margin is {self.turning_margin}, must be at most margin = {self.margin} "
                f"and side_margin = {self.side_margin}"
            )
