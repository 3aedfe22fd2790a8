"""One robot as MuJoCo sees it: a built-in base, or a user's MJCF or URDF file, checked, measured and ready to be copied.

The model says what the robot is and how strong its motors are; the speed controller is ours, whatever the file's gains. A
differential base (`kind: unicycle`) needs two hinges across its length whose actuators, or which themselves, are named
left_wheel and right_wheel; an omnidirectional one (`omni`) needs actuators named forward, left and turn, whose controls are
velocities of base_link [m/s, m/s, rad/s]. The root body is base_link, with x ahead. Friction is the MJCF's; of a URDF, which
knows none, the driven wheels grip and all else slides.

A wheel's control torque is kv (u - w) for its turn rate w. With the inertia I that a motion at unit speed has, both motors
together give I dv/dt = 2 kv (u - v) / r^2, so that v follows u with the time constant T = I r^2 / (2 kv), and is what it should
be where u leads by T dv/dt. kv is half of what a wheel that hangs in the air bears at the time step without oscillating.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.simulation.physical.builtin_robots import (
    AXES,
    FLOOR_BIT,
    LEFT_WHEEL,
    OBSTACLE_BIT,
    RIGHT_WHEEL,
    WALL_BIT,
    robot_mjcf,
    robot_urdf,
)
from altmarl_ros.simulation.physical.config import BaseConfig, LaserConfig
from altmarl_ros.simulation.physical.mujoco_library import load_mujoco

LONGEST_STEP = 0.01
"""Longest time step of MuJoCo [s]."""

_SETTLING = 1.5  # s; until a robot that was put on the floor stands still
_UPRIGHT = 0.98  # least cosine of the tilt of a robot that stands
_DRIFT = 0.05  # m; farthest that a robot moves while it settles
_PREFIX = "robot/"  # of all names of one robot
_BODY = 2  # group of a user's geoms that touch: shown, and seen by lasers


@dataclass(frozen=True, eq=False)
class RobotModel:
    """A robot that stands at the origin, its drive and its description.

    Attributes:
        spec: MuJoCo's editable model of it (MjSpec), of which a world attaches one copy per robot.
        differential: whether it has two wheels; else its controls are velocities of base_link.
        wheel_radius, half_track: of a differential base as it rolls [m].
        signs: +1, or -1 where a positive turn of the hinge drives backwards [2].
        leads: time constants of the drive along each axis [3; s].
        rest: MuJoCo's coordinates of the robot as it stands at the origin and looks along x [nq].
        description: URDF.
    """

    spec: Any
    differential: bool
    wheel_radius: float
    half_track: float
    signs: tuple[float, float]
    leads: FloatArray
    rest: FloatArray
    description: str


def physics_steps(time_step: float) -> int:
    """Return the number of MuJoCo's steps in a time step [s] of the world."""
    return max(1, int(np.ceil(time_step / LONGEST_STEP - 1e-9)))


def empty_floor(step: float) -> Any:
    """Return a MuJoCo model (MjSpec) of a floor without anything on it, for steps of `step` [s]."""
    return load_mujoco().MjSpec.from_string(f"""
<mujoco>
  <option timestep="{step:.12g}" integrator="Euler" cone="elliptic" impratio="10">
    <flag autoreset="disable"/>
  </option>
  <visual>
    <headlight ambient="0.45 0.45 0.45" diffuse="0.5 0.5 0.5" specular="0.1 0.1 0.1"/>
    <quality shadowsize="2048"/>
  </visual>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 1" contype="{FLOOR_BIT}" conaffinity="0" friction="0 0 0" condim="1" group="0"
          rgba="0.93 0.93 0.92 1"/>
  </worldbody>
</mujoco>""")


def load_robot(base: BaseConfig, laser: LaserConfig, step: float) -> RobotModel:
    """Load the robot that the settings name, for MuJoCo's time step [s].

    Raises:
        AltmarlError: MuJoCo is not installed, or the file is no model of such a robot; names the file and what is wrong.
    """
    mujoco = load_mujoco()
    if not base.model:
        return _measured(mujoco, mujoco.MjSpec.from_string(robot_mjcf(base)), base, step, robot_urdf(base, laser))
    try:
        spec, description = _read(mujoco, Path(base.model), base)
        return _measured(mujoco, spec, base, step, description or robot_urdf(base, laser))
    except (AltmarlError, ValueError, OSError, RuntimeError, ElementTree.ParseError) as error:
        raise AltmarlError(f"base.model {base.model}: {' '.join(str(error).split())}") from None


