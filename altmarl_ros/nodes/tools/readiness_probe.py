"""Observes one robot and its coordinator for `altmarl check`, by subscriptions and by service calls that change nothing."""

from __future__ import annotations

import math
import statistics
import time
from itertools import pairwise
from typing import Any, Callable, Mapping, Sequence

from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from lifecycle_msgs.srv import GetState
from nav_msgs.msg import Odometry
from rcl_interfaces.srv import GetParameters
from rclpy.executors import Executor
from rclpy.parameter import Parameter as RclParameter
from rclpy.parameter import parameter_value_to_python
from sensor_msgs.msg import LaserScan

from altmarl_ros.deployment import CommandTopic, CoordinatorObservations, RobotObservations, Stream
from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.msg import CoordinatorStatus, DriveState, FleetTick, LocalPolicy
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock, seconds
from altmarl_ros.nodes.common.endpoints import Endpoints, is_latched, subscribe_latched
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.robot import conversions as vehicle_conversions
from altmarl_ros.nodes.robot.node import PARAMETERS
from altmarl_ros.nodes.robot.parameters import pose_of
from altmarl_ros.nodes.robot.pose_source import Fix, PoseSource
from altmarl_ros.nodes.robot.transform_listener import TYPE as TRANSFORMS
from altmarl_ros.nodes.robot.transform_listener import TransformListener

_TWISTS = ("geometry_msgs/msg/Twist", "geometry_msgs/msg/TwistStamped")
_TYPES = {
    "odometry": Odometry,
    "pose": PoseStamped,
    "pose_with_covariance": PoseWithCovarianceStamped,
    "scan": LaserScan,
}
_ANSWER = 5.0  # s; longest wait for a service
_NO_STAMP = Time()


