"""The coordinator's side of a link: its ROS topics on one hand, all robots and operators on the other."""

from __future__ import annotations

import time
from typing import Any, Mapping

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import InvalidTopicNameException
from rclpy.publisher import Publisher
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.validate_full_topic_name import validate_full_topic_name
from std_msgs.msg import Bool

from altmarl_ros.driving.coordinator_watch import CoordinatorWatch
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.robot_types import MOST_TYPES
from altmarl_ros.links.coordinator_end import CoordinatorEnd
from altmarl_ros.links.keys import WARNING_DAYS, Credentials
from altmarl_ros.links.table import Flow, base_of
from altmarl_ros.monitoring.health import Finding
from altmarl_ros.msg import BodyCommand
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.link.claims import false_claim
from altmarl_ros.nodes.link.findings import certificate_finding, refusals_finding, traffic_finding
from altmarl_ros.nodes.link.nodes_teller import LOOK, NodesTeller
from altmarl_ros.nodes.link.offered_nodes import coordinator_nodes
from altmarl_ros.nodes.link.parameters import endpoints_in
from altmarl_ros.nodes.link.service_caller import ServiceCaller
from altmarl_ros.nodes.link.tick_thinning import TickThinner
from altmarl_ros.nodes.link.topics import POLL, THROTTLE, link_topics, real_time, state_topic
from altmarl_ros.nodes.link.work_queue import WorkQueue
from altmarl_ros.nodes.robot.emergency_stop import FleetStop

_REFRESH = 0.25  # s between two looks at the register
_KEPT = {"policy": 2, "configuration": 1}  # messages of each state
_BEATS = 3  # signs of life per lease


