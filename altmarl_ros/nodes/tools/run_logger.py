"""Collects status, configuration, truth and the number of reports of a running fleet in a `records.run_record.RunLog`."""

from __future__ import annotations

from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration, FleetTruth, FloorTruth, RobotReport
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.records.rows import StatusRow
from altmarl_ros.records.run_log import RunLog

_REPORT_DEPTH = 10_000


class RunLogger(GuardedNode):
    """Logs a run.

    Subscriptions: <fleet_prefix>/status, configuration, truth, report; <world_prefix>/floor.

    Attributes:
        log: everything that was heard.
        latest: the last status; None: none came.
    """

    def __init__(self, log: RunLog | None = None, fleet_prefix: str = "/fleet", world_prefix: str = "/world") -> None:
        """Log into `log`, or into one that keeps the newest ticks alone."""
        super().__init__("operator", start_parameter_services=False)
        self.log = RunLog() if log is None else log
        self.latest: StatusRow | None = None
        self.create_subscription(CoordinatorStatus, f"{fleet_prefix}/status", self._on_status, qos.account_qos())
        self.create_subscription(FleetConfiguration, f"{fleet_prefix}/configuration", self._on_configuration, qos.latched_qos())
        self.create_subscription(FleetTruth, f"{fleet_prefix}/truth", self._on_truth, qos.account_qos())
        self.create_subscription(RobotReport, f"{fleet_prefix}/report", self._on_report, qos.report_qos(_REPORT_DEPTH))
        self.create_subscription(FloorTruth, f"{world_prefix}/floor", self._on_floor, qos.account_qos())

    def _on_status(self, message: CoordinatorStatus) -> None:
        self.latest = conversions.status_from_message(message)
        self.log.statuses[self.latest.session, self.latest.tick] = self.latest
        self.log.forget_old()

    def _on_configuration(self, message: FleetConfiguration) -> None:
        configuration = conversions.configuration_from_message(message)
        self.log.configurations[configuration.session, configuration.tick] = configuration
        self.log.forget_old()

    def _on_truth(self, message: FleetTruth) -> None:
        truth = conversions.truth_from_message(message)
        self.log.truths[truth.session, truth.tick] = truth
        self.log.forget_old()

    def _on_report(self, message: RobotReport) -> None:
        self.log.reports[message.session, message.tick] += 1
        self.log.forget_old()

    def _on_floor(self, message: FloorTruth) -> None:
        row = conversions.floor_from_message(message)
        self.log.floors[row.time] = row
        self.log.forget_old()