class _Heard:
    """The messages that came on one topic.

    Attributes:
        arrivals: when they came, monotonic [s].
        ages: by their stamps [s].
        frame: of the last one.
        last: message.
    """

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.ages: list[float] = []
        self.frame = ""
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
        self._streams: dict[str, tuple[str, _Heard]] = {}
        self._fixes: list[Fix] = []
        self._source: PoseSource | None = None
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
        self._subscribe(values)
        self._wait(lambda: False, duration)
        return RobotObservations(
            node=self._robot,
            count=self._count(),
            state=state,
            values=values,
            expected=expected,
            streams=self._observed_streams(values),
            command=self._command(),
            coordinator=self._coordinator(values["fleet_prefix"]),
            game_hash=_game_hash(values),
            zone=self._zone(values),
            nearest=self._nearest(values),
            clock=_ahead(self._drive),
            reasons=tuple(self._drive.last.reasons) if self._drive.last is not None else None,
        )

    def _wait(self, done: Callable[[], bool], timeout: float) -> bool:
        """Spin until `done`, at most for `timeout` [s]; returns whether it is done."""
        end = time.monotonic() + timeout
        while not done():
            if time.monotonic() > end:
                return False
            self._executor.spin_once(timeout_sec=0.05)
            if self._source is not None:
                self._source.poll()
        return True

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
        prefix, source = values["fleet_prefix"], values["pose.source"]
        roles = {"pose": source} if source in _TYPES else {}
        if source != "odometry" and values["pose.odometry"]:
            roles["odometry"] = "odometry"
        if values["scan.topic"]:
            roles["scan"] = "scan"
        topics = {role: self._topic_read(_type_name(_TYPES[kind])) for role, kind in roles.items()}
        for role, kind in roles.items():
            heard = _Heard()
            topic = topics[role]
            if topic:
                self.create_subscription(_TYPES[kind], topic, self._into(heard), qos.sensor_qos())
                if role == "pose" and "odometry" in roles and is_latched(self, topic):
                    subscribe_latched(self, _TYPES[kind], topic, self._into(heard))
            self._streams[role] = topic or f"(no {_type_name(_TYPES[kind])})", heard
        located = {**values, "pose.topic": topics.get("pose", ""), "pose.odometry": topics.get("odometry", "")}
        transforms = self._transforms() if source == "tf" else None
        if transforms is not None or topics.get("pose"):
            make = Endpoints(self, overridable=False)
            self._source = PoseSource(self, make, located, AgeClock(self), self._fixes.append, transforms=transforms)
        for topic, message_type, heard, profile in (
            (f"{prefix}/status", CoordinatorStatus, self._status, qos.account_qos()),
            (f"{prefix}/tick", FleetTick, self._tick, qos.tick_qos()),
            (f"{prefix}/policy", LocalPolicy, self._policy, qos.policy_qos()),
            (f"{self._robot}/drive", DriveState, self._drive, qos.latched_qos()),
        ):
            self.create_subscription(message_type, topic, self._into(heard), profile)

    def _transforms(self) -> TransformListener | None:
        """Return a listener to the transforms that the robot subscribes to; None: it subscribes to none."""
        topics = self._topics_read(TRANSFORMS)
        static = [topic for topic in topics if topic.endswith("_static")]
        moving = [topic for topic in topics if topic not in static]
        return TransformListener(self, (moving[0], static[0])) if moving and static else None

    def _transform_stream(self) -> Stream:
        moving = next((topic for topic in self._topics_read(TRANSFORMS) if not topic.endswith("_static")), "")
        publishers = self.get_publishers_info_by_topic(moving) if moving else []
        arrivals = [fix.arrived for fix in self._fixes]
        return Stream(
            moving or f"(no {TRANSFORMS})",
            TRANSFORMS,
            _names(publishers),
            frozenset(publisher.topic_type for publisher in publishers),
            len(arrivals),
            tuple(later - earlier for earlier, later in pairwise(arrivals)),
            statistics.median(fix.delay for fix in self._fixes) if self._fixes else math.nan,
            self._source.missing if self._source is not None else "",
        )

    def _into(self, heard: _Heard) -> Callable[[Any], None]:
        def on_message(message: Any) -> None:
            if message == heard.last:
                return  # it came through a second subscription too
            heard.arrivals.append(time.monotonic())
            heard.last = message
            header = getattr(message, "header", None)
            heard.frame = header.frame_id if header is not None else ""
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
        seen = {"pose": self._transform_stream()} if values["pose.source"] == "tf" else {}
        prefix = str(values["frame_prefix"]).replace("{id}", str(values["robot_id"]))
        for role, (topic, heard) in self._streams.items():
            kind = values["pose.source"] if role == "pose" else role
            publishers = self.get_publishers_info_by_topic(topic) if topic.startswith("/") else []
            frame = {"odometry": prefix + values["frames.odom"], "scan": heard.frame}.get(kind, values["frames.map"])
            refused = f"frame {heard.frame!r}, must be {frame!r}" if heard.last is not None and heard.frame != frame else ""
            if kind == "odometry" and not refused and heard.last is not None and heard.last.child_frame_id:
                base = prefix + values["frames.base"]
                if heard.last.child_frame_id != base:
                    refused = f"child frame {heard.last.child_frame_id!r}, must be {base!r}"
            seen[role] = Stream(
                topic=topic,
                wanted=_type_name(_TYPES[kind]),
                publishers=_names(publishers),
                offered=frozenset(publisher.topic_type for publisher in publishers),
                messages=len(heard.arrivals),
                intervals=tuple(later - earlier for earlier, later in zip(heard.arrivals, heard.arrivals[1:], strict=False)),
                age=statistics.median(heard.ages) if heard.ages else math.nan,
                refused=refused,
            )
        return seen

    def _command(self) -> CommandTopic | None:
        written = self.get_publisher_names_and_types_by_node("robot", self._namespace)
        found = next(((topic, name) for topic, types in written for name in types if name in _TWISTS), None)
        if found is None:
            return None
        topic, type_name = found
        subscribers = self.get_subscriptions_info_by_topic(topic)
        return CommandTopic(
            topic=topic,
            type=type_name,
            publishers=_names(self.get_publishers_info_by_topic(topic)),
            subscribers=_names(subscribers),
            subscribed_types=frozenset(subscriber.topic_type for subscriber in subscribers),
        )

    def _coordinator(self, prefix: str) -> CoordinatorObservations:
        publishers = [
            info for info in self.get_publishers_info_by_topic(f"{prefix}/tick") if info.node_name != "_NODE_NAME_UNKNOWN_"
        ]
        leases = [1e-9 * info.qos_profile.liveliness_lease_duration.nanoseconds for info in publishers]
        names = _names(publishers)
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
        fix = self._fixes[-1] if self._fixes else None
        if fix is None or not fix.pose.is_finite:
            return ""
        try:
            floor = load_floor_map(values["floor"] or values["game"])
        except AltmarlError:
            return "a zone that only the robot knows: its map is not on this machine"
        zones = Zones(floor, values["zones.hysteresis"], values["zones.tolerance"], values["robot.radius"])
        zone = zones.locate(fix.pose.x, fix.pose.y, None)
        return "" if zone is None else floor.plan.names[zone]

    def _nearest(self, values: Mapping[str, Any]) -> float:
        _, heard = self._streams.get("scan", ("", _Heard()))
        if heard.last is None:
            return math.inf
        points = vehicle_conversions.scan_from_message(heard.last, pose_of(values, "scan.mount")).points
        return float(min((math.hypot(x, y) for x, y in points), default=math.inf))


def _game_hash(values: Mapping[str, Any]) -> str:
    try:
        return load_game(values["game"]).content_hash
    except AltmarlError:
        return ""


def _ahead(heard: _Heard) -> float:
    """Return how far the sender's clock is ahead [s], from the message with the least delay; NaN without messages."""
    return -min(heard.ages, default=math.nan)


def _names(infos: Sequence[Any]) -> tuple[str, ...]:
    return tuple(sorted({f"{info.node_namespace.rstrip('/')}/{info.node_name}" for info in infos}))


def _type_name(message_type: Any) -> str:
    package, _, _ = str(message_type.__module__).partition(".")
    return f"{package}/msg/{message_type.__name__}"