class CoordinatorSide:
    """Carries a coordinator's topics to robots and operators, and theirs to it.

    Subscriptions (serialised): <fleet_prefix>/tick, policy (in a fleet with types those of all types),
    configuration, status, /diagnostics, /trainer/progress; in simulations truth and <world_prefix>/floor.
    Publishers: <fleet_prefix>/report, and for each robot one on hello, so that a coordinator that starts later gets the last
    word of each; emergency_stop and emergency_stop_release once somebody at the other end of the link says so; in simulations
    <world_prefix>/command.
    Service calls, for operators: those of coordinators and trainer that `links.services` lists.

    A stop counts here as it does at a robot (`FleetStop`), and robots and operators are told what this side holds for true.
    """

    def __init__(self, node: GuardedNode, values: Mapping[str, Any], credentials: Credentials) -> None:
        """Listen for links.

        Raises:
            AltmarlError: the register or an endpoint is wrong, or the port cannot be opened.
        """
        self._node, self._topics, self._credentials = node, link_topics(values), credentials
        self._lease, simulated = float(values["lease"]), bool(values["simulation"])
        self._work = WorkQueue(lambda told: node.get_logger().error(told, throttle_duration_sec=THROTTLE))
        self._publishers: dict[str, Publisher] = {}
        self._bodies: dict[str, str] = {}  # topic of a simulated robot's states, by its holder
        self._kept: dict[str, list[bytes]] = {}
        self._stop = FleetStop(node, values["fleet_prefix"])
        self._told_stop, self._thinner = False, TickThinner()
        self._watch = CoordinatorWatch()  # as at a robot: a standby's writer lives on when the coordinator dies
        self._pressers: set[str] = set()
        self._trouble = ""
        self._teller = NodesTeller(lambda: coordinator_nodes(node, self._topics["tick"].name))
        self._caller = ServiceCaller(node, lambda: self._teller.nodes, {})
        end = CoordinatorEnd(
            base_of(values["fleet_prefix"]),
            credentials,
            endpoints_in(values["listen"]),
            self._take,
            on_call=lambda question: self._work.put(lambda: self._caller.take(question)),
            simulated=simulated,
            guarded=bool(values["guarded"]),
            datagrams=bool(values["datagrams"]),
            policy_rate=float(values["policies.rate"]),
        )
        self._end = end
        for name in ("report", *(["command"] if simulated else [])):
            self._publisher(name, name)
        end.open()
        alive = SubscriptionEventCallbacks(liveliness=self._on_writers_changed)
        tick = self._topics["tick"]
        node.create_subscription(tick.type, tick.name, self._carry_tick, tick.asked, raw=True, event_callbacks=alive)
        for name in ("status", "health", "progress", *(["truth", "floor"] if simulated else [])):
            self._carry(name)
        for name in _KEPT:
            self._keep(name)
        node.create_timer(POLL, self._poll, clock=real_time())
        node.create_timer(_REFRESH, self._refresh, clock=real_time())
        node.create_timer(LOOK, self._tell_nodes, clock=real_time())

    def findings(self) -> list[Finding]:
        """Return what /diagnostics says of this link."""
        now = time.monotonic()
        connected = sorted(
            f"{each.who.common_name.rpartition('.')[0]} for {now - each.since:.0f} s" for each in self._end.connections()
        )
        soon = [entry.name for entry in self._end.expiring(WARNING_DAYS)]
        return [
            traffic_finding([self._end.border], connected, self._trouble, self._end.turned_away),
            refusals_finding([self._end.border]),
            certificate_finding(self._credentials, soon),
        ]

    def drain(self, timeout: float) -> None:
        """Tell everybody that this coordinator is not heard any more."""
        self._end.set_alive(False)

    def close(self) -> None:
        """Hang up."""
        self._end.close()

    def _carry_tick(self, message: bytes) -> None:
        self._watch.tick_received(time.monotonic())
        self._end.set_alive(not self._watch.lost)
        thin = self._thinner.thin(message)
        if thin.only_for is None:
            self._end.publish("tick", thin.message)
        for robot_id in thin.only_for or ():
            self._end.publish("poll", thin.message, holder=str(robot_id))

    def _carry(self, name: str) -> None:
        topic = self._topics[name]

        def carry(message: bytes) -> None:
            self._end.publish(name, message)

        self._node.create_subscription(topic.type, topic.name, carry, topic.asked, raw=True)

    def _on_writers_changed(self, info: Any) -> None:
        self._watch.writers_changed(info.alive_count, info.not_alive_count)
        self._end.set_alive(info.alive_count > 0 and not self._watch.lost)

    def _keep(self, name: str) -> None:
        """Subscribe to a latched topic, whose last messages are a state of the link."""
        topic, most = state_topic(self._topics, name), _KEPT[name.partition("/")[0]]

        def keep(message: bytes) -> None:
            kept = [other for other in self._kept[name] if other != message]
            self._kept[name] = [*kept, message][-most:]
            self._end.set_state(name, self._kept[name])

        self._kept[name] = []
        self._node.create_subscription(topic.type, topic.name, keep, topic.asked, raw=True)

    def _keep_types(self) -> None:
        """Subscribe to the policies of types, once a coordinator publishes them: this side does not know the game."""
        number = sum(name not in _KEPT for name in self._kept)
        name = f"policy/type_{number}"
        if number < MOST_TYPES and self._node.count_publishers(state_topic(self._topics, name).name) > 0:
            self._keep(name)

    def _take(self, flow: Flow, holder: str, message: bytes, _attachment: bytes) -> bool:
        reason = false_claim(flow.name, holder, message)
        if reason:
            self._end.border.refuse(holder, reason)
            return False
        if flow.name == "report":
            self._publishers["report"].publish(message)
        elif flow.name == "hello":
            self._work.put(lambda: self._publisher("hello", f"hello {holder}").publish(message))
        elif flow.name == "press":
            self._work.put(lambda: self._press(holder, message))
        elif flow.name == "second_word":
            self._work.put(lambda: self._publisher("second_word", "second_word").publish(message))
        elif flow.name == "command":
            if holder in self._bodies:
                self._publishers["command"].publish(message)
            else:
                self._work.put(lambda: self._command(holder, message))
        return True

    def _press(self, holder: str, message: bytes) -> None:
        """Pass a stop on, and its release where nobody else pressed one over the link."""
        if deserialize_message(message, Bool).data:
            self._pressers.add(holder)
        elif self._pressers - {holder}:
            self._end.border.refuse(holder, f"release of a stop that {', '.join(sorted(self._pressers))} pressed")
            return
        else:
            self._pressers.discard(holder)
        self._publisher("press", "press").publish(message)

    def _command(self, holder: str, message: bytes) -> None:
        """Subscribe to the states of a simulated robot, before its first command reaches the world."""
        topic = deserialize_message(message, BodyCommand).body_topic
        try:
            validate_full_topic_name(topic)
        except InvalidTopicNameException:
            self._end.border.refuse(holder, "command that names no topic")
            return
        if holder not in self._bodies:
            self._bodies[holder] = topic
            body = self._topics["body"]
            self._node.create_subscription(
                body.type, topic, lambda state: self._end.publish("body", state, holder=holder), body.asked, raw=True
            )
        self._publishers["command"].publish(message)

    def _publisher(self, name: str, slot: str) -> Publisher:
        if slot not in self._publishers:
            topic = self._topics[name]
            self._publishers[slot] = self._node.create_publisher(topic.type, topic.name, topic.offered)
        return self._publishers[slot]

    def _tell_nodes(self) -> None:
        packed = self._teller.look(self._end.wanted("coordinator_nodes"))
        if packed is not None:
            self._end.publish("coordinator_nodes", packed)

    def _poll(self) -> None:
        self._work.run()
        self._caller.run()
        if self._stop.pressed != self._told_stop:
            self._told_stop = self._stop.pressed
            if not self._told_stop:
                self._pressers.clear()
            self._end.set_state("emergency_stop", [serialize_message(Bool(data=self._told_stop))])
        self._end.send_beacon_if_due(self._lease / _BEATS)

    def _refresh(self) -> None:
        self._keep_types()
        began = time.monotonic()
        try:
            if self._end.refresh():
                took = time.monotonic() - began
                self._node.get_logger().warning(f"the register has changed: all links were opened again in {took:.2f} s")
            self._trouble = ""
        except AltmarlError as error:
            self._trouble = str(error)
            self._node.get_logger().error(f"link is closed: {error}", throttle_duration_sec=THROTTLE)
