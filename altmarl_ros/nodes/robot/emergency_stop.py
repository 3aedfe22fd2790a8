"""Emergency stops: of one robot by a service, of the fleet by a topic. Both latch, and are released on purpose only.

The fleet's topic is heard whatever its writer's quality of service is: one reader gets the last word of latched writers,
also when it comes later, the other matches all writers. A release counts only if it was sent after the last stop, since
of several latched writers a robot that comes later hears the last words in any order.

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
    """The fleet's emergency stop, as one process hears it.

    Attributes:
        pressed: whether nothing may move.
    """

    def __init__(self, node: Node, fleet_prefix: str) -> None:
        self.pressed = False
        self._node = node
        self._stopped_at = 0  # ns, by the clock of who sent it
        topic = f"{fleet_prefix}/{TOPIC}"
        quiet = SubscriptionEventCallbacks(use_default_callbacks=False)  # writers that only one reader matches
        node.create_subscription(Bool, topic, self._hear, qos.sensor_qos(), event_callbacks=quiet)
        subscribe_latched(node, Bool, topic, self._hear)

    def _hear(self, message: Bool, info: Any) -> None:
        sent = int(info["source_timestamp"])
        was = self.pressed
        if message.data:
            self.pressed, self._stopped_at = True, max(sent, self._stopped_at)
        elif sent > self._stopped_at:
            self.pressed = False
        if self.pressed != was:
            self._node.get_logger().warning("emergency stop of the fleet " + ("pressed" if self.pressed else "released"))


def offer_stop(node: Node, stop: Callable[[], None], release: Callable[[], bool]) -> None:
    """Offer a robot's own emergency stop as the service `~/emergency_stop`; `release` says whether it worked."""

    def answer(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if request.data:
            stop()
        response.success = request.data or release()
        response.message = "stopped" if request.data else "released" if response.success else "the cause persists"
        node.get_logger().warning(f"emergency stop: {response.message}")
        return response

    node.create_service(SetBool, f"~/{TOPIC}", answer)
