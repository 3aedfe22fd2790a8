"""Subscribes to the configuration and the status of the coordinator that decides."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any, Callable

from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.records import Configuration, StatusRow

_LEASE = 3.0  # s of silence after which another session is followed, or three times as long as the last status took
_MOST_SESSIONS = 8


class StatusSubscriber:
    """Keeps the last configuration and the last status of one session: the one that is known, until it is silent.

    Attributes:
        status: the last status received; None: none yet.
    """

    def __init__(self, endpoints: Endpoints, prefix: str, on_status: Callable[[StatusRow], Any]) -> None:
        """`on_status` is called with each status; `prefix` is that of the fleet-wide topics."""
        self.status: StatusRow | None = None
        self._status_at = self._pause = 0.0  # monotonic [s], [s]
        self._configurations: OrderedDict[int, Configuration] = OrderedDict()  # by session, the last received last
        self._status_callback = on_status
        endpoints.subscription(FleetConfiguration, f"{prefix}/configuration", self._on_configuration, qos.account_qos())
        endpoints.subscription(CoordinatorStatus, f"{prefix}/status", self._on_status, qos.account_qos())

    @property
    def configuration(self) -> Configuration | None:
        """The last configuration of the session that is followed, or before its first status the last received; None: none."""
        if self.status is not None and self.status.session in self._configurations:
            return self._configurations[self.status.session]
        return next(reversed(self._configurations.values()), None)

    @property
    def policy_id(self) -> int | None:
        """The policy in force as far as it is known, None if it is not."""
        if self.status is not None:
            return self.status.policy_id
        return None if self.configuration is None else self.configuration.policy_id

    def _on_configuration(self, message: FleetConfiguration) -> None:
        received = conversions.configuration_from_message(message)
        self._configurations[received.session] = received
        self._configurations.move_to_end(received.session)
        while len(self._configurations) > _MOST_SESSIONS:
            followed = self.status.session if self.status is not None else None
            del self._configurations[next(session for session in self._configurations if session != followed)]

    def _on_status(self, message: CoordinatorStatus) -> None:
        received, now = conversions.status_from_message(message), time.monotonic()
        if self.status is not None:
            if received.session == self.status.session:
                self._pause = now - self._status_at
            elif now - self._status_at <= max(_LEASE, 3.0 * self._pause):
                return
        self.status, self._status_at = received, now
        self._status_callback(received)
