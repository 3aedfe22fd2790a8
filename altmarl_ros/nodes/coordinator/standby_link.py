"""Listens to other coordinators, and says when this one takes over from them and when it steps down."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any, Mapping, Protocol

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from altmarl_ros.monitoring.health import Finding, Level
from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration, FleetTick
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.endpoints import nodes_publishing
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
        "for a standby; any other then has no part in it: it decides at once, and ends at its start if another one does.",
        0.0,
        3600.0,
        unit="s",
    ),
    Parameter("failover.rank", 0, "Order of succession, another for each coordinator; of a standby at least 1.", 0, RANKS - 1),
)

_DISCOVERY = 1.0  # s; a coordinator that decides is heard within this and a lease
_LEASE = 3  # tick periods
_THROTTLE = 10.0  # s
_MOST_CONFIGURATIONS, _LONGEST_NAME, _LONGEST_PERIOD = 8, 80, 3600.0


class SuccessionHooks(Protocol):
    """What a StandbyLink asks and tells its node."""

    def may_decide(self) -> bool:
        """Whether this coordinator could decide now; one that could not does not take over."""

    def own_handover(self) -> Handover:
        """What our own session's end leaves to the next one."""

    def take_over(self, session: int, known: Handover) -> None:
        """Decide from now on in this session; `known` is what was heard of the last one's end, or is known of our own."""

    def resign(self, secret: int) -> None:
        """Tell the robots that the session is given up; `secret` is that of its pledge."""

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
        self._configurations: OrderedDict[int, Configuration] = OrderedDict()  # of other coordinators, by session
        self._followed: Configuration | None = None
        lease = lease or _LEASE * period
        patience = lease + _DISCOVERY + (rank * lease + float(values["start.timeout"]) if standby else 0.0)
        now = time.monotonic()
        self._succession = Succession(
            rank, lease, 0.5 * period, now, patience=patience, last_session=last_session, alone=self._alone
        )
        self._prefix = prefix = str(values["fleet_prefix"])
        node.create_subscription(FleetTick, f"{prefix}/tick", self._on_tick, qos.tick_qos())
        node.create_subscription(FleetConfiguration, f"{prefix}/configuration", self._on_configuration, qos.account_qos())
        if self._alone:
            self._succession.take_over(time.time())
            return
        node.create_subscription(CoordinatorStatus, f"{prefix}/status", self._on_status, qos.report_qos())
        node.create_timer(min(0.1 * lease, 0.25 * period), self._check, clock=Clock(clock_type=ClockType.STEADY_TIME))
        node.get_logger().info(f"standing by with rank {rank} and a lease of {lease:g} s")

    @property
    def session(self) -> int | None:
        """Our session while this coordinator decides, None while it stands by."""
        return self._succession.session

    @property
    def mark(self) -> int:
        """The mark that the ticks of our session carry."""
        return self._succession.pledge.mark

    @property
    def secret(self) -> int:
        """The secret by which our session can be given up."""
        return self._succession.pledge.secret

    def heard_report(self, session: int, robot_id: int) -> None:
        """Note that a robot of the roster answered, us or another coordinator."""
        self._succession.heard_report(session, robot_id, time.monotonic())

    def finding(self) -> Finding:
        """A finding for /diagnostics: whether another coordinator ticks in this fleet."""
        rival = self._succession.rivals.newest(time.monotonic()) if self.session is not None else None
        if rival is None:
            return Finding("coordinators", Level.OK, "no other one ticks", {})
        who = self._describe(rival.session)
        return Finding("coordinators", Level.ERROR, f"another one ticks too: {who}", {"session": rival.session})

    def keep_pace(self, period: float) -> None:
        """Adjust the lease to ticks that come every `period` [s] from now on."""
        self._succession.wait(self._given_lease or _LEASE * period, 0.5 * period)

    def may_begin(self, tick: int) -> bool:
        """Whether this coordinator may broadcast that tick now; one that was away for longer than the lease steps down."""
        decided, now = self.session is not None, time.monotonic()
        if self._succession.is_drowned(now):
            session = self._succession.take_over(time.time())
            self._node.get_logger().error(
                f"somebody else ticks in our session and no robot answers: deciding in session {session}"
            )
            self._hooks.take_over(session, self._hooks.own_handover())
            return False
        may = self._succession.may_begin(tick, now)
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
        estimate = (status.global_state, status.estimate, status.sampling_error, status.belief)
        if status.tick < tick.tick:
            return Handover(tick.global_state, None, *estimate)
        return Handover(status.global_state, status.global_action, *estimate)

    def _on_tick(self, message: FleetTick) -> None:
        ours = self.session
        if not self._succession.hear(conversions.tick_from_message(message), time.monotonic()):
            self._follow_known()
            self._warn_of_rivals()
            return
        who = self._describe(message.session)
        if self._alone:
            raise EndOfNode(
                f"{who} decides for {self._prefix} already: this coordinator ends (another fleet needs another fleet_prefix, a "
                "standby failover.lease)"
            )
        self._node.get_logger().warning(f"{who} replaces our session {ours}: standing by")
        self._hooks.resign(self.secret)
        self._hooks.step_down()

    def _warn_of_rivals(self) -> None:
        rival = self._succession.rivals.newest(time.monotonic()) if self.session is not None else None
        if rival is not None:
            self._node.get_logger().warning(
                f"{self._describe(rival.session)} ticks in {self._prefix} too; our robots keep to us",
                throttle_duration_sec=_THROTTLE,
            )

    def _describe(self, session: int) -> str:
        """Name another coordinator: by its node and machine as far as they are known, and its session."""
        names = nodes_publishing(self._node, f"{self._prefix}/tick")
        own = self._node.get_fully_qualified_name()
        if own in names:
            names.remove(own)
        configuration = self._configurations.get(session)
        host = str(configuration.parameters.get("host", ""))[:_LONGEST_NAME] if configuration else ""
        return f"coordinator {' or '.join(sorted(set(names))) or 'of an unknown name'}" + (
            f" on {host}, session {session}" if host else f", session {session}"
        )

    def _on_status(self, message: CoordinatorStatus) -> None:
        newest = self._succession.newest
        if self.session is None and newest is not None and message.session == newest.session:
            self._status = message

    def _on_configuration(self, message: FleetConfiguration) -> None:
        configuration = conversions.configuration_from_message(message)
        if configuration.session == self.session:
            return
        self._configurations[configuration.session] = configuration
        while len(self._configurations) > _MOST_CONFIGURATIONS:
            known = self._succession.newest.session if self._succession.newest is not None else None
            del self._configurations[next(session for session in self._configurations if session != known)]
        period = configuration.parameters.get("tick.period")
        if self._alone and isinstance(period, float) and 0.0 < period <= _LONGEST_PERIOD:
            self._succession.expect(period)
        self._follow_known()

    def _follow_known(self) -> None:
        """Hand on the configuration of the coordinator that is known to decide, once."""
        newest = self._succession.newest
        configuration = self._configurations.get(newest.session) if newest is not None else None
        if self.session is None and configuration is not None and configuration is not self._followed:
            self._followed = configuration
            self._hooks.follow(configuration)
