"""Finds the package's launch files, configuration and executables, installed or in the source tree."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from altmarl_ros.errors import ResourceError

_LEAST_OPEN_FILES = 20


def check_open_files() -> None:
    """Check that as many files may be open at once as ROS 2 needs, which otherwise fails in the middle of its start.

    Raises:
        ResourceError: with the limit and the remedy.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= limit < _LEAST_OPEN_FILES:
        raise ResourceError(f"only {limit} files may be open at once, too few for ROS 2: raise the limit by ulimit -n 1024")


def share_directory() -> Path:
    """Find the folder share/altmarl_ros, which holds `launch/` and `config/`, without asking ROS.

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
    """List the prefixes that may hold executables and messages: our own, the overlays of ROS, the interpreter's."""
    overlays = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    return [share_directory().parent.parent, *overlays, Path(sys.prefix)]


def executable(name: str) -> Path:
    """Find the installed executable `name`, the one that `ros2 run altmarl_ros <name>` starts.

    Raises:
        ResourceError: it is not installed.
    """
    paths = [prefix / "lib" / "altmarl_ros" / name for prefix in install_prefixes()]
    for path in paths:
        if path.is_file():
            return path
    raise ResourceError(f"{paths[0]} is missing: install the package with pip or colcon")


def data_home() -> Path:
    """Return the default folder of trained policies and run records: $ROS_HOME/altmarl_ros, or ~/.ros/altmarl_ros.

    Raises:
        ResourceError: neither ROS_HOME nor HOME is set, and the user has no home directory.
    """
    try:
        return Path(os.environ.get("ROS_HOME") or Path.home() / ".ros") / "altmarl_ros"
    except RuntimeError:
        raise ResourceError("HOME is not set: set HOME or ROS_HOME, or say where files go and are by options") from None
