"""Listens to other coordinators, and says when this one takes over from them and when it steps down."""

from __future__ import annotations

import math
import time
from typing import Any, Mapping, Protocol

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration, FleetTick
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.guarded import EndOfNode
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.protocol.standby import RANKS, Handover, Succession
from altmarl_ros.records import Configuration

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


class SuccessionHooks(Protocol):
    """What a StandbyLink asks and tells its node."""

    def may_decide(self) -> bool:
        """Whether this coordinator could decide now; one that could not does not take over."""

    def take_over(self, session: int, known: Handover) -> None:
        """Decide from now on in this session; `known` is what was heard of the last one's end."""

    def step_down(self) -> None:
        """Stop deciding: another coordinator does, or this one was away for longer than the lease."""

    def follow(self, configuration: Configuration) -> None:
        """The deciding coordinator decides by this configuration; told while this one stands by."""


class StandbyLink:
    """Runs a `protocol.standby.Succession` in time, on what other coordinators publish."""

    def __init__(self, node: Node, values: Mapping[str, Any], hooks: SuccessionHooks, last_session: int | None) -> None:
        """Decide at once, or stand by, as the parameters say; `session` tells which.

        Args:
            node: the coordinator's node, which holds subscriptions and timer.
            values: the coordinator's parameters.
            hooks: the node again, as far as it is asked and told.
            last_session: a session that ours must be newer than; None: none is known.
        """
        period, standby, lease = float(values["tick.period"]), bool(values["standby"]), float(values["failover.lease"])
        rank = int(values["failover.rank"]) or int(standby)
        self._node, self._hooks = node, hooks
        self._alone, self._given_lease = not standby and not lease, lease
        self._limit = int(values["tick.limit"])
        self._status: CoordinatorStatus | None = None
        lease = math.inf if self._alone else lease or _LEASE * period
        patience = lease + _DISCOVERY + (rank * lease + float(values["start.timeout"]) if standby else 0.0)
        now = time.monotonic()
        self._succession = Succession(rank, lease, 0.5 * period, now, patience=patience, last_session=last_session)
        prefix = values["fleet_prefix"]
        node.create_subscription(FleetTick, f"{prefix}/tick", self._on_tick, qos.tick_qos())
        if self._alone:
            self._succession.take_over(time.time())
            return
        node.create_subscription(CoordinatorStatus, f"{prefix}/status", self._on_status, qos.report_qos())
        node.create_subscription(FleetConfiguration, f"{prefix}/configuration", self._on_configuration, qos.account_qos())
        node.create_timer(min(0.1 * lease, 0.25 * period), self._check, clock=Clock(clock_type=ClockType.STEADY_TIME))
        node.get_logger().info(f"standing by with rank {rank} and a lease of {lease:g} s")

    @property
    def session(self) -> int | None:
        """Our session while this coordinator decides, None while it stands by."""
        return self._succession.session

    def keep_pace(self, period: float) -> None:
        """Adjust the lease to ticks that come every `period` [s] from now on."""
        if not self._alone:
            self._succession.wait(self._given_lease or _LEASE * period, 0.5 * period)

    def may_begin(self, tick: int) -> bool:
        """Whether this coordinator may broadcast that tick now; one that was away for longer than the lease steps down."""
        decided = self.session is not None
        may = self._succession.may_begin(tick, time.monotonic())
        if decided and not may:
            self._node.get_logger().warning("was away for longer than the lease: listening before deciding again")
            self._hooks.step_down()
        return may

    def _check(self) -> None:
        newest = self._succession.newest
        if not self._hooks.may_decide():
            self._succession.postpone(time.monotonic())
        if not self._succession.due(time.monotonic()) or (self._limit and newest and newest.tick + 1 >= self._limit):
            return
        session = self._succession.take_over(time.time())
        said = f"session {newest.session} fell silent after tick {newest.tick}" if newest else "no other coordinator is heard"
        self._node.get_logger().info(f"{said}: deciding in session {session}")
        self._hooks.take_over(session, self._known())

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

    def _on_tick(self, message: FleetTick) -> None:
        ours = self.session
        if not self._succession.hear(conversions.tick_from_message(message), time.monotonic()):
            return
        said = f"session {message.session} of another coordinator replaces ours, {ours}"
        if self._alone:
            raise EndOfNode(f"{said}: this one ends (failover.lease would make it a standby)")
        self._node.get_logger().warning(f"{said}: standing by")
        self._hooks.step_down()

    def _on_status(self, message: CoordinatorStatus) -> None:
        if self.session is None:
            self._status = message

    def _on_configuration(self, message: FleetConfiguration) -> None:
        if self.session is None:
            self._hooks.follow(conversions.configuration_from_message(message))
