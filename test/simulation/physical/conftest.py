import numpy as np
import pytest

from altmarl_ros.simulation.physical.config import (
    BaseConfig,
    BatteryConfig,
    LaserConfig,
    LocalisationConfig,
    OdometryConfig,
    PhysicalConfig,
)
from altmarl_ros.simulation.physical.world import PhysicalWorld

ACCELERATION = 4.0
"""Of ideal bases, below what their grip bears [m/s^2, rad/s^2]."""

QUICK = {
    "radius": 0.25,
    "lag": 0.0,
    "delay_steps": 0,
    "acceleration": ACCELERATION,
    "deceleration": ACCELERATION,
    "turn_acceleration": ACCELERATION,
    "command_timeout": 1e6,
    "relative_noise": 0.0,
    "speed_noise": 0.0,
    "turn_noise": 0.0,
}


@pytest.fixture(scope="session")
def ideal():
    """Makes configurations without noise or lag; keywords change groups of settings, as in base={"lag": 0.1}."""

    def make(time_step=0.02, base=(), laser=(), odometry=(), localisation=(), battery=()):
        return PhysicalConfig(
            time_step=time_step,
            base=BaseConfig(**{**QUICK, **dict(base)}),
            laser=LaserConfig(**{"noise": 0.0, **dict(laser)}),
            odometry=OdometryConfig(
                **{
                    "scale_error": 0.0,
                    "turn_scale_error": 0.0,
                    "distance_walk": 0.0,
                    "turn_walk": 0.0,
                    "heading_walk": 0.0,
                    **dict(odometry),
                }
            ),
            localisation=LocalisationConfig(**{"position_noise": 0.0, "yaw_noise": 0.0, **dict(localisation)}),
            battery=BatteryConfig(**dict(battery)),
        )

    return make


@pytest.fixture(scope="session")
def way():
    """Tells how far an ideal base at rest comes in some seconds at a commanded speed [m or rad]."""
    return lambda speed, seconds: speed * seconds - np.copysign(speed**2 / (2 * ACCELERATION), speed)


@pytest.fixture(scope="session")
def far():
    """Makes worlds of robots 10 m apart, side by side, that look along x."""

    def make(config, n=1, walls=(), seed=0, **more):
        starts = np.column_stack([np.zeros(n), 10.0 * np.arange(n), np.zeros(n)])
        return PhysicalWorld(config, walls, starts, seed, **more)

    return make


@pytest.fixture(scope="session")
def run():
    """Steps a world for some seconds; `commands` [n, 3] are repeated every step, None: silence."""

    def go(world, seconds, commands=None, each=None):
        for _ in range(round(seconds / world.config.time_step)):
            for robot, velocity in enumerate(commands if commands is not None else ()):
                world.command(robot, velocity)
            world.step()
            if each:
                each(world)
        return world

    return go
