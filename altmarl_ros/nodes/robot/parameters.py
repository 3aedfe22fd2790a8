"""The parameters of `robot` and `robots`, and the settings of a robot that drives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from altmarl_ros.driving import Limits, Pose
from altmarl_ros.driving.frame_names import FrameNames
from altmarl_ros.driving.governor_types import GovernorSettings, OnSilence
from altmarl_ros.driving.limits import LONGEST_STEP
from altmarl_ros.driving.local_planner import PlannerSettings
from altmarl_ros.driving.work_state import WorkSettings
from altmarl_ros.errors import AltmarlError
from altmarl_ros.monitoring.health import Threshold
from altmarl_ros.nodes.common import diagnostics
from altmarl_ros.nodes.common.allowed_paths import ALLOWED
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.common.safety_bounds import CEILINGS, LOCKED
from altmarl_ros.nodes.robot.emergency_stop import RELEASE

_LIMITS, _GOVERNOR, _PLANNER, _WORK = Limits(), GovernorSettings(), PlannerSettings(), WorkSettings()
_SPEED, _FAR = 20.0, 1e6

MOUNT_SOURCE = "scan.mount.source"
"""Name of the parameter that says where the laser's place on the base comes from."""

SHARED_PARAMETERS = (
    Parameter("game", "", "Game that the robot is set up for, a name or a YAML file; empty: any.", path="name or file"),
    Parameter("robot.type", "", "Name of the robot's type, in a game that has types of robots; else empty."),
    Parameter("fleet_prefix", "/fleet", "Prefix of the fleet-wide topics."),
    Parameter("world_prefix", "/world", "Prefix of the simulated world's topics."),
    Parameter("seed", 0, "Seed of the robot's action draws, together with its id.", 0),
    Parameter(
        "silence", 2.0, "Silence of the coordinator after which the robot says hello again.", 0.05, 3600.0, unit="s", live=True
    ),
    Parameter(
        "coordinator.lease",
        0.0,
        "Silence of the coordinator after which the robot follows another one, in a fleet with a standby its `failover.lease`; "
        "0: `silence` as it is at the start.",
        0.0,
        3600.0,
        unit="s",
    ),
    Parameter(
        "policy.temperature",
        0.0,
        "Draw actions by softmax of what they are worth over this; 0: as learned.",
        0.0,
        1e6,
        unit="reward",
        live=True,
    ),
    Parameter("join_window", 0.1, "Time over which the hellos of many robots are spread.", 0.0, 3600.0, unit="s"),
)

DIAGNOSTICS_PARAMETERS = (
    diagnostics.PERIOD,
    diagnostics.GRACE,
    *diagnostics.threshold_parameters("silent", Threshold(0.01, 0.5), "Share of robots that hear no coordinator"),
)

BODY = Parameter(
    "body",
    "markov",
    "What the robot acts through: the simulated Markov world, or the drive of a robot on wheels.",
    choices=("markov", "drive"),
)

