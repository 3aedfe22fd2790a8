"""When the coordinator's ticks happen: when one begins, when other robots are polled, when it is decided and published."""

from __future__ import annotations

import time
from typing import Any, Mapping, Protocol

from altmarl_ros.monitoring.tick_expectation import SILENT_PERIODS
from altmarl_ros.msg import CoordinatorStatus, FleetTick, RobotReport
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.guarded import BrokenNode
from altmarl_ros.nodes.coordinator.conversions import report_from_message, status_to_message
from altmarl_ros.protocol import Tick
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.decision import Decision
from altmarl_ros.protocol.settings import CoordinatorSettings

_GATE_POLL = 0.05  # s
_SETTLE = 1.0  # s; the robots' side of discovery, and their bodies, are ready a little after ours
_MOST_QUEUED = 1024  # reports, where a policy can use any number of them


class TickHooks(Protocol):
    """What a TickScheduler asks of its node before a tick, and tells it afterwards."""

    def fleet_listens(self, robots: int) -> bool:
        """Whether at least so many robots have joined and receive what this coordinator publishes; asked before tick 0."""

    def settings_taken(self, settings: CoordinatorSettings) -> None:
        """These settings hold from the next tick on."""

    def may_begin_tick(self) -> bool:
        """Whether this coordinator may begin the tick that is due; asked once for each, right before it."""

    def report_heard(self, session: int, robot_id: int) -> None:
        """A report came, from any robot, in any session."""

    def tick_began(self) -> None:
        """A tick was broadcast."""

    def tick_held(self) -> None:
        """A tick was due and did not begin, since the global plant's state is not known."""

    def tick_decided(self, decision: Decision, status: CoordinatorStatus) -> None:
        """A tick was decided; the node completes the status, which is published next."""


