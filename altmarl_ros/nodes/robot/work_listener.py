"""Receives what a robot at work knows of its load and its battery."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from rclpy.node import Node
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool, Float32

from altmarl_ros.driving.robot_topics import Stream
from altmarl_ros.driving.work_state import WorkSettings, WorkState
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.robot.topic_observation import observe_stream, type_name


def work_settings(values: Mapping[str, Any]) -> WorkSettings:
    """Return how load and battery are read.

    Raises:
        AltmarlError: naming the parameter and the rule that it breaks.
    """
    text = str(values["battery.thresholds"])
    try:
        thresholds = tuple(float(number) for number in text.replace(",", " ").split())
    except ValueError:
        raise AltmarlError(f"parameter 'battery.thresholds' is {text[:80]!r}, must be numbers such as 0.2 0.5 0.8") from None
    return WorkSettings(
        load_timeout=float(values["timeout.load"]),
        battery_timeout=float(values["timeout.battery"]),
        flat=float(values["battery.flat"]),
        thresholds=thresholds,
        hysteresis=float(values["battery.hysteresis"]),
    )


class WorkListener:
    """Tells a `WorkState` what it hears.

    Subscriptions: `load.topic` (std_msgs/msg/Bool of a switch, or std_msgs/msg/Float32 of a scale), and `battery.topic`
    (sensor_msgs/msg/BatteryState) where batteries count in the game.
    """

    def __init__(
        self,
        node: Node,
        make: Endpoints,
        values: Mapping[str, Any],
        clock: AgeClock,
        work: WorkState,
        *,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called after every message."""
        self._node, self._clock, self._work, self._changed = node, clock, work, changed
        self._kind = str(values["load.kind"])
        self._threshold = float(values["load.threshold"])
        load_type = Bool if self._kind == "switch" else Float32
        self._topics: dict[str, tuple[Any, str]] = {"load": (load_type, str(values["load.topic"]))}
        make.subscription(load_type, values["load.topic"], self._on_load, qos.sensor_qos())
        if work.has_battery:
            self._topics["battery"] = (BatteryState, str(values["battery.topic"]))
            make.subscription(BatteryState, values["battery.topic"], self._on_battery, qos.sensor_qos())

    def streams(self, namespace: str) -> dict[str, Stream]:
        """Return who publishes what the robot of a namespace knows of itself by, by purpose."""
        node = self._node
        return {
            purpose: observe_stream(node, node.resolve_topic_name(topic), type_name(kind), namespace, f"{purpose}.topic")
            for purpose, (kind, topic) in self._topics.items()
        }

    def _on_load(self, message: Any) -> None:
        loaded = bool(message.data) if self._kind == "switch" else float(message.data) >= self._threshold
        self._work.hear_load(loaded, self._clock.now())
        self._changed()

    def _on_battery(self, message: BatteryState) -> None:
        self._work.hear_charge(float(message.percentage), self._clock.now())
        self._changed()
