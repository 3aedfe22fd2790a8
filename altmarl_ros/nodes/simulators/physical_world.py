"""The `physical_world` executable: simulates robots on a floor behind the topics that drivers of real robots have."""

from __future__ import annotations

import time
from array import array
from functools import partial
from typing import Any, Iterator, Sequence

import numpy as np
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rosgraph_msgs.msg import Clock as ClockMessage

from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_floor_map, load_game, load_workplace
from altmarl_ros.monitoring.health import Finding, Level
from altmarl_ros.msg import Contact, DriveState, FleetTick, FleetTruth, FloorTruth, RobotHello
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.clock import seconds
from altmarl_ros.nodes.common.diagnostics import Diagnostics
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.parameter_sets import declare
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.simulators.lease import LEASE
from altmarl_ros.nodes.simulators.physical_parameters import PARAMETERS, faults_of, make_world, robot_ids, warm_up
from altmarl_ros.nodes.simulators.sensor_topics import SensorTopics, to_time
from altmarl_ros.nodes.simulators.transforms import Transforms, publish_descriptions
from altmarl_ros.nodes.simulators.work_topics import WorkTopics
from altmarl_ros.protocol.allegiance import Allegiance, Heard
from altmarl_ros.simulation.physical.contacts import WALL
from altmarl_ros.simulation.physical.pacing import Pace, Steerers
from altmarl_ros.simulation.physical.standing import PATIENCE, StandingWatch
from altmarl_ros.simulation.physical.truth import TickTruth
from altmarl_ros.simulation.physical.work import FloorWork, level_share

_WAKE = 0.002  # s, steady
_LONGEST_RUN = 0.02  # s, steady; after which commands are received before the next step
_LOOK = 0.2  # s, simulated; between looks at the robots' true zones
_FLOOR_PERIOD = 1.0  # s, simulated; between messages about the floor
_SLOW = 0.9  # of the wanted factor
_SETTLED = 10.0  # s; the factor is a mean over some seconds, the first of which have the start of everything in them


