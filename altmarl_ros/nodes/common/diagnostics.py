"""Publishes findings on `/diagnostics`, as ROS tools expect them; diagnostic_updater is not on the package index."""

from __future__ import annotations

from typing import Callable, Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from altmarl_ros.monitoring.health import Finding, Threshold
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.common.qos import diagnostics_qos

PERIOD = Parameter("diagnostics.period", 1.0, "Time between messages on /diagnostics; 0: none.", 0.0, 3600.0, unit="s")

GRACE = Parameter(
    "diagnostics.grace",
    30.0,
    "Time after the start in which what is still missing (coordinator, robots, poses, scans, driver) is no alarm.",
    0.0,
    3600.0,
    unit="s",
)


def threshold_parameters(name: str, default: Threshold, description: str) -> tuple[Parameter, Parameter]:
    """The two parameters of a threshold, `diagnostics.<name>.warn` and `.error`, both live."""
    return (
        Parameter(f"diagnostics.{name}.warn", default.warn, f"{description} from which on to warn.", 0.0, live=True),
        Parameter(f"diagnostics.{name}.error", default.error, f"{description} from which on it is an error.", 0.0, live=True),
    )


def to_status(finding: Finding, node_name: str, hardware_id: str) -> DiagnosticStatus:
    """Convert one finding to a message named `<node>: <finding>`."""
    values = [KeyValue(key=key, value=_text(value)) for key, value in finding.values.items()]
    return DiagnosticStatus(
        level=bytes([finding.level]),
        name=f"{node_name}: {finding.name}",
        message=finding.message,
        hardware_id=hardware_id,
        values=values,
    )


class Diagnostics:
    """Publishes the findings of a node, once per period."""

    def __init__(
        self, node: Node, endpoints: Endpoints, period: float, hardware_id: str, diagnose: Callable[[], Sequence[Finding]]
    ) -> None:
        """Call `diagnose` and publish what it finds every `period` [s], 0: never; `hardware_id` is that of the messages."""
        self._node, self._hardware_id, self._diagnose = node, hardware_id, diagnose
        if period > 0:
            self._publisher = endpoints.publisher(DiagnosticArray, "/diagnostics", diagnostics_qos())
            node.create_timer(period, self._publish)

    def _publish(self) -> None:
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        name = self._node.get_fully_qualified_name()
        message.status = [to_status(finding, name, self._hardware_id) for finding in self._diagnose()]
        self._publisher.publish(message)


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
