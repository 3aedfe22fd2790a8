"""Publishes what robots at work, and the plant of their coordinator, would tell on a real floor."""

from __future__ import annotations

from typing import Sequence

from rclpy.node import Node
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool

from altmarl_ros.arrays import FloatArray
from altmarl_ros.monitoring.health import Finding, Level
from altmarl_ros.msg import GlobalAction, GlobalState
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.simulators.sensor_topics import to_time
from altmarl_ros.simulation.physical.work import FloorWork

_BATTERY_PERIOD = 1.0  # s, simulated


class WorkTopics:
    """Publishes loads, batteries and the crew of a simulated floor, and hears where the crew is sent.

    Publishers: <namespace>/load (std_msgs/msg/Bool), <namespace>/battery (sensor_msgs/msg/BatteryState), and
    <fleet_prefix>/global_state (GlobalState).
    Subscription: <fleet_prefix>/global_action (GlobalAction).
    """

    def __init__(self, node: Node, make: Endpoints, namespaces: Sequence[str], prefix: str, work: FloorWork) -> None:
        """`namespaces` are the robots' and absolute."""
        self._work, self._battery_at = work, 0.0
        self._loads = [node.create_publisher(Bool, f"{namespace}/load", qos.simulated_qos()) for namespace in namespaces]
        self._batteries = [
            node.create_publisher(BatteryState, f"{namespace}/battery", qos.simulated_qos()) for namespace in namespaces
        ]
        self._state = make.publisher(GlobalState, f"{prefix}/global_state", qos.report_qos())
        make.subscription(GlobalAction, f"{prefix}/global_action", self._on_action, qos.plant_action_qos())

    def publish(self, now: float, charge: FloatArray) -> None:
        """Publish all at simulated time `now` [s], with the charge of each battery [n]."""
        self._state.publish(GlobalState(stamp=to_time(now), global_state=self._work.stop))
        for publisher, loaded in zip(self._loads, self._work.loaded.tolist(), strict=True):
            publisher.publish(Bool(data=loaded))
        if now >= self._battery_at:
            self._battery_at = now + _BATTERY_PERIOD
            for publisher, share in zip(self._batteries, charge.tolist(), strict=True):
                message = BatteryState(percentage=share, present=True)
                message.header.stamp = to_time(now)
                publisher.publish(message)

    def finding(self, ids: Sequence[int]) -> Finding:
        """A finding for /diagnostics: what was delivered."""
        delivered = self._work.delivered
        least = int(delivered.argmin())
        message = f"{int(delivered.sum())} loads delivered, robot {ids[least]} {int(delivered[least])}"
        return Finding("work", Level.OK, message, {"delivered": int(delivered.sum()), "carried": int(self._work.loaded.sum())})

    def _on_action(self, message: GlobalAction) -> None:
        self._work.send(message.global_action)
