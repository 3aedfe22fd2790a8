"""Where the package's launch files and configuration are, installed or in the source tree."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from altmarl_ros.errors import ResourceError


def share_directory() -> Path:
    """The folder that holds `launch/` and `config/`: share/altmarl_ros, found without ROS.

    Raises:
        ResourceError: the package is not installed as a whole.
    """
    for parent in Path(__file__).absolute().parents:
        installed = parent / "share" / "altmarl_ros"
        if (installed / "package.xml").is_file():
            return installed
        if (parent / "package.xml").is_file() and (parent / "config").is_dir():
            return parent
    raise ResourceError("share/altmarl_ros is missing: install the package with pip or colcon, not by copying modules")


def install_prefixes() -> list[Path]:
    """Prefixes below which executables and messages may be installed: ours, the overlays of ROS, the interpreter's."""
    overlays = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    return [share_directory().parent.parent, *overlays, Path(sys.prefix)]


def executable(name: str) -> Path:
    """The installed executable `name`, as `ros2 run altmarl_ros <name>` finds it.

    Raises:
        ResourceError: it is not installed.
    """
    paths = [prefix / "lib" / "altmarl_ros" / name for prefix in install_prefixes()]
    for path in paths:
        if path.is_file():
            return path
    raise ResourceError(f"{paths[0]} is missing: install the package with pip or colcon")


def data_home() -> Path:
    """Where trained policies and run records go unless told otherwise: $ROS_HOME/altmarl_ros, else ~/.ros/altmarl_ros.

    Raises:
        ResourceError: neither ROS_HOME nor HOME is set, and the user has no home directory.
    """
    try:
        return Path(os.environ.get("ROS_HOME") or Path.home() / ".ros") / "altmarl_ros"
    except RuntimeError:
        raise ResourceError("HOME is not set: set HOME or ROS_HOME, or say where files go and are by options") from None
