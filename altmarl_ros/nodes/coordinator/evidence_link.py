"""The coordinator's topic for what others know of the hidden state."""

from __future__ import annotations

import time

from altmarl_ros.errors import AltmarlError
from altmarl_ros.monitoring.health import Finding, Level
from altmarl_ros.msg import HiddenEvidence
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.protocol.evidence import EvidenceInbox

EVIDENCE_TIMEOUT = Parameter(
    "evidence.timeout",
    10.0,
    "How long what others tell of the hidden state counts; older messages are dropped.",
    0.01,
    3600.0,
    unit="s",
)

_THROTTLE = 5.0  # s


class EvidenceLink:
    """Feeds a `protocol.evidence.EvidenceInbox` by what is told on `<prefix>/hidden_evidence` (HiddenEvidence).

    Attributes:
        inbox: what the coordinator's core takes it from.
    """

    def __init__(self, endpoints: Endpoints, prefix: str, hidden_states: int, timeout: float) -> None:
        """`timeout` is how long what was told counts [s]."""
        self._node = endpoints.node
        self.inbox = EvidenceInbox(hidden_states, timeout, time.monotonic)
        self._reported = 0
        endpoints.subscription(HiddenEvidence, f"{prefix}/hidden_evidence", self._on_evidence, qos.command_qos())

    def finding(self) -> Finding:
        """A finding for /diagnostics; that nobody tells anything is none."""
        new, self._reported = self.inbox.refused - self._reported, self.inbox.refused
        message = f"{self.inbox.heard} messages about the hidden state" + (
            f", {new} refused since the last diagnosis" if new else ""
        )
        values = {"messages": self.inbox.heard, "refused": self.inbox.refused, "age [s]": self.inbox.age}
        return Finding("evidence", Level.WARN if new else Level.OK, message, values)

    def _on_evidence(self, message: HiddenEvidence) -> None:
        stamp = message.stamp.sec * 10**9 + message.stamp.nanosec
        age = 1e-9 * (self._node.get_clock().now().nanoseconds - stamp) if stamp else 0.0
        try:
            self.inbox.hear(message.weight, message.source[:80], stamp, age)
        except AltmarlError as error:
            self._node.get_logger().warning(
                f"evidence of {message.source[:80]!r} refused: {error}", throttle_duration_sec=_THROTTLE
            )
