"""Measures how fast every single fault stops robots that drive: python benchmarks/stops.py [--trials 50].

Robots drive along lanes of an open floor. Every robot and the coordinator run in their own processes, over DDS; the world
runs in this process, in real time, and does not wait for them. Once all robots drive at full speed, a fault strikes all of
them, which makes one trial per robot; processes that were killed are started again. The result is the simulated time from
the fault until the true speed stays below 0.01 m/s, beside

    allowed = detection + v / deceleration + a control period + two time steps of the world + the base's response

detection is the configured timeout, or the time between two messages of the sensor that shows the fault. deceleration is that
of the robot's limits, or the base's own if its driver stops it. A control period is no shorter than the world's time step,
since a robot in simulated time is called once for each time that /clock tells. In one step of the world a command waits, and
in another one the rest is seen. The base's response is its delay plus lag log(deceleration lag / 0.01 m/s). Ticks are so far
apart, and `timeout.tick` is so long, that only liveliness shows that a coordinator is gone.

Most robots are located by odometry and poses on topics, and plan their way themselves. The rows "TF" locate them by transforms
on /tf, and those of "Nav2" drive them by the action server of `navigators.py`; both need interfaces that are no part of the
package index (`make interfaces`). Those of "links" have the coordinator, and its standby, in another ROS domain, which links
connect over a relay (`cuttable.py`). `--rate` sets the control rate: 5 Hz is the lowest that is accepted, 200 Hz the highest.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Callable, Mapping, Sequence

import numpy as np
import rclpy
import yaml
from cuttable import CuttableLinks
from geometry_msgs.msg import TransformStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rich.console import Console
from rich.table import Table
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger

from altmarl_ros.cli.processes import Child, ProcessGroup, command
from altmarl_ros.deployment.fleet_plan import FleetPlan, NodePlan
from altmarl_ros.deployment.middleware import discovery_variables
from altmarl_ros.driving import Pose
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.msg import CoordinatorStatus, DriveState, FleetTick
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.running import make_executor
from altmarl_ros.nodes.simulators.physical_world import PhysicalWorldNode
from altmarl_ros.nodes.simulators.sensor_topics import to_time
from altmarl_ros.policies import LocalPolicy, save_bundle
from altmarl_ros.protocol.messages import Tick, is_newer
from altmarl_ros.simulation.physical.faults import Fault, FaultKind

LANE, HALF = 4.0, 60.0  # m
SPEED, BRAKING, RATE = 0.5, 1.0, 20.0
POSE, SCAN, COORDINATOR, DRIVER, NAV2, CALL = (0.5,) * 6  # timeouts [s]; CALL: of who calls or publishes
DECELERATION, LAG, STEP = 2.0, 0.05, 0.02  # of the base, and the world's time step
RADIUS, GAP, OBSTACLE = 0.2, 0.3, 0.5  # m; the obstacle appears so far ahead of the outline, with this radius
TICK, WATCH, AT_REST = 1.6, 1.6, 0.01  # s, s, m/s
_AHEAD = 8  # ticks; a robot believes no larger leap of one message
PATIENCE = 60.0  # s, for the fleet to drive
SETUPS: dict[str, dict[str, Any]] = {
    "topics": {},
    "TF": {"pose.source": "tf", "pose.odometry": ""},
    "Nav2": {"drive.kind": "nav2"},
    "links": {"coordinator.lease": 3.0 * TICK},
}


@dataclass(frozen=True)
class Trial:
    """One robot and one fault.

    Attributes:
        speed: the robot's speed when the fault strikes [m/s].
        took: time until the robot rests [s]; infinite if it does not rest while it is watched.
        allowed: time that is allowed [s].
        contacts: number of contacts meanwhile.
    """

    speed: float
    took: float
    allowed: float
    contacts: int


class World(PhysicalWorldNode):
    """A simulated floor that keeps the true speeds, whose clock can jump, and which does not wait for robots.

    Transforms are dated like all else.
    """

    def __init__(self) -> None:
        super().__init__()
        self.world, self.shift, self.track = self._world, 0.0, []
        self._steerers.ready = lambda now, time: True  # type: ignore[method-assign]
        tell = self._clock_publisher.publish
        self._clock_publisher.publish = lambda _: tell(Clock(clock=to_time(self.world.time + self.shift)))
        for sensors in self._sensors:
            for name in ("odometry", "pose", "scan"):
                say = getattr(sensors, name)
                setattr(sensors, name, lambda stamp, *said, say=say: say(stamp + self.shift, *said))
        for name in ("odometry", "localisation") if self._transforms else ():
            say = getattr(self._transforms, name)
            setattr(self._transforms, name, lambda robot, stamp, pose, say=say: say(robot, stamp + self.shift, pose))

    @property
    def speeds(self) -> Any:
        return np.hypot(*self.world.velocities[:, :2].T)

    def _publish_step(self) -> None:
        super()._publish_step()
        self.track.append((self.world.time, self.speeds))


class Stage:
    """Runs world, coordinator and robots of one of the `SETUPS`, and breaks and repairs them."""

    def __init__(self, robots: int, folder: Path, group: ProcessGroup, *, setup: str = "topics", rate: float = RATE) -> None:
        self.n, self.folder, self.group, self.setup, self.rate = robots, folder, group, setup, rate
        self.plan = replace(make_plan(robots, folder), standby=setup == "links")
        values = {
            "game": self.plan.game,
            "count": robots,
            "real_time_factor": 1.0,
            "time_step": STEP,
            "base.radius": RADIUS,
            "base.speed_noise": 0.0,
            "base.relative_noise": 0.0,
            "base.turn_noise": 0.0,
            "base.lag": LAG,
            "base.deceleration": DECELERATION,
            "base.command_timeout": DRIVER,
            "transforms": "map" if setup == "TF" else "none",
        }
        settings = [item for name, value in values.items() for item in ("-p", f"{name}:={value}")]
        rclpy.init(args=["--ros-args", "--log-level", "error", *settings])
        self.node = World()
        self.executor = make_executor()
        self.executor.add_node(self.node)
        self.session = self.tick = 0
        self.ticked = -math.inf
        self.reasons: dict[int, list[str]] = {}
        if setup == "links":  # no status crosses to robots
            self.node.create_subscription(FleetTick, "/fleet/tick", self._hear_status, qos.tick_qos(lease=COORDINATOR))
        self.node.create_subscription(CoordinatorStatus, "/fleet/status", self._hear_status, qos.account_qos())
        for i in range(robots):
            self.node.create_subscription(DriveState, f"/robot_{i}/robot/drive", self._hear_drive, qos.latched_qos())
        self.ticks = self.node.create_publisher(FleetTick, "/fleet/tick", qos.tick_qos(lease=0.4))
        self.stop_fleet = self.node.create_publisher(Bool, "/fleet/emergency_stop", qos.latched_qos())
        make = self.node.create_client
        self.stops = [make(SetBool, f"/robot_{i}/robot/emergency_stop") for i in range(robots)]
        self.releases = [make(Trigger, f"/robot_{i}/robot/release") for i in range(robots)]
        self.states = [make(ChangeState, f"/robot_{i}/robot/change_state") for i in range(robots)]
        self.started, self.names = 0, ("coordinator", "standby")
        self.links = CuttableLinks(robots, folder, self._start_process) if setup == "links" else None
        self.standby = self.start_coordinator("standby") if self.links is not None else None
        self.coordinator = self.start_coordinator()
        self.robots = [self.start_robot(i) for i in range(robots)]
        self.navigator = self.start_navigator() if setup == "Nav2" else None

    def start_navigator(self) -> subprocess.Popen[bytes]:
        script = Path(__file__).with_name("navigators.py")
        with (self.folder / "navigators.log").open("ab") as log:
            return subprocess.Popen([sys.executable, str(script), str(self.n), str(SPEED)], stdout=log, stderr=log)

    def signal_navigator(self, number: int) -> None:
        assert self.navigator is not None
        self.navigator.send_signal(number)

    def restart_navigator(self) -> None:
        assert self.navigator is not None
        self.navigator.wait(10.0)
        self.navigator = self.start_navigator()

    def start_coordinator(self, name: str = "coordinator") -> Child:
        return self._start(
            next(plan for plan in self.plan.nodes() if plan.name == name),
            {
                "use_sim_time": False,
                "start.timeout": PATIENCE,
            },
            self.links.beyond if self.links is not None else {},
        )

    def change_places(self) -> None:
        """Let the standby, which has taken over, be the coordinator, and the one that was killed its standby."""
        assert self.standby is not None
        self.coordinator.process.wait(10.0)
        self.names = self.names[::-1]
        self.coordinator, self.standby = self.standby, self.start_coordinator(self.names[1])

    def start_robot(self, i: int) -> Child:
        plan = next(plan for plan in self.plan.nodes() if plan.executable == "robots")
        shared = {name: value for name, value in plan.parameters.items() if name not in ("first_id", "count")}
        return self._start(
            NodePlan("robot", "robot", shared, f"/robot_{i}/robot"),
            {
                "robot_id": i,
                "zones.hysteresis": 0.6 * HALF,
                "zones.tolerance": 0.6 * HALF,  # turns are rare
                "timeout.tick": 600.0,
                "timeout.pose": POSE,
                "timeout.scan": SCAN,
                "timeout.coordinator": COORDINATOR,
                "limits.forward": SPEED,
                "limits.braking": BRAKING,
                "drive.rate": self.rate,
                "drive.stamped": False,  # as its world, and Nav2 here
                "margin.reaction": max(0.2, 1.0 / self.rate + 0.1),
                "robot.radius": RADIUS,
                **SETUPS[self.setup],
            },
        )

    def _start(self, plan: NodePlan, more: dict[str, Any], environment: Mapping[str, str] = MappingProxyType({})) -> Child:
        return self._start_process(replace(plan, parameters={**plan.parameters, **more}), environment)

    def _start_process(self, plan: NodePlan, environment: Mapping[str, str]) -> Child:
        self.started += 1
        return self.group.start(f"{plan.name}_{self.started}", command(plan), environment)

    def _hear_status(self, status: CoordinatorStatus | FleetTick) -> None:
        if self.session in (0, status.session) or is_newer(status.session, self.session):
            self.session, self.tick, self.ticked = status.session, status.tick, time.monotonic()

    def _hear_drive(self, state: DriveState) -> None:
        self.reasons[state.robot_id] = list(state.reasons)

    def spin(self, until: Callable[[], bool], timeout: float) -> bool:
        end = time.monotonic() + timeout
        while not until():
            if time.monotonic() > end:
                return False
            self.executor.spin_once(timeout_sec=0.005)
        return True

    def wait(self, seconds: float) -> None:
        end = self.node.world.time + seconds
        self.spin(lambda: self.node.world.time >= end, 10.0 * seconds + 5.0)

    def drives(self) -> bool:
        """Return whether all robots drive at full speed, over links that are connected, just after a tick."""
        driving = bool((self.node.speeds > 0.95 * SPEED).all()) and (self.links is None or self.links.settled)
        return driving and 0.05 < time.monotonic() - self.ticked < 0.4 * TICK

    def break_sensors(self, *kinds: FaultKind) -> None:
        now = self.node.world.time
        end = now + WATCH
        self.node.world.add_faults([Fault(kind, i, now, end) for kind in kinds for i in range(self.n)])

    def obstruct(self) -> None:
        now, away = self.node.world.time, RADIUS + GAP + OBSTACLE
        self.node.world.add_faults(
            [
                Fault(
                    FaultKind.OBSTACLE, None, now, now + WATCH, OBSTACLE, (x + away * math.cos(yaw), y + away * math.sin(yaw))
                )
                for x, y, yaw in self.node.world.poses.tolist()
            ]
        )

    def signal_robots(self, number: int) -> None:
        for robot in self.robots:
            robot.process.send_signal(number)

    def restart_robots(self) -> None:
        for i, robot in enumerate(self.robots):
            robot.process.wait(10.0)
            self.robots[i] = self.start_robot(i)

    def restart_coordinator(self) -> None:
        self.coordinator.process.wait(10.0)
        self.coordinator = self.start_coordinator()

    def replace_coordinator(self) -> None:
        self.coordinator.process.kill()
        self.restart_coordinator()

    def press(self, pressed: bool) -> None:
        for stop in self.stops:
            stop.call_async(SetBool.Request(data=pressed))
        for confirm in [] if pressed else self.releases:  # the second word
            confirm.call_async(Trigger.Request())

    def change_state(self, transition: int) -> None:
        for state in self.states:
            state.call_async(ChangeState.Request(transition=Transition(id=transition)))

    def speak_as_another(self) -> None:
        """Publish a tick in the session's own numbers that names a policy which no robot has; others would not be heard."""
        tick = Tick(self.session, self.tick + _AHEAD, 4711, 0, None, ())
        self.ticks.publish(conversions.tick_to_message(tick, to_time(self.node.world.time)))

    def leap(self, seconds: float) -> None:
        self.node.shift += seconds

    def close(self) -> None:
        for child in [*self.robots, self.coordinator]:
            if child.exit_code is None:
                child.process.send_signal(signal.SIGCONT)
        if self.navigator is not None:
            self.navigator.kill()
            self.navigator.wait()
        if self.links is not None:
            self.links.close()
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown()


