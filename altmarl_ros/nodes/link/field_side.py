"""A robot's or an operator's side of a link: the ROS network of this machine on one hand, the coordinator on the other."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any, Mapping

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import InvalidTopicNameException
from rclpy.publisher import Publisher
from rclpy.serialization import deserialize_message
from rclpy.validate_full_topic_name import validate_full_topic_name
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from altmarl_ros.links.border import Border
from altmarl_ros.links.calls import Question
from altmarl_ros.links.field_end import FieldCallbacks, make_ends
from altmarl_ros.links.keys import Credentials
from altmarl_ros.links.services import NETCHECK
from altmarl_ros.links.store import Store
from altmarl_ros.links.table import Flow, base_of, flows, segment
from altmarl_ros.monitoring.health import Finding
from altmarl_ros.msg import BodyCommand
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.late_responses import LateResponse, allow_late_responses
from altmarl_ros.nodes.link.claims import false_claim
from altmarl_ros.nodes.link.findings import certificate_finding, refusals_finding, traffic_finding
from altmarl_ros.nodes.link.fleet_mirror import FleetMirror
from altmarl_ros.nodes.link.own_services import OneAtATime, checks_response, link_checks
from altmarl_ros.nodes.link.parameters import endpoints_in
from altmarl_ros.nodes.link.robot_services import RobotServices
from altmarl_ros.nodes.link.tick_publishers import TickPublishers
from altmarl_ros.nodes.link.topics import POLL, THROTTLE, link_topics, real_time, state_topic
from altmarl_ros.nodes.link.work_queue import WorkQueue

_LOOK = 0.25  # s between two looks at who subscribes to the policy of a type
_MOST_DRIVES = 10_000
_MOST_NAME = 256  # bytes
_FORGET = 1.0  # s between two looks at machines that tell nothing any more

# What is published under one name, from the start; other topics once there is something to publish.
_AT_ONCE = frozenset({"policy", "configuration", "report", "status", "diagnostics", "progress", "truth", "floor"})


class FieldSide:
    """Carries the coordinator's topics to this machine, and this machine's to the coordinator.

    Publishers: <fleet_prefix>/tick while the coordinator is heard over the link, one for each endpoint, so that whoever watches
    its liveliness notices its silence; policy, and the policies of types that robots here subscribe to;
    configuration, emergency_stop; at an operator also status, report, hello, the drive states of robots, /diagnostics and
    /trainer/progress; in simulations truth and <world_prefix>/floor, or the states of this machine's robot.
    Subscriptions (serialised): at a robot <fleet_prefix>/report, hello, its drive state and /diagnostics, in simulations
    <world_prefix>/command; everywhere emergency_stop and emergency_stop_release.
    Services: ~/netcheck, which measures the links; at an operator those of the fleet's nodes (`FleetMirror`).
    Service calls, for operators: those of the robot's process that `links.services` lists (`RobotServices`).
    """

    def __init__(self, node: GuardedNode, values: Mapping[str, Any], credentials: Credentials) -> None:
        """Dial out to the coordinator.

        Raises:
            AltmarlError: there is no endpoint, or one is wrong.
        """
        self._node, self._topics, self._credentials = node, link_topics(values), credentials
        role, simulated = credentials.identity.role, bool(values["simulation"])
        self._own, self._border = segment(credentials.identity), Border()
        self._work = WorkQueue(lambda told: node.get_logger().error(told, throttle_duration_sec=THROTTLE))
        self._publishers: dict[str, Publisher] = {}
        self._hellos: dict[str, bytes] = {}  # the last one of each robot
        self._stop_told: bool | None = None  # by the coordinator
        self._body_topic = ""
        folder = Path(values["policies.folder"]) if values["policies.folder"] else None
        self._ends = make_ends(
            base_of(values["fleet_prefix"]),
            credentials,
            endpoints_in(values["connect"]),
            self._callbacks,
            store=Store(folder),
            lease=float(values["lease"]),
            simulated=simulated,
        )
        measure = OneAtATime(lambda _: checks_response(link_checks(self._ends)))
        self._services = RobotServices(node, self._ends, measure) if role == "robot" else None
        self._mirror = FleetMirror(node, self._ends, self._border, self._work) if role == "operator" else None
        self._ticks = TickPublishers(self._topics["tick"], self._tick_nodes)
        if self._mirror is not None:
            self._mirror.on_change = self._ticks.update
            node.create_timer(_FORGET, self._mirror.forget, clock=real_time())
        for flow in flows(hearer=role, simulated=simulated):
            if flow.name in _AT_ONCE:
                self._publisher(flow.name)
        for flow in flows(sender=role, simulated=simulated):
            if flow.name in self._topics and flow.name != "robot_hello" and (flow.name != "drive" or values["drive_topic"]):
                self._carry(flow)
        self._offer_netcheck(measure)
        node.create_timer(POLL, self._poll, clock=real_time())
        node.create_timer(_LOOK, self._want, clock=real_time())
        for end in self._ends:
            end.start()

    def findings(self) -> list[Finding]:
        """Return what /diagnostics says of this link."""
        since = [(end.endpoint, end.heard_since, ", by datagram" if end.by_datagram else "") for end in self._ends]
        heard = [f"{endpoint} for {time.monotonic() - when:.0f} s{way}" for endpoint, when, way in since if when is not None]
        reasons = "; ".join(f"{end.endpoint}: {end.refusal or 'connected, and nobody is heard'}" for end in self._ends)
        borders = [self._border, *(end.border for end in self._ends)]
        trouble = "" if heard else f"no coordinator is heard: {reasons}"
        return [traffic_finding(borders, heard, trouble), refusals_finding(borders), certificate_finding(self._credentials)]

    def drain(self, timeout: float) -> None:
        """Wait until the last words, such as a robot's goodbye, have arrived, at most `timeout` [s]."""
        for end in self._ends:
            end.drain(timeout)

    def close(self) -> None:
        """Hang up."""
        if self._mirror is not None:
            self._mirror.close()
        for end in self._ends:
            end.close()

    def _callbacks(self, i: int) -> FieldCallbacks:
        return FieldCallbacks(
            lambda flow, holder, message, attachment: self._take(i, flow, holder, (message, attachment)),
            lambda name, messages: self._work.put(lambda: self._publish_state(name, messages)),
            lambda heard: self._work.put(lambda: self._set_heard(i, heard)),
            lambda question: self._work.put(lambda: self._serve(question)),
        )

    def _serve(self, question: Question) -> None:
        if self._services is not None:
            self._services.take(question)

    def _poll(self) -> None:
        self._work.run()
        if self._services is not None:
            self._services.run()

    def _tick_nodes(self, i: int) -> list[GuardedNode]:
        return (self._mirror.coordinators(i) if self._mirror is not None else []) or [self._node]

    def _offer_netcheck(self, measure: OneAtATime) -> None:
        def answer(_request: Any, _response: Any) -> LateResponse:
            return LateResponse(lambda send: measure("", lambda made: self._work.put(lambda: send(made))))

        allow_late_responses(self._node.create_service(Trigger, f"~/{NETCHECK}", answer))

    def _want(self) -> None:
        """Fetch the policies of those types of robots that somebody on this machine subscribes to."""
        for end in self._ends:
            topics = {name: state_topic(self._topics, name).name for name in end.offered}
            end.want(name for name, topic in topics.items() if self._node.count_subscribers(topic) > 0)

    def _set_heard(self, i: int, heard: bool) -> None:
        self._ticks.set_heard(i, heard)
        said = "heard" if heard else "silent"
        self._node.get_logger().info(f"coordinator {said} at {self._ends[i].endpoint}")

    def _take(self, i: int, flow: Flow, holder: str, content: tuple[bytes, bytes]) -> None:
        message, attachment = content
        if flow.name in ("tick", "poll"):
            self._ticks.publish(i, message)
        elif flow.name in ("robot_nodes", "coordinator_nodes"):
            if self._mirror is not None:
                self._mirror.hear(i, holder, message)
        elif flow.name == "robot_hello":
            self._work.put(lambda: self._publish_hello(holder, message))
        elif flow.name == "body":
            self._work.put(lambda: self._publish_body(message))
        elif flow.name == "drive":
            self._work.put(lambda: self._publish_drive(message, attachment))
        else:
            self._publishers["diagnostics" if flow.name == "health" else flow.name].publish(message)

    def _publish_state(self, name: str, messages: tuple[bytes, ...]) -> None:
        if name == "emergency_stop" and messages:
            # Before it is published: the subscription hears it too.
            self._stop_told = deserialize_message(messages[-1], Bool).data
        for message in messages:
            self._publisher(name).publish(message)

    def _publish_hello(self, holder: str, message: bytes) -> None:
        reason = false_claim("robot_hello", holder, message)
        if reason:
            self._border.refuse(holder, reason)
        elif self._hellos.get(holder) != message:
            self._hellos[holder] = message
            slot = f"hello {holder}"
            if slot not in self._publishers:
                topic = self._topics["robot_hello"]
                self._publishers[slot] = self._node.create_publisher(topic.type, topic.name, topic.offered)
            self._publishers[slot].publish(message)

    def _publish_body(self, message: bytes) -> None:
        if self._body_topic:
            self._publisher("body", self._body_topic).publish(message)

    def _publish_drive(self, message: bytes, attachment: bytes) -> None:
        name = attachment[:_MOST_NAME].decode(errors="replace")
        with contextlib.suppress(InvalidTopicNameException):
            if name.endswith("/drive") and validate_full_topic_name(name) and len(self._publishers) < _MOST_DRIVES:
                self._publisher("drive", name).publish(message)

    def _publisher(self, name: str, topic_name: str = "") -> Publisher:
        topic, slot = state_topic(self._topics, name), topic_name or name
        if slot not in self._publishers:
            self._publishers[slot] = self._node.create_publisher(topic.type, topic_name or topic.name, topic.offered)
        return self._publishers[slot]

    def _carry(self, flow: Flow) -> None:
        topic = self._topics[flow.name]
        attachment = topic.name.encode() if flow.name == "drive" else None

        def carry(message: bytes) -> None:
            reason = false_claim(flow.name, self._own, message)
            if reason:
                self._border.refuse(self._own, reason)
                return
            if flow.name == "press" and deserialize_message(message, Bool).data == self._stop_told:
                return  # the coordinator's own word, which this side has published
            if flow.name == "command":
                self._body_topic = deserialize_message(message, BodyCommand).body_topic
            if flow.name == "hello" and self._services is not None:
                self._services.note_hello(message)
            for end in self._ends:
                if flow.carriage == "request":
                    end.request(flow.name, message)
                else:
                    end.publish(flow.name, message, attachment)

        self._node.create_subscription(topic.type, topic.name, carry, topic.asked, raw=True)
        if flow.name == "press":  # also what latched publishers said before, as robots hear it
            quiet = SubscriptionEventCallbacks(use_default_callbacks=False)
            node = self._node
            node.create_subscription(topic.type, topic.name, carry, qos.latched_qos(), raw=True, event_callbacks=quiet)
