"""A user's robot as MJCF and as URDF drives like the built-in one; what is no such robot is refused by name."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.simulation.physical.bodies import Bodies
from altmarl_ros.simulation.physical.builtin_robots import robot_mjcf, robot_urdf
from altmarl_ros.simulation.physical.config import BaseConfig, LaserConfig
from altmarl_ros.simulation.physical.robot_model import load_robot, physics_steps

MJCF = """
<mujoco>
  <worldbody>
    <light pos="0 0 3"/>
    <geom type="plane" size="5 5 0.1"/>
    <body name="chassis" pos="0 0 0.1">
      <geom type="box" size="0.2 0.15 0.05" mass="8"/>
      <geom type="sphere" size="0.04" pos="-0.15 0 -0.06" mass="0.1" condim="1" friction="0 0 0"/>
      <geom type="sphere" size="0.04" pos="0.15 0 -0.06" mass="0.1" condim="1" friction="0 0 0"/>
      <body pos="0 0.17 -0.03"><joint name="wl" axis="0 1 0"/><geom type="sphere" size="0.07" mass="0.5"/></body>
      <body pos="0 -0.17 -0.03"><joint name="wr" axis="0 -1 0"/><geom type="sphere" size="0.07" mass="0.5"/></body>
    </body>
  </worldbody>
  <actuator>
    <motor name="left_wheel" joint="wl" gear="10" forcerange="-1 1" ctrlrange="-1 1" ctrllimited="false"/>
    <velocity name="right_wheel" joint="wr" kv="3" forcerange="-10 10"/>
  </actuator>
</mujoco>"""

URDF = (Path(__file__).resolve().parents[3] / "examples" / "robots" / "carrier.urdf").read_text()


@pytest.fixture
def written(tmp_path):
    """Writes a robot's file; returns its path."""

    def write(text, suffix=".xml"):
        path = tmp_path / f"robot{suffix}"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.slow
@pytest.mark.parametrize(("text", "suffix"), [(MJCF, ".xml"), (URDF, ".urdf")])
def test_a_users_robot_drives_turns_and_stops_as_it_is_told(ideal, far, run, written, text, suffix):
    base = {"model": written(text, suffix), "acceleration": 0.5, "deceleration": 0.5, "turn_acceleration": 1.0}
    robot = load_robot(BaseConfig(**base), LaserConfig(), 0.01)
    assert robot.wheel_radius == pytest.approx(0.07, abs=0.001)
    assert robot.half_track == pytest.approx(0.17, abs=1e-6)
    world = run(far(ideal(base=base), walls=[[3.0, -9, 3.0, 9]], n=2), 3.0, [[0.4, 0.0, 0.0], [0.0, 0.0, 0.5]])
    np.testing.assert_allclose(world.velocities, [[0.4, 0.0, 0.0], [0.0, 0.0, 0.5]], atol=0.02)
    begin = world.poses[0, 0]
    assert begin == pytest.approx(0.4 * 3.0 - 0.4**2 / (2 * 0.5), rel=0.03)
    run(world, 2.0, [[0.0] * 3] * 2)
    assert world.poses[0, 0] - begin == pytest.approx(0.4**2 / (2 * 0.5), rel=0.1)
    assert abs(world.poses[0, 1]) < 0.02
    run(world, 6.0, [[0.4, 0.0, 0.0], [0.0] * 3])
    assert [(contact.robot, contact.partner) for contact in world.contacts] == [(0, -1)]
    assert world.poses[0, 0] == pytest.approx(3.0 - 0.2, abs=0.05)  # half of its length, not `radius`


def test_lasers_see_a_users_robot_by_its_shape_and_not_themselves(written):
    robot = load_robot(BaseConfig(model=written(MJCF)), LaserConfig(), 0.01)
    bodies = Bodies(robot, np.zeros((0, 4)), np.zeros((0, 3)), starts=np.array([[0.0, 0, 0], [2.0, 0, np.pi / 2]]), step=0.01)
    ahead = bodies.rays(0, np.array([0.0, 0.0, 0.1]), np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]), 8.0)
    np.testing.assert_allclose(ahead, [2.0 - 0.24, np.inf], atol=0.01)  # a wheel at its side


