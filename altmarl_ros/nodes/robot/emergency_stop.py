"""Emergency stops: of one robot by a service, of the fleet by a topic. Both latch, and are released on purpose only.

The fleet's topic is received whatever its publisher's quality of service is: one subscription gets the last message of
latched publishers, also when it comes later, and the other matches all publishers. A release counts only if it was sent
after the last stop, since a robot that comes later gets the last messages of several latched publishers in any order, and only
if nobody else than the presser can have sent it (`driving/stop_latch.py`). The second word for the fleet is the presser's name
on `<fleet prefix>/emergency_stop_release`, and for one robot its service `~/release`.

This is a convenience over a network, and no substitute for the emergency stop of the machine.
"""

from __future__ import annotations

import math
import time
from typing import Any, Callable

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from std_msgs.msg import Bool, String
from std_srvs.srv import SetBool, Trigger

from altmarl_ros.driving.stop_latch import StopLatch
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.endpoints import participants_publishing, subscribe_latched
from altmarl_ros.nodes.common.parameters import Parameter

TOPIC = "emergency_stop"
RELEASE_TOPIC = "emergency_stop_release"

SECOND_WORD, MACHINE = "second_word", "machine"

RELEASE = Parameter(
    "emergency_stop.release",
    SECOND_WORD,
    "What releases an emergency stop: who pressed it or a second word (the presser's name, or ~/release), or only a restart of "
    "the robot's process on its machine.",
    choices=(SECOND_WORD, MACHINE),
    fixed=True,
)

_THROTTLE = 1.0  # s between two warnings about what others ask for
_PATIENCE = 10.0  # s from the first word to the second, of one robot's stop


class FleetStop:
    """Receives the fleet's emergency stop for one process.

    Subscriptions: <fleet prefix>/emergency_stop (std_msgs/msg/Bool), latched and volatile, and
    <fleet prefix>/emergency_stop_release (std_msgs/msg/String).

    Attributes:
        latch: the stop.
    """

    def __init__(self, node: Node, fleet_prefix: str, release: str = SECOND_WORD) -> None:
        """`release` is the value of the parameter `RELEASE`."""
        self.latch = StopLatch()
        self._node, self._release = node, release
        self._stopped_at = 0  # ns, by the clock of who sent it
        self._topic, self._second = f"{fleet_prefix}/{TOPIC}", f"{fleet_prefix}/{RELEASE_TOPIC}"
        quiet = SubscriptionEventCallbacks(use_default_callbacks=False)  # publishers that only one subscription matches
        node.create_subscription(Bool, self._topic, self._on_message, qos.sensor_qos(), event_callbacks=quiet)
        subscribe_latched(node, Bool, self._topic, self._on_message)
        node.create_subscription(String, self._second, self._on_second_word, qos.report_qos())

    @property
    def pressed(self) -> bool:
        """Whether no robot may move."""
        return self.latch.pressed

    def _on_message(self, message: Bool, info: Any) -> None:
        sent, was = int(info["source_timestamp"]), self.pressed
        senders = participants_publishing(self._node, self._topic)
        if message.data:
            self._stopped_at = max(sent, self._stopped_at)
            self.latch.press(senders)
        elif was and sent > self._stopped_at and not (self._release == SECOND_WORD and self.latch.release(senders)):
            self._node.get_logger().warning(
                f"emergency stop of the fleet is not released: {self._remedy()}", throttle_duration_sec=_THROTTLE
            )
        self._say_change(was)

    def _on_second_word(self, message: String, info: Any) -> None:
        was = self.pressed
        if was and int(info["source_timestamp"]) > self._stopped_at and self._release == SECOND_WORD:
            self.latch.release_by_name(message.data)
        self._say_change(was)

    def _remedy(self) -> str:
        if self._release == MACHINE:
            return f"{RELEASE.name} is {MACHINE}, so only a restart of this process does that"
        names = " or ".join(self.latch.names)
        return f"others publish on {self._topic} too; say who pressed it, {names}, on {self._second} (std_msgs/msg/String)"

    def _say_change(self, was: bool) -> None:
        if self.pressed != was:
            by = f"pressed by {' or '.join(self.latch.names)}" if self.pressed else "released"
            self._node.get_logger().warning(f"emergency stop of the fleet {by}")


def offer_stop(node: Node, stop: Callable[[], None], release: Callable[[], None], policy: str = SECOND_WORD) -> None:
    """Offer a robot's own emergency stop as services.

    `~/emergency_stop` (std_srvs/srv/SetBool) presses it, or is the first word to release it; `~/release`
    (std_srvs/srv/Trigger) is the second. `policy` is the value of the parameter `RELEASE`.
    """
    asked_at = -math.inf

    def answer(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        nonlocal asked_at
        if request.data:
            asked_at = -math.inf
            stop()
            response.success, response.message = True, "stopped"
        elif policy == MACHINE:
            response.message = f"not released: {RELEASE.name} is {MACHINE}, so only a restart of this process does that"
        else:
            asked_at = time.monotonic()
            response.message = f"not yet released: call ~/release within {_PATIENCE:g} s to confirm"
        node.get_logger().warning(f"emergency stop: {response.message}", throttle_duration_sec=_THROTTLE)
        return response

    def confirm(_request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        nonlocal asked_at
        response.success = 0.0 <= time.monotonic() - asked_at <= _PATIENCE
        asked_at = -math.inf
        response.message = "released" if response.success else "not released: call ~/emergency_stop with data: false before"
        if response.success:
            release()
        node.get_logger().warning(f"emergency stop: {response.message}", throttle_duration_sec=_THROTTLE)
        return response

    node.create_service(SetBool, f"~/{TOPIC}", answer)
    node.create_service(Trigger, "~/release", confirm)