def _read(mujoco: Any, path: Path, base: BaseConfig) -> tuple[Any, str]:
    """Read a user's file as one free body of whose geoms touch all else; also the URDF text, if it is one."""
    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    if root.tag == "robot":
        for mesh in root.iter("mesh"):
            name = mesh.get("filename", "")
            if not (path.parent / name).is_file():
                raise AltmarlError(f"mesh {name!r} is not there; write its path from the folder of the file")
        compiler = {
            "fusestatic": "false",
            "discardvisual": "false",
            "strippath": "false",
            "meshdir": str(path.parent.resolve()),
        }
        for old in root.findall("mujoco"):
            root.remove(old)
        ElementTree.SubElement(ElementTree.SubElement(root, "mujoco"), "compiler", compiler)
        spec, description = mujoco.MjSpec.from_string(ElementTree.tostring(root, encoding="unicode")), text
    elif root.tag == "mujoco":
        spec, description = mujoco.MjSpec.from_file(str(path)), ""
    else:
        raise AltmarlError(f"is neither MJCF (<mujoco>) nor URDF (<robot>), but <{root.tag}>")
    for part in (*spec.worldbody.geoms, *spec.worldbody.lights, *spec.worldbody.cameras):
        spec.delete(part)
    roots = list(spec.worldbody.bodies)
    if len(roots) != 1:
        raise AltmarlError(f"has {len(roots)} bodies in its world, must be one robot with one root body")
    free = [joint for joint in spec.joints if joint.type == mujoco.mjtJoint.mjJNT_FREE]
    if not free:
        roots[0].add_freejoint()
    elif len(free) > 1 or free[0].parent.name != roots[0].name:
        raise AltmarlError("has a free joint below its root body; only the root moves freely")
    roots[0].pos = [0.0, 0.0, 0.0]
    touching = [geom for geom in spec.geoms if geom.contype or geom.conaffinity]
    if not touching:
        raise AltmarlError("has no geom that touches the floor: every geom's contype and conaffinity are 0")
    for geom in touching:
        geom.contype, geom.conaffinity = WALL_BIT, FLOOR_BIT | WALL_BIT | OBSTACLE_BIT
        geom.group, geom.margin, geom.gap = _BODY, 0.0, 0.0
    _name_drive(mujoco, spec, base)
    if description:
        _add_friction(spec, base)
    return spec, description


def _add_friction(spec: Any, base: BaseConfig) -> None:
    """Give the wheels of a URDF their grip, and let all else slide: URDF knows neither friction nor casters."""
    driven = set()
    if base.kind == "unicycle":
        driven = {spec.joint(spec.actuator(name).target).parent.name for name in (LEFT_WHEEL, RIGHT_WHEEL)}
    for geom in spec.geoms:
        grips = geom.parent.name in driven
        geom.condim, geom.friction = (3, [base.grip, 0.0, 0.0]) if grips else (1, [0.0, 0.0, 0.0])


