"""The `coordinator` executable: polls k robots per tick, decides, and announces the policy."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np
from rclpy.duration import Duration
from rclpy.parameter import Parameter as RclParameter

from altmarl_ros.errors import AltmarlError
from altmarl_ros.fleet.admission import Admission
from altmarl_ros.fleet.budget import BandwidthBudget
from altmarl_ros.fleet.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from altmarl_ros.fleet.coordinator import Coordinator, check_bundle
from altmarl_ros.fleet.health import CoordinatorHealth, Finding, Level
from altmarl_ros.fleet.messages import Tick
from altmarl_ros.fleet.record import Configuration
from altmarl_ros.fleet.roster import Roster
from altmarl_ros.fleet.standby import Handover
from altmarl_ros.games import load_game
from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration, FleetTick, LocalPolicy, RobotHello, RobotReport
from altmarl_ros.nodes import conversions, qos
from altmarl_ros.nodes.coordinator_parameters import HANDED_OVER, PARAMETERS, allowed_ids, thresholds_of
from altmarl_ros.nodes.diagnostics import Diagnostics
from altmarl_ros.nodes.endpoints import Endpoints
from altmarl_ros.nodes.guarded import GuardedNode
from altmarl_ros.nodes.parameters import declare, watch
from altmarl_ros.nodes.running import run
from altmarl_ros.nodes.standby import Standby
from altmarl_ros.observation import make_model
from altmarl_ros.policies import PolicyBundle, load_bundle

_GATE_POLL = 0.05  # s
_THROTTLE = 1.0  # s between two complaints about what others send
_SETTLE = 1.0  # s; the robots' side of discovery, and their bodies, come a little after ours
_ACKNOWLEDGED = Duration(nanoseconds=1)
_POLICY_REPEAT = 1.0  # s; robots that ask for the policy get it together


class CoordinatorNode(GuardedNode):
    """Shell around `fleet.coordinator.Coordinator`."""

    def __init__(self) -> None:
        super().__init__("coordinator")
        self._values = values = declare(self, PARAMETERS)
        self._game = load_game(values["game"])
        bundle = self._load_bundle(values)
        self._allowed = allowed_ids(values)
        self._period = float(values["tick.period"])
        self._limit = int(values["tick.limit"])
        self._state_file = Path(values["state_file"]) if values["state_file"] else None
        self._game_hash = self._game.content_hash
        checkpoint = self._restore(self._game.n_global_states)
        last_session = checkpoint.session if checkpoint else None
        self._standby = Standby(self, values, last_session, self._take_over, self._stand_by, self._follow)
        session = self._standby.session or 0  # standing by, there is none yet
        answer_time = self._period * float(values["tick.deadline"])
        self._core = Coordinator(
            self._game, bundle, make_model(values["sampling.model"], self._game, bundle, values["sampling.turnover"]),
            values["sampling.k"], session,
            np.random.default_rng([values["sampling.seed"], session if checkpoint else 0]),
            Roster(values["roster.max_misses"], values["roster.probe_interval"]),
            checkpoint.global_state if checkpoint else None,
            BandwidthBudget(values["bandwidth_limit"], self._period, answer_time),
        )  # fmt: skip
        self._admission = Admission(self._game_hash, int(values["roster.capacity"]))
        self._policy_path = str(values["policy"])  # of the policy in force; the parameter may announce the next
        self._handover = Handover()  # what our session began with
        self._health = CoordinatorHealth(self._period)
        self._began = 0.0  # the open tick, monotonic [s]
        self._reports = 0  # since the last status
        self._refused_hellos = self._policy_requests = self._missed_ticks = self._ticks = 0
        self._announced_at = 0  # tick count
        self._policy_wanted = False
        self._policy_said = time.monotonic()
        self._connect(str(values["fleet_prefix"]), bundle.ladder.K)
        self._publish_configuration()
        self._say_policies()
        watch(self, PARAMETERS, values, self._prepare_parameters, self._apply_parameters)
        self._wanted = int(values["start.robots"])
        self._ready_since: float | None = None
        self._patience = float(values["start.timeout"])
        self._deadline = self.create_timer(answer_time, self._decide)
        self._backfiller = self.create_timer(answer_time * float(values["tick.backfill"]), self._backfill)
        self._deadline.cancel()
        self._backfiller.cancel()
        self._ticker = self.create_timer(self._period, self._begin)
        self._ticker.cancel()
        self._gate = self.create_timer(_GATE_POLL, self._pass_gate)
        self._gate.cancel()
        self._resumed = checkpoint is not None
        if self._standby.session is not None:
            self._start()
        self.get_logger().info(
            f"session {session}: game {self._game.name} {self._game_hash}, policy {bundle.policy_id:08x}, "
            f"{values['sampling.model']}, k = {self._core.k} of at most {bundle.ladder.K}, every {self._period:g} s"
        )

    def _connect(self, prefix: str, K: int) -> None:
        self._endpoints = make = Endpoints(self)
        self._tick_publisher = make.publisher(FleetTick, f"{prefix}/tick", qos.tick_qos(self._period))
        self._policy_publisher = make.publisher(LocalPolicy, f"{prefix}/policy", qos.policy_qos())
        self._configuration_publisher = make.publisher(FleetConfiguration, f"{prefix}/configuration", qos.account_qos())
        self._status_publisher = make.publisher(CoordinatorStatus, f"{prefix}/status", qos.account_qos())
        make.subscription(RobotReport, f"{prefix}/report", self._hear_report, qos.report_qos(max(64, 2 * K)))
        self._hello_topic = f"{prefix}/hello"
        make.subscription(RobotHello, self._hello_topic, self._hear_hello, qos.latched_from_many_qos())
        Diagnostics(self, make, self._values["diagnostics.period"], prefix, self._diagnose)

    def _load_bundle(self, values: Mapping[str, Any]) -> PolicyBundle:
        if not values["policy"]:
            raise AltmarlError("parameter 'policy' of the coordinator is empty: train a bundle with `altmarl train`")
        bundle = load_bundle(values["policy"], self._game)
        check_bundle(bundle, self._game, values["sampling.k"])
        return bundle

    def _say_policies(self) -> None:
        # Both are latched, the one in force first, so that a robot that comes now can act before and after the switch.
        for bundle in (self._core.bundle, self._core.next_bundle):
            if bundle is not None:
                message = conversions.policy_to_message(bundle.pi_l, bundle.policy_id, self._game_hash)
                self._policy_publisher.publish(message)
        self._policy_said, self._policy_wanted = time.monotonic(), False

    def _publish_configuration(self) -> None:
        if self._standby.session is None:
            return
        bundle = self._core.bundle
        configuration = Configuration(
            self._core.session, self._game.name, self._game_hash, bundle.content_hash, bundle.policy_id,
            {**self._values, "policy": self._policy_path}, self._handover,
        )  # fmt: skip
        stamp = self.get_clock().now().to_msg()
        self._configuration_publisher.publish(conversions.configuration_to_message(configuration, stamp))

    def _restore(self, n_global_states: int) -> Checkpoint | None:
        if self._state_file is None:
            return None
        try:
            checkpoint = read_checkpoint(self._state_file)
        except ValueError as error:
            self.get_logger().warning(f"starting afresh: {error}")
            return None
        if checkpoint and (checkpoint.game_hash != self._game_hash or checkpoint.global_state >= n_global_states):
            self.get_logger().warning(f"starting afresh: {self._state_file} is of another game")
            return None
        return checkpoint

    def _start(self) -> None:
        if self._wanted and not self._resumed:
            self._gate_end = time.monotonic() + self._patience
            self._gate.reset()
        else:
            self._ticker.reset()

    def _take_over(self, session: int, known: Handover) -> None:
        self._core.take_over(session, known)
        self._handover = known
        self._publish_configuration()
        self._began = time.monotonic()
        self._say_policies()
        if known.global_state is None:
            self._start()
        else:
            self._ticker.reset()
            self._begin()

    def _stand_by(self) -> None:
        for timer in (self._ticker, self._deadline, self._backfiller, self._gate):
            timer.cancel()
        self._core.stand_by()

    def _follow(self, other: Configuration) -> None:
        given = {name: value for name, value in other.parameters.items() if name in HANDED_OVER and value != self._values[name]}
        if other.game_hash != self._game_hash:
            given = {}
        elif other.policy_hash == self._core.bundle.content_hash:
            given.pop("policy", None)
        if given:
            changed = self.set_parameters_atomically([RclParameter(name, value=value) for name, value in given.items()])
            said = "taken" if changed.successful else f"not taken, {changed.reason}"
            self.get_logger().info(f"parameters of session {other.session}: {', '.join(given)} {said}")

    def _pass_gate(self) -> None:
        # Tick 0 is the start of an episode only if the whole fleet can hear it.
        connected = min(self._tick_publisher.get_subscription_count(), self._policy_publisher.get_subscription_count())
        voices = min(self._wanted, self.count_publishers(self._hello_topic))  # a crowd has one
        ready = len(self._core.roster) >= self._wanted and connected >= voices
        now = time.monotonic()
        if ready and self._ready_since is None:
            self._ready_since = now
        settled = self._ready_since is not None and now - self._ready_since >= _SETTLE
        if not settled and now < self._gate_end:
            return
        if not ready:
            self.get_logger().warning(f"starting with {len(self._core.roster)} of {self._wanted} robots")
        self._gate.cancel()
        self._ticker.reset()

    def _begin(self) -> None:
        if self._limit and self._ticks >= self._limit:
            self._ticker.cancel()
            self.get_logger().info(f"silent after {self._limit} ticks")
            return
        if not self._deadline.is_canceled():
            self._decide()
        if not self._standby.may_begin(self._core.next_tick):
            return
        now = time.monotonic()
        if self._ticks:
            self._missed_ticks += max(0, round((now - self._began) / self._period) - 1)
        self._ticks += 1
        self._began = now
        self._renew_policy(now)
        self._broadcast(self._core.begin(now))
        self._deadline.reset()
        self._backfiller.reset()
        if self._core.complete:
            self._decide()

    def _renew_policy(self, now: float) -> None:
        if self._core.next_bundle is not None and self._ticks > self._announced_at + 1:
            late = self._ticks - self._announced_at > self._values["policy_patience"]
            if late or self._policy_publisher.wait_for_all_acked(_ACKNOWLEDGED):
                self._core.switch()
                self._policy_path = self._values["policy"]
                self._publish_configuration()
                self.get_logger().info(f"policy {self._core.bundle.policy_id:08x} from this tick on")
        if self._policy_wanted and now - self._policy_said >= _POLICY_REPEAT:
            self._say_policies()

    def _broadcast(self, tick: Tick) -> None:
        self._tick_publisher.publish(conversions.tick_to_message(tick, self.get_clock().now().to_msg()))

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
        decision = self._core.decide()
        now = time.monotonic()
        self._save()
        status = conversions.status_to_message(self._core, decision, self.get_clock().now().to_msg(), self._reports)
        self._reports = 0
        status.latency = now - self._began
        status.refused_hellos = self._refused_hellos
        status.policy_requests = self._policy_requests
        status.missed_ticks = self._missed_ticks
        self._status_publisher.publish(status)
        self._health.add(decision, status.latency, status.report_bytes, now)
        for robot_id in decision.suspended:
            self.get_logger().warning(f"robot {robot_id} no longer answers and leaves the draw")

    def _diagnose(self) -> list[Finding]:
        if self._standby.session is None:
            return [Finding("role", Level.OK, "standing by", {})]
        return [
            *self._health.findings(
                self._core, thresholds_of(self._values), self._missed_ticks, self._refused_hellos, self._policy_requests,
                time.monotonic(),
            ),
            self._endpoints.finding(),
        ]  # fmt: skip

    def _hear_hello(self, message: RobotHello) -> None:
        roster = self._core.roster
        ids = range(message.robot_id, message.robot_id + max(1, message.count))
        who = f"robot {ids[0]}" if len(ids) == 1 else f"robots {ids[0]}-{ids[-1]}"
        if len(ids) > RobotHello.MAX_COUNT or ids[-1] >= 2**32:
            self._refuse(who, f"at most {RobotHello.MAX_COUNT} ids below 2^32 join at once")
            return
        if message.event == RobotHello.LEAVE:
            if sum([roster.leave(robot_id) for robot_id in ids]):
                self.get_logger().info(f"{who} left, {len(roster)} on the roster")
            return
        known = all(robot_id in roster for robot_id in ids)
        reason = self._admission.refusal(message.name, message.game_hash, known, len(roster) + len(ids) - 1)
        if reason:
            self._refuse(who, reason)
            return
        allowed = [robot_id for robot_id in ids if self._allowed is None or robot_id in self._allowed]
        if len(allowed) < len(ids):
            self._refuse(who, f"{len(ids) - len(allowed)} of {len(ids)} not among those allowed, {str(self._allowed)[:80]}")
        if sum([roster.join(robot_id, message.name) for robot_id in allowed]):
            self.get_logger().debug(f"{who} joined, {len(roster)} on the roster")
        if message.event == RobotHello.NEED_POLICY and allowed:
            self._policy_requests += 1
            self._policy_wanted = True

    def _refuse(self, who: str, reason: str) -> None:
        self._refused_hellos += 1
        self.get_logger().warning(f"{who} refused: {reason}", throttle_duration_sec=_THROTTLE)

    def _save(self) -> None:
        if self._state_file is None:
            return
        try:
            write_checkpoint(Checkpoint(self._game_hash, self._core.session, self._core.global_state), self._state_file)
        except OSError as error:
            self.get_logger().error(f"{self._state_file} cannot be written: {error}", throttle_duration_sec=10.0)

    def _prepare_parameters(self, values: Mapping[str, Any], names: frozenset[str]) -> PolicyBundle | None:
        if "policy" in names:
            return self._load_bundle(values)
        for bundle in (self._core.bundle, self._core.next_bundle):
            if bundle is not None:
                check_bundle(bundle, self._game, values["sampling.k"])
        return None

    def _apply_parameters(self, bundle: PolicyBundle | None, names: frozenset[str]) -> None:
        values, core = self._values, self._core
        core.k = values["sampling.k"]
        core.budget.limit = values["bandwidth_limit"]
        core.roster.max_misses = values["roster.max_misses"]
        core.roster.probe_interval = values["roster.probe_interval"]
        self._backfiller.timer_period_ns = int(1e9 * self._period * values["tick.deadline"] * values["tick.backfill"])
        if bundle is not None:
            core.announce(bundle)
            self._announced_at = self._ticks
            if self._standby.session is None and core.next_bundle is not None:  # nobody acts by ours
                core.switch()
                self._policy_path = values["policy"]
            self._say_policies()
        self._publish_configuration()


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [CoordinatorNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
