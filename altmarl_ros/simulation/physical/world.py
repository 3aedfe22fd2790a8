"""Simulates a floor with n physical robots in arrays, in fixed time steps. Frames are those of REP-105, units SI.

One step: command (timeout, driver's faults, delay) -> speed controller (`dynamics`) -> MuJoCo's steps (`bodies`) -> contacts
-> odometry, battery -> faults that begin or end -> sensors that are due. Random numbers of robot i depend on (seed, i) alone,
and with the same commands a run is the same bit by bit.
"""

from __future__ import annotations

from math import exp
from typing import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.random_streams import fill_normal, make_streams
from altmarl_ros.simulation.physical.battery import Batteries
from altmarl_ros.simulation.physical.bodies import Bodies
from altmarl_ros.simulation.physical.config import PhysicalConfig, check_together
from altmarl_ros.simulation.physical.contacts import WALL, Contact, Contacts
from altmarl_ros.simulation.physical.dynamics import body_motion, control, wrap
from altmarl_ros.simulation.physical.faults import ActiveFaults, Fault, FaultKind
from altmarl_ros.simulation.physical.laser import Laser
from altmarl_ros.simulation.physical.noise import Purpose
from altmarl_ros.simulation.physical.odometry import localise, reckon
from altmarl_ros.simulation.physical.placement import first_overlap, wall_array
from altmarl_ros.simulation.physical.robot_model import load_robot, physics_steps
from altmarl_ros.simulation.physical.sensors import Localisation, Odometry, Scans, Sensor

_ROOM = 1e-6  # m; gap to whatever is put on the floor


