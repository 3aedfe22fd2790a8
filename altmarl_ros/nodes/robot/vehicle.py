"""The body of a physical robot: a tick's action becomes a goal, and the goal a motion that is safe.

    pose -> zone s_l;   action a_l -> goal zone -> the robot's own slot there -> drive -> governor -> base

The control loop goes by the steady clock, with `use_sim_time` by the simulation's; while that stands still, or when a
step fails, whatever the cause, the base is brought to rest. A killed process sends nothing: the base's driver must
stop by its own timeout when commands cease.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.timer import Timer
from sensor_msgs.msg import LaserScan

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.governor import Governor
from altmarl_ros.driving.governor_types import NEVER, Command, GovernorSettings, Inputs, OnSilence, State
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.liveliness import Liveliness
from altmarl_ros.driving.local_planner import Goal, LocalPlanner, PlannerSettings
from altmarl_ros.driving.planar import STILL, Pose, Velocity
from altmarl_ros.driving.scan import Scan
from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.games.moves import goal_zones
from altmarl_ros.monitoring.drive_health import drive_finding
from altmarl_ros.monitoring.health import Finding
from altmarl_ros.msg import DriveState
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock, seconds
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.robot import conversions as vehicle_conversions
from altmarl_ros.nodes.robot.drives import make_drive
from altmarl_ros.nodes.robot.emergency_stop import FleetStop, offer_stop
from altmarl_ros.nodes.robot.parameters import DriveSettings, check_topics, drive_settings, pose_of
from altmarl_ros.nodes.robot.pose_source import Fix, PoseSource
from altmarl_ros.protocol.messages import Tick

_REPEAT = 0.5  # s between two states that are alike
_THROTTLE = 5.0  # s
_BRAKE_STEP = 0.05  # s
_LONGEST_BRAKING = 2.0  # s
_NO_POINTS: FloatArray = np.empty((0, 2))


@dataclass(frozen=True)
class Site:
    """Where the robots of one process drive.

    Attributes:
        zones: of the floor.
        goals: where an action leads from a zone [s_l, a_l].
        park_zone: to park in when the coordinator is silent; None: where the robot is.
    """

    zones: Zones
    goals: NDArray[np.int64]
    park_zone: int | None

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Site:
        """The site that the parameters name.

        Raises:
            AltmarlError: naming the file or parameter and what is wrong with it.
        """
        check_topics(values)
        floor = load_floor_map(values["floor"] or values["game"])
        radius, park = float(values["robot.radius"]), values["park_zone"]
        if park and park not in floor.plan.names:
            raise AltmarlError(f"parameter 'park_zone' is {park!r}, which is no zone; zones are {', '.join(floor.plan.names)}")
        _compile()
        zones = Zones(floor, float(values["zones.hysteresis"]), float(values["zones.tolerance"]), radius)
        return cls(zones, goal_zones(load_game(values["game"]), floor), floor.plan.names.index(park) if park else None)

    def goal(self, x: float, y: float, zone: int, robot_id: int) -> Goal | None:
        """A robot's slot in a zone, and the way there from (x, y) [m, map]; None from beyond any map."""
        way = self.zones.way(x, y, zone, robot_id).tolist()
        if not way:
            return None
        *via, (goal_x, goal_y) = way
        return Goal(goal_x, goal_y, via=tuple((via_x, via_y) for via_x, via_y in via))


