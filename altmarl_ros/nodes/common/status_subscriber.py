"""Subscribes to the configuration and the status of the coordinator that decides."""

from __future__ import annotations

from typing import Any, Callable

from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.protocol import is_newer
from altmarl_ros.records import Configuration, StatusRow


class StatusSubscriber:
    """Keeps the last configuration and the last status of the newest session.

    Attributes:
        configuration: the last configuration received; None: none yet.
        status: the last status received; None: none yet.
    """

    def __init__(self, endpoints: Endpoints, prefix: str, on_status: Callable[[StatusRow], Any]) -> None:
        """`on_status` is called with each status; `prefix` is that of the fleet-wide topics."""
        self.configuration: Configuration | None = None
        self.status: StatusRow | None = None
        self._status_callback = on_status
        endpoints.subscription(FleetConfiguration, f"{prefix}/configuration", self._on_configuration, qos.account_qos())
        endpoints.subscription(CoordinatorStatus, f"{prefix}/status", self._on_status, qos.account_qos())

    @property
    def policy_id(self) -> int | None:
        """The policy in force as far as it is known, None if it is not."""
        if self.status is not None and (self.configuration is None or self.status.session == self.configuration.session):
            return self.status.policy_id
        return None if self.configuration is None else self.configuration.policy_id

    def _on_configuration(self, message: FleetConfiguration) -> None:
        received = conversions.configuration_from_message(message)
        if self.configuration is None or not is_newer(self.configuration.session, received.session):
            self.configuration = received

    def _on_status(self, message: CoordinatorStatus) -> None:
        received = conversions.status_from_message(message)
        if self.status is None or not is_newer(self.status.session, received.session):
            self.status = received
            self._status_callback(received)
