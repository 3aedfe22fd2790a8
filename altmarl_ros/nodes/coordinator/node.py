"""The `coordinator` executable: polls k robots per tick, decides, and announces the policy.

A managed node: configured it knows game and policy and keeps the roster; active it ticks, or stands by, in a session of
its own for each activation.
"""

from __future__ import annotations

import time
from typing import Any, Mapping, Sequence

import numpy as np
from rclpy.parameter import Parameter as RclParameter

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.monitoring.health import CoordinatorHealth, Finding, Level
from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.diagnostics import Diagnostics
from altmarl_ros.nodes.common.endpoints import Endpoints, all_hear
from altmarl_ros.nodes.common.lifecycle import ManagedNode
from altmarl_ros.nodes.common.parameters import declare, refuse_fixed, watch
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.coordinator.join_handler import JoinHandler
from altmarl_ros.nodes.coordinator.parameters import HANDED_OVER, LIVE, PARAMETERS, thresholds_of
from altmarl_ros.nodes.coordinator.plant_link import PlantLink
from altmarl_ros.nodes.coordinator.policy_announcer import PolicyAnnouncer
from altmarl_ros.nodes.coordinator.standby_link import StandbyLink
from altmarl_ros.nodes.coordinator.state_file import StateFile
from altmarl_ros.nodes.coordinator.tick_scheduler import TickScheduler
from altmarl_ros.policies import PolicyBundle, load_bundle
from altmarl_ros.protocol.budget import BandwidthBudget
from altmarl_ros.protocol.coordinator import Coordinator, Decision, check_bundle
from altmarl_ros.protocol.decision import Rule
from altmarl_ros.protocol.plant import VirtualPlant
from altmarl_ros.protocol.roster import Roster
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.run_record import Configuration