def link(parent: str, child: str, stamp: float, pose: Pose) -> TransformStamped:
    """Return the transform that says where a frame is in its parent at a time [s]."""
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id, message.header.stamp = parent, to_time(stamp)
    place, turn = message.transform.translation, message.transform.rotation
    place.x, place.y, turn.z, turn.w = pose.x, pose.y, math.sin(0.5 * pose.yaw), math.cos(0.5 * pose.yaw)
    return message


@dataclass(frozen=True)
class Cause:
    """A fault.

    Attributes:
        name: name in the table.
        strike: causes the fault.
        repair: repairs it.
        detection: time within which the robot notices it [s], besides control periods.
        periods: number of control periods that it takes to notice it, besides the one that every cause may take.
        braking: deceleration by which the robot then stops [m/s^2].
        lasts: whether the robot must stay at rest. It need not after some faults: robots drive round an obstacle, and after
            a jump of the clock they go on once pose and tick have come again.
        setup: one of `SETUPS`.
    """

    name: str
    strike: Callable[[Stage], None]
    repair: Callable[[Stage], None] = lambda stage: None
    detection: float = 0.0
    periods: int = 0
    braking: float = BRAKING
    lasts: bool = True
    setup: str = "topics"


def _sensors(name: str, detection: float, *kinds: FaultKind) -> Cause:
    return Cause(name, lambda stage: stage.break_sensors(*kinds), detection=detection)


