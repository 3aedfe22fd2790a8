"""Emergency stops: of one robot by a service, of the fleet by a topic. Both latch, and are released on purpose only.

The fleet's topic is received whatever its publisher's quality of service is: one subscription gets the last message of
latched publishers, also when it comes later, and the other matches all publishers. A release counts only if it was sent
after the last stop, since a robot that comes later gets the last messages of several latched publishers in any order.

This is a convenience over a network, and no substitute for the emergency stop of the machine.
"""

from __future__ import annotations

from typing import Any, Callable

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import SetBool

from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.endpoints import subscribe_latched

TOPIC = "emergency_stop"


class FleetStop:
    """Receives the fleet's emergency stop for one process.

    Subscriptions: <fleet prefix>/emergency_stop (std_msgs/msg/Bool), latched and volatile.

    Attributes:
        pressed: whether no robot may move.
    """

    def __init__(self, node: Node, fleet_prefix: str) -> None:
        self.pressed = False
        self._node = node
        self._stopped_at = 0  # ns, by the clock of who sent it
        topic = f"{fleet_prefix}/{TOPIC}"
        quiet = SubscriptionEventCallbacks(use_default_callbacks=False)  # publishers that only one subscription matches
        node.create_subscription(Bool, topic, self._on_message, qos.sensor_qos(), event_callbacks=quiet)
        subscribe_latched(node, Bool, topic, self._on_message)

    def _on_message(self, message: Bool, info: Any) -> None:
        sent = int(info["source_timestamp"])
        was = self.pressed
        if message.data:
            self.pressed, self._stopped_at = True, max(sent, self._stopped_at)
        elif sent > self._stopped_at:
            self.pressed = False
        if self.pressed != was:
            self._node.get_logger().warning("emergency stop of the fleet " + ("pressed" if self.pressed else "released"))


def offer_stop(node: Node, stop: Callable[[], None], release: Callable[[], None]) -> None:
    """Offer a robot's own emergency stop as the service ~/emergency_stop (std_srvs/srv/SetBool)."""

    def answer(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        (stop if request.data else release)()
        response.success = True
        response.message = "stopped" if request.data else "released"
        node.get_logger().warning(f"emergency stop: {response.message}")
        return response

    node.create_service(SetBool, f"~/{TOPIC}", answer)
