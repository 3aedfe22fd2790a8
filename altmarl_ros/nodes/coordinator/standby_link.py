"""The coordinator's ear for other coordinators: it says when its node takes over and when it steps down."""

from __future__ import annotations

import math
import time
from typing import Any, Callable, Mapping

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration, FleetTick
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.guarded import EndOfNode
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.protocol.standby import RANKS, Handover, Succession
from altmarl_ros.records.run_record import Configuration

STANDBY_PARAMETERS = (
    Parameter("standby", False, "Decide only when the coordinator that does falls silent."),
    Parameter(
        "failover.lease",
        0.0,
        "Silence of the deciding coordinator after which a standby takes over. 0: three tick periods "
        "for a standby; any other then has no part in it: it decides at once and ends when it hears a newer session.",
        0.0,
        3600.0,
        unit="s",
    ),
    Parameter("failover.rank", 0, "Order of succession, another for each coordinator; of a standby at least 1.", 0, RANKS - 1),
)

_DISCOVERY = 1.0  # s; a coordinator that decides is heard within this and a lease
_LEASE = 3  # tick periods


class StandbyLink:
    """Shell around `fleet.standby.Succession`."""

    def __init__(
        self,
        node: Node,
        values: Mapping[str, Any],
        last_session: int | None,
        ready: Callable[[], bool],
        take_over: Callable[[int, Handover], None],
        step_down: Callable[[], None],
        follow: Callable[[Configuration], None],
    ) -> None:
        """`take_over` gets the new session and what is known of the last, if we are `ready`; `step_down` ends ours.

        `follow` gets what the deciding coordinator decides by, whenever that changes while we stand by.
        """
        period, standby, lease = float(values["tick.period"]), bool(values["standby"]), float(values["failover.lease"])
        rank = int(values["failover.rank"]) or int(standby)
        self._node, self._ready, self._take_over, self._step_down = node, ready, take_over, step_down
        self._follow = follow
        self._alone, self._given_lease = not standby and not lease, lease
        self._limit = int(values["tick.limit"])
        self._status: CoordinatorStatus | None = None
        lease = math.inf if self._alone else lease or _LEASE * period
        patience = lease + _DISCOVERY + (rank * lease + float(values["start.timeout"]) if standby else 0.0)
        self._succession = Succession(rank, lease, 0.5 * period, time.monotonic(), patience, last_session)
        prefix = values["fleet_prefix"]
        node.create_subscription(FleetTick, f"{prefix}/tick", self._hear_tick, qos.tick_qos())
        if self._alone:
            self._succession.take_over(time.time())
            return
        node.create_subscription(CoordinatorStatus, f"{prefix}/status", self._hear_status, qos.report_qos())
        node.create_subscription(FleetConfiguration, f"{prefix}/configuration", self._hear_configuration, qos.account_qos())
        node.create_timer(min(0.1 * lease, 0.25 * period), self._check, clock=Clock(clock_type=ClockType.STEADY_TIME))
        node.get_logger().info(f"standing by with rank {rank} and a lease of {lease:g} s")

    @property
    def session(self) -> int | None:
        """Our session while this coordinator decides."""
        return self._succession.session

    def keep_pace(self, period: float) -> None:
        """Ticks come every `period` [s] from now on."""
        if not self._alone:
            self._succession.wait(self._given_lease or _LEASE * period, 0.5 * period)

    def may_begin(self, tick: int) -> bool:
        """Whether this coordinator may broadcast that tick now."""
        decided = self.session is not None
        may = self._succession.may_begin(tick, time.monotonic())
        if decided and not may:
            self._node.get_logger().warning("was away for longer than the lease: listening before deciding again")
            self._step_down()
        return may

    def _check(self) -> None:
        newest = self._succession.newest
        if not self._ready():
            self._succession.postpone(time.monotonic())
        if not self._succession.due(time.monotonic()) or (self._limit and newest and newest.tick + 1 >= self._limit):
            return
        session = self._succession.take_over(time.time())
        said = f"session {newest.session} fell silent after tick {newest.tick}" if newest else "no other coordinator is heard"
        self._node.get_logger().info(f"{said}: deciding in session {session}")
        self._take_over(session, self._known())

    def _known(self) -> Handover:
        tick = self._succession.newest
        if tick is None:
            return Handover()
        if self._status is None or self._status.session != tick.session:
            return Handover(tick.global_state)
        status = conversions.status_from_message(self._status)
        estimate = (status.global_state, status.estimate, status.sampling_error)
        if status.tick < tick.tick:
            return Handover(tick.global_state, None, *estimate)
        return Handover(status.global_state, status.global_action, *estimate)

    def _hear_tick(self, message: FleetTick) -> None:
        ours = self.session
        if not self._succession.hear(conversions.tick_from_message(message), time.monotonic()):
            return
        said = f"session {message.session} of another coordinator replaces ours, {ours}"
        if self._alone:
            raise EndOfNode(f"{said}: this one ends (failover.lease would make it a standby)")
        self._node.get_logger().warning(f"{said}: standing by")
        self._step_down()

    def _hear_status(self, message: CoordinatorStatus) -> None:
        if self.session is None:
            self._status = message

    def _hear_configuration(self, message: FleetConfiguration) -> None:
        if self.session is None:
            self._follow(conversions.configuration_from_message(message))
