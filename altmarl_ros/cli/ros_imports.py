"""Imports that fail with a clear error where a part of ROS 2 or the MCAP library is not installed."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from altmarl_ros.errors import ResourceError


def import_rclpy() -> Any:
    """rclpy, with our messages; raises ResourceError where they are not installed."""
    try:
        import rclpy
        import rclpy.executors
        import rclpy.signals

        import altmarl_ros.msg  # noqa: F401
    except ImportError as error:
        raise ResourceError(f"ROS 2 is not usable here: {error}; `altmarl doctor` says what is missing") from None
    return rclpy


def import_bag() -> ModuleType:
    """`records.bag`; ResourceError where a library is missing that a ROS installation does not bring."""
    try:
        from altmarl_ros.records import bag
    except ImportError as error:
        raise ResourceError(f"bags need the packages mcap, zstandard and lz4: {error}; pip install 'mcap>=1.6'") from None
    return bag
