"""The tree builds with colcon, the wheels (or a ROS installation) as underlay."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "altmarl_ros",
    "cmake",
    "config",
    "launch",
    "msg",
    "srv",
    "CMakeLists.txt",
    "package.xml",
    "setup.py",
    "pyproject.toml",
)


def test_colcon_builds_the_tree_and_its_world_runs(tmp_path):
    colcon = shutil.which("colcon", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert colcon is not None, "colcon is not installed; it is among requirements/dev.txt"
    source = tmp_path / "workspace" / "src" / "altmarl_ros"
    source.mkdir(parents=True)
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, source / part)
    prefix = os.environ.get("AMENT_PREFIX_PATH", sys.prefix)
    environment = {
        **os.environ,
        "AMENT_PREFIX_PATH": prefix,
        "CMAKE_PREFIX_PATH": prefix,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    build = subprocess.run(
        [
            colcon,
            "build",
            "--cmake-args",
            "-DBUILD_TESTING=OFF",
            f"-DPython3_EXECUTABLE={sys.executable}",
            f"-DCMAKE_PROJECT_altmarl_ros_INCLUDE={source / 'cmake' / 'package_index_underlay.cmake'}",
        ],
        cwd=tmp_path / "workspace",
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert build.returncode == 0, build.stdout + build.stderr
    script = (
        "source install/local_setup.bash && python -c 'import altmarl_ros.msg; print(altmarl_ros.__file__)' "
        "&& exec install/altmarl_ros/lib/altmarl_ros/world"
    )
    world = subprocess.Popen(
        ["bash", "-c", script],
        cwd=tmp_path / "workspace",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        time.sleep(3.0)
        assert world.poll() is None
    finally:
        world.terminate()
        output, _ = world.communicate(timeout=10)
    assert world.returncode == 0, output
    assert str(tmp_path) in output.splitlines()[0]
    assert (tmp_path / "workspace/install/altmarl_ros/share/ament_index/resource_index/packages/altmarl_ros").is_file()
    assert (tmp_path / "workspace/install/altmarl_ros/share/altmarl_ros/launch/sim_fleet.launch.py").is_file()
    assert os.access(tmp_path / "workspace/install/altmarl_ros/bin/altmarl", os.X_OK)
