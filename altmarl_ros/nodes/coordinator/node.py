"""The `coordinator` executable: polls k robots per tick, decides, and announces the policy."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import numpy as np
from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter as RclParameter

from altmarl_ros.compiled import load_numba
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.monitoring.health import CoordinatorHealth, Finding, Level, doubled_ids_finding
from altmarl_ros.monitoring.tick_expectation import SILENT_PERIODS
from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.diagnostics import Diagnostics
from altmarl_ros.nodes.common.endpoints import Endpoints, all_subscribe
from altmarl_ros.nodes.common.lifecycle import ManagedNode
from altmarl_ros.nodes.common.parameter_sets import declare, refuse_fixed, watch
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.coordinator.evidence_link import EVIDENCE_TIMEOUT, EvidenceLink
from altmarl_ros.nodes.coordinator.join_handler import JoinHandler
from altmarl_ros.nodes.coordinator.parameters import HANDED_OVER, LIVE, PARAMETERS, thresholds_of
from altmarl_ros.nodes.coordinator.plant_link import PlantLink
from altmarl_ros.nodes.coordinator.policy_announcer import PolicyAnnouncer
from altmarl_ros.nodes.coordinator.standby_link import StandbyLink
from altmarl_ros.nodes.coordinator.state_file import StateFile
from altmarl_ros.nodes.coordinator.tick_scheduler import TickScheduler
from altmarl_ros.policies import PolicyBundle, load_bundle
from altmarl_ros.protocol.coordinator import Coordinator, check_bundle
from altmarl_ros.protocol.decision import Decision
from altmarl_ros.protocol.plant import Plant, VirtualPlant
from altmarl_ros.protocol.settings import CoordinatorSettings
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records import Configuration

_LAST_WRITE = 1.0  # s; longest wait for a checkpoint when a node is cleaned up
_HOST = f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True)
class _Change:
    """What a set of parameters asks for; `bundle` is None where the set does not name a policy."""

    settings: CoordinatorSettings
    bundle: PolicyBundle | None


class CoordinatorNode(ManagedNode):
    """A managed node around `protocol.coordinator.Coordinator`.

    Configured it has loaded game and policy and keeps the roster; active it ticks, or stands by for another coordinator, in
    a new session for each activation. It implements `TickHooks` and `SuccessionHooks`, by which its clockwork and its link
    to other coordinators ask and tell it what concerns its other parts.

    Topics, under the parameter `fleet_prefix` (default `/fleet`); see docs/reference/topics.md for quality of service:
        publishes `tick`, `policy`, `status` and `configuration`, and `/diagnostics`;
        subscribes to `report` and `hello`, and in a game with a hidden state to `hidden_evidence`;
        with `plant.kind` external: publishes `global_action` and subscribes to `global_state`;
        while active: subscribes to `tick`, and with a part in a succession to `status` and `configuration`.
    Services: those of a managed node (`~/change_state`, `~/get_state`, ...) and of its parameters.
    Parameters: `PARAMETERS` in nodes/coordinator/parameters.py. A live one is taken at once in `get` and `dump`, and takes
        effect when the next tick is due (`TickScheduler.renew_settings`).
    """

    def __init__(self) -> None:
        super().__init__("coordinator")
        self._values = declare(self, PARAMETERS, managed=True)
        watch(self, PARAMETERS, self._values, self._prepare_parameters, self._apply_parameters)
        self._last_session: int | None = None
        self._calm_until = 0.0  # monotonic [s]; what is missing until then is no alarm
        self._state_file: StateFile | None = None  # once configured
        self._standby: StandbyLink | None = None  # while active
        if self._values["autostart"]:
            self.start()

    def configure(self) -> None:
        """Load game and policy, restore the checkpoint of the last start, and connect."""
        load_numba()
        values, prefix = self._values, str(self._values["fleet_prefix"])
        self._game = game = load_game(values["game"])
        bundle = _load_bundle(values, game)
        settings = CoordinatorSettings.from_parameters(values)
        self._state_file = StateFile(self.get_logger(), values["state_file"], game)
        checkpoint = self._state_file.restore()
        if checkpoint is not None:
            self._last_session = checkpoint.session
        self._resumed = checkpoint is not None
        self._endpoints = endpoints = Endpoints(self)
        rng = np.random.default_rng([settings.decision.seed, checkpoint.session if checkpoint else 0])
        self._plant_link: PlantLink | None = None
        plant: Plant
        if values["plant.kind"] == "external":
            self._plant_link = PlantLink(endpoints, prefix, game.n_global_states, values["plant.timeout"])
            plant = self._plant_link.plant
        else:
            plant = VirtualPlant(game, rng, checkpoint.global_state if checkpoint else None)
        self._core = Coordinator(game, bundle, settings, rng, plant=plant)
        self._evidence_link: EvidenceLink | None = None
        if game.hidden is not None:
            timeout = float(values[EVIDENCE_TIMEOUT.name])
            self._evidence_link = EvidenceLink(endpoints, prefix, game.n_hidden_states, timeout)
            self._core.inbox = self._evidence_link.inbox
        self._announcer = PolicyAnnouncer(endpoints, prefix, self._core, str(values["policy.file"]))
        self._announcer.publish()
        self._join_handler = JoinHandler(endpoints, values, self._core, self._announcer.request)
        self._scheduler = TickScheduler(endpoints, self._core, self, values)
        self._health = CoordinatorHealth(settings.period)
        self._pace = (settings.period, settings.paused)  # by which the health counts
        self._handover = Handover()  # what our session began with
        self._configuration_publisher = endpoints.publisher(FleetConfiguration, f"{prefix}/configuration", qos.account_qos())
        Diagnostics(self, endpoints, values["diagnostics.period"], prefix, self._diagnose)
        self.get_logger().info(
            f"game {game.name} {game.content_hash}, policy {bundle.policy_id:08x}, {settings.decision.model}, "
            f"k = {settings.k}, every {settings.period:g} s"
        )

    def activate(self) -> None:
        """Begin a session, or stand by."""
        self._scheduler.start_over()
        self._announcer.restart()
        self._standby = StandbyLink(self, self._values, self, self._last_session)
        if self._standby.session is not None:
            self.take_over(self._standby.session, Handover())

    def deactivate(self) -> None:
        """End the session in the open; the roster is kept."""
        if self._standby is not None and self._standby.session is not None:
            self.resign(self._standby.secret)
        self._standby = None
        self._scheduler.stop()

    def cleanup(self) -> None:
        """Write the last checkpoint."""
        self.drain(_LAST_WRITE)

    def drain(self, timeout: float) -> None:
        """Wait until the last checkpoint is written, at most `timeout` [s]."""
        if self._state_file is not None:
            self._state_file.drain(timeout)

    # The SuccessionHooks, which the standby link calls.

    def may_decide(self) -> bool:
        """See SuccessionHooks."""
        return self._core.global_state is not None and not self._core.settings.paused

    def take_over(self, session: int, known: Handover) -> None:
        """See SuccessionHooks."""
        assert self._standby is not None, "inactive, yet it takes over"
        self._last_session = session
        self._core.take_over(session, known, self._standby.mark)
        self._handover = known
        self._publish_configuration()
        self._announcer.publish()
        self.get_logger().info(f"session {session}")
        if known.global_state is None:
            self._scheduler.start(gated=not self._resumed)
        else:
            self._scheduler.start_now()
        now = time.monotonic()
        self._calm_until = now + float(self._values["diagnostics.grace"])
        self._health.begin(max(self._calm_until, now + self._scheduler.first_due))

    def own_handover(self) -> Handover:
        """See SuccessionHooks."""
        core = self._core
        state = core.global_state
        estimate, belief = (tuple(shares.tolist()) for shares in (core.estimate, core.belief))
        return Handover(state, None, state, estimate, core.sampling_error, belief)

    def resign(self, secret: int) -> None:
        """See SuccessionHooks."""
        self._scheduler.broadcast(self._core.resignation(secret))

    def step_down(self) -> None:
        """See SuccessionHooks."""
        self._scheduler.stop()

    def follow(self, configuration: Configuration) -> None:
        """See SuccessionHooks: take the parameters over by which the other coordinator decides."""
        parameters = configuration.parameters
        given = {name: value for name, value in parameters.items() if name in HANDED_OVER and value != self._values[name]}
        if configuration.game_hash != self._game.content_hash:
            given = {}
        elif configuration.policy_hash == self._core.bundle.content_hash:
            given.pop("policy.file", None)

        def tell(changed: SetParametersResult) -> None:
            outcome = "taken" if changed.successful else f"not taken, {changed.reason}"
            self.get_logger().info(f"parameters of session {configuration.session}: {', '.join(given)} {outcome}")

        if given:
            self.set_parameters_later([RclParameter(name, value=value) for name, value in given.items()], tell)

    # The TickHooks, which the scheduler calls.

    def fleet_listens(self, robots: int) -> bool:
        """See TickHooks."""
        hello, tick = (f"{self._values['fleet_prefix']}/{name}" for name in ("hello", "tick"))
        everybody = len(self._core.roster) >= robots and all_subscribe(self, hello, [tick])
        return everybody and all_subscribe(self, hello, self._announcer.topics)

    def settings_taken(self, settings: CoordinatorSettings) -> None:
        """See TickHooks."""
        pace = (settings.period, settings.paused)
        if pace != self._pace:  # what was counted before says nothing of how ticks come from now on
            self._pace = pace
            self._health.begin(time.monotonic() + SILENT_PERIODS * settings.period)
        self._health.period = settings.period
        if self._standby is not None:
            self._standby.keep_pace(settings.period)
        self._publish_configuration()

    def may_begin_tick(self) -> bool:
        """See TickHooks; a new policy comes into force here."""
        assert self._standby is not None, "inactive, yet a tick is due"
        if not self._standby.may_begin(self._core.next_tick):
            return False
        if self._announcer.switch_if_due(self._scheduler.ticks):
            self._publish_configuration()
        self._announcer.repeat_if_requested()
        return True

    def report_heard(self, session: int, robot_id: int) -> None:
        """See TickHooks."""
        if self._standby is not None and robot_id in self._core.roster:
            self._standby.heard_report(session, robot_id)

    def tick_began(self) -> None:
        """See TickHooks."""
        if self._plant_link is not None:
            self._plant_link.resume()

    def tick_held(self) -> None:
        """See TickHooks."""
        assert self._plant_link is not None, "the state of a virtual plant is always known"
        self._plant_link.hold()

    def tick_decided(self, decision: Decision, status: CoordinatorStatus) -> None:
        """See TickHooks."""
        if self._plant_link is not None:
            self._plant_link.publish(decision)
        if self._state_file is not None:
            self._state_file.save(self._core.session, self._core.global_state)
        status.refused_hellos, status.policy_requests = self._join_handler.refused, self._join_handler.policy_requests
        self._health.add(decision, status.latency, status.report_bytes, time.monotonic())

    @property
    def _deciding(self) -> bool:
        return self._standby is not None and self._standby.session is not None

    def _publish_configuration(self) -> None:
        if not self._deciding:
            return
        bundle = self._core.bundle
        configuration = Configuration(
            session=self._core.session,
            tick=self._core.next_tick,
            game_name=self._game.name,
            game_hash=self._game.content_hash,
            policy_hash=bundle.content_hash,
            policy_id=bundle.policy_id,
            parameters={**self._values, "policy.file": self._announcer.path, "host": _HOST},
            handover=self._handover,
        )
        stamp = self.get_clock().now().to_msg()
        self._configuration_publisher.publish(conversions.configuration_to_message(configuration, stamp))

    def _diagnose(self) -> list[Finding]:
        now = time.monotonic()
        starting = now < self._calm_until or self._scheduler.gated
        plant = [] if self._plant_link is None else [self._plant_link.finding()]
        if not self._deciding:
            return [Finding("role", Level.OK, "standing by" if self._standby else "inactive", {}), *plant]
        if self._core.settings.paused:
            return [Finding("role", Level.WARN, "paused", {}), *plant]
        found = self._health.findings(
            self._core,
            thresholds_of(self._values),
            missed_ticks=self._scheduler.missed,
            refused_hellos=self._join_handler.refused,
            policy_requests=self._join_handler.policy_requests,
            starting=starting,
            now=now,
        )
        others = [] if self._standby is None else [self._standby.finding()]
        others += [] if self._evidence_link is None else [self._evidence_link.finding()]
        ids = doubled_ids_finding(self._core.roster.claims.doubled(time.monotonic()))
        return [*found, ids, *others, *plant, self._endpoints.finding(self._scheduler.keeps_deadline)]

    def read_files(self, values: Mapping[str, Any], names: frozenset[str]) -> PolicyBundle | None:
        """See GuardedNode: the policy, where one is set while there is a game that it must be for."""
        return _load_bundle(values, self._game) if self.configured and "policy.file" in names else None

    def _prepare_parameters(self, values: Mapping[str, Any], names: frozenset[str]) -> _Change | None:
        if not self.configured:
            return None
        refuse_fixed(values, self._values, LIVE)
        lease = values["failover.lease"]
        if "tick.period" in names and 0.0 < lease <= values["tick.period"]:
            raise AltmarlError(
                f"parameter 'tick.period' is {values['tick.period']:g}, must be below 'failover.lease', {lease:g}, "
                "or a standby takes over between two ticks"
            )
        bundle = self.files_read(values, names)
        settings = CoordinatorSettings.from_parameters(values)
        self._core.check(settings=settings, bundle=bundle)
        return _Change(settings, bundle)

    def _apply_parameters(self, change: _Change | None, names: frozenset[str]) -> None:
        if change is None:
            return
        self._core.change(settings=change.settings, bundle=change.bundle)
        if not self._scheduler.running:
            self._scheduler.renew_settings()
        if change.bundle is not None:
            self._announcer.announce(self._values["policy.file"], self._scheduler.ticks, at_once=not self._deciding)


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
