"""What the random streams of a physical robot are drawn for; see `altmarl_ros.random_streams`."""

from __future__ import annotations

from enum import IntEnum


class Purpose(IntEnum):
    """Number of each stream that a robot has; reading one sensor more often does not change what another draws."""

    DRIVE = 10
    ODOMETRY = 11
    LOCALISATION = 12
    LASER = 13
