"""The bodies of all robots on a floor with walls and obstacles, moved by MuJoCo.

Walls are thin boxes, obstacles and the built-in robots' hulls upright capsules. A robot's place on the floor is that of its
base_link; whatever else of it moves is MuJoCo's. The same controls give the same motion bit by bit.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Sequence

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.simulation.physical.builtin_robots import AXES, HULL, LEFT_WHEEL, OBSTACLE_BIT, RIGHT_WHEEL, SHOWN, WALL_BIT
from altmarl_ros.simulation.physical.contacts import OBSTACLE, WALL, Touch
from altmarl_ros.simulation.physical.mujoco_library import load_mujoco
from altmarl_ros.simulation.physical.robot_model import RobotModel, empty_floor

WALL_HEIGHT = 2.5
"""Height of walls for lasers and robots [m]."""

_SHOWN_HEIGHT = 0.5  # m; of walls in pictures, so that a view from above sees behind them
_THICKNESS = 0.002  # m; of walls
_AWAY = -100.0  # m; height of an obstacle that does not stand
_FAR = 1.0  # m; no distance is measured beyond
_FLOOR = -3  # owner of the floor
_SEEN = np.array([1, 0, 1, 1, 0, 0], dtype=np.uint8)  # groups of geoms that lasers see
_HIDDEN = 5  # a group that they do not see


class Bodies:
    """n robots of one model on a floor.

    Attributes:
        model, data: MuJoCo's.
        zone_geoms: numbers of the geoms that draw each zone's border.
    """

    def __init__(
        self,
        robot: RobotModel,
        walls: FloatArray,
        obstacles: FloatArray,
        *,
        starts: FloatArray,
        step: float,
        zones: Sequence[FloatArray] = (),
    ) -> None:
        """Build the floor.

        Args:
            robot: which all are.
            walls: segments [w, 4; x, y of both ends, m; map].
            obstacles: discs that may stand on the floor [o, 3; x, y, radius, m; map]; at first none does.
            starts: poses [n, 3; m, m, rad; map].
            step: MuJoCo's time step [s].
            zones: whose borders are drawn on the floor, each closed [corner, xy; m; map].
        """
        self._mujoco = mujoco = load_mujoco()
        self._robot, self._step, self._obstacle_places = robot, step, obstacles
        spec = _floor_spec(walls, obstacles, zones, step)
        for i in range(len(starts)):
            spec.attach(robot.spec.copy(), prefix=f"robot_{i}/", frame=spec.worldbody.add_frame())
        self.model = model = spec.compile()
        self.data = mujoco.MjData(model)
        n = len(starts)
        roots = np.array([model.body(f"obstacle_{k}").id for k in range(len(obstacles))], dtype=np.int64)
        self._mocap = model.body_mocapid[roots]
        self._owner = np.full(model.ngeom, _FLOOR)
        self._owner[[i for i in range(model.ngeom) if model.geom(i).name.startswith("wall_")]] = WALL
        self._owner[np.isin(model.geom_bodyid, roots)] = OBSTACLE
        free = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
        self._place, self._speed = model.jnt_qposadr[free], model.jnt_dofadr[free]
        bases = model.jnt_bodyid[free]
        robot_of_root = {int(root): i for i, root in enumerate(bases)}
        for geom in range(model.ngeom):
            self._owner[geom] = robot_of_root.get(int(model.body_rootid[model.geom_bodyid[geom]]), self._owner[geom])
        names = [model.geom(i).name for i in range(model.ngeom)]
        self.zone_geoms = [[g for g, name in enumerate(names) if name.startswith(f"zone_{k}_")] for k in range(len(zones))]
        self._geoms = [np.flatnonzero(self._owner == i) for i in range(n)]
        self._groups = model.geom_group.copy()
        drive = (LEFT_WHEEL, RIGHT_WHEEL) if robot.differential else AXES
        driving = [[model.actuator(f"robot_{i}/{name}").id for name in drive] for i in range(n)]
        self._controls = np.array(driving, dtype=np.int64)
        if robot.differential:
            hinges = model.actuator_trnid[self._controls, 0]
            self._hinges = model.jnt_qposadr[hinges]
        self._told = np.zeros((n, 3))
        self._no_normals = (None,) if "normal" in str(mujoco.mj_multiRay.__doc__) else ()  # newer ones tell the normals as well
        for i, start in enumerate(starts):
            self.put(i, start)
        for k in range(len(obstacles)):
            self.stand(k, False)
        self._refresh()

    def __len__(self) -> int:
        return len(self._place)

    @property
    def poses(self) -> FloatArray:
        """Poses of base_link [n, 3; m, m, rad; map]."""
        at = self.data.qpos[self._place[:, None] + np.arange(7)]
        w, x, y, z = at[:, 3:].T
        yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        return np.column_stack([at[:, :2], np.where(yaw >= np.pi, -np.pi, yaw)])

    @property
    def wheel_turns(self) -> FloatArray:
        """Ways that the left and right wheel of differential bases have rolled ahead since the start [n, 2; m]."""
        return np.asarray(self.data.qpos[self._hinges] * self._robot.signs * self._robot.wheel_radius)

    def put(self, i: int, pose: Sequence[float] | FloatArray) -> None:
        """Put a robot somewhere [x, y, yaw; m, m, rad; map], where it stands still."""
        rest, at = self._robot.rest, self._place[i]
        c, s = np.cos(0.5 * pose[2]), np.sin(0.5 * pose[2])
        w, x, y, z = rest[3:7]
        data = self.data
        data.qpos[at : at + len(rest)] = rest
        data.qpos[at : at + 2] = pose[:2]
        data.qpos[at + 3 : at + 7] = c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w
        freedoms = self.model.nv // len(self)
        data.qvel[self._speed[i] : self._speed[i] + freedoms] = 0.0
        self._told[i] = 0.0
        self._refresh()

    def stand(self, k: int, stands: bool) -> None:
        """Put obstacle k on the floor, or take it away."""
        x, y, _ = self._obstacle_places[k]
        self.data.mocap_pos[self._mocap[k]] = x, y, 0.0 if stands else _AWAY
        self._refresh()

    def take_over(self, other: Bodies) -> None:
        """Go on from the motion of the same robots on another floor."""
        for name in ("qpos", "qvel", "qacc_warmstart", "act"):
            getattr(self.data, name)[:] = getattr(other.data, name)
        self.data.time = other.data.time
        self._told[:] = other._told
        self._refresh()

    def advance(self, begin: FloatArray, end: FloatArray, noise: FloatArray, steps: int) -> list[Touch]:
        """Move on by some of MuJoCo's steps.

        Args:
            begin: velocities that the drives are told first [n, 3; m/s, m/s, rad/s; base_link].
            end: those that they are told last; straight between them.
            noise: on them [n, 3].
            steps: how many.

        Returns:
            What touched, in order.

        Raises:
            AltmarlError: the motion is not finite any more.
        """
        touches: list[Touch] = []
        lead = self._robot.leads / self._step
        for k in range(steps):
            # A step moves by the velocity at its end: the mean over the step is what the base should have then.
            wanted = begin + (end - begin) * ((k + 0.5) / steps)
            told = self._told + (wanted - self._told) * np.where(lead > 0.0, lead, 1.0) + noise
            if not self._robot.differential:  # in a frame that turns, a constant velocity is an acceleration too
                turning = (self._robot.leads[:2] - 0.5 * self._step) * wanted[:, 2:]
                told[:, :2] += turning * np.stack([-wanted[:, 1], wanted[:, 0]], axis=1)
            self._told = wanted
            self._command(told)
            before = self.data.qvel[self._speed[:, None] + np.arange(2)]
            self._mujoco.mj_step(self.model, self.data)
            touches += self._touches(before)
        if not np.isfinite(self.data.qpos.sum()):
            raise AltmarlError("the simulated physics became unstable; take a smaller time_step or a robot that is less stiff")
        self._refresh()
        return touches

    def rays(self, i: int, origin: FloatArray, directions: FloatArray, reach: float) -> FloatArray:
        """Return how far robot i sees from an origin [3; m; map] along unit vectors [b, 3], as [b; m].

        A range is inf where nothing is within `reach` [m]. The robot itself is not seen.
        """
        own = self._geoms[i]
        self.model.geom_group[own] = _HIDDEN
        distances, hit = np.empty(len(directions)), np.empty(len(directions), dtype=np.int32)
        given = (self.model, self.data, origin, directions.reshape(-1), _SEEN, True, -1, hit, distances)
        self._mujoco.mj_multiRay(*given, *self._no_normals, len(directions), reach)
        self.model.geom_group[own] = self._groups[own]
        return np.where(hit < 0, np.inf, distances)

    def gap(self, shapes: tuple[int, int]) -> float:
        """Return the distance between two geoms [m], 1 where they are farther apart."""
        return float(self._mujoco.mj_geomDistance(self.model, self.data, *shapes, _FAR, None))

    def _refresh(self) -> None:
        self._mujoco.mj_kinematics(self.model, self.data)

    def _command(self, velocity: FloatArray) -> None:
        robot = self._robot
        if robot.differential:
            turn = robot.half_track * velocity[:, 2]
            sides = np.stack([velocity[:, 0] - turn, velocity[:, 0] + turn], axis=1)
            self.data.ctrl[self._controls] = sides * robot.signs / robot.wheel_radius
        else:
            self.data.ctrl[self._controls] = velocity

    def _touches(self, before: FloatArray) -> list[Touch]:
        """Read MuJoCo's contacts of robots with anything but the floor; `before` [n, 2; m/s; map] is how fast they were."""
        contact = self.data.contact
        if not len(contact.dist):
            return []
        first, second = self._owner[contact.geom].T
        found = np.flatnonzero((first != _FLOOR) & (second != _FLOOR) & (first != second))
        touches = []
        for k in found.tolist():
            a, b, normal = int(first[k]), int(second[k]), contact.frame[k, :2]  # the normal points from the first to the second
            speed = (before[a] if a >= 0 else 0.0) - (before[b] if b >= 0 else 0.0)
            closing = max(0.0, float(np.sum(speed * normal)))
            robot, partner = (a, b) if b < 0 or 0 <= a < b else (b, a)
            touches.append(Touch(robot, partner, closing, (int(contact.geom[k, 0]), int(contact.geom[k, 1]))))
        return touches


