"""`pip install .`: drives the CMake build of this ROS package and packs what it installs.

There is one description of the package, CMakeLists.txt. `colcon build` uses it directly; here the
same installation goes into a wheel: Python modules and generated messages as the package, libraries,
executables, launch files, configuration and the ament index entry as data below the prefix.

`pip install -e .` installs all of that but the modules, which stay those of the checkout: a path file
leads there, and the package extends its path to the generated messages in site-packages.
"""

import shutil
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel
from distutils.command.install_data import install_data  # isort: skip  # setuptools' own copy, once it is imported

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "cmake"))
from ros_build import PURELIB, install_with_cmake  # noqa: E402

BUILD = ROOT / "build" / f"cmake-{sys.implementation.cache_tag}-{Path(sys.prefix).name}"
PREFIX = BUILD / "prefix"


def build_with_cmake() -> None:
    """Configure, build and install into PREFIX; the build folder is kept, so that a second run is short."""
    shutil.rmtree(PREFIX, ignore_errors=True)
    install_with_cmake(ROOT, BUILD, PREFIX)


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