class PhysicalWorld:
    """The true state of n robots, and what their sensors publish of it.

    Args:
        config: of the robots.
        walls: segments [w, 4] or [w, 2, 2; m; map].
        starts: poses [n, 3; m, m, rad; map].
        seed: of everything random.
        faults: what breaks when.
        chargers: polygons on which a robot's centre is charged, each [corner, xy; m; map].

    Raises:
        AltmarlError: MuJoCo is not installed; the robot's file is no model of one; settings do not fit together; a start is not
            finite or overlaps something; a fault or a polygon is wrong.
    """

    def __init__(
        self,
        config: PhysicalConfig,
        walls: ArrayLike,
        starts: ArrayLike,
        seed: int,
        *,
        faults: Sequence[Fault] = (),
        chargers: Sequence[ArrayLike] = (),
    ) -> None:
        check_together(config)
        if seed < 0:
            raise AltmarlError(f"seed is {seed}, must not be negative")
        self.config = config
        self._walls = wall_array(walls)
        self._poses = _start_poses(starts, config.base.radius, self._walls)
        n = len(self._poses)
        self._lateral = config.base.kind == "omni"
        self._steps = 0
        self._physics_steps = physics_steps(config.time_step)
        self._robot = load_robot(config.base, config.laser, config.time_step / self._physics_steps)
        self._faults = ActiveFaults(faults, n)
        self._bodies = self._build(self._poses)
        self._poses = self._bodies.poses
        self._velocities, self._wheels, self._driven = np.zeros((3, n, 3))
        self._commands, self._wanted = np.zeros((2, n, 3))
        self._commanded = np.full(n, -np.inf)  # when
        self._delayed = np.zeros((config.base.delay_steps + 1, n, 3))
        self._contacts = Contacts(n)
        self._batteries = Batteries(config.battery, n, chargers)
        self._charging = np.zeros(n, dtype=np.bool_)
        self._streams = {purpose: make_streams(seed, purpose, range(n)) for purpose in Purpose}
        scales = np.zeros((n, 2))
        fill_normal(self._streams[Purpose.ODOMETRY], scales)
        self._scales = 1.0 + scales * [config.odometry.scale_error, config.odometry.turn_scale_error]
        self._reckoned = self._poses.copy() if config.odometry.origin == "start" else np.zeros((n, 3))
        self.laser = Laser(config.laser, self._streams[Purpose.LASER])
        noise = config.localisation
        self._covariance = np.diag([noise.position_noise**2, noise.position_noise**2, noise.yaw_noise**2])
        self._sensors = {
            "odometry": Sensor(n, config.odometry.rate, 6),
            "localisation": Sensor(n, config.localisation.rate, 3),
            "laser": Sensor(n, config.laser.rate, config.laser.beams),
        }
        self._happened: set[Fault] = set()  # obstacles and kidnappings that have found room
        self._obstacles = np.zeros((0, 3))
        self._update_faults()
        self._sense(self.time)

    def __len__(self) -> int:
        return len(self._poses)

    @property
    def time(self) -> float:
        """Seconds since the start."""
        return self._steps * self.config.time_step

    @property
    def poses(self) -> FloatArray:
        """True poses, a copy [n, 3; m, m, rad; map]."""
        return self._poses.copy()

    @property
    def velocities(self) -> FloatArray:
        """True velocities in the last step, a copy [n, 3; m/s, m/s, rad/s; base_link]."""
        return self._driven.copy()

    @property
    def walls(self) -> FloatArray:
        """Segments, a copy [w, 4; x, y of both ends, m; map]."""
        return self._walls.copy()

    @property
    def obstacles(self) -> FloatArray:
        """Obstacles that stand on the floor now, a copy [o, 3; x, y, radius, m; map]."""
        return self._obstacles.copy()

    @property
    def description(self) -> str:
        """URDF of the robots, which are all alike."""
        return self._robot.description

    @property
    def charge(self) -> FloatArray:
        """Share of its capacity that each battery reports [n], in [0, 1]."""
        return np.where(self._faults.active(FaultKind.DEAD_BATTERY), 0.0, self._batteries.charge)

    @property
    def contacts(self) -> Sequence[Contact]:
        """All contacts so far, in order of time."""
        return self._contacts.log

    @property
    def contact_counts(self) -> IntArray:
        """Contacts that each robot was part of, a copy [n]."""
        return self._contacts.counts.copy()

    def command(self, robot: int, velocity: ArrayLike, time: float | None = None) -> bool:
        """Command a robot from the next step on, until the base's timeout.

        Args:
            robot: index.
            velocity: [v_x, v_y, omega; m/s, m/s, rad/s; base_link].
            time: when the driver received it [s]; by default, and at most, now.

        Returns:
            Whether the driver took it: not if a number is not finite, the shape is wrong, or it is older than the last one.
        """
        if not 0 <= robot < len(self):
            return False
        try:
            wanted = np.asarray(velocity, dtype=np.float64)
            at = self.time if time is None else min(float(time), self.time)
        except (TypeError, ValueError):
            return False
        if wanted.shape != (3,) or not np.isfinite(wanted).all() or not at >= self._commanded[robot]:
            return False
        self._commands[robot], self._commanded[robot] = wanted, at
        return True

    def charge_robots(self, robots: NDArray[np.bool_]) -> None:
        """Charge some robots [n], wherever they stand, from now on."""
        self._charging = np.array(robots, dtype=np.bool_)

    def give_charge(self, robot: int, share: float) -> None:
        """Put a share of its capacity into the battery of a robot, by index."""
        self._batteries.add(robot, share)

    def add_faults(self, faults: Sequence[Fault]) -> None:
        """Schedule further faults; raises AltmarlError where a robot is not there."""
        self._faults = ActiveFaults((*self._faults.faults, *faults), len(self))
        if any(fault.kind is FaultKind.OBSTACLE for fault in faults):
            before = self._bodies
            self._bodies = self._build(self._poses)
            self._bodies.take_over(before)
            self._stand()

    def step(self) -> None:
        """Advance by one time step."""
        c, dt, start = self.config, self.config.time_step, self.time
        before = self._poses
        self._drive(start)
        self._steps += 1
        self._poses = self._bodies.poses
        self._driven = body_motion(before, self._poses) / dt
        walks = (c.odometry.distance_walk, c.odometry.turn_walk, c.odometry.heading_walk)
        settings = (dt, self._lateral, *walks)
        reckon(self._reckoned, self._wheels, self._scales, self._streams[Purpose.ODOMETRY], settings)
        self._batteries.step(self._poses, self._wheels, dt, self._charging)
        self._update_faults()
        self._sense(start)

    def odometry(self) -> Odometry:
        """Return the odometry that came due in the last step."""
        return self._odometry

    def localisation(self) -> Localisation:
        """Return the localised poses that came due in the last step."""
        return self._localisation

    def scans(self) -> Scans:
        """Return the scans that came due in the last step; bearings as in `laser`."""
        return self._scans

    def _drive(self, now: float) -> None:
        base, dt, faults = self.config.base, self.config.time_step, self._faults
        fresh = now - self._commanded <= base.command_timeout + 1e-9
        wanted = np.where(fresh[:, None], self._commands, 0.0)
        holds = faults.active(FaultKind.DRIVER_HOLDS)
        wanted[holds] = self._wanted[holds]
        wanted[faults.active(FaultKind.DRIVER_STOPS)] = 0.0
        self._wanted = wanted
        self._delayed[self._steps % len(self._delayed)] = wanted
        target = self._delayed[(self._steps + 1) % len(self._delayed)].copy()
        target[self._batteries.empty | faults.active(FaultKind.DEAD_BATTERY)] = 0.0
        gain = 1.0 - exp(-dt / base.lag) if base.lag > 0.0 else 1.0
        limits = (base.max_speed, base.max_turn_rate, base.acceleration, base.deceleration, base.turn_acceleration)
        noise = (base.relative_noise, base.speed_noise, base.turn_noise)
        begin, end, disturbance, lost = np.zeros((4, len(self), 3))
        control(
            (self._velocities, begin, end, disturbance, lost),
            target,
            (faults.magnitude(FaultKind.SEIZED_LEFT, 2), faults.magnitude(FaultKind.SLIP)[0]),
            self._streams[Purpose.DRIVE],
            (dt, self._lateral, self._robot.half_track, limits, gain, noise),
        )
        before = self._rolled()
        touches = self._bodies.advance(begin, end, disturbance, self._physics_steps)
        self._contacts.note(now + dt, touches, self._bodies.gap)
        self._wheels = self._rolling(before) / dt + lost

    def _rolled(self) -> FloatArray:
        """Where wheels are: ways of left and right [n, 2; m], or poses of bases that have none [n, 3]."""
        return self._bodies.wheel_turns if self._robot.differential else self._bodies.poses

    def _rolling(self, before: FloatArray) -> FloatArray:
        """Ways ahead and to the left [m] and turn [rad] of base_link as the wheels turned since `before` [n, 3]."""
        now = self._rolled()
        if not self._robot.differential:
            return body_motion(before, now)
        left, right = (now - before).T
        return np.column_stack([0.5 * (left + right), np.zeros(len(self)), 0.5 * (right - left) / self._robot.half_track])

    def _sense(self, before: float) -> None:
        """Read the sensors whose turn came after `before` [s]."""
        now, faults = self.time, self._faults
        due = {name: sensor.due(before, now) for name, sensor in self._sensors.items()}
        robots = due["odometry"]
        values = np.hstack([self._reckoned[robots], self._scales[robots][:, [0, 0, 1]] * self._wheels[robots]])
        due_now = self._sensors["odometry"].publish(robots, now, values, faults.magnitude(FaultKind.ODOMETRY_LOST, 4))
        self._odometry = Odometry(due_now.robots, due_now.stamps, due_now.values[:, :3], due_now.values[:, 3:])

        robots = due["localisation"]
        values, config = np.empty((len(robots), 3)), self.config.localisation
        noise = (config.position_noise, config.yaw_noise)
        localise(robots, self._poses, self._streams[Purpose.LOCALISATION], noise, values)
        due_now = self._sensors["localisation"].publish(robots, now, values, faults.magnitude(FaultKind.POSE_LOST, 4))
        self._localisation = Localisation(due_now.robots, due_now.stamps, due_now.values, self._covariance)

        robots = due["laser"]
        values = self.laser.scan(robots, self._bodies)
        due_now = self._sensors["laser"].publish(robots, now, values, faults.magnitude(FaultKind.LASER_LOST, 4))
        self._scans = Scans(due_now.robots, due_now.stamps, due_now.values)

    def _update_faults(self) -> None:
        """Begin and end what is scheduled; what needs room on the floor happens as soon as there is some."""
        changed = self._faults.update(self.time)
        for fault in self._faults.placed:
            if fault not in self._happened and (self._carry(fault) if fault.kind is FaultKind.KIDNAPPED else self._room(fault)):
                self._happened.add(fault)
                changed = True
        if changed:
            self._stand()

    def _build(self, poses: FloatArray) -> Bodies:
        """Make the floor, with all obstacles that are scheduled."""
        obstacles = np.array([_disc(fault) for fault in self._scheduled()]).reshape(-1, 3)
        step = self.config.time_step / self._physics_steps
        return Bodies(self._robot, self._walls, obstacles, starts=poses, step=step)

    def _scheduled(self) -> list[Fault]:
        return [fault for fault in self._faults.faults if fault.kind is FaultKind.OBSTACLE]

    def _stand(self) -> None:
        """Put the obstacles on the floor that have found room, and take away the others."""
        standing = [fault for fault in self._scheduled() if fault in self._faults.placed and fault in self._happened]
        for k, fault in enumerate(self._scheduled()):
            self._bodies.stand(k, fault in standing)
        self._obstacles = np.array([_disc(fault) for fault in standing]).reshape(-1, 3)

    def _room(self, obstacle: Fault) -> bool:
        x, y = obstacle.place or (np.nan, np.nan)
        gaps = np.hypot(self._poses[:, 0] - x, self._poses[:, 1] - y) - self.config.base.radius - obstacle.magnitude
        return bool((gaps > _ROOM).all())

    def _carry(self, kidnapping: Fault) -> bool:
        robot, place = kidnapping.robot or 0, np.array(kidnapping.place)
        others = self._poses[np.arange(len(self)) != robot]
        radius = self.config.base.radius + _ROOM
        if first_overlap(place, radius, others, self._walls, self._obstacles) is not None:
            return False
        self._bodies.put(robot, (*place, wrap(self._poses[robot, 2] + kidnapping.magnitude)))
        self._poses = self._bodies.poses
        self._velocities[robot] = self._driven[robot] = 0.0
        return True


def _start_poses(starts: ArrayLike, radius: float, walls: FloatArray) -> FloatArray:
    try:
        poses = np.array(starts, dtype=np.float64)
    except (TypeError, ValueError):
        raise AltmarlError("starts must be poses [n, 3]: x, y in metres, yaw in radians") from None
    if poses.ndim != 2 or poses.shape[1] != 3 or not len(poses):
        raise AltmarlError(f"starts must be poses [n, 3], at least one, have the shape {list(poses.shape)}")
    for i, pose in enumerate(poses):
        if not np.isfinite(pose).all():
            raise AltmarlError(f"start of robot {i} is {pose.tolist()}, must be finite")
        partner = first_overlap(pose[:2], radius, poses[:i], walls, np.zeros((0, 3)))
        if partner is not None:
            what = "a wall" if partner == WALL else f"robot {partner}"
            raise AltmarlError(f"start of robot {i} at ({pose[0]:g}, {pose[1]:g}) overlaps {what}")
    poses[:, 2] = [wrap(yaw) for yaw in poses[:, 2]]
    return poses


def _disc(obstacle: Fault) -> tuple[float, float, float]:
    x, y = obstacle.place or (np.nan, np.nan)
    return x, y, obstacle.magnitude
