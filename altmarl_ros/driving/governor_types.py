"""Inputs, settings and outputs of a robot's governor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Iterable

from altmarl_ros.driving.freshness import NEVER
from altmarl_ros.driving.limits import LONGEST_STEP
from altmarl_ros.driving.planar import STILL, Pose, Velocity
from altmarl_ros.driving.scan import Scan
from altmarl_ros.errors import AltmarlError

_TURNING_MARGIN = 0.01  # m


class Reason(Enum):
    """Why a robot stands or is slower than wanted, the most severe first."""

    EMERGENCY_STOP = "emergency stop"
    FLEET_STOP = "fleet stop"
    NOT_ACTIVE = "not active"
    CONTROL_FAILED = "the control step failed"
    NO_DRIVER = "no driver listens to the velocity commands"
    DRIVER_TYPE = "the driver listens to another type of velocity commands (drive.stamped)"
    NO_NAVIGATOR = "no navigate_to_pose server"
    GOAL_REJECTED = "goal rejected"
    GOAL_ABORTED = "goal aborted"
    GOAL_CANCELED = "goal cancelled by others"
    GOAL_LOST = "goal unknown to its server, which was restarted"
    GOAL_UNANSWERED = "goal not answered"
    CLOCK_JUMPED = "the clock jumped, no fresh pose and tick since"
    POSE_STALE = "no fresh pose"
    POSE_INVALID = "pose is not finite"
    ODOMETRY_INVALID = "measured velocity is not finite"
    TICK_SILENT = "no tick from the coordinator"
    NO_POLICY = "no policy for this session"
    SCAN_STALE = "no fresh laser scan"
    LOAD_SILENT = "no word of the load"
    BATTERY_SILENT = "no word of the battery"
    COMMAND_INVALID = "wanted velocity is not finite"
    LEFT_AREA = "outside the allowed area"
    OBSTACLE = "obstacle in the protective field"
    BLIND = "the scan does not cover the direction of motion"
    OBSTACLE_NEAR = "obstacle near"
    BORDER_NEAR = "border of the allowed area near"
    NAVIGATOR_SILENT = "no velocity from the navigator"
    NO_WAY = "finds no way on"
    GIVES_WAY = "gives way"
    HELD = "held by an operator"

    @property
    def halts(self) -> bool:
        """Whether all motion is barred; otherwise only some directions and speeds are."""
        return self not in _PARTIAL

    @property
    def only_tells(self) -> bool:
        """Whether it bars nothing: the robot's drive tells what it is about."""
        return self in _TOLD

    @property
    def from_navigator(self) -> bool:
        """Whether it tells of the navigator that drives the robot, which goes on trying meanwhile."""
        return self in _NAVIGATOR


_PARTIAL = frozenset(
    {
        Reason.LEFT_AREA,
        Reason.OBSTACLE,
        Reason.BLIND,
        Reason.OBSTACLE_NEAR,
        Reason.BORDER_NEAR,
        Reason.NAVIGATOR_SILENT,
        Reason.NO_WAY,
        Reason.GIVES_WAY,
    }
)
_TOLD = frozenset({Reason.NO_WAY, Reason.GIVES_WAY})
_NAVIGATOR = frozenset(
    {
        Reason.NO_NAVIGATOR,
        Reason.GOAL_REJECTED,
        Reason.GOAL_ABORTED,
        Reason.GOAL_CANCELED,
        Reason.GOAL_LOST,
        Reason.GOAL_UNANSWERED,
        Reason.NAVIGATOR_SILENT,
    }
)


def by_severity(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return reasons in order, the most severe first."""
    return tuple(sorted(reasons, key=_SEVERITY.__getitem__))


_SEVERITY = {reason: place for place, reason in enumerate(Reason)}


class State(Enum):
    """State of a robot's motion."""

    MOVING = "moving"
    SLOWING = "slowing"  # something bars a part of the wanted velocity
    STOPPING = "stopping"  # on the way to rest
    STOPPED = "stopped"


class OnSilence(Enum):
    """What a robot does when its coordinator has fallen silent: stop, finish its way, or drive to a parking place."""

    HOLD = "hold"
    FINISH = "finish"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class Border:
    """The nearest border of the area that a robot may be in.

    Attributes:
        distance: from the robot to the border, negative outside the area [m].
        inward: direction to the inside, perpendicular to the border [rad, base_link].
    """

    distance: float
    inward: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What is known at one control step; times are of the governor's clock [s].

    Attributes:
        wanted: the wanted velocity; None: to rest.
        pose: the newest pose, or None.
        pose_arrived: when that pose arrived.
        pose_delay: age of the pose when it arrived, by its stamp [s].
        tick_arrived: when the newest tick arrived.
        coordinator_silent: whether the coordinator has fallen silent; see `CoordinatorWatch`.
        scan: the newest laser scan; None: the robot has no laser, or nothing came from it yet.
        scan_arrived: when that scan arrived.
        measured: velocity by odometry, if known.
        border: border of the allowed area, if there is one.
        has_policy: whether the robot holds the policy that the coordinator's ticks name.
        driver_problem: why nobody carries out the velocity commands; None: the base's driver subscribes to them.
        fleet_stop: whether the fleet's emergency stop is pressed.
        clock_jumped: whether the ROS clock was seen to jump since the last step.
        work_problems: what the robot does not know of its load and its battery.
        drive_problem: why the drive wants no motion though it has a goal, or not the straight one; None: it is well.
    """

    wanted: Velocity | None = None
    pose: Pose | None = None
    pose_arrived: float = NEVER
    pose_delay: float = 0.0
    tick_arrived: float = NEVER
    coordinator_silent: bool = True
    scan: Scan | None = None
    scan_arrived: float = NEVER
    measured: Velocity | None = None
    border: Border | None = None
    has_policy: bool = True
    driver_problem: Reason | None = None
    fleet_stop: bool = False
    clock_jumped: bool = False
    work_problems: tuple[Reason, ...] = ()
    drive_problem: Reason | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """Velocity command for the base, and why it is not the wanted one."""

    velocity: Velocity = STILL
    state: State = State.STOPPED
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class GovernorSettings:
    """Settings of one robot's governor.

    Attributes:
        radius: of the robot's outline [m].
        pose_timeout: oldest pose to drive by [s].
        tick_timeout: longest silence of the coordinator [s].
        scan_timeout: oldest scan to drive by [s].
        needs_scan: whether the robot refuses to move without a laser.
        on_silence: what the robot does when the coordinator is silent.
        reaction_time: from the arrival of a scan to the base's answer, control period included [s].
        margin: distance kept from obstacles ahead [m].
        side_margin: distance kept from obstacles that are passed [m].
        approach_speed: speed at which obstacles are taken to come nearer [m/s].
        period: of the control loop [s], at most `LONGEST_STEP`; it counts where the clock does not say how much time passed.

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
    approach_speed: float = 0.25
    period: float = 0.05

    def __post_init__(self) -> None:
        for name in ("radius", "pose_timeout", "tick_timeout", "scan_timeout"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise AltmarlError(f"governor: {name} is {getattr(self, name)}, must be positive")
        for name in ("reaction_time", "margin", "side_margin", "approach_speed"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise AltmarlError(f"governor: {name} is {getattr(self, name)}, must not be negative")
        if not 0.0 < self.period <= LONGEST_STEP:
            raise AltmarlError(f"governor: period is {self.period}, must be positive and at most {LONGEST_STEP}")

    @property
    def turning_margin(self) -> float:
        """Distance kept when turning in place [m]: below the other margins, or a robot that stopped could not turn away."""
        return min(_TURNING_MARGIN, self.margin, self.side_margin)