def _links(
    name: str, strike: Callable[[CuttableLinks], None], repair: Callable[[CuttableLinks], None] = lambda _: None, **more: Any
) -> Cause:
    def of(act: Callable[[CuttableLinks], None]) -> Callable[[Stage], None]:
        def act_on(stage: Stage) -> None:
            assert stage.links is not None
            act(stage.links)

        return act_on

    return Cause(name, of(strike), of(repair), COORDINATOR, setup="links", **more)


K = FaultKind
CAUSES = (
    Cause("coordinator killed", lambda s: s.coordinator.process.kill(), Stage.restart_coordinator, COORDINATOR),
    Cause(
        "network cut (coordinator hangs)",
        lambda s: s.coordinator.process.send_signal(signal.SIGSTOP),
        lambda s: s.coordinator.process.send_signal(signal.SIGCONT),
        COORDINATOR,
    ),
    Cause(
        "robot's process killed",
        lambda s: s.signal_robots(signal.SIGKILL),
        Stage.restart_robots,
        DRIVER,
        braking=DECELERATION,
    ),
    Cause(
        "robot's process hangs",
        lambda s: s.signal_robots(signal.SIGSTOP),
        lambda s: s.signal_robots(signal.SIGCONT),
        DRIVER,
        braking=DECELERATION,
    ),
    Cause("robot's process: SIGTERM", lambda s: s.signal_robots(signal.SIGTERM), Stage.restart_robots, 0.1),
    _sensors("driver dies", 0.0, K.DRIVER_STOPS),
    _sensors("pose lost", POSE, K.ODOMETRY_LOST, K.POSE_LOST),
    _sensors("pose frozen, old stamps", POSE, K.ODOMETRY_STALE, K.POSE_STALE),
    _sensors("pose not a number", 0.05, K.ODOMETRY_NAN, K.POSE_NAN),
    _sensors("laser lost", SCAN, K.LASER_LOST),
    _sensors("laser frozen, old stamps", SCAN, K.LASER_STALE),
    Cause("obstacle in the stopping distance", Stage.obstruct, detection=0.1, lasts=False),
    Cause("clock leaps ahead by 30 s", lambda s: s.leap(30.0), periods=1, lasts=False),
    Cause("clock leaps back by 20 s", lambda s: s.leap(-20.0), periods=1, lasts=False),
    Cause("emergency stop of the robot", lambda s: s.press(True), lambda s: s.press(False), CALL),
    Cause(
        "emergency stop of the fleet",
        lambda s: s.stop_fleet.publish(Bool(data=True)),
        lambda s: s.stop_fleet.publish(Bool(data=False)),
        CALL,
    ),
    Cause("policy that no robot has", Stage.speak_as_another, Stage.replace_coordinator),
    Cause(
        "deactivated",
        lambda s: s.change_state(Transition.TRANSITION_DEACTIVATE),
        lambda s: s.change_state(Transition.TRANSITION_ACTIVATE),
        CALL,
    ),
    Cause("TF: odometry falls silent", lambda s: s.break_sensors(K.ODOMETRY_LOST), detection=POSE, setup="TF"),
    Cause("TF: localisation falls silent", lambda s: s.break_sensors(K.POSE_LOST), detection=POSE, setup="TF"),
    Cause("TF: old stamps", lambda s: s.break_sensors(K.ODOMETRY_STALE, K.POSE_STALE), detection=POSE, setup="TF"),
    Cause("TF: coordinator killed", lambda s: s.coordinator.process.kill(), Stage.restart_coordinator, COORDINATOR, setup="TF"),
    Cause(
        "Nav2: coordinator killed", lambda s: s.coordinator.process.kill(), Stage.restart_coordinator, COORDINATOR, setup="Nav2"
    ),
    Cause("Nav2: server killed", lambda s: s.signal_navigator(signal.SIGKILL), Stage.restart_navigator, NAV2, setup="Nav2"),
    Cause(
        "Nav2: server hangs",
        lambda s: s.signal_navigator(signal.SIGSTOP),
        lambda s: s.signal_navigator(signal.SIGCONT),
        NAV2,
        setup="Nav2",
    ),
    Cause("Nav2: server ends", lambda s: s.signal_navigator(signal.SIGINT), Stage.restart_navigator, NAV2, setup="Nav2"),
    Cause("Nav2: goals aborted", lambda s: s.signal_navigator(signal.SIGUSR1), detection=CALL, lasts=False, setup="Nav2"),
    Cause("Nav2: emergency stop of the robot", lambda s: s.press(True), lambda s: s.press(False), CALL, setup="Nav2"),
    _links("links: cut", CuttableLinks.cut, CuttableLinks.mend),
    _links("links: robot's link killed", CuttableLinks.kill_robots, CuttableLinks.revive_robots),
    _links("links: coordinator's link killed", CuttableLinks.kill_coordinators, CuttableLinks.revive_coordinators),
    _links("links: another address", lambda links: links.cable.lose_connections(), lasts=False),
    Cause(
        "links: coordinator killed, with a standby",
        lambda s: s.coordinator.process.kill(),
        Stage.change_places,
        COORDINATOR,
        lasts=False,
        setup="links",
    ),
)


