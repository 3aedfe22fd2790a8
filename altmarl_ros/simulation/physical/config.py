"""Configuration of the robots of a physical world: numbers with units, validated, readable from YAML or parameters.

Noise is given so that it does not depend on the time step: white noise on a velocity by its density (unit per square root
of Hz: standard deviation sigma sqrt(t) after a time t), drift of odometry per square root of the distance.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, ValidationError
from typing_extensions import Literal

from altmarl_ros.errors import AltmarlError


class Settings(BaseModel, extra="forbid", frozen=True):
    """Base class of all groups of settings.

    Raises:
        AltmarlError: naming the setting, such as laser.rate, and the rule it breaks.
    """

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = type(self).__name__.strip("_").removesuffix("Config").lower()
            where = ".".join((name, *(str(part) for part in first["loc"])))
            raise AltmarlError(f"{where}: {first['msg']}") from None


_MOST = 1e6


class BaseConfig(Settings, frozen=True):
    """The robot's body and its drive."""

    kind: Literal["unicycle", "omni"] = Field(
        default="unicycle", description="unicycle: no sideways velocity (differential drive)"
    )
    radius: float = Field(default=0.2, gt=0, le=10, description="of the disc that the robot fills [m]")
    model: str = Field(default="", description="MJCF or URDF file of the robot; empty: the built-in base of this kind")
    mass: float = Field(default=20.0, gt=0, le=_MOST, description="of the built-in base [kg]")
    grip: float = Field(default=1.0, gt=0, le=10, description="friction coefficient between driven wheels and floor")
    max_speed: float = Field(default=1.0, gt=0, le=100, description="in the plane [m/s]")
    max_turn_rate: float = Field(default=2.0, gt=0, le=100, description="about the vertical axis [rad/s]")
    acceleration: float = Field(default=1.0, gt=0, le=_MOST, description="largest, of speed [m/s^2]")
    deceleration: float = Field(default=2.0, gt=0, le=_MOST, description="largest, of speed when braking [m/s^2]")
    turn_acceleration: float = Field(default=4.0, gt=0, le=_MOST, description="largest, either way [rad/s^2]")
    lag: float = Field(default=0.05, ge=0, le=10, description="time constant of the speed controller, first order; 0: none [s]")
    delay_steps: int = Field(default=1, ge=0, le=1000, description="time steps between a command and its effect")
    command_timeout: float = Field(
        default=0.5, gt=0, le=_MOST, description="without a command the base stops after this time [s]"
    )
    relative_noise: float = Field(
        default=0.005, ge=0, le=10, description="of the velocity, density relative to it [1/sqrt(Hz)]"
    )
    speed_noise: float = Field(default=0.002, ge=0, le=10, description="of a moving base's speed, density [m/s/sqrt(Hz)]")
    turn_noise: float = Field(default=0.005, ge=0, le=10, description="of a moving base's turn rate, density [rad/s/sqrt(Hz)]")


class LaserConfig(Settings, frozen=True):
    """A planar laser scanner, as sensor_msgs/LaserScan describes it."""

    rate: float = Field(default=10.0, ge=0, le=1e4, description="scans per second; 0: no laser [Hz]")
    beams: int = Field(default=120, ge=2, le=10_000, description="per scan")
    field_of_view: float = Field(
        default=6.283185307179586, gt=0, le=6.283185307179586, description="centred on the sensor's x [rad]"
    )
    range_min: float = Field(default=0.05, ge=0, le=1000, description="nearer objects read -inf (REP-117) [m]")
    range_max: float = Field(default=8.0, gt=0, le=1000, description="where nothing is nearer, a beam reads inf (REP-117) [m]")
    noise: float = Field(default=0.01, ge=0, le=10, description="standard deviation of a range [m]")
    x: float = Field(default=0.0, ge=-10, le=10, description="mount, forward in base_link [m]")
    y: float = Field(default=0.0, ge=-10, le=10, description="mount, left in base_link [m]")
    z: float = Field(default=0.2, gt=0, le=2, description="mount, above the floor [m]")
    yaw: float = Field(default=0.0, ge=-10, le=10, description="mount, counter-clockwise in base_link [rad]")


