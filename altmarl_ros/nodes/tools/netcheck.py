"""The two nodes of `altmarl netcheck`: one answers ticks as k robots would, the other sends ticks and times the answers."""

from __future__ import annotations

import time

import numpy as np

from altmarl_ros.msg import FleetTick, RobotReport
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.guarded import GuardedNode

_TICK, _REPORT = "/altmarl_netcheck/tick", "/altmarl_netcheck/report"
_DEPTH = 10_000


class NetcheckListener(GuardedNode):
    """Answers every tick with one report for each polled id.

    Subscription: /altmarl_netcheck/tick. Publisher: /altmarl_netcheck/report.
    """

    def __init__(self) -> None:
        super().__init__("altmarl_netcheck_listener", start_parameter_services=False)
        self.answered = 0
        self._publisher = self.create_publisher(RobotReport, _REPORT, qos.report_qos(_DEPTH))
        self.create_subscription(FleetTick, _TICK, self._on_tick, qos.tick_qos())

    def _on_tick(self, message: FleetTick) -> None:
        self.answered += 1
        for robot_id in message.polled[:_DEPTH]:
            self._publisher.publish(RobotReport(session=message.session, tick=message.tick, robot_id=int(robot_id)))


class NetcheckPeer(GuardedNode):
    """Sends ticks and takes the delays of the answers.

    Publisher: /altmarl_netcheck/tick. Subscription: /altmarl_netcheck/report.

    Attributes:
        sent: monotonic time of every tick [s].
        answers: delays of the reports [s], by tick.
    """

    def __init__(self) -> None:
        super().__init__("altmarl_netcheck_peer", start_parameter_services=False)
        self.sent: list[float] = []
        self.answers: list[list[float]] = []
        self._publisher = self.create_publisher(FleetTick, _TICK, qos.tick_qos())
        self.create_subscription(RobotReport, _REPORT, self._on_report, qos.report_qos(_DEPTH))

    @property
    def connected(self) -> bool:
        """Whether the listener has been discovered, in both directions."""
        return self._publisher.get_subscription_count() > 0 and self.count_publishers(_REPORT) > 0

    def send(self, k: int) -> None:
        """Send one tick that polls k ids."""
        self.sent.append(time.monotonic())
        self.answers.append([])
        self._publisher.publish(FleetTick(tick=len(self.sent) - 1, polled=np.arange(k, dtype=np.uint32)))

    def _on_report(self, message: RobotReport) -> None:
        if message.tick < len(self.sent):
            self.answers[message.tick].append(time.monotonic() - self.sent[message.tick])