def make_plan(robots: int, folder: Path) -> FleetPlan:
    """Plan a fleet on an open floor with two zones, whose policy always leads to the other zone."""
    ends = [[[side * (HALF - 2.0), LANE * i] for i in range(robots)] for side in (-1.0, 1.0)]
    low, high = -0.5 * LANE, LANE * (robots - 0.5)
    floor = {
        "zones": [
            {"name": "west", "rectangle": [-HALF, low, 0.0, high], "slots": ends[0], "goal": [-0.5 * HALF, 0.0]},
            {"name": "east", "rectangle": [0.0, low, HALF, high], "slots": ends[1], "goal": [0.5 * HALF, 0.0]},
        ]
    }
    (folder / "floor.yaml").write_text(yaml.safe_dump(floor))
    path = folder / "game.yaml"
    path.write_text(yaml.safe_dump({"name": "lanes", "builder": "floor", "parameters": {"map": "floor.yaml", "tick": TICK}}))
    game = load_game(path)
    bundle = train(game, TrainingOptions(K=1, rounds=1, n=10, runs=2, horizon=2, certificate_runs=0))
    to_other = np.zeros_like(bundle.pi_l.probabilities)
    to_other[..., 1] = 1.0
    policy = save_bundle(replace(bundle, pi_l=LocalPolicy(to_other)), folder / "policy.npz")
    return FleetPlan(str(path), policy, robots, 1, period=TICK, backend="physical")