def test_the_description_is_the_users_urdf_or_the_built_in_ones(written):
    assert load_robot(BaseConfig(model=written(URDF, ".urdf")), LaserConfig(), 0.01).description == URDF
    for kind in ("unicycle", "omni"):
        base = BaseConfig(kind=kind)
        assert load_robot(base, LaserConfig(), 0.01).description == robot_urdf(base, LaserConfig())
        assert 'link name="laser"' in robot_urdf(base, LaserConfig())
        assert 'link name="laser"' not in robot_urdf(base, LaserConfig(rate=0.0))


@pytest.mark.slow
def test_every_size_of_the_built_in_bases_stands(ideal, far, run):
    for kind in ("unicycle", "omni"):
        for radius in (0.05, 0.25, 1.0):
            base = {"kind": kind, "radius": radius, "mass": 300.0 * radius**2, "max_speed": 0.2}
            world = run(far(ideal(0.01, base=base)), 2.0, [[0.2, 0.0, 0.0]])
            np.testing.assert_allclose(world.velocities[0], [0.2, 0.0, 0.0], atol=0.01)


BAD = [
    ("<mujoco", "no element|unclosed|not well-formed"),
    ("<html/>", "neither MJCF"),
    ("<mujoco><worldbody/></mujoco>", "0 bodies"),
    (MJCF.replace("left_wheel", "port_wheel"), "neither an actuator nor a joint left_wheel"),
    (MJCF.replace('axis="0 1 0"', 'axis="1 0 0"'), "left_wheel does not turn about the y axis"),
    (MJCF.replace('pos="0 0.17 -0.03"', 'pos="0 -0.3 -0.03"'), "must be on the left"),
    (
        MJCF.replace('size="0.2 0.15 0.05" mass="8"', 'size="0.2 0.15 0.05" pos="0.6 0 0.5" mass="80"'),
        "falls over or rolls away",
    ),
    (MJCF.replace('name="wl"', 'name="wl" type="slide"'), "turns no hinge"),
    (URDF.replace('<sphere radius="0.04"/>', '<mesh filename="package://user/skid.stl"/>'), "mesh 'package://user/skid.stl'"),
    (robot_mjcf(BaseConfig(kind="omni")), "neither an actuator nor a joint left_wheel"),
]


@pytest.mark.parametrize(("text", "why"), BAD)
def test_what_is_no_such_robot_is_refused_by_name(written, text, why):
    with pytest.raises(AltmarlError, match=f"base.model .*robot.xml: .*({why})"):
        load_robot(BaseConfig(model=written(text)), LaserConfig(), 0.01)


def test_an_omnidirectional_robot_needs_its_three_actuators(ideal, far, run, written):
    with pytest.raises(AltmarlError, match="no actuator forward, left, turn"):
        load_robot(BaseConfig(kind="omni", model=written(MJCF)), LaserConfig(), 0.01)
    text = robot_mjcf(BaseConfig(kind="omni")).replace('kv="1"', 'kv="800"', 2).replace('kv="1"', 'kv="30"')
    mine = written(
        text.replace('conaffinity="6"', 'conaffinity="0"').replace('contype="2"', 'contype="0"')
    )  # stands on casters
    world = run(far(ideal(base={"kind": "omni", "model": mine})), 2.0, [[0.2, 0.3, 0.0]])
    np.testing.assert_allclose(world.velocities[0], [0.2, 0.3, 0.0], atol=0.01)


def test_a_missing_file_is_named():
    with pytest.raises(AltmarlError, match=r"base.model nowhere\.xml: .*No such file"):
        load_robot(BaseConfig(model="nowhere.xml"), LaserConfig(), 0.01)


def test_steps_are_at_most_ten_milliseconds():
    assert [physics_steps(step) for step in (0.005, 0.01, 0.02, 0.025, 0.1)] == [1, 1, 2, 3, 10]


@pytest.mark.slow
def test_without_mujoco_a_world_says_what_to_install_and_robots_run():
    program = """
import sys
sys.modules["mujoco"] = None
from altmarl_ros.errors import AltmarlError
from altmarl_ros.simulation.physical import PhysicalConfig, PhysicalWorld
try:
    PhysicalWorld(PhysicalConfig(), [], [[0, 0, 0]], 0)
except AltmarlError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "pip install altmarl_ros[physics]" in done.stdout


@pytest.mark.slow
def test_robots_and_coordinator_do_not_import_mujoco():
    pytest.importorskip("rclpy")
    nodes = ", ".join(f"altmarl_ros.nodes.{name}" for name in ("robot.many", "coordinator.node", "simulators.physical_world"))
    program = f"import sys, {nodes}; assert 'mujoco' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)
