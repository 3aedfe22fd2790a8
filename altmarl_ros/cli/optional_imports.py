"""Imports of what may not be installed: ROS 2, the MCAP library, the web server; each fails with what to install."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from altmarl_ros.errors import ResourceError
from altmarl_ros.resources import check_open_files


def import_rclpy() -> Any:
    """Import rclpy and our messages.

    Raises:
        ResourceError: one of them is not installed, or too few files may be open at once.
    """
    check_open_files()
    try:
        import rclpy
        import rclpy.executors
        import rclpy.signals

        import altmarl_ros.msg  # noqa: F401
    except ImportError as error:
        raise ResourceError(f"ROS 2 is not usable here: {error}; `altmarl doctor` says what is missing") from None
    return rclpy


def import_bag() -> ModuleType:
    """Import `records.bag`.

    Raises:
        ResourceError: the MCAP library is missing, which a ROS installation does not bring.
    """
    try:
        from altmarl_ros.records import bag
    except ImportError as error:
        raise ResourceError(f"bags need the packages mcap, zstandard and lz4: {error}; pip install 'mcap>=1.6'") from None
    return bag


def import_web_server() -> ModuleType:
    """Import `dashboard.serving`.

    Raises:
        ResourceError: aiohttp is missing.
    """
    try:
        from altmarl_ros.dashboard import serving
    except ImportError as error:
        raise ResourceError(f"the dashboard needs the package aiohttp: {error}; pip install 'aiohttp>=3.9'") from None
    return serving