DRIVE_PARAMETERS = (
    CEILINGS,
    LOCKED,
    Parameter("floor", "", "Floor map, a name or a YAML file; empty: the game's own.", path="name or file"),
    ALLOWED,
    RELEASE,
    Parameter("zones.hysteresis", 0.2, "How far beyond its zone a robot still counts as in it.", 0.0, 100.0, unit="m"),
    Parameter("zones.tolerance", 0.5, "How far from all zones a robot still counts as in the last one.", 0.0, 100.0, unit="m"),
    Parameter(
        "pose.source",
        "odometry",
        "Where the robot's pose comes from.",
        choices=("odometry", "pose", "pose_with_covariance", "tf"),
    ),
    Parameter("pose.topic", "", "Topic of the pose; empty: odom for odometry, else pose."),
    Parameter(
        "pose.odometry",
        "",
        "Topic of the odometry by which the pose is continued between two poses; empty: none. AMCL needs it, since it "
        "publishes nothing while the robot stands.",
    ),
    Parameter("pose.start.x", 0.0, "Where odometry's origin is in the map, without other poses.", -_FAR, _FAR, unit="m"),
    Parameter("pose.start.y", 0.0, "Where odometry's origin is in the map, without other poses.", -_FAR, _FAR, unit="m"),
    Parameter("pose.start.yaw", 0.0, "Yaw of odometry's frame in the map, without other poses.", -10.0, 10.0, unit="rad"),
    Parameter("frames.map", "map", "Frame of the floor map."),
    Parameter("frames.odom", "odom", "Frame of odometry."),
    Parameter("frames.base", "base_link", "Frame of the robot's base."),
    Parameter("frame_prefix", "", "Prefix of frames.odom and frames.base; {id} stands for the robot's id."),
    Parameter("scan.topic", "scan", "Topic of the laser; empty: none."),
    Parameter("scan.required", True, "Refuse to move without a fresh laser scan.", live=True, safer="higher"),
    Parameter(
        MOUNT_SOURCE,
        "auto",
        "Where the laser's place on the base comes from: TF where it knows (auto), else scan.mount.x, .y, .yaw; or these only.",
        choices=("auto", "parameters"),
    ),
    Parameter("scan.mount.x", 0.0, "Position of the laser on the base.", -10.0, 10.0, unit="m"),
    Parameter("scan.mount.y", 0.0, "Position of the laser on the base.", -10.0, 10.0, unit="m"),
    Parameter("scan.mount.yaw", 0.0, "Yaw of the laser on the base.", -10.0, 10.0, unit="rad"),
    Parameter("load.topic", "load", "Topic that says whether the robot is loaded, in games of deliveries or charging."),
    Parameter(
        "load.kind",
        "switch",
        "What says it: a switch (std_msgs/msg/Bool), or a scale (std_msgs/msg/Float32).",
        choices=("switch", "scale"),
    ),
    Parameter("load.threshold", 1.0, "What a scale shows at least when the robot is loaded.", -_FAR, _FAR, unit="kg"),
    Parameter("timeout.load", _WORK.load_timeout, "Longest silence about the load.", 0.05, 3600.0, unit="s", safer="lower"),
    Parameter("battery.topic", "battery", "Topic of the battery (sensor_msgs/msg/BatteryState), in games of charging."),
    Parameter(
        "battery.flat",
        _WORK.flat,
        "Share of the charge below which the battery is flat; the levels above are evenly spaced from there.",
        0.0,
        0.99,
    ),
    Parameter(
        "battery.thresholds",
        "",
        "Shares of the charge from which on each level above flat counts, such as 0.2 0.5 0.8; empty: evenly spaced ones.",
    ),
    Parameter(
        "battery.hysteresis", _WORK.hysteresis, "By how much a threshold has to be exceeded for the level to rise.", 0.0, 0.5
    ),
    Parameter(
        "timeout.battery", _WORK.battery_timeout, "Longest silence about the battery.", 0.05, 3600.0, unit="s", safer="lower"
    ),
    Parameter(
        "drive.kind",
        "cmd_vel",
        "What drives the robot: this node's own planner, Nav2 (whose velocities come on `cmd_vel_nav`), or "
        "nothing: a dry run that only publishes what it would do.",
        choices=("cmd_vel", "nav2", "none"),
    ),
    Parameter("drive.action", "navigate_to_pose", "Action (nav2_msgs/action/NavigateToPose) to which Nav2's goals are sent."),
    Parameter("drive.topic", "cmd_vel", "Topic of the velocity commands for the base."),
    Parameter("drive.stamped", False, "Send TwistStamped in place of Twist."),
    Parameter("drive.base", "differential", "Kind of base.", choices=("differential", "omni")),
    Parameter(
        "drive.rate",
        20.0,
        "Rate of the control loop; slower ones than the lowest accepted do not brake as promised.",
        1.0 / LONGEST_STEP,
        200.0,
        unit="Hz",
    ),
    Parameter("robot.radius", 0.2, "Radius of the robot's outline.", 0.01, 10.0, unit="m", safer="higher"),
    Parameter("limits.forward", _LIMITS.forward, "Highest speed ahead.", 0.001, _SPEED, unit="m/s", live=True, safer="lower"),
    Parameter("limits.backward", _LIMITS.backward, "Highest speed astern.", 0.0, _SPEED, unit="m/s", live=True, safer="lower"),
    Parameter(
        "limits.lateral",
        0.4,
        "Highest speed to either side, of an omni base.",
        0.001,
        _SPEED,
        unit="m/s",
        live=True,
        safer="lower",
    ),
    Parameter("limits.turn", _LIMITS.turn, "Highest turn rate.", 0.001, _SPEED, unit="rad/s", live=True, safer="lower"),
    Parameter(
        "limits.acceleration",
        _LIMITS.acceleration,
        "Highest gain of speed.",
        0.001,
        50.0,
        unit="m/s^2",
        live=True,
        safer="lower",
    ),
    Parameter("limits.braking", _LIMITS.braking, "Highest loss of speed.", 0.001, 50.0, unit="m/s^2", live=True, safer="same"),
    Parameter(
        "limits.angular_acceleration",
        _LIMITS.angular_acceleration,
        "Highest gain and loss of the turn rate.",
        0.001,
        100.0,
        unit="rad/s^2",
        live=True,
        safer="same",
    ),
    Parameter(
        "limits.emergency_braking",
        0.0,
        "Braking in an emergency stop; 0: as `limits.braking`.",
        0.0,
        50.0,
        unit="m/s^2",
        live=True,
        safer="same",
    ),
    Parameter(
        "timeout.pose", _GOVERNOR.pose_timeout, "Oldest pose to drive by.", 0.01, 60.0, unit="s", live=True, safer="lower"
    ),
    Parameter(
        "timeout.tick",
        _GOVERNOR.tick_timeout,
        "Longest silence of the coordinator; has to be more than a tick's period.",
        0.01,
        7200.0,
        unit="s",
        live=True,
        safer="lower",
    ),
    Parameter(
        "timeout.coordinator",
        0.5,
        "Silence of the coordinator's process after which it counts as gone, however long a tick "
        "takes, in real time; has to be at least its `tick.lease`, or no tick arrives.",
        0.05,
        3600.0,
        unit="s",
        safer="lower",
    ),
    Parameter(
        "timeout.scan", _GOVERNOR.scan_timeout, "Oldest laser scan to drive by.", 0.01, 60.0, unit="s", live=True, safer="lower"
    ),
    Parameter(
        "on_silence",
        OnSilence.HOLD.value,
        "What the robot does when its coordinator is silent: stop, finish its way, or drive to its slot in `park_zone`.",
        choices=tuple(way.value for way in OnSilence),
        live=True,
        safer="lower",
    ),
    Parameter("park_zone", "", "Zone to park in; empty: the one that the robot is in."),
    Parameter(
        "margin.ahead", _GOVERNOR.margin, "Distance kept from obstacles ahead.", 0.0, 10.0, unit="m", live=True, safer="higher"
    ),
    Parameter(
        "margin.side",
        _GOVERNOR.side_margin,
        "Distance kept from obstacles that are passed.",
        0.0,
        10.0,
        unit="m",
        live=True,
        safer="higher",
    ),
    Parameter(
        "margin.clearance",
        _PLANNER.clearance,
        "Distance kept from obstacles where there is a choice.",
        0.0,
        10.0,
        unit="m",
        live=True,
        safer="higher",
    ),
    Parameter(
        "margin.reaction",
        _GOVERNOR.reaction_time,
        "Time from a scan to the base's reaction.",
        0.0,
        5.0,
        unit="s",
        live=True,
        safer="higher",
    ),
    Parameter(
        "margin.approach",
        _GOVERNOR.approach_speed,
        "Speed at which obstacles are taken to come nearer.",
        0.0,
        10.0,
        unit="m/s",
        live=True,
        safer="higher",
    ),
    Parameter(
        "diagnostics.blocked",
        20.0,
        "How long something may bar a robot's way before /diagnostics warns.",
        0.0,
        3600.0,
        unit="s",
        live=True,
    ),
    Parameter(
        "goal.tolerance",
        _PLANNER.tolerance,
        "Distance from its slot at which a robot has arrived.",
        0.005,
        10.0,
        unit="m",
        live=True,
    ),
)