def _floor_spec(walls: FloatArray, obstacles: FloatArray, zones: Sequence[FloatArray], step: float) -> Any:
    """Return MuJoCo's model (MjSpec) of a floor with walls [w, 4; m; map], movable discs [o, 3; x, y, radius] and borders."""
    mujoco = load_mujoco()
    spec = empty_floor(step)
    capsule, cylinder = mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_CYLINDER
    unseen = {"contype": 0, "conaffinity": 0, "group": SHOWN}
    solid = {"conaffinity": 0, "condim": 1, "group": HULL}
    for w, wall in enumerate(walls):
        _add_box(spec, f"wall_{w}", wall, (0.5 * _THICKNESS, WALL_HEIGHT), contype=WALL_BIT, **solid)
        _add_box(spec, "", wall, (0.02, _SHOWN_HEIGHT), rgba=[0.35, 0.36, 0.4, 1.0], **unseen)
    for zone, outline in enumerate(zones):
        for k, (begin, end) in enumerate(pairwise(outline)):
            _add_box(spec, f"zone_{zone}_{k}", np.array([*begin, *end]), (0.03, 0.004), **unseen)
    for k, (_, _, radius) in enumerate(obstacles):
        body = spec.worldbody.add_body(name=f"obstacle_{k}", mocap=True)
        half, middle = 0.5 * WALL_HEIGHT, [0.0, 0.0, 0.5 * WALL_HEIGHT]
        body.add_geom(type=capsule, size=[radius, half, 0.0], pos=middle, contype=OBSTACLE_BIT, **solid)
        body.add_geom(type=cylinder, size=[radius, 0.25, 0.0], pos=[0.0, 0.0, 0.25], rgba=[0.8, 0.3, 0.2, 1.0], **unseen)
    return spec


def _add_box(spec: Any, name: str, segment: FloatArray, size: tuple[float, float], **more: Any) -> None:
    """Add a box along a segment [x, y of both ends; m; map]: half of its width and its height [m]."""
    (x0, y0, x1, y1), (width, height) = segment, size
    half, yaw = 0.5 * np.hypot(x1 - x0, y1 - y0), np.arctan2(y1 - y0, x1 - x0)
    place, quaternion = [0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.5 * height], [np.cos(0.5 * yaw), 0.0, 0.0, np.sin(0.5 * yaw)]
    box = load_mujoco().mjtGeom.mjGEOM_BOX
    spec.worldbody.add_geom(
        name=name, type=box, size=[max(half, width), width, 0.5 * height], pos=place, quat=quaternion, **more
    )