class CoordinatorNode(ManagedNode):
    """Shell around `fleet.coordinator.Coordinator`."""

    def __init__(self) -> None:
        super().__init__("coordinator")
        self._values = declare(self, PARAMETERS, managed=True)
        watch(self, PARAMETERS, self._values, self._prepare_parameters, self._apply_parameters)
        self._last_session: int | None = None
        self._standby: StandbyLink | None = None  # while active
        if self._values["autostart"]:
            self.start()

    def configure(self) -> None:
        """Load game and policy, restore what the last start left, and connect."""
        values = self._values
        self._game = load_game(values["game"])
        bundle = _load_bundle(values, self._game)
        period, prefix = float(values["tick.period"]), str(values["fleet_prefix"])
        self._state_file = StateFile(self.get_logger(), values["state_file"], self._game)
        checkpoint = self._state_file.restore()
        if checkpoint is not None:
            self._last_session = checkpoint.session
        self._resumed = checkpoint is not None
        self._endpoints = make = Endpoints(self)
        rng = np.random.default_rng([values["sampling.seed"], checkpoint.session if checkpoint else 0])
        self._link: PlantLink | None = None
        if values["plant.kind"] == "external":
            self._link = PlantLink(self, make, prefix, self._game.n_global_states, values["plant.timeout"])
        self._core = Coordinator(
            self._game,
            bundle,
            Rule.of(values),
            values["sampling.k"],
            0,
            rng,
            Roster(values["roster.max_misses"], values["roster.probe_interval"]),
            self._link.plant if self._link else VirtualPlant(self._game, rng, checkpoint.global_state if checkpoint else None),
            BandwidthBudget(values["bandwidth_limit"], period, period * float(values["tick.deadline"])),
        )
        game_hash = self._game.content_hash
        self._announcement = PolicyAnnouncer(self, make, prefix, self._core, game_hash, str(values["policy.file"]))
        self._announcement.say()
        self._hellos = JoinHandler(self, make, values, game_hash, self._core.roster, self._announcement.want)
        self._ticking = TickScheduler(
            self, make, values, self._core, self._may_begin, self._fleet_hears, self._begun, self._hold, self._decided
        )
        self._changed: frozenset[str] = frozenset()  # parameters that take effect when the next tick is due
        self._health = CoordinatorHealth(period)
        self._handover = Handover()  # what our session began with
        self._configuration_publisher = make.publisher(FleetConfiguration, f"{prefix}/configuration", qos.account_qos())
        Diagnostics(self, make, values["diagnostics.period"], prefix, self._diagnose)
        self.get_logger().info(
            f"game {self._game.name} {game_hash}, policy {bundle.policy_id:08x}, {values['sampling.model']}, "
            f"k = {self._core.k} of at most {bundle.ladder.K}, every {period:g} s"
        )

    def activate(self) -> None:
        """Begin a session, or stand by."""
        self._ticking.start_over()
        self._announcement.restart()
        self._standby = StandbyLink(
            self,
            self._values,
            self._last_session,
            self._could_decide,
            self._take_over,
            self._ticking.stop,
            self._follow,
        )
        if self._standby.session is not None:
            self._take_over(self._standby.session, Handover())

    def deactivate(self) -> None:
        """End the session; the roster is kept."""
        self._ticking.stop()
        self._standby = None

    @property
    def _deciding(self) -> bool:
        return self._standby is not None and self._standby.session is not None

    def _could_decide(self) -> bool:
        return self._core.global_state is not None and not self._values["paused"]

    def _take_over(self, session: int, known: Handover) -> None:
        self._last_session = session
        self._core.take_over(session, known)
        self._handover = known
        self._publish_configuration()
        self._announcement.say()
        self.get_logger().info(f"session {session}")
        if known.global_state is None:
            self._ticking.start(gated=not self._resumed)
        else:
            self._ticking.start_now()

    def _follow(self, other: Configuration) -> None:
        given = {name: value for name, value in other.parameters.items() if name in HANDED_OVER and value != self._values[name]}
        if other.game_hash != self._game.content_hash:
            given = {}
        elif other.policy_hash == self._core.bundle.content_hash:
            given.pop("policy.file", None)
        if given:
            changed = self.set_parameters_atomically([RclParameter(name, value=value) for name, value in given.items()])
            said = "taken" if changed.successful else f"not taken, {changed.reason}"
            self.get_logger().info(f"parameters of session {other.session}: {', '.join(given)} {said}")

    def _fleet_hears(self, robots: int) -> bool:
        hello, tick, policy = (f"{self._values['fleet_prefix']}/{name}" for name in ("hello", "tick", "policy"))
        return len(self._core.roster) >= robots and all_hear(self, hello, tick) and all_hear(self, hello, policy)

    def _may_begin(self) -> bool:
        assert self._standby is not None, "inactive, yet a tick is due"
        self._change()
        if not self._standby.may_begin(self._core.next_tick):
            return False
        if self._announcement.renew(self._ticking.ticks, self._values["policy.patience"]):
            self._publish_configuration()
        return True

    def _begun(self) -> None:
        if self._link is not None:
            self._link.go_on()

    def _hold(self) -> None:
        assert self._link is not None, "a virtual plant is always known"
        self._link.hold()

    def _decided(self, decision: Decision, status: CoordinatorStatus) -> None:
        if self._link is not None:
            self._link.tell(decision)
        self._state_file.save(self._core.session, self._core.global_state)
        status.refused_hellos, status.policy_requests = self._hellos.refused, self._hellos.policy_requests
        self._health.add(decision, status.latency, status.report_bytes, time.monotonic())

    def _publish_configuration(self) -> None:
        if not self._deciding:
            return
        bundle = self._core.bundle
        configuration = Configuration(
            self._core.session,
            self._core.next_tick,
            self._game.name,
            self._game.content_hash,
            bundle.content_hash,
            bundle.policy_id,
            {**self._values, "policy.file": self._announcement.path},
            self._handover,
        )
        stamp = self.get_clock().now().to_msg()
        self._configuration_publisher.publish(conversions.configuration_to_message(configuration, stamp))

    def _diagnose(self) -> list[Finding]:
        plant = [] if self._link is None else [self._link.finding()]
        if not self._deciding:
            return [Finding("role", Level.OK, "standing by" if self._standby else "inactive", {}), *plant]
        if self._ticking.paused:
            return [Finding("role", Level.WARN, "paused", {}), *plant]
        return [
            *self._health.findings(
                self._core,
                thresholds_of(self._values),
                missed_ticks=self._ticking.missed,
                refused_hellos=self._hellos.refused,
                policy_requests=self._hellos.policy_requests,
                now=time.monotonic(),
            ),
            *plant,
            self._endpoints.finding(self._ticking.keeps_deadline),
        ]

    def _prepare_parameters(self, values: Mapping[str, Any], names: frozenset[str]) -> PolicyBundle | None:
        if not self.configured:
            return None
        refuse_fixed(values, self._values, LIVE)
        lease = values["failover.lease"]
        if "tick.period" in names and 0.0 < lease <= values["tick.period"]:
            raise AltmarlError(
                f"parameter 'tick.period' is {values['tick.period']:g}, must be below 'failover.lease', {lease:g}, "
                "or a standby takes over between two ticks"
            )
        bundle = _load_bundle(values, self._game) if "policy.file" in names else None
        for used in (self._core.bundle, bundle or self._core.next_bundle):
            if used is not None:
                check_bundle(used, self._game, values["sampling.k"] if bundle is None else 0, values["policy.temperature"])
        return bundle
        return None

    def _apply_parameters(self, bundle: PolicyBundle | None, names: frozenset[str]) -> None:
        if not self.configured:
            return
        self._core.k = self._values["sampling.k"]
        self._core.follow(Rule.of(self._values))
        if bundle is not None:
            path = self._values["policy.file"]
            self._announcement.announce(bundle, path, self._ticking.ticks, at_once=not self._deciding)
        self._changed |= names
        if not self._ticking.running:
            self._change()

    def _change(self) -> None:
        # Between two ticks, so that each is decided by what it began with, and a record can tell from which tick on.
        names, self._changed = self._changed, frozenset()
        if not names:
            return
        values, core = self._values, self._core
        period = float(values["tick.period"])
        core.budget.limit = values["bandwidth_limit"]
        core.budget.keep_pace(period, period * float(values["tick.deadline"]))
        core.roster.max_misses = values["roster.max_misses"]
        core.roster.probe_interval = values["roster.probe_interval"]
        self._health.period = period
        self._ticking.paused = values["paused"]
        self._ticking.keep_pace(values)
        if self._standby is not None:
            self._standby.keep_pace(period)
        self._publish_configuration()


def _load_bundle(values: Mapping[str, Any], game: TabularGame) -> PolicyBundle:
    if not values["policy.file"]:
        raise AltmarlError("parameter 'policy.file' of the coordinator is empty: train a bundle with `altmarl train`")
    bundle = load_bundle(values["policy.file"], game, same_rewards=False)
    check_bundle(bundle, game, values["sampling.k"])
    return bundle


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [CoordinatorNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
