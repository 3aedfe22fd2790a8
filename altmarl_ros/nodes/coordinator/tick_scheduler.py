"""The coordinator's clockwork: when a tick begins, when others are asked, when it is decided, and what is told of it."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping

from rclpy.node import Node

from altmarl_ros.msg import CoordinatorStatus, FleetTick, RobotReport
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.protocol.coordinator import Coordinator, Decision
from altmarl_ros.protocol.messages import Tick

_GATE_POLL = 0.05  # s
_SETTLE = 1.0  # s; the robots' side of discovery, and their bodies, come a little after ours


class TickScheduler:
    """Runs a `fleet.coordinator.Coordinator` in time.

    Attributes:
        ticks: begun since `start`.
        missed: ticks that began after their time.
        held: ticks that did not begin for want of s_g.
        paused: whether no tick begins; the clock goes on.
    """

    def __init__(
        self,
        node: Node,
        make: Endpoints,
        values: Mapping[str, Any],
        core: Coordinator,
        may_begin: Callable[[], bool],
        ready: Callable[[int], bool],
        begun: Callable[[], None],
        hold: Callable[[], None],
        decided: Callable[[Decision, CoordinatorStatus], None],
    ) -> None:
        """Nothing ticks before `start`.

        `may_begin` is asked before each tick, `ready` before the first one: whether a fleet of so many robots hears.
        `begun` and `hold` tell what came of it; `decided` completes the status of a decision before it is published.
        """
        self._node, self._core = node, core
        self._may_begin, self._ready, self._begun, self._hold, self._decided = may_begin, ready, begun, hold, decided
        period = float(values["tick.period"])
        self.paused = bool(values["paused"])
        self._limit = int(values["tick.limit"])
        self._wanted, self._patience = int(values["start.robots"]), float(values["start.timeout"])
        prefix = values["fleet_prefix"]
        lease = float(values["tick.lease"])
        self._tick_publisher = make.publisher(FleetTick, f"{prefix}/tick", qos.tick_qos(period, lease))
        self._status_publisher = make.publisher(CoordinatorStatus, f"{prefix}/status", qos.account_qos())
        make.subscription(RobotReport, f"{prefix}/report", self._hear_report, qos.report_qos(max(64, 2 * core.K)))
        self._gate = node.create_timer(_GATE_POLL, self._pass_gate)
        self._ticker, self._deadline, self._backfiller = (
            node.create_timer(period, act) for act in (self._begin, self._decide, self._backfill)
        )
        self._period = self._offered = period
        self.keep_pace(values)
        self._reports = 0  # since the last status
        self.start_over()

    def start_over(self) -> None:
        """Stop, and count from 0."""
        self.stop()
        self.ticks = self.missed = self.held = 0
        self._began = time.monotonic()  # the open tick
        self._ready_since: float | None = None

    def start(self, gated: bool) -> None:
        """Tick from now on; `gated`: first wait for the robots that `start.robots` asks for."""
        self._began, self._reports = time.monotonic(), 0
        if gated and self._wanted:
            self._gate_end = self._began + self._patience
            self._gate.reset()
        else:
            self._ticker.reset()

    def start_now(self) -> None:
        """Begin the first tick at once."""
        self._began, self._reports = time.monotonic(), 0
        self._ticker.reset()
        self._begin()

    def stop(self) -> None:
        """Let nothing happen any more; an open tick stays undecided."""
        for timer in (self._ticker, self._deadline, self._backfiller, self._gate):
            timer.cancel()
        self._core.stand_by()

    @property
    def running(self) -> bool:
        """Whether the ticks' clock runs: what changes now is to take effect when the next one is due."""
        return not self._ticker.is_canceled()

    @property
    def keeps_deadline(self) -> bool:
        """Whether ticks come as often as the quality of service of their topic promised when it was made."""
        return not self.paused and self._period <= self._offered

    def keep_pace(self, values: Mapping[str, Any]) -> None:
        """Tick, decide and ask others when the parameters say, from the tick on that is due."""
        answer_time = values["tick.period"] * values["tick.deadline"]
        for timer, seconds in (
            (self._ticker, values["tick.period"]),
            (self._deadline, answer_time),
            (self._backfiller, answer_time * values["tick.backfill"]),
        ):
            timer.timer_period_ns = int(1e9 * seconds)
        if values["tick.period"] != self._period:
            self._period = float(values["tick.period"])
            if self.running:
                self._ticker.reset()

    def _pass_gate(self) -> None:
        # Tick 0 is the start of an episode only if the whole fleet can hear it.
        ready, now = self._ready(self._wanted), time.monotonic()
        if ready and self._ready_since is None:
            self._ready_since = now
        settled = self._ready_since is not None and now - self._ready_since >= _SETTLE
        if not settled and now < self._gate_end:
            return
        if not ready:
            self._node.get_logger().warning(f"starting with {len(self._core.roster)} of {self._wanted} robots")
        self._gate.cancel()
        self._ticker.reset()

    def _begin(self) -> None:
        if self._limit and self.ticks >= self._limit:
            self._ticker.cancel()
            self._node.get_logger().info(f"silent after {self._limit} ticks")
            return
        if not self._deadline.is_canceled():
            self._decide()
        period = self._period
        if not self._may_begin():
            return
        now, before = time.monotonic(), self._began
        self._began = now
        if self.paused:
            return
        tick = self._core.begin(now)
        if tick is None:
            self.held += 1
            self._hold()
            return
        if self.ticks:
            self.missed += max(0, round((now - before) / period) - 1)
        self.ticks += 1
        self._broadcast(tick)
        self._begun()
        self._deadline.reset()
        self._backfiller.reset()
        if self._core.complete:
            self._decide()

    def _broadcast(self, tick: Tick) -> None:
        self._tick_publisher.publish(conversions.tick_to_message(tick, self._node.get_clock().now().to_msg()))

    def _backfill(self) -> None:
        tick = self._core.backfill(time.monotonic())
        if tick is not None:
            self._broadcast(tick)

    def _hear_report(self, message: RobotReport) -> None:
        self._reports += 1
        self._core.hear(conversions.report_from_message(message))
        if self._core.complete:
            self._decide()

    def _decide(self) -> None:
        self._deadline.cancel()
        self._backfiller.cancel()
        decision, now = self._core.decide(), time.monotonic()
        status = conversions.status_to_message(self._core, decision, self._node.get_clock().now().to_msg(), self._reports)
        self._reports = 0
        status.latency = now - self._began
        status.missed_ticks, status.held_ticks = self.missed, self.held
        self._decided(decision, status)
        self._status_publisher.publish(status)
        for robot_id in decision.suspended:
            self._node.get_logger().warning(f"robot {robot_id} no longer answers and leaves the draw")
