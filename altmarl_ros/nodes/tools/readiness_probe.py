"""Observes one robot and its coordinator for `altmarl check`, by subscriptions and by service calls that change nothing."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any, Callable, Mapping, Sequence

from builtin_interfaces.msg import Time
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import GetParameters
from rclpy.action.graph import get_action_client_names_and_types_by_node
from rclpy.executors import Executor
from rclpy.parameter import Parameter as RclParameter
from rclpy.parameter import parameter_value_to_python

from altmarl_ros.deployment import CoordinatorObservations, RobotObservations
from altmarl_ros.driving.governor_types import GovernorSettings, Reason
from altmarl_ros.driving.protective_field import nearest
from altmarl_ros.driving.robot_topics import (
    NAVIGATE_TO_POSE,
    TWIST,
    TWIST_STAMPED,
    TWISTS,
    CommandTopic,
    Fault,
    NavigatorAction,
    Stream,
    command_fault,
    navigator_fault,
)
from altmarl_ros.driving.sensor_health import POSE_REASONS, SCAN_REASONS, lasting, sensor_reasons
from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.msg import CoordinatorStatus, DriveState, FleetTick, LocalPolicy
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock, seconds
from altmarl_ros.nodes.common.endpoints import Endpoints, is_latched, subscribe_latched
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.robot.node import PARAMETERS
from altmarl_ros.nodes.robot.parameters import drive_settings
from altmarl_ros.nodes.robot.pose_source import Fix
from altmarl_ros.nodes.robot.sensors import Sensors, sensor_types
from altmarl_ros.nodes.robot.topic_observation import (
    node_names,
    observe_command,
    observe_navigator,
    observe_stream,
    type_name,
)
from altmarl_ros.nodes.robot.transform_listener import TYPE as TRANSFORMS
from altmarl_ros.nodes.robot.transform_listener import TransformListener

_PARAMETERS = {"pose": "pose.topic", "odometry": "pose.odometry", "scan": "scan.topic"}
_REASONS = {reason.value: reason for reason in Reason}
_JUDGE = 0.05  # s between two judgements
_ANSWER = 5.0  # s; longest wait for a service
_NO_STAMP = Time()


class _Heard:
    """The messages that came on one topic.

    Attributes:
        arrivals: when they came, monotonic [s].
        ages: by their stamps [s].
        last: message.
    """

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.ages: list[float] = []
        self.last: Any = None


class ReadinessProbe(GuardedNode):
    """Observes one robot, by what is public of it.

    Subscriptions: the robot's pose, odometry and scan topics, wherever they were remapped to; <robot>/robot/drive;
    <fleet_prefix>/status, tick and policy.
    Service calls: get_parameters and get_state of the robot, get_parameters of the coordinators.
    """

    def __init__(self, robot: str, executor: Executor) -> None:
        """`robot`: its namespace; `executor`: spun while the node waits and listens."""
        super().__init__("altmarl_check", start_parameter_services=False)
        self._executor = executor
        executor.add_node(self)
        self._namespace = "/" + robot.strip("/")
        self._robot = f"{self._namespace}/robot"
        self._heard: dict[str, _Heard] = {}
        self._absent: dict[str, Stream] = {}  # topics that the robot should subscribe to, and does not
        self._fixes: list[Fix] = []
        self._sensors: Sensors | None = None
        self._settings: GovernorSettings | None = None
        self._judged: list[list[Reason]] = []
        self._said: list[list[Reason]] = []
        self._status, self._tick, self._drive, self._policy = _Heard(), _Heard(), _Heard(), _Heard()

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
            self._wait(lambda: all(map(self._topics_read, self._types_read(values))), _ANSWER)
        self._subscribe(values)
        self._wait(lambda: False, duration)
        command, navigator, streams = self._command(), self._navigator(values), self._observed_streams(values)
        return RobotObservations(
            node=self._robot,
            count=self._count(),
            state=state,
            values=values,
            expected=expected,
            streams=streams,
            command=command,
            navigator=navigator,
            coordinator=self._coordinator(values["fleet_prefix"]),
            game_hash=_game_hash(values),
            zone=self._zone(values),
            nearest=self._nearest(),
            clock=_ahead(self._drive),
            reasons=tuple(self._drive.last.reasons) if self._drive.last is not None else None,
            said=lasting(self._said) if self._said else None,
            judged=self._judged_by(command, navigator),
            laser=self._sensors.laser_source if self._sensors is not None else "scan.mount",
        )

    def _wait(self, done: Callable[[], bool], timeout: float) -> bool:
        """Spin until `done`, at most for `timeout` [s]; returns whether it is done."""
        end = time.monotonic() + timeout
        while not done():
            if time.monotonic() > end:
                return False
            self._executor.spin_once(timeout_sec=_JUDGE)
            self._judge()
        return True

    def _judge(self) -> None:
        """Judge what is received here by the robot's own code."""
        if self._sensors is None or self._settings is None:
            return
        self._sensors.poll()
        now = self._age_clock.now()
        self._judged.append(sensor_reasons(now, self._sensors.inputs(), self._settings))

    def _count(self) -> int:
        return sum(f"{namespace.rstrip('/')}/{name}" == self._robot for name, namespace in self.get_node_names_and_namespaces())

    def _ask(self, service_type: Any, name: str, request: Any) -> Any:
        """Call a service; returns its answer, None where it does not answer."""
        client: Any = self.create_client(service_type, name)
        try:
            if not self._wait(client.service_is_ready, _ANSWER):
                return None
            future = client.call_async(request)
            return future.result() if self._wait(future.done, _ANSWER) else None
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

    def _subscribe(self, values: Mapping[str, Any]) -> None:
        prefix = values["fleet_prefix"]
        located = dict(values)
        types = sensor_types(values)
        for purpose, message_type in types.items():
            topic = self._topic_read(type_name(message_type))
            located[_PARAMETERS[purpose]] = topic
            if not topic:
                self._absent[purpose] = self._unread(type_name(message_type))
                continue
            heard = self._heard[purpose] = _Heard()
            self.create_subscription(message_type, topic, self._into(heard), qos.sensor_qos())
            if purpose == "pose" and "odometry" in types and is_latched(self, topic):
                subscribe_latched(self, message_type, topic, self._into(heard))
        transforms = self._transforms(values)
        if values["pose.source"] == "tf" and transforms is None:
            self._absent["pose"] = self._unread(TRANSFORMS)
        if not self._absent:
            self._age_clock = AgeClock(self)
            make = Endpoints(self, overridable=False)
            self._settings = _settings(values)
            self._sensors = Sensors(self, make, located, self._age_clock, self._fixes.append, transforms=transforms)
        for topic, message_type, heard, profile in (
            (f"{prefix}/status", CoordinatorStatus, self._status, qos.account_qos()),
            (f"{prefix}/tick", FleetTick, self._tick, qos.tick_qos()),
            (f"{prefix}/policy", LocalPolicy, self._policy, qos.policy_qos()),
            (f"{self._robot}/drive", DriveState, self._drive, qos.latched_qos()),
        ):
            self.create_subscription(message_type, topic, self._into(heard), profile)
        self.create_subscription(DriveState, f"{self._robot}/drive", self._note_reasons, qos.latched_qos())

    def _types_read(self, values: Mapping[str, Any]) -> list[str]:
        """Return the message types of what the robot senses by."""
        types = [type_name(message_type) for message_type in sensor_types(values).values()]
        return [*types, TRANSFORMS] if values["pose.source"] == "tf" else types

    def _unread(self, wanted: str) -> Stream:
        fault = Fault(f"{self._robot} subscribes to no {wanted}", "configure it")
        return Stream(f"(no {wanted})", wanted, ("nobody",), frozenset({wanted}), refused=fault)

    def _note_reasons(self, message: DriveState) -> None:
        self._said.append([_REASONS[text] for text in message.reasons if text in _REASONS])

    def _judged_by(self, command: CommandTopic | None, navigator: NavigatorAction | None) -> frozenset[Reason]:
        """Return the reasons that the robot's own code found for what was received here."""
        found = set(lasting(self._judged))
        if self._absent:
            found |= POSE_REASONS | SCAN_REASONS
        if command is not None and command_fault(command) is not None:
            found.add(Reason.NO_DRIVER)
        if navigator is not None and navigator_fault(navigator) is not None:
            found.add(Reason.NO_NAVIGATOR)
        return frozenset(found)

    def _transforms(self, values: Mapping[str, Any]) -> TransformListener | None:
        """Return a listener to the transforms that the robot subscribes to; None: it subscribes to none."""
        topics = self._topics_read(TRANSFORMS)
        static = [topic for topic in topics if topic.endswith("_static")]
        moving = [topic for topic in topics if topic not in static]
        wanted = values["pose.source"] == "tf"
        if not static or (wanted and not moving):
            return None
        return TransformListener(self, ((moving or [""])[0], static[0]), moving=wanted)

    def _into(self, heard: _Heard) -> Callable[[Any], None]:
        def on_message(message: Any) -> None:
            if message == heard.last:
                return  # it came through a second subscription too
            heard.arrivals.append(time.monotonic())
            heard.last = message
            header = getattr(message, "header", None)
            stamp = seconds(header.stamp if header is not None else getattr(message, "stamp", _NO_STAMP))
            if stamp > 0.0:
                heard.ages.append(self._now() - stamp)

        return on_message

    def _now(self) -> float:
        return 1e-9 * float(self.get_clock().now().nanoseconds)

    def _topic_read(self, type_name: str) -> str:
        """Return the topic of a type that the robot's node subscribes to, wherever it was remapped to; empty: none."""
        return next(iter(self._topics_read(type_name)), "")

    def _topics_read(self, type_name: str) -> list[str]:
        read = self.get_subscriber_names_and_types_by_node("robot", self._namespace)
        return [str(topic) for topic, types in read if type_name in types]

    def _observed_streams(self, values: Mapping[str, Any]) -> dict[str, Stream]:
        """Return what was seen of the robot's topics, and received on them, by purpose."""
        seen = dict(self._absent)
        for purpose, stream in (self._sensors.streams(self._namespace) if self._sensors is not None else {}).items():
            heard = self._heard.get(purpose)
            arrivals = heard.arrivals if heard is not None else [fix.arrived for fix in self._fixes]
            ages = heard.ages if heard is not None else [fix.delay for fix in self._fixes]
            seen[purpose] = replace(
                stream,
                messages=len(arrivals),
                intervals=tuple(later - earlier for earlier, later in pairwise(arrivals)),
                age=statistics.median(ages) if ages else math.nan,
            )
        if values["drive.kind"] == "nav2":
            wanted = TWIST_STAMPED if values["drive.stamped"] else TWIST
            topic = self._topic_read(wanted)
            seen["velocity"] = observe_stream(self, topic, wanted, self._namespace, "") if topic else self._unread(wanted)
        return seen

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
            clock=_ahead(self._tick),
            game_hash=self._policy.last.game_hash if self._policy.last is not None else "",
        )

    def _zone(self, values: Mapping[str, Any]) -> str:
        """Return the zone that the robot is in: as it says, else by the pose that is received here."""
        try:
            floor = load_floor_map(values["floor"] or values["game"])
        except AltmarlError:
            known = self._fixes or (self._drive.last is not None and self._drive.last.zone != DriveState.UNKNOWN)
            return "a zone that only the robot knows: its map is not on this machine" if known else ""
        if self._drive.last is not None:
            zone = int(self._drive.last.zone)
            return floor.plan.names[zone] if zone < len(floor.plan.names) else ""
        fix = self._fixes[-1] if self._fixes else None
        if fix is None or not fix.pose.is_finite:
            return ""
        zones = Zones(floor, values["zones.hysteresis"], values["zones.tolerance"], values["robot.radius"])
        located = zones.locate(fix.pose.x, fix.pose.y, None)
        return "" if located is None else floor.plan.names[located]

    def _nearest(self) -> float:
        scan = self._sensors.scan if self._sensors is not None else None
        return nearest(scan.points) if scan is not None else math.inf


def _settings(values: Mapping[str, Any]) -> GovernorSettings | None:
    try:
        return drive_settings(values).governor
    except AltmarlError:
        return None


def _game_hash(values: Mapping[str, Any]) -> str:
    try:
        return load_game(values["game"]).content_hash
    except AltmarlError:
        return ""


def _ahead(heard: _Heard) -> float:
    """Return how far the sender's clock is ahead [s], from the message with the least delay; NaN without messages."""
    return -min(heard.ages, default=math.nan)
