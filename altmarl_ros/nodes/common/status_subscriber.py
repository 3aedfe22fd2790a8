"""What the coordinator that decides tells of itself: its configuration and each tick."""

from __future__ import annotations

from typing import Any, Callable

from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.protocol.messages import is_newer
from altmarl_ros.records.run_record import Configuration, StatusRow


class StatusSubscriber:
    """Follows the newest session.

    Attributes:
        configuration: the last one heard; None: none yet.
        status: the last tick heard; None: none yet.
    """

    def __init__(self, make: Endpoints, prefix: str, on_status: Callable[[StatusRow], Any]) -> None:
        self.configuration: Configuration | None = None
        self.status: StatusRow | None = None
        self._on_status = on_status
        make.subscription(FleetConfiguration, f"{prefix}/configuration", self._hear_configuration, qos.account_qos())
        make.subscription(CoordinatorStatus, f"{prefix}/status", self._hear_status, qos.account_qos())

    @property
    def policy_id(self) -> int | None:
        """In force, as far as it was heard."""
        if self.status is not None and (self.configuration is None or self.status.session == self.configuration.session):
            return self.status.policy_id
        return None if self.configuration is None else self.configuration.policy_id

    def _hear_configuration(self, message: FleetConfiguration) -> None:
        heard = conversions.configuration_from_message(message)
        if self.configuration is None or not is_newer(self.configuration.session, heard.session):
            self.configuration = heard

    def _hear_status(self, message: CoordinatorStatus) -> None:
        heard = conversions.status_from_message(message)
        if self.status is None or not is_newer(self.status.session, heard.session):
            self.status = heard
            self._on_status(heard)