class OdometryConfig(Settings, frozen=True):
    """Wheel odometry with drift."""

    rate: float = Field(default=20.0, ge=0, le=1e4, description="messages per second; 0: none [Hz]")
    origin: Literal["identity", "start"] = Field(
        default="identity", description="of frame odom: the first pose, or that of map"
    )
    scale_error: float = Field(default=0.01, ge=0, le=1, description="of distance, std over robots, constant in a run")
    turn_scale_error: float = Field(default=0.01, ge=0, le=1, description="of turns, std over robots, constant in a run")
    distance_walk: float = Field(
        default=0.005, ge=0, le=10, description="std of distance after a metre, grows as its root [m/sqrt(m)]"
    )
    turn_walk: float = Field(default=0.01, ge=0, le=10, description="std of yaw after a radian turned [rad/sqrt(rad)]")
    heading_walk: float = Field(default=0.005, ge=0, le=10, description="std of yaw after a metre driven [rad/sqrt(m)]")


class LocalisationConfig(Settings, frozen=True):
    """Poses in frame map, as from AMCL or a camera at the ceiling: the truth with white noise."""

    rate: float = Field(default=10.0, ge=0, le=1e4, description="poses per second; 0: none [Hz]")
    position_noise: float = Field(default=0.02, ge=0, le=10, description="standard deviation of x and of y [m]")
    yaw_noise: float = Field(default=0.01, ge=0, le=10, description="standard deviation [rad]")


class BatteryConfig(Settings, frozen=True):
    """The battery, which loses energy by time and by motion; an empty one stops the base."""

    capacity: float = Field(default=200.0, gt=0, le=_MOST, description="[Wh]")
    start: float = Field(default=1.0, ge=0, le=1, description="share of the capacity at time 0")
    idle_power: float = Field(default=15.0, ge=0, le=_MOST, description="always drawn [W]")
    drive_power: float = Field(default=40.0, ge=0, le=_MOST, description="drawn on top per speed [W/(m/s)]")
    turn_power: float = Field(default=10.0, ge=0, le=_MOST, description="drawn on top per turn rate [W/(rad/s)]")
    charge_power: float = Field(default=100.0, ge=0, le=_MOST, description="taken in on a charging zone [W]")


class PhysicalConfig(Settings, frozen=True):
    """A physical world, whose robots differ only in their noise."""

    time_step: float = Field(default=0.02, gt=0, le=1, description="of the simulation [s]")
    base: BaseConfig = BaseConfig()
    laser: LaserConfig = LaserConfig()
    odometry: OdometryConfig = OdometryConfig()
    localisation: LocalisationConfig = LocalisationConfig()
    battery: BatteryConfig = BatteryConfig()


def check_together(config: PhysicalConfig) -> None:
    """Check the rules between settings.

    Raises:
        AltmarlError: naming the settings that do not fit together.
    """
    step, base, laser = config.time_step, config.base, config.laser
    if base.max_speed * step > 0.25 * base.radius:
        raise AltmarlError(
            f"max_speed {base.max_speed:g} m/s goes {base.max_speed * step:g} m in a time step, must be at most a quarter of "
            f"the radius {base.radius:g} m: robots would pass through walls; take a smaller time_step"
        )
    if laser.range_min >= laser.range_max:
        raise AltmarlError(f"laser: range_min {laser.range_min:g} must be less than range_max {laser.range_max:g}")
    for name in ("laser", "odometry", "localisation"):
        rate = getattr(config, name).rate
        if rate * step > 1.0 + 1e-9:
            raise AltmarlError(f"{name}: rate {rate:g} Hz must be at most one per time step, {1 / step:g} Hz")