class TickScheduler:
    """Runs a `protocol.coordinator.Coordinator` in time.

    Attributes:
        ticks: number of ticks begun since `start`.
        missed: number of ticks left out because one before them began late.
        held: number of ticks that did not begin because s_g was not known.
    """

    def __init__(self, endpoints: Endpoints, core: Coordinator, hooks: TickHooks, values: Mapping[str, Any]) -> None:
        """Make publishers, subscription and timers; nothing ticks before `start`. `values`: the coordinator's parameters."""
        self._node, self._core, self._hooks = endpoints.node, core, hooks
        self._tick_limit = int(values["tick.limit"])
        self._start_robots, self._start_timeout = int(values["start.robots"]), float(values["start.timeout"])
        prefix, lease = values["fleet_prefix"], float(values["tick.lease"])
        self._period = self._promised_period = core.settings.period
        self._tick_publisher = endpoints.publisher(FleetTick, f"{prefix}/tick", qos.tick_qos(self._period, lease))
        self._status_publisher = endpoints.publisher(CoordinatorStatus, f"{prefix}/status", qos.account_qos())
        most = _MOST_QUEUED if core.most_reports is None else max(64, 2 * core.most_reports)
        endpoints.subscription(RobotReport, f"{prefix}/report", self._on_report, qos.report_qos(most))
        self._gate = self._node.create_timer(_GATE_POLL, self._check_gate)
        self._ticker, self._deadline, self._backfiller = (
            self._node.create_timer(self._period, callback) for callback in (self._tick_due, self._decide, self._backfill)
        )
        self._adjust_timers()
        self._reports = 0  # since the last status
        self.start_over()

    def start_over(self) -> None:
        """Stop, and count from 0."""
        self.stop()
        self.ticks = self.missed = self.held = 0
        self._began = time.monotonic()  # of the open tick
        self._ready_since: float | None = None

    def start(self, gated: bool) -> None:
        """Tick from a period from now on; `gated`: first wait for the robots that `start.robots` asks for."""
        self._began, self._reports = time.monotonic(), 0
        if gated and self._start_robots:
            self._gate_end = self._began + self._start_timeout
            self._gate.reset()
        else:
            self._ticker.reset()

    def start_now(self) -> None:
        """Begin the first tick at once."""
        self._began, self._reports = time.monotonic(), 0
        self._ticker.reset()
        self._tick_due()

    def stop(self) -> None:
        """Cancel all timers; an open tick stays undecided, and settings that wait for the next one are taken over at once."""
        for timer in (self._ticker, self._deadline, self._backfiller, self._gate):
            timer.cancel()
        self._core.stand_by()
        self.renew_settings()

    @property
    def running(self) -> bool:
        """Whether another tick will be due; otherwise no tick is open, and no settings wait for one."""
        return not self._ticker.is_canceled()

    @property
    def gated(self) -> bool:
        """Whether the first tick waits for robots."""
        return not self._gate.is_canceled()

    @property
    def keeps_deadline(self) -> bool:
        """Whether ticks come as often as the quality of service of their topic promised when it was made."""
        return not self._core.settings.paused and self._period <= self._promised_period

    def renew_settings(self) -> None:
        """Take over the settings that were given: when the next tick is due, or at once while none will be."""
        if self._core.renew():
            self._adjust_timers()
            self._hooks.settings_taken(self._core.settings)

    def _adjust_timers(self) -> None:
        settings = self._core.settings
        for timer, seconds in (
            (self._ticker, settings.period),
            (self._deadline, settings.answer_time),
            (self._backfiller, settings.backfill_interval),
        ):
            timer.timer_period_ns = int(1e9 * seconds)
        if settings.period != self._period:
            self._period = settings.period
            if self.running:
                self._ticker.reset()

    @property
    def first_due(self) -> float:
        """By when the first tick has to come, if it is not held, after `start` [s, from then on]."""
        gate = self._start_timeout + _SETTLE if self.gated else 0.0
        return gate + SILENT_PERIODS * self._period

    def _check_gate(self) -> None:
        # Tick 0 is the start of an episode only if the whole fleet can hear it.
        ready, now = self._hooks.fleet_listens(self._start_robots), time.monotonic()
        if ready and self._ready_since is None:
            self._ready_since = now
        settled = self._ready_since is not None and now - self._ready_since >= _SETTLE
        if not settled and now < self._gate_end:
            return
        if not ready:
            self._node.get_logger().warning(f"starting with {len(self._core.roster)} of {self._start_robots} robots")
        self._gate.cancel()
        self._ticker.reset()

    def _tick_due(self) -> None:
        if not self._deadline.is_canceled():
            self._decide()
        period = self._period
        self.renew_settings()
        if self._tick_limit and self.ticks >= self._tick_limit:
            self._ticker.cancel()
            self._node.get_logger().info(f"silent after {self._tick_limit} ticks")
            return
        if not self._hooks.may_begin_tick():
            return
        now, before = time.monotonic(), self._began
        self._began = now
        if self._core.settings.paused:
            return
        tick = self._core.begin(now)
        if tick is None:
            self.held += 1
            self._hooks.tick_held()
            return
        if self.ticks:
            self.missed += max(0, round((now - before) / period) - 1)
        self.ticks += 1
        self.broadcast(tick)
        self._hooks.tick_began()
        self._deadline.reset()
        self._backfiller.reset()
        if self._core.complete:
            self._decide()

    def broadcast(self, tick: Tick) -> None:
        """Send a message to all robots."""
        self._tick_publisher.publish(conversions.tick_to_message(tick, self._node.get_clock().now().to_msg()))

    def _backfill(self) -> None:
        tick = self._core.backfill(time.monotonic())
        if tick is not None:
            self.broadcast(tick)

    def _on_report(self, message: RobotReport) -> None:
        self._reports += 1
        self._hooks.report_heard(message.session, message.robot_id)
        self._core.hear(report_from_message(message))
        if self._core.complete:
            self._decide()

    def _decide(self) -> None:
        tick = self._core.next_tick
        try:
            decision = self._core.decide()
        except Exception as error:  # not the fault of the report that came last: a standby may do better
            raise BrokenNode(f"tick {tick} cannot be decided: {type(error).__name__}: {error}") from error
        self._publish_status(decision)

    def _publish_status(self, decision: Decision) -> None:
        now = time.monotonic()
        self._deadline.cancel()
        self._backfiller.cancel()
        status = status_to_message(self._core, decision, self._node.get_clock().now().to_msg(), self._reports)
        self._reports = 0
        status.latency = now - self._began
        status.missed_ticks, status.held_ticks = self.missed, self.held
        self._hooks.tick_decided(decision, status)
        self._status_publisher.publish(status)
        for robot_id in decision.suspended:
            self._node.get_logger().warning(f"robot {robot_id} no longer answers and leaves the draw")
