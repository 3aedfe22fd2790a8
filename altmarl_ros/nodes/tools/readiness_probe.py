"""Observes one robot and its coordinator for `altmarl check`, by subscriptions and by service calls that change nothing."""

from __future__ import annotations

import math
import time
from typing import Any, Callable, Mapping, Sequence

from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import GetParameters
from rclpy.action.graph import get_action_client_names_and_types_by_node
from rclpy.executors import Executor
from rclpy.parameter import Parameter as RclParameter
from rclpy.parameter import parameter_value_to_python
from std_srvs.srv import Trigger

from altmarl_ros.deployment import Check, CoordinatorObservations, RobotObservations
from altmarl_ros.deployment.readiness import differences
from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.robot_topics import (
    NAVIGATE_TO_POSE,
    TWISTS,
    CommandTopic,
    NavigatorAction,
    command_fault,
    navigator_fault,
)
from altmarl_ros.driving.sensor_health import lasting
from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.links.services import CHECK
from altmarl_ros.msg import CoordinatorStatus, DriveState, FleetTick, LocalPolicy
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import seconds
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.robot.node import PARAMETERS
from altmarl_ros.nodes.robot.pose_source import Fix
from altmarl_ros.nodes.robot.shared_resources import type_number
from altmarl_ros.nodes.robot.topic_observation import node_names, observe_command, observe_navigator
from altmarl_ros.nodes.tools.heard import Heard
from altmarl_ros.nodes.tools.link_checks import LONGEST, read_checks
from altmarl_ros.nodes.tools.sensor_probe import SensorProbe, topics_read, types_read
from altmarl_ros.protocol.held_policies import policy_topic

_REASONS = {reason.value: reason for reason in Reason}
_JUDGE = 0.05  # s between two judgements
_ANSWER = 5.0  # s; longest wait for a service
_MATCHING = 0.3  # s in which a node's other services are discovered after the first


