"""Writes the built-in robots: their MuJoCo models (MJCF) and the description (URDF) that tools such as RViz show.

Both bases stand on a chassis of the configured radius. A differential base has two driven wheels, one on either side of the
centre, and a caster ahead and astern; all floor contacts are points, so that wheels roll without scrubbing. An omnidirectional
base stands on four casters, and what its wheels do together is one force along each axis and one torque, up to what the grip
bears. Casters have no friction. A robot touches others and walls by its bumper, a sphere at the height of the axle, and lasers
see its hull, an upright capsule; no picture shows either.
"""

from __future__ import annotations

from math import pi

from altmarl_ros.simulation.physical.config import BaseConfig, LaserConfig

GRAVITY = 9.81
"""[m/s^2]."""

FLOOR_BIT, WALL_BIT, OBSTACLE_BIT = 1, 2, 4
"""MuJoCo's collision bits: of the floor, of walls and robots' bodies, and of obstacles."""

SHOWN, HULL, UNSEEN = 1, 3, 4
"""Groups of geoms: of those that are only shown, of those that lasers see and no picture shows, and of those neither sees."""

LEFT_WHEEL, RIGHT_WHEEL = "left_wheel", "right_wheel"
"""Names of a differential base's actuators, and of their joints."""

AXES = ("forward", "left", "turn")
"""Names of an omnidirectional base's actuators, whose controls are velocities in base_link [m/s, m/s, rad/s]."""

_HEIGHT = 1.2  # of the chassis per radius
_HULL_TOP = 3.0  # m; above every laser
_MOST_HEIGHT = 0.35  # m


def wheel_radius(base: BaseConfig) -> float:
    """Radius of a wheel of the built-in differential base [m]."""
    return 0.32 * base.radius


def half_track(base: BaseConfig) -> float:
    """Distance of a wheel of the built-in differential base from the centre [m]."""
    return 0.8 * base.radius


def chassis_height(base: BaseConfig) -> float:
    """Height of the chassis, whose bottom is at half a wheel's radius [m]."""
    return min(_HEIGHT * base.radius, _MOST_HEIGHT)


def robot_mjcf(base: BaseConfig) -> str:
    """Return the MuJoCo model of one built-in robot, whose origin is on the floor below its centre."""
    differential = base.kind == "unicycle"
    r, height = wheel_radius(base), chassis_height(base)
    wheels = _wheels(base) if differential else ""
    wheel_mass = 2.0 * _wheel_mass(base) if differential else 0.0
    casters = ((0.7, 0.0), (-0.7, 0.0)) if differential else ((0.5, 0.5), (0.5, -0.5), (-0.5, 0.5), (-0.5, -0.5))
    caster = 0.1 * base.radius
    floor = f'contype="0" conaffinity="{FLOOR_BIT}" group="{SHOWN}" rgba="0.15 0.15 0.17 1"'
    feet = "\n".join(
        f'      <geom name="caster_{i}" type="sphere" size="{caster:g}" mass="0" condim="1" '
        f'pos="{x * base.radius:g} {y * base.radius:g} {caster:g}" {floor}/>'
        for i, (x, y) in enumerate(casters)
    )
    middle = 0.5 * r + 0.5 * height
    return f"""
<mujoco model="{base.kind}">
  <worldbody>
    <body name="base_link">
      <freejoint name="base"/>
      <geom name="chassis" type="cylinder" size="{base.radius:g} {0.5 * height:g}" pos="0 0 {middle:g}"
            mass="{base.mass - wheel_mass:g}" contype="0" conaffinity="0" group="{SHOWN}" rgba="0.25 0.5 0.8 1"/>
      <geom name="nose" type="box" size="{0.3 * base.radius:g} {0.08 * base.radius:g} 0.01"
            pos="{0.6 * base.radius:g} 0 {middle + 0.5 * height:g}" mass="0" contype="0" conaffinity="0" group="{SHOWN}"
            rgba="0.95 0.85 0.2 1"/>
      <geom name="bumper" type="sphere" size="{base.radius:g}" pos="0 0 {r:g}" mass="0" condim="1" solref="0.02 2"
            contype="{WALL_BIT}" conaffinity="{WALL_BIT | OBSTACLE_BIT}" group="{UNSEEN}"/>
      <geom name="hull" type="capsule" size="{base.radius:g}" fromto="0 0 0 0 0 {_HULL_TOP:g}" mass="0"
            contype="0" conaffinity="0" group="{HULL}"/>
      <site name="centre" pos="0 0 {r:g}"/>
{feet}
{wheels}
    </body>
  </worldbody>
  <actuator>
{_actuators(base)}
  </actuator>
</mujoco>"""