def try_once(stage: Stage, cause: Cause) -> list[Trial]:
    """Strike all robots once, and return a trial of each."""
    node = stage.node
    if not stage.spin(stage.drives, PATIENCE):
        logs = [*(child.log for child in [stage.coordinator, *stage.robots]), *stage.folder.glob("navigators.log")]
        words = "\n".join(log.read_text()[-700:] for log in logs)
        raise SystemExit(
            f"error: before {cause.name!r} the fleet does not drive: {stage.reasons}, {node.speeds} {node.world.time}\n{words}"
        )
    before, speeds, start = node.world.contact_counts, node.speeds, node.world.time
    node.track.clear()
    cause.strike(stage)
    stage.wait(WATCH)
    times = np.array([at - start for at, _ in node.track])
    moves = np.array([moving for _, moving in node.track]) >= AT_REST
    contacts = node.world.contact_counts - before
    cause.repair(stage)
    answer = STEP + LAG * math.log(max(1.0, cause.braking * LAG / AT_REST))
    trials = []
    for i, speed in enumerate(speeds.tolist()):
        moving = np.flatnonzero(moves[:, i] if cause.lasts else np.logical_and.accumulate(moves[:, i]))
        rest = moving[-1] + 1 if moving.size else 0
        took = float(times[rest]) if rest < len(times) else math.inf
        period = max(1.0 / stage.rate, STEP)
        allowed = cause.detection + speed / cause.braking + (1 + cause.periods) * period + 2.0 * STEP + answer
        trials.append(Trial(speed, took, allowed, int(contacts[i])))
    return trials