@dataclass(frozen=True)
class DriveSettings:
    """Settings that can be changed while a robot drives.

    Attributes:
        limits: of the base.
        governor: timeouts and margins of the governor.
        planner: clearance and tolerance of the local planner.
        patience: how long something may bar the way before it is an alarm [s].
    """

    limits: Limits
    governor: GovernorSettings
    planner: PlannerSettings
    patience: float


def drive_settings(values: Mapping[str, Any]) -> DriveSettings:
    """Return the settings that the parameters describe.

    Raises:
        AltmarlError: naming the value and the rule that it breaks.
    """

    def number(name: str) -> float:
        return float(values[name])

    radius = number("robot.radius")
    limits = Limits(
        forward=number("limits.forward"),
        backward=number("limits.backward"),
        lateral=number("limits.lateral") if values["drive.base"] == "omni" else 0.0,
        turn=number("limits.turn"),
        acceleration=number("limits.acceleration"),
        braking=number("limits.braking"),
        angular_acceleration=number("limits.angular_acceleration"),
        emergency_braking=number("limits.emergency_braking") or None,
    )
    governor = GovernorSettings(
        radius=radius,
        pose_timeout=number("timeout.pose"),
        tick_timeout=number("timeout.tick"),
        scan_timeout=number("timeout.scan"),
        needs_scan=bool(values["scan.required"]),
        on_silence=OnSilence(values["on_silence"]),
        margin=number("margin.ahead"),
        side_margin=number("margin.side"),
        reaction_time=number("margin.reaction"),
        approach_speed=number("margin.approach"),
        period=1.0 / number("drive.rate"),
    )
    planner = PlannerSettings(radius=radius, clearance=number("margin.clearance"), tolerance=number("goal.tolerance"))
    return DriveSettings(limits, governor, planner, number("diagnostics.blocked"))


def pose_of(values: Mapping[str, Any], name: str) -> Pose:
    """Return the pose of the parameters `<name>.x`, `<name>.y` and `<name>.yaw`."""
    return Pose(*(float(values[f"{name}.{axis}"]) for axis in ("x", "y", "yaw")))


def frame_names(values: Mapping[str, Any]) -> FrameNames:
    """Return what one robot's frames are called."""
    return FrameNames(
        map=str(values["frames.map"]),
        odom=str(values["frames.odom"]),
        base=str(values["frames.base"]),
        prefix=str(values["frame_prefix"]),
        robot_id=int(values["robot_id"]),
    )


def check_topics(values: Mapping[str, Any]) -> None:
    """Raise AltmarlError where the parameters of a robot that drives contradict each other."""
    if not values["game"]:
        raise AltmarlError(
            "parameter 'game' is empty, but a robot that drives must know where the actions lead: name the coordinator's game"
        )
    if values["scan.required"] and not values["scan.topic"]:
        raise AltmarlError(
            "parameter 'scan.topic' is empty, but 'scan.required' is true: name the laser's topic, or set it to false"
        )