class ReadinessProbe(GuardedNode):
    """Observes one robot, by what is public of it.

    Subscriptions: the robot's pose, odometry and scan topics, wherever they were remapped to; <robot>/robot/drive;
    <fleet_prefix>/status, tick and policy.
    Service calls: get_parameters and get_state of the robot, get_parameters of the coordinators; `check` of the robot's link.
    """

    def __init__(self, robot: str, executor: Executor) -> None:
        """`robot`: its namespace; `executor`: spun while the node waits and listens."""
        super().__init__("altmarl_check", start_parameter_services=False)
        self._executor = executor
        executor.add_node(self)
        self._namespace = "/" + robot.strip("/")
        self._robot = f"{self._namespace}/robot"
        self._sensors: SensorProbe | None = None
        self._said: list[list[Reason]] = []
        self._status, self._tick, self._drive, self._policy = Heard(self), Heard(self), Heard(self), Heard(self)

    def observe(self, duration: float, timeout: float, expected: Mapping[str, Any]) -> RobotObservations:
        """Listen for `duration` [s], after waiting at most `timeout` [s] for the robot to be there.

        `expected` are the parameters that the robot should have; they are handed on.
        """
        self._wait(lambda: self._count() > 0, timeout)
        if self._count() == 0:
            return RobotObservations(self._robot)
        values = self._ask_parameters(self._robot, [*(parameter.name for parameter in PARAMETERS), "use_sim_time"])
        state = self._state()
        if values is None:
            return RobotObservations(self._robot, self._count(), state)
        if values["use_sim_time"]:
            self.set_parameters([RclParameter("use_sim_time", value=True)])
            self._wait(lambda: self._now() > 0.0, _ANSWER)  # ages are wrong as long as the simulated clock has not begun
        if state in ("inactive", "active"):  # what it subscribes to is discovered after its services
            wanted = types_read(values)
            self._wait(lambda: all(topics_read(self, self._namespace, name) for name in wanted), _ANSWER)
        sensors = self._sensors = SensorProbe(self, self._namespace, values)
        self._subscribe(values["fleet_prefix"], _policy_topic(values))
        self._wait(lambda: False, duration)
        command, navigator = self._command(), self._navigator(values)
        return RobotObservations(
            node=self._robot,
            count=self._count(),
            state=state,
            values=values,
            expected=expected,
            streams=sensors.streams(),
            command=command,
            navigator=navigator,
            coordinator=self._coordinator(values["fleet_prefix"]),
            game_hash=_game_hash(values),
            zone=self._zone(values, sensors.fixes),
            nearest=sensors.nearest,
            clock=self._drive.ahead,
            reasons=tuple(self._drive.last.reasons) if self._drive.last is not None else None,
            said=lasting(self._said) if self._said else None,
            judged=sensors.reasons | _graph_reasons(command, navigator),
            laser=sensors.laser_source,
        )

    def over_link(self, timeout: float, expected: Mapping[str, Any]) -> list[Check] | None:
        """Return what the robot's own machine finds, where the robot is at the other end of a link; None: it is not.

        Waits at most `timeout` [s] for the robot to be there. `expected` are the parameters that it should have.
        """
        self._wait(lambda: self._count() > 0, timeout)
        if not self._wait(lambda: self._offers("get_state"), _ANSWER) or not self._wait(lambda: self._offers(CHECK), _MATCHING):
            return None
        checks = read_checks(self._ask(Trigger, f"{self._robot}/{CHECK}", Trigger.Request(), LONGEST))
        if expected:
            values = self._ask_parameters(self._robot, list(expected))
            other = differences(values or {}, expected)
            remedy = "start the robot by the fleet file as it is now" if other else ""
            detail = "; ".join(other) or "all parameters are those of the fleet file"
            checks.append(Check("fleet file", "failed" if other else "ok", detail, remedy))
        return checks

    def _offers(self, name: str) -> bool:
        return any(service == f"{self._robot}/{name}" for service, _ in self.get_service_names_and_types())

    def _wait(self, done: Callable[[], bool], timeout: float) -> bool:
        """Spin until `done`, at most for `timeout` [s]; returns whether it is done."""
        end = time.monotonic() + timeout
        while not done():
            if time.monotonic() > end:
                return False
            self._executor.spin_once(timeout_sec=_JUDGE)
            if self._sensors is not None:
                self._sensors.judge()
        return True

    def _count(self) -> int:
        return sum(f"{namespace.rstrip('/')}/{name}" == self._robot for name, namespace in self.get_node_names_and_namespaces())

    def _ask(self, service_type: Any, name: str, request: Any, timeout: float = _ANSWER) -> Any:
        """Call a service; returns its answer, None where it does not answer."""
        client: Any = self.create_client(service_type, name)
        try:
            if not self._wait(client.service_is_ready, _ANSWER):
                return None
            future = client.call_async(request)
            return future.result() if self._wait(future.done, timeout) else None
        finally:
            self.destroy_client(client)

    def _ask_parameters(self, node: str, names: Sequence[str]) -> dict[str, Any] | None:
        answer = self._ask(GetParameters, f"{node}/get_parameters", GetParameters.Request(names=list(names)))
        if answer is None or len(answer.values) != len(names):
            return None
        return {name: parameter_value_to_python(value) for name, value in zip(names, answer.values, strict=True)}

    def _state(self) -> str:
        answer = self._ask(GetState, f"{self._robot}/get_state", GetState.Request())
        return str(answer.current_state.label) if answer is not None else ""

    def _subscribe(self, prefix: str, of_policy: str) -> None:
        for topic, message_type, heard, profile in (
            (f"{prefix}/status", CoordinatorStatus, self._status, qos.account_qos()),
            (f"{prefix}/tick", FleetTick, self._tick, qos.tick_qos()),
            (of_policy, LocalPolicy, self._policy, qos.policy_qos()),
            (f"{self._robot}/drive", DriveState, self._drive, qos.latched_qos()),
        ):
            self.create_subscription(message_type, topic, heard.take, profile)
        self.create_subscription(DriveState, f"{self._robot}/drive", self._note_reasons, qos.latched_qos())

    def _note_reasons(self, message: DriveState) -> None:
        self._said.append([_REASONS[text] for text in message.reasons if text in _REASONS])

    def _now(self) -> float:
        return 1e-9 * float(self.get_clock().now().nanoseconds)

    def _command(self) -> CommandTopic | None:
        written = self.get_publisher_names_and_types_by_node("robot", self._namespace)
        found = next(((topic, name) for topic, types in written for name in types if name in TWISTS), None)
        return observe_command(self, *found) if found is not None else None

    def _navigator(self, values: Mapping[str, Any]) -> NavigatorAction | None:
        if values["drive.kind"] != "nav2":
            return None
        clients = get_action_client_names_and_types_by_node(self, "robot", self._namespace)
        action = next((str(name) for name, types in clients if NAVIGATE_TO_POSE in types), "")
        return observe_navigator(self, action or f"{self._namespace}/{values['drive.action']}", self._namespace)

    def _coordinator(self, prefix: str) -> CoordinatorObservations:
        publishers = [
            info for info in self.get_publishers_info_by_topic(f"{prefix}/tick") if info.node_name != "_NODE_NAME_UNKNOWN_"
        ]
        leases = [1e-9 * info.qos_profile.liveliness_lease_duration.nanoseconds for info in publishers]
        names = node_names(publishers)
        periods = [told["tick.period"] for name in names if (told := self._ask_parameters(name, ["tick.period"])) is not None]
        last = max(
            (seconds(heard.last.stamp) for heard in (self._tick, self._status) if heard.last is not None), default=-math.inf
        )
        return CoordinatorObservations(
            publishers=names,
            longest_lease=max(leases, default=math.inf),
            period=periods[0] if periods else None,
            last_tick=self._now() - last,
            clock=self._tick.ahead,
            game_hash=self._policy.last.game_hash if self._policy.last is not None else "",
        )

    def _zone(self, values: Mapping[str, Any], fixes: Sequence[Fix]) -> str:
        """Return the zone that the robot is in: as it says, else by the pose that is received here."""
        try:
            floor = load_floor_map(values["floor"] or values["game"])
        except AltmarlError:
            known = fixes or (self._drive.last is not None and self._drive.last.zone != DriveState.UNKNOWN)
            return "a zone that only the robot knows: its map is not on this machine" if known else ""
        if self._drive.last is not None:
            zone = int(self._drive.last.zone)
            return floor.plan.names[zone] if zone < len(floor.plan.names) else ""
        fix = fixes[-1] if fixes else None
        if fix is None or not fix.pose.is_finite:
            return ""
        zones = Zones(floor, values["zones.hysteresis"], values["zones.tolerance"], values["robot.radius"])
        located = zones.locate(fix.pose.x, fix.pose.y, None)
        return "" if located is None else floor.plan.names[located]


def _graph_reasons(command: CommandTopic | None, navigator: NavigatorAction | None) -> frozenset[Reason]:
    """Return what a robot lacks by who is there to take its commands and its goals."""
    found = {Reason.NO_DRIVER} if command is not None and command_fault(command) is not None else set()
    if navigator is not None and navigator_fault(navigator) is not None:
        found.add(Reason.NO_NAVIGATOR)
    return frozenset(found)


def _policy_topic(values: Mapping[str, Any]) -> str:
    """The topic of the robot's policy; that of its type where this machine has the game and its types."""
    try:
        robot_type = type_number(load_game(values["game"]), str(values["robot.type"]))
    except AltmarlError:
        robot_type = None
    return policy_topic(values["fleet_prefix"], robot_type)


def _game_hash(values: Mapping[str, Any]) -> str:
    try:
        return load_game(values["game"]).content_hash
    except AltmarlError:
        return ""