def run(
    causes: Sequence[Cause], robots: int, trials: int, tell: Callable[[str, list[Trial]], None], *, rate: float = RATE
) -> dict[str, list[Trial]]:
    """Run trials of each cause, and return them by its name; `tell` is called when a cause is done."""
    found = {}
    for setup in dict.fromkeys(cause.setup for cause in causes):
        with tempfile.TemporaryDirectory() as folder, ProcessGroup(Path(folder) / "logs", os.environ) as group:
            stage = Stage(robots, Path(folder), group, setup=setup, rate=rate)
            try:
                for cause in (cause for cause in causes if cause.setup == setup):
                    done: list[Trial] = []
                    while len(done) < trials:
                        done += try_once(stage, cause)
                    found[cause.name] = done
                    tell(cause.name, done)
            finally:
                stage.close()
    return found


def row(name: str, trials: Sequence[Trial]) -> list[str]:
    took = np.array([trial.took for trial in trials])
    in_time = sum(trial.took <= trial.allowed for trial in trials)
    allowed = min(trial.allowed for trial in trials)
    contacts = sum(trial.contacts for trial in trials)
    seconds = (f"{value:.2f}" for value in (np.median(took), took.max(), allowed))
    return [name, str(len(trials)), str(in_time), *seconds, str(contacts)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=50, help="of each fault, at least")
    parser.add_argument("--robots", type=int, default=10)
    parser.add_argument("--only", default="", help="faults whose name contains this")
    parser.add_argument("--rate", type=float, default=RATE, help="of the control loop [Hz], 5 to 200")
    arguments = parser.parse_args()
    os.environ |= discovery_variables()
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(1, 101)))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    causes = [cause for cause in CAUSES if arguments.only in cause.name]
    title = f"{arguments.robots} robots at {SPEED} m/s, {arguments.rate:g} Hz, {os.cpu_count()} processors"
    table = Table(title=title, title_justify="left")
    for column in ("fault", "trials", "in time", "median [s]", "worst [s]", "allowed [s]", "contacts"):
        table.add_column(column, justify="left" if column == "fault" else "right")
    late: Counter[str] = Counter()

    def tell(name: str, trials: list[Trial]) -> None:
        table.add_row(*row(name, trials))
        print("  ".join(row(name, trials)), file=sys.stderr, flush=True)
        late[name] += sum(trial.took > trial.allowed or trial.contacts > 0 for trial in trials)

    run(causes, arguments.robots, arguments.trials, tell, rate=arguments.rate)
    Console(width=120).print(table)
    return int(bool(+late))


if __name__ == "__main__":
    raise SystemExit(main())