def _name_drive(mujoco: Any, spec: Any, base: BaseConfig) -> None:
    """Find the actuators by their names; a differential base's hinges that have none get one."""
    if base.kind == "omni":
        missing = [name for name in AXES if spec.actuator(name) is None]
        if missing:
            raise AltmarlError(
                f"has no actuator {', '.join(missing)}: a base of kind omni needs the velocity actuators forward, left and turn"
            )
        return
    for name in (LEFT_WHEEL, RIGHT_WHEEL):
        actuator = spec.actuator(name)
        if actuator is not None:
            if actuator.trntype != mujoco.mjtTrn.mjTRN_JOINT:
                raise AltmarlError(f"actuator {name} drives no joint, must turn a wheel's hinge")
            continue
        joint = spec.joint(name) or spec.joint(f"{name}_joint")
        if joint is None:
            raise AltmarlError(
                f"has neither an actuator nor a joint {name}: a base of kind unicycle needs left_wheel and right_wheel"
            )
        actuator = spec.add_actuator(name=name, target=joint.name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.set_to_velocity(kv=0.0)


def _measured(mujoco: Any, spec: Any, base: BaseConfig, step: float, description: str) -> RobotModel:
    differential = base.kind == "unicycle"
    drive = [spec.actuator(name) for name in ((LEFT_WHEEL, RIGHT_WHEEL) if differential else AXES)]
    ours = differential or not base.model  # gains are ours to set
    for actuator in drive if ours else ():
        actuator.set_to_velocity(kv=0.0)
    model, data = _stand(mujoco, spec, step)
    inertia = _inertia(mujoco, model, data)
    if not differential:
        leads = np.zeros(3)
        if ours:
            for axis, (actuator, coordinate) in enumerate(zip(drive, (0, 1, 5), strict=True)):
                actuator.set_to_velocity(kv=0.5 * inertia[coordinate, coordinate] / step)
                leads[axis] = 2.0 * step
        _, data = _stand(mujoco, spec, step)
        return RobotModel(spec, False, np.nan, base.radius, (1.0, 1.0), leads, data.qpos.copy(), description)

    joints = [spec.joint(actuator.target) for actuator in drive]
    for joint, name in zip(joints, (LEFT_WHEEL, RIGHT_WHEEL), strict=True):
        if joint is None or joint.type != mujoco.mjtJoint.mjJNT_HINGE:
            raise AltmarlError(f"{name} turns no hinge")
    radius, _, _ = _wheel_geometry(model, data, joints)
    mass = inertia[0, 0]
    for joint, actuator in zip(joints, drive, strict=True):
        least = 0.4 * mass * radius * radius
        joint.armature = max(float(joint.armature), least)
        dof = model.joint(_PREFIX + joint.name).dofadr[0]
        actuator.gear = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        actuator.set_to_velocity(kv=0.5 * (inertia[dof, dof] - model.dof_armature[dof] + joint.armature) / step)
    model, data = _stand(mujoco, spec, step)
    radius, track, signs = _wheel_geometry(model, data, joints)
    inertia, kv = _inertia(mujoco, model, data), float(-model.actuator(_PREFIX + LEFT_WHEEL).biasprm[2])
    dofs = [model.joint(_PREFIX + joint.name).dofadr[0] for joint in joints]
    ahead, turning = np.zeros((2, model.nv))
    ahead[0], turning[5] = 1.0, 1.0
    for dof, sign, side in zip(dofs, signs, (-1.0, 1.0), strict=True):
        ahead[dof], turning[dof] = sign / radius, sign * side * track / radius
    per_speed = radius * radius / (2.0 * kv)
    lead, turn_lead = per_speed * (ahead @ inertia @ ahead), per_speed / track**2 * (turning @ inertia @ turning)
    leads = np.array([lead, 0.0, turn_lead])
    return RobotModel(spec, True, radius, track, signs, leads, data.qpos.copy(), description)


def _stand(mujoco: Any, spec: Any, step: float) -> tuple[Any, Any]:
    """Put one robot on an empty floor and wait until it stands: its model and state.

    Raises:
        AltmarlError: it falls over or rolls away.
    """
    scene = empty_floor(step)
    scene.attach(spec.copy(), prefix=_PREFIX, frame=scene.worldbody.add_frame())
    model = scene.compile()
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    lowest = min(_lowest(model, data, geom) for geom in range(1, model.ngeom) if model.geom_conaffinity[geom] & FLOOR_BIT)
    data.qpos[2] -= lowest
    mujoco.mj_step(model, data, nstep=round(_SETTLING / step))
    upright = data.xmat[1].reshape(3, 3)[2, 2]
    if not np.isfinite(data.qpos).all() or upright < _UPRIGHT or np.hypot(*data.qpos[:2]) > _DRIFT:
        raise AltmarlError("does not stand on a floor: it falls over or rolls away within a second")
    data.qpos[:2] = data.qvel[:] = 0.0
    mujoco.mj_forward(model, data)
    return model, data


def _lowest(model: Any, data: Any, geom: int) -> float:
    """Height of the lowest corner of the box around a geom [m]; a sphere's is exact."""
    centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
    rotation = data.geom_xmat[geom].reshape(3, 3)
    middle = data.geom_xpos[geom] + rotation @ centre
    return float(middle[2] - np.abs(rotation[2]) @ half)


def _inertia(mujoco: Any, model: Any, data: Any) -> FloatArray:
    """Return the mass matrix [nv, nv]."""
    inertia = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, inertia)
    return inertia


def _wheel_geometry(model: Any, data: Any, joints: Any) -> tuple[float, float, tuple[float, float]]:
    """Radius as it rolls, half track, and the sign of a turn ahead, from where the hinges of left and right wheel are.

    Raises:
        AltmarlError: the wheels are not on either side of the robot, or do not turn across its length.
    """
    ids = [model.joint(_PREFIX + joint.name).id for joint in joints]
    anchors, axes = data.xanchor[ids], data.xaxis[ids]
    for name, axis in zip((LEFT_WHEEL, RIGHT_WHEEL), axes, strict=True):
        if abs(axis[1]) < _UPRIGHT:
            raise AltmarlError(f"{name} does not turn about the y axis of base_link, whose x is ahead")
    if not anchors[0, 1] > 0.0 > anchors[1, 1] or (anchors[:, 2] <= 0.0).any():
        raise AltmarlError("left_wheel must be on the left (y > 0) of base_link, right_wheel on the right")
    signs = (float(np.sign(axes[0, 1])), float(np.sign(axes[1, 1])))
    return float(anchors[:, 2].mean()), float(0.5 * (anchors[0, 1] - anchors[1, 1])), signs