class Vehicle:
    """See body.Body."""

    def __init__(
        self,
        node: Node,
        make: Endpoints,
        values: Mapping[str, Any],
        robot_id: int,
        site: Site,
        clock: AgeClock,
        fleet_stop: FleetStop,
        has_policy: Callable[[], bool],
    ) -> None:
        """`has_policy`: whether the robot holds what the coordinator's ticks name."""
        self._node, self._id, self._site, self._clock = node, robot_id, site, clock
        self._fleet_stop, self._has_policy = fleet_stop, has_policy
        settings = drive_settings(values)
        self._period = 1.0 / float(values["drive.rate"])
        self._governor = Governor(settings.limits, settings.governor)
        self._source = PoseSource(node, make, values, robot_id, clock, self._hear_fix)
        frame = values["frame_prefix"].replace("{id}", str(robot_id)) + values["frames.base"]
        self._drive = make_drive(node, make, values, settings, robot_id, clock, frame)
        self._mount = pose_of(values, "scan.mount")
        if values["scan.topic"]:
            make.subscription(LaserScan, values["scan.topic"], self._hear_scan, qos.sensor_qos())
        self._publisher = make.publisher(DriveState, "~/drive", qos.latched_qos())
        offer_stop(node, self._governor.emergency_stop, self._governor.clear)
        clock.when_stopped(self._halt)
        self._changed: Callable[[], None] | None = None
        self._timer: Timer | None = None
        self._fix: Fix | None = None
        self._scan: Scan | None = None
        self._scan_arrived = self._tick_arrived = NEVER
        self._coordinator = Liveliness()
        self._zone: int | None = None
        self._acted: tuple[Tick, int, int] | None = None  # tick, s_l, a_l
        self._goal_zone: int | None = None
        self._goal: Goal | None = None
        self._command = Command()
        self._jumps = clock.jumps
        self._resting = False
        self._told: tuple[object, ...] = ()
        self._told_at = NEVER

    @property
    def local_state(self) -> int | None:
        """See Body: the zone, by a fresh pose."""
        fix = self._fix
        if fix is None or not 0.0 <= self._clock.now() - fix.arrived <= self._governor.settings.pose_timeout:
            return None
        return self._zone

    def adjust(self, settings: DriveSettings) -> None:
        """Other limits and timeouts hold from now on."""
        self._governor.limits, self._governor.settings = settings.limits, settings.governor
        self._drive.adjust(settings)

    def enter(self, changed: Callable[[], None]) -> None:
        """See Body."""
        self._changed = changed
        self._timer = self._clock.start_timer(self._period, self._step_safely)

    def hear_tick(self, now: float) -> None:
        """See Body."""
        self._tick_arrived = now
        self._coordinator.heard()

    def count_coordinators(self, alive: int, silent: int) -> None:
        """Of those who may tick, so many are alive and so many have fallen silent."""
        self._coordinator.change(alive, silent)

    def act(self, tick: Tick, local_action: int) -> None:
        """See Body: drive to the goal zone."""
        zone, fix = self._zone, self._fix
        if zone is None or fix is None or not 0 <= local_action < self._site.goals.shape[1]:
            return
        self._acted = (tick, zone, local_action)
        self._drive_to(int(self._site.goals[zone, local_action]), fix)

    def leave(self) -> None:
        """See Body."""
        self._changed = None
        if self._timer is not None:
            self._clock.end_timer(self._timer)
            self._timer = None
        braked = time.monotonic()
        end, step = braked + _LONGEST_BRAKING, _BRAKE_STEP
        while not self.brake(step) and time.monotonic() < end:
            time.sleep(_BRAKE_STEP)
            now = time.monotonic()
            step, braked = min(now - braked, 2.0 * _BRAKE_STEP), now  # a busy machine sleeps longer
        self._goal = self._goal_zone = None
        self._drive.rest()
        self._order(Command())

    def brake(self, dt: float) -> bool:
        """See Body."""
        slower = self._governor.limits.ramp(self._command.velocity, STILL, dt)
        self._governor.override(slower)
        self._order(Command(slower, State.STOPPED if slower.is_zero else State.STOPPING, self._command.reasons))
        return slower.is_zero

    def drain(self, timeout: float) -> None:
        """See Body."""
        self._drive.drain(timeout)

    def close(self) -> None:
        """See Body."""
        self._drive.close()

    def finding(self) -> Finding:
        """See Body."""
        now = self._clock.now()
        pose_age = now - self._fix.arrived + self._fix.delay if self._fix else math.inf
        stopped = self._governor.emergency_stopped or self._fleet_stop.pressed
        return drive_finding(
            self._id,
            self._command,
            pose_age=pose_age,
            tick_age=now - self._tick_arrived,
            emergency_stop=stopped,
            zone=self._name(self._zone),
        )

    def _hear_fix(self, fix: Fix) -> None:
        self._fix = fix
        zone = self._site.zones.locate(fix.pose.x, fix.pose.y, self._zone)
        if zone != self._zone:
            self._zone = zone
            if self._changed is not None:
                self._changed()

    def _hear_scan(self, message: LaserScan) -> None:
        self._scan = vehicle_conversions.scan_from_message(message, self._mount)
        stamp = seconds(message.header.stamp)
        delay = self._clock.ros() - stamp if stamp > 0.0 else 0.0  # some drivers stamp nothing
        self._scan_arrived = self._clock.now() - max(0.0, delay)

    def _step_safely(self) -> None:
        try:
            self._step()
        except Exception as error:  # a robot that moves must be stopped whatever went wrong
            self._node.get_logger().error(
                f"stops, since its control failed: {type(error).__name__}: {error}", throttle_duration_sec=_THROTTLE
            )
            self.brake(self._period)

    def _step(self) -> None:
        self._source.poll()  # before the time is taken: what is found now must not come from the future
        now = self._clock.now()
        fix, jumped = self._fix, self._clock.jumps != self._jumps
        self._jumps = self._clock.jumps
        self._park_if_silent(now)
        wanted: Velocity | None = None
        resting, self._resting = self._resting, any(reason.halts for reason in self._command.reasons)
        if resting and not self._resting and fix is not None and self._goal_zone is not None:
            self._drive_to(self._goal_zone, fix)  # from where the robot is now
        if fix is None or self._goal is None or self._resting:
            self._drive.rest()
        else:
            points = self._scan.points if self._scan is not None else _NO_POINTS
            wanted = self._drive.steer(now, fix.pose, self._goal, self._command.velocity, points)
        known = fix is not None and fix.pose.is_finite
        self._order(
            self._governor.step(
                now,
                Inputs(
                    wanted=wanted,
                    pose=fix.pose if fix else None,
                    pose_arrived=fix.arrived if fix else NEVER,
                    pose_delay=fix.delay if fix else 0.0,
                    tick_arrived=self._tick_arrived,
                    coordinator_lost=self._coordinator.lost,
                    scan=self._scan,
                    scan_arrived=self._scan_arrived,
                    measured=fix.measured if fix else None,
                    border=self._site.zones.border(fix.pose) if fix and known else None,
                    has_policy=self._has_policy(),
                    fleet_stop=self._fleet_stop.pressed,
                    clock_jumped=jumped,
                ),
            )
        )

    def _park_if_silent(self, now: float) -> None:
        settings = self._governor.settings
        silent = self._coordinator.lost or now - self._tick_arrived > settings.tick_timeout
        if settings.on_silence is not OnSilence.PARK or not silent:
            return
        zone = self._zone if self._site.park_zone is None else self._site.park_zone
        if self._fix is not None and zone is not None and self._acted is not None:
            self._acted = None  # until the next tick it parks
            self._drive_to(zone, self._fix)

    def _drive_to(self, zone: int, fix: Fix) -> None:
        goal = self._site.goal(fix.pose.x, fix.pose.y, zone, self._id)
        if goal is not None:
            self._goal_zone, self._goal = zone, goal

    def _halt(self) -> None:
        """The clock stands still."""
        if self._timer is not None:
            self._governor.override(STILL)
            self._order(Command(STILL, State.STOPPED, self._command.reasons))

    def _order(self, command: Command) -> None:
        self._command = command
        self._drive.command(command.velocity)
        now = self._clock.now()
        told = (command.state, command.reasons, self._zone, self._goal, self._acted, self._drive.arrived)
        if told != self._told or not 0.0 <= now - self._told_at < _REPEAT:
            self._told, self._told_at = told, now
            self._tell(command)

    def _tell(self, command: Command) -> None:
        def code(number: int | None) -> int:
            return DriveState.UNKNOWN if number is None else number

        tick, local_state, local_action = self._acted or (None, None, None)
        goal = self._goal
        self._publisher.publish(
            vehicle_conversions.drive_to_message(
                command,
                self._clock.stamp(),
                robot_id=self._id,
                session=tick.session if tick else 0,
                tick=tick.tick if tick else 0,
                local_state=code(local_state),
                local_action=code(local_action),
                zone=code(self._zone),
                goal_zone=code(self._goal_zone),
                goal_x=goal.x if goal else math.nan,
                goal_y=goal.y if goal else math.nan,
                arrived=self._drive.arrived,
            )
        )

    def _name(self, zone: int | None) -> str:
        return "unknown" if zone is None else self._site.zones.floor.plan.names[zone]


def _compile() -> None:
    """Have compiled what the control loop calls, which takes seconds where it is not cached: longer than a robot may wait."""
    limits, settings = Limits(), PlannerSettings()
    scan = Scan(np.full(8, 1.0), -math.pi, 0.25 * math.pi, 0.05, 8.0)
    pose, goal = Pose(0.0, 0.0), Goal(1.0, 0.0)
    for each in (limits, replace(limits, lateral=0.4)):
        wanted = LocalPlanner(each, settings).steer(0.0, pose, goal, STILL, scan.points)
        inputs = Inputs(Velocity(0.1), pose, 0.0, tick_arrived=0.0, scan=scan, scan_arrived=0.0)
        governor = Governor(each, GovernorSettings())
        governor.override(wanted)
        governor.step(0.0, inputs)
        governor.step(0.1, inputs)