class PhysicalWorldNode(GuardedNode):
    """The simulated floor and its clock; see `simulation.physical.world`.

    Subscriptions: <robot>/cmd_vel (geometry_msgs/msg/Twist, or TwistStamped with `stamped_commands`), <robot>/robot/drive
    (DriveState), <fleet_prefix>/tick (FleetTick); in a game with types of robots <fleet_prefix>/hello (RobotHello).
    Publishers: <robot>/odom (nav_msgs/msg/Odometry), <robot>/pose (geometry_msgs/msg/PoseWithCovarianceStamped),
    <robot>/scan (sensor_msgs/msg/LaserScan), <robot>/robot_description (std_msgs/msg/String); /tf and /tf_static
    (tf2_msgs/msg/TFMessage) where that package is installed; /clock (rosgraph_msgs/msg/Clock), before everything else of its
    time step; <fleet_prefix>/truth (FleetTruth), as from the Markov world; <world_prefix>/floor (FloorTruth) and
    <world_prefix>/contacts (Contact), for operators and tests; /diagnostics (diagnostic_msgs/msg/DiagnosticArray); in a
    game of work those of `WorkTopics`.
    Services: those of its parameters.
    Parameters: `PARAMETERS`.
    """

    def __init__(self) -> None:
        super().__init__("physical_world")
        values = declare(self, PARAMETERS)
        game, floor = load_game(values["game"]), load_floor_map(values["map"] or values["game"])
        workplace = load_workplace(values["game"])
        if game.hidden is not None and workplace is None:
            raise AltmarlError(f"robots of the game {game.name!r} move by a hidden state, which no physical floor has")
        self._faults = faults_of(values)
        self._world = make_world(values, game, floor, self._faults, workplace)
        config = self._world.config
        self._ids = robot_ids(values)
        self._zones = Zones(floor, robot_radius=config.base.radius)
        self._last_zones: list[int | None] = [None] * len(self._ids)
        self._truth = TickTruth(self._ids, game.n_local_actions)
        self._types = game.types
        self._own_states = game.n_local_states // (len(game.types) if game.types is not None else 1)
        # Of each robot's type; without types of all robots.
        self._first_states: dict[int, int] = {} if game.types is not None else dict.fromkeys(self._ids, 0)
        self._allegiance = Allegiance(float(values[LEASE.name]))
        self._standing = StandingWatch(len(self._ids))
        self._pace = Pace(float(values["real_time_factor"]))
        self._steerers = Steerers(len(self._ids), float(values["answer_time"]), time_step=config.time_step)
        self._tick: tuple[int, int] | None = None  # session and number of the newest
        self._reached = 0.0
        self._published_contacts = 0
        self._look_at, self._publish_floor_at = 0.0, 0.0
        warm_up(config)

        base = f"{self.get_namespace().rstrip('/')}/{values['name_prefix']}"
        namespaces = [f"{base}{i}" for i in self._ids]
        self._sensors = [SensorTopics(self, namespace, config, self._world.laser) for namespace in namespaces]
        self._transforms = self._publish_frames(str(values["transforms"]), namespaces)
        stamped = bool(values["stamped_commands"])
        command_type, on_command = (TwistStamped, self._on_stamped) if stamped else (Twist, self._on_velocity)
        for robot, robot_id in enumerate(self._ids):
            self.create_subscription(command_type, f"{base}{robot_id}/cmd_vel", partial(on_command, robot), qos.sensor_qos())
            self.create_subscription(
                DriveState, f"{base}{robot_id}/robot/drive", partial(self._on_drive, robot), qos.latched_qos()
            )
        prefix, world = values["fleet_prefix"], values["world_prefix"]
        make = Endpoints(self)
        self._clock_publisher = make.publisher(ClockMessage, "/clock", qos.simulated_qos())
        self._truth_publisher = make.publisher(FleetTruth, f"{prefix}/truth", qos.account_qos())
        self._floor_publisher = make.publisher(FloorTruth, f"{world}/floor", qos.account_qos())
        self._contact_publisher = make.publisher(Contact, f"{world}/contacts", qos.account_qos())
        make.subscription(FleetTick, f"{prefix}/tick", self._on_tick, qos.tick_qos())
        if game.types is not None:
            make.subscription(RobotHello, f"{prefix}/hello", self._on_hello, qos.latched_from_many_qos())
        self._work: FloorWork | None = None
        if workplace is not None:
            self._work = FloorWork(workplace, len(self._ids), int(values["seed"]), sent_by=str(values["crew"]))
            self._work_topics = WorkTopics(self, make, namespaces, prefix, self._work)
            self._level = level_share(max(1, workplace.levels))
        Diagnostics(self, make, values["diagnostics.period"], world, self._diagnose)
        self._look()
        self.create_timer(_WAKE, self._run, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(
            f"{len(self._ids)} robots in {len(floor.plan.zones)} zones, {self._pace.factor:g} times real time, "
            f"{len(self._faults)} faults"
        )

    def _publish_frames(self, wanted: str, namespaces: Sequence[str]) -> Transforms | None:
        """Publish descriptions, and transforms where they are wanted and the package tf2_msgs is installed."""
        publish_descriptions(self, namespaces, self._world.description)
        if wanted == "none":
            return None
        frames = [namespace.lstrip("/") for namespace in namespaces]
        try:
            return Transforms(self, frames, self._world.config.laser, localised=wanted == "map")
        except ImportError:
            self.get_logger().info("publishes no transforms: the package tf2_msgs is not installed")
            return None

    def stop(self) -> None:
        """Publish what is known of the last ticks and of the floor."""
        self._publish_truth(final=True)
        self._publish_floor()

    def _run(self) -> None:
        """Step as far as is due, but not for longer than commands of robots can wait."""
        world, began = self._world, time.monotonic()
        now, half = began, 0.5 * world.config.time_step
        until = self._pace.due(now, world.time)
        while world.time + half < until and now - began < _LONGEST_RUN and self._steerers.ready(now, world.time):
            world.step()
            self._publish_step()
            now = time.monotonic()

    def _publish_step(self) -> None:
        world, sensors = self._world, self._sensors
        self._clock_publisher.publish(ClockMessage(clock=to_time(world.time)))
        if world.time >= self._look_at:
            self._look()
        for robot, stamp, pose, velocity in _rows(world.odometry(), "poses", "velocities"):
            sensors[robot].odometry(stamp, pose.tolist(), velocity.tolist())
            if self._transforms is not None and np.isfinite(pose).all():
                self._transforms.odometry(robot, stamp, pose.tolist())
        localisation = world.localisation()
        for robot, stamp, pose in _rows(localisation, "poses"):
            sensors[robot].pose(stamp, pose.tolist(), localisation.covariance)
            if self._transforms is not None and np.isfinite(pose).all():
                self._transforms.localisation(robot, stamp, pose.tolist())
        if self._transforms is not None:
            self._transforms.publish()
        for robot, stamp, ranges in _rows(world.scans(), "ranges"):
            sensors[robot].scan(stamp, ranges)
        for contact in world.contacts[self._published_contacts :]:
            self._published_contacts += 1
            partner = self._ids[contact.partner] if contact.partner >= 0 else contact.partner
            message = Contact(
                stamp=to_time(contact.time), robot_id=self._ids[contact.robot], partner=partner, speed=contact.speed
            )
            self._contact_publisher.publish(message)
            what = "a wall" if partner == WALL else "an obstacle" if partner < 0 else f"robot {partner}"
            self.get_logger().warning(f"{contact.time:.2f} s: robot {message.robot_id} met {what} at {contact.speed:.2f} m/s")

    def _look(self) -> None:
        """Find every robot's true zone, often enough for hysteresis to work as on the robot; now and then publish the floor."""
        now = self._world.time
        self._look_at = now + _LOOK
        self._last_zones = [
            self._zones.locate(x, y, last) for (x, y, _), last in zip(self._world.poses.tolist(), self._last_zones, strict=True)
        ]
        if self._work is not None:
            self._do_work(self._work, now)
        for robot in self._standing.step(now, self._world.poses[:, :2]):
            self.get_logger().warning(f"{now:.0f} s: robot {self._ids[robot]} stood for {PATIENCE:g} s without a reason")
        if now >= self._publish_floor_at:
            self._publish_floor_at = now + _FLOOR_PERIOD
            self._reached = self._pace.reached(time.monotonic(), now)
            self._publish_floor()

    def _do_work(self, work: FloorWork, now: float) -> None:
        speeds = np.hypot(*self._world.velocities[:, :2].T)
        work.step(now, self._last_zones, speeds, self._world.charge)
        self._world.charge_robots(work.charging)
        for robot in work.helped.tolist():
            self._world.give_charge(robot, self._level)
        self._work_topics.publish(now, self._world.charge)

    def _hear_tick(self, session: int, tick: int) -> None:
        """Note a tick; at work the local state of a robot is known once it has acted, since its errands are its own."""
        if self._work is None:
            states = [self._state_of(robot, zone) for robot, zone in enumerate(self._last_zones)]
            self._truth.hear_tick(session, tick, states)
        else:
            self._truth.hear_tick(session, tick, [None] * len(self._ids), hidden_state=self._work.hidden_state)

    def _state_of(self, robot: int, own: int | None) -> int | None:
        """The local state of a robot from that of its type; None: one of them is not known."""
        first = self._first_states.get(self._ids[robot])
        return None if own is None or first is None else first + own

    def _publish_floor(self) -> None:
        poses = self._world.poses.astype(np.float32)
        message = FloorTruth(
            stamp=to_time(self._world.time),
            real_time_factor=self._reached,
            contacts=len(self._world.contacts),
            robot_id=array("I", self._ids),
            charge=array("f", self._world.charge.astype(np.float32).tobytes()),
        )
        message.x, message.y, message.yaw = (array("f", column.tobytes()) for column in poses.T)
        self._floor_publisher.publish(message)

    def _on_velocity(self, robot: int, message: Twist) -> None:
        self._command(robot, message, self._world.time)

    def _on_stamped(self, robot: int, message: TwistStamped) -> None:
        now, stamp = self._world.time, seconds(message.header.stamp)
        self._command(robot, message.twist, stamp if 0.0 < stamp <= now else now)

    def _command(self, robot: int, twist: Twist, decided: float) -> None:
        self._world.command(robot, (twist.linear.x, twist.linear.y, twist.angular.z))
        self._steerers.commanded(robot, decided)  # whether or not the driver took it

    def _on_tick(self, message: FleetTick) -> None:
        if self._allegiance.hear(conversions.tick_from_message(message), time.monotonic()) in (Heard.NEW, Heard.NEW_SESSION):
            self._hear_tick(message.session, message.tick)
            self._steerers.ticked()
            self._tick = message.session, message.tick
            self._publish_truth()

    def _on_hello(self, message: RobotHello) -> None:
        if self._types is not None and message.robot_type in self._types.names:
            first = self._types.block(self._types.index(message.robot_type)).start
            said = range(message.robot_id, message.robot_id + max(1, message.count))
            self._first_states |= {robot_id: first for robot_id in self._ids if robot_id in said}

    def _on_drive(self, robot: int, message: DriveState) -> None:
        has_goal = message.goal_zone != DriveState.UNKNOWN and not message.arrived
        self._standing.hear(robot, wants_to_move=has_goal and not message.reasons)
        if message.local_action == DriveState.UNKNOWN:
            return
        if (message.session, message.tick) == self._tick:
            self._steerers.acted(robot)
        if self._allegiance.session in (None, message.session):
            self._hear_tick(message.session, message.tick)  # if it comes before the tick itself
        if self._work is not None:
            own = message.local_state if message.local_state < self._own_states else None
            state = self._state_of(robot, own)
            self._truth.hear_action(message.session, message.tick, self._ids[robot], message.local_action, state)
            self._publish_truth()
            return
        # On a border, in the hysteresis, a robot is where it says; elsewhere where it is.
        told = message.local_state if message.local_state < len(self._zones.floor.plan.zones) else None
        x, y, _ = self._world.poses[robot].tolist()
        zone = self._zones.locate(x, y, told)
        state = self._state_of(robot, zone)
        self._truth.hear_action(message.session, message.tick, self._ids[robot], message.local_action, state)
        self._publish_truth()

    def _publish_truth(self, final: bool = False) -> None:
        for truth in self._truth.closed_ticks(final):
            self._truth_publisher.publish(conversions.truth_to_message(truth))

    def _diagnose(self) -> list[Finding]:
        world, wanted = self._world, self._pace.factor
        now, contacts = world.time, len(world.contacts)
        slow = wanted > 0.0 and self._reached < _SLOW * wanted and now > _SETTLED * wanted
        active = [fault for fault in self._faults if fault.start <= now < fault.end]
        broken = ", ".join(
            f"robot {self._ids[f.robot]} {f.kind.value}" if f.robot is not None else f.kind.value for f in active
        )
        charge = world.charge
        low = int(np.argmin(charge))
        lowest = f"robot {self._ids[low]} has {100 * charge[low]:.0f} %"
        return [
            Finding(
                "clock",
                Level.WARN if slow else Level.OK,
                f"{self._reached:.1f} times real time",
                {"time": now, "real_time_factor": self._reached, "wanted": wanted},
            ),
            Finding(
                "contacts",
                Level.ERROR if contacts else Level.OK,
                f"{contacts} contacts",
                {f"robot {i}": int(n) for i, n in zip(self._ids, world.contact_counts, strict=True) if n},
            ),
            *([self._work_topics.finding(self._ids)] if self._work is not None else []),
            Finding(
                "standing",
                Level.OK,
                f"robots stood {int(self._standing.counts.sum())} times for {PATIENCE:g} s with a goal and without a reason",
                {f"robot {i}": int(n) for i, n in zip(self._ids, self._standing.counts, strict=True) if n},
            ),
            Finding("faults", Level.WARN if active else Level.OK, broken or "none", {"active": len(active)}),
            Finding("batteries", Level.ERROR if charge[low] <= 0.0 else Level.OK, lowest, {"lowest": float(charge[low])}),
        ]


def _rows(due: Any, *names: str) -> Iterator[Any]:
    """Iterate over robot, stamp [s], and a row of each array that is named, of what came due."""
    return zip(due.robots.tolist(), due.stamps.tolist(), *(getattr(due, name) for name in names), strict=True)


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [PhysicalWorldNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