def robot_urdf(base: BaseConfig, laser: LaserConfig) -> str:
    """Return the URDF description of a built-in robot: the frames base_link and laser, chassis and wheels."""
    r, height = wheel_radius(base), chassis_height(base)
    parts = [_link("base_link", f'<cylinder radius="{base.radius:g}" length="{height:g}"/>', f"0 0 {0.5 * r + 0.5 * height:g}")]
    if base.kind == "unicycle":
        for side, y in (("left", half_track(base)), ("right", -half_track(base))):
            wheel = f'<cylinder radius="{r:g}" length="{0.4 * r:g}"/>'
            parts += [
                _link(f"{side}_wheel_link", wheel, "0 0 0", f"{0.5 * pi:.9f} 0 0"),
                _joint(f"{side}_wheel", f"{side}_wheel_link", f"0 {y:g} {r:g}"),
            ]
    if laser.rate > 0.0:
        parts += [
            _link("laser", '<cylinder radius="0.03" length="0.04"/>', "0 0 0"),
            _joint("laser_mount", "laser", f"{laser.x:g} {laser.y:g} {laser.z:g}", f"0 0 {laser.yaw:g}"),
        ]
    body = "\n".join(parts)
    return f'<?xml version="1.0"?>\n<robot name="{base.kind}">\n{body}\n</robot>\n'


def _wheel_mass(base: BaseConfig) -> float:
    return 0.05 * base.mass


def _wheels(base: BaseConfig) -> str:
    r, width = wheel_radius(base), 0.2 * wheel_radius(base)
    # The motor's inertia at the wheel, as heavy as half of the load: its velocity control is then stable at MuJoCo's steps.
    armature = 0.4 * base.mass * r * r
    floor = f'contype="0" conaffinity="{FLOOR_BIT}"'
    return "\n".join(
        f"""      <body name="{name}" pos="0 {y:g} {r:g}">
        <joint name="{name}" type="hinge" axis="0 1 0" armature="{armature:g}"/>
        <geom name="{name}_tread" type="sphere" size="{r:g}" mass="{_wheel_mass(base):g}" condim="3"
              friction="{base.grip:g} 0 0" {floor} group="{UNSEEN}"/>
        <geom name="{name}_disc" type="cylinder" size="{r:g} {width:g}" zaxis="0 1 0" mass="0" contype="0" conaffinity="0"
              group="{SHOWN}" rgba="0.1 0.1 0.1 1"/>
      </body>"""
        for name, y in ((LEFT_WHEEL, half_track(base)), (RIGHT_WHEEL, -half_track(base)))
    )


def _actuators(base: BaseConfig) -> str:
    push = base.grip * base.mass * GRAVITY  # N; more than this the wheels cannot bring to the floor
    if base.kind == "unicycle":
        torque = push * wheel_radius(base)
        return "\n".join(
            f'    <velocity name="{name}" joint="{name}" kv="1" forcerange="{-torque:g} {torque:g}"/>'
            for name in (LEFT_WHEEL, RIGHT_WHEEL)
        )
    gears = ("1 0 0 0 0 0", "0 1 0 0 0 0", "0 0 0 0 0 1")
    most = (push, push, push * base.radius)
    return "\n".join(
        f'    <velocity name="{name}" site="centre" gear="{gear}" kv="1" forcerange="{-limit:g} {limit:g}"/>'
        for name, gear, limit in zip(AXES, gears, most, strict=True)
    )


def _link(name: str, geometry: str, xyz: str, rpy: str = "0 0 0") -> str:
    shape = f'<origin xyz="{xyz}" rpy="{rpy}"/><geometry>{geometry}</geometry>'
    return f'  <link name="{name}"><visual>{shape}</visual></link>'


def _joint(name: str, child: str, xyz: str, rpy: str = "0 0 0") -> str:
    return (
        f'  <joint name="{name}" type="fixed"><parent link="base_link"/><child link="{child}"/>'
        f'<origin xyz="{xyz}" rpy="{rpy}"/></joint>'
    )
