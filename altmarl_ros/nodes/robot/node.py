"""The `robot` executable: one robot that reports when polled and acts once per tick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import numpy as np
from lifecycle_msgs.msg import State
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.timer import Timer

from altmarl_ros.games import load_game
from altmarl_ros.monitoring.health import Finding, Threshold, robots_finding
from altmarl_ros.msg import FleetTick, RobotHello, RobotReport
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.clock import AgeClock
from altmarl_ros.nodes.common.deferred_work import DeferredWork
from altmarl_ros.nodes.common.diagnostics import Diagnostics
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.lifecycle import AUTOSTART, ManagedNode
from altmarl_ros.nodes.common.parameter_sets import declare, refuse_fixed, watch
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.robot.body import Body
from altmarl_ros.nodes.robot.coordinator_subscriptions import CoordinatorSubscriptions, Listener
from altmarl_ros.nodes.robot.emergency_stop import FleetStop
from altmarl_ros.nodes.robot.faulty_link import NETWORK_PARAMETERS, FaultyLink, network_of
from altmarl_ros.nodes.robot.markov_body import MarkovBody, SimulatedRobots
from altmarl_ros.nodes.robot.parameters import (
    BODY,
    DIAGNOSTICS_PARAMETERS,
    DRIVE_PARAMETERS,
    SHARED_PARAMETERS,
    DriveSettings,
    drive_settings,
)
from altmarl_ros.nodes.robot.vehicle import Site, Vehicle
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import Heard, RobotAgent, join_delay
from altmarl_ros.protocol.messages import Tick

COMMON_PARAMETERS = (
    AUTOSTART,
    *SHARED_PARAMETERS,
    BODY,
    *DRIVE_PARAMETERS,
    *NETWORK_PARAMETERS,
    *DIAGNOSTICS_PARAMETERS,
)

PARAMETERS = (Parameter("robot_id", 0, "The robot's id, unique in the fleet.", 0, 2**32 - 1), *COMMON_PARAMETERS)

LIVE = frozenset(parameter.name for parameter in PARAMETERS if parameter.live)
"""What can be set while the robot is configured."""

POLICY_REPEAT = 1.0
"""Time between requests for the policy [s]."""

_LAST_WORDS = 0.3  # s


@dataclass(frozen=True)
class Surroundings:
    """What the robots of one process share.

    Attributes:
        game_hash: of the game that they are set up for; empty: any.
        clock: by which ages are measured.
        bodies: in the Markov world, or None.
        site: where they drive, or None.
        fleet_stop: the fleet's emergency stop, or None.
        ears: what they hear of the coordinator.
    """

    game_hash: str
    clock: AgeClock
    bodies: SimulatedRobots | None
    site: Site | None
    fleet_stop: FleetStop | None
    ears: CoordinatorSubscriptions

    @classmethod
    def load(cls, node: Node, make: Endpoints, values: Mapping[str, Any]) -> Surroundings:
        """What the parameters say, on the endpoints of a node; raises AltmarlError with what is wrong."""
        game_hash = load_game(values["game"]).content_hash if values["game"] else ""
        deferred, prefix = DeferredWork(node), values["fleet_prefix"]
        if values["body"] == "markov":
            ears = CoordinatorSubscriptions(node, make, prefix, game_hash, deferred)
            return cls(
                game_hash, AgeClock(node), SimulatedRobots(node, make, values["world_prefix"], deferred), None, None, ears
            )
        site = Site.load(values)
        ears = CoordinatorSubscriptions(node, make, prefix, game_hash, deferred, lease=float(values["timeout.coordinator"]))
        return cls(game_hash, AgeClock(node), None, site, FleetStop(node, prefix), ears)


class RobotNode(ManagedNode):
    """Shell around `fleet.agent.RobotAgent` and a body."""

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        surroundings: Surroundings | None = None,
        quiet: bool = False,
        overridable: bool = True,
        **node_options: Any,
    ) -> None:
        """`values` and `surroundings` are given where many robots share one process; such a robot offers no transitions.

        See Endpoints for `quiet` and `overridable`.
        """
        hosted = values is not None
        super().__init__("robot", services=not hosted, **node_options)
        self._values: dict[str, Any] = declare(self, PARAMETERS, managed=True) if values is None else dict(values)
        self._given, self._quiet, self._overridable = surroundings, quiet, overridable
        self._body: Body | None = None
        self._active = False
        self._join: Timer | None = None
        if not hosted:
            watch(self, PARAMETERS, self._values, self._prepare_parameters, lambda made, _: self.adjust(self._values, made))
            if self._values[AUTOSTART.name]:
                self.start()

    def configure(self) -> None:
        """See ManagedNode."""
        values = self._values
        self._id = int(values["robot_id"])
        make = Endpoints(self, self._quiet, self._overridable)
        shared = self._given or Surroundings.load(self, make, values)
        self._game_hash, self._ages, self._ears = shared.game_hash, shared.clock, shared.ears
        self.agent = RobotAgent(self._id, np.random.default_rng([int(values["seed"]), 2, self._id]), float(values["silence"]))
        self.agent.temperature = float(values["policy.temperature"])
        self._asked_for_policy = -np.inf
        count_coordinators = None
        if shared.bodies is not None:
            self._body = MarkovBody(shared.bodies, self._id)
        else:
            assert shared.site is not None
            assert shared.fleet_stop is not None
            self._body = vehicle = Vehicle(
                self, make, values, self._id, shared.site, shared.clock, shared.fleet_stop, lambda: not self.agent.lacks_policy
            )
            count_coordinators = vehicle.count_coordinators
        self._join_window = float(values["join_window"])
        prefix = values["fleet_prefix"]
        self._hello_publisher = make.publisher(RobotHello, f"{prefix}/hello", qos.latched_qos())
        link = FaultyLink(self, network_of(values), int(values["seed"]), self._id)
        self._publish_report = link.from_robot(make.publisher(RobotReport, f"{prefix}/report", qos.report_qos()).publish)
        hear_tick = link.to_robot(self.guard(f"{prefix}/tick", self._hear_tick))  # guarded: it may come later, from a timer
        shared.ears.listen(self._id, Listener(hear_tick, self._learn, count_coordinators))
        if self._given is None:
            Diagnostics(self, make, values["diagnostics.period"], prefix, lambda: diagnose([self], make, values))

    def activate(self) -> None:
        """See ManagedNode."""
        assert self._body is not None
        self._active = True
        self._body.enter(self._answer)
        self._join_soon()

    def deactivate(self) -> None:
        """See ManagedNode: stop, and leave the fleet."""
        assert self._body is not None
        self._active = False
        self._body.leave()
        self._say(RobotHello.LEAVE)
        if self._join is not None:
            self.destroy_timer(self._join)
            self._join = None

    def cleanup(self) -> None:
        """See ManagedNode."""
        if self._body is not None:
            self._ears.forget(self._id)
            self.drain(_LAST_WORDS)
            self._body.close()
            self._body = None

    def stop(self) -> None:
        """Stop, and leave the fleet; what was made stays until the last words have arrived."""
        if self.state_id == State.PRIMARY_STATE_ACTIVE:
            self.trigger_deactivate()

    def brake(self, dt: float) -> bool:
        """Brake for `dt` [s]; whether the robot is at rest."""
        return self._body is None or not self._active or self._body.brake(dt)

    def drain(self, timeout: float) -> None:
        """Wait until the last words have arrived, at most `timeout` [s] for each."""
        if self._body is not None:
            self._body.drain(timeout)
            self._hello_publisher.wait_for_all_acked(Duration(seconds=timeout))

    def adjust(self, values: Mapping[str, Any], settings: DriveSettings) -> None:
        """Act by other live parameters, and drive by other limits, from now on."""
        if self.configured:
            self.agent.silence, self.agent.temperature = float(values["silence"]), float(values["policy.temperature"])
        if isinstance(self._body, Vehicle):
            self._body.adjust(settings)

    def finding(self) -> Finding | None:
        """What there is to say about this robot alone."""
        return self._body.finding() if self._body is not None else None

    def now(self) -> float:
        """The time by which silence is measured [s]."""
        return self._ages.now()

    def _prepare_parameters(self, values: Mapping[str, Any], names: frozenset[str]) -> DriveSettings:
        if self.configured:
            refuse_fixed(values, self._values, LIVE)
        return drive_settings(values)

    def _join_soon(self) -> None:
        if self._join is None:
            clock = Clock(clock_type=ClockType.STEADY_TIME)  # a network takes the same time in every simulated one
            self._join = self.create_timer(join_delay(self._id, self._join_window), self._join_now, clock=clock)

    def _join_now(self) -> None:
        if self._join is not None:
            self.destroy_timer(self._join)
            self._join = None
        self._say(RobotHello.JOIN)

    def _say(self, event: int) -> None:
        name = self.get_fully_qualified_name()
        self._hello_publisher.publish(RobotHello(event=event, robot_id=self._id, name=name, game_hash=self._game_hash))

    def _learn(self, policy_id: int, policy: LocalPolicy, game_tag: int) -> None:
        self.agent.learn(policy_id, policy, game_tag)
        self._answer()

    def _hear_tick(self, message: FleetTick, tick: Tick) -> None:
        if self._body is None or not self._active:
            return
        now = self._ages.now()
        was_silent = self.agent.silent(now)
        heard = self.agent.hear(tick, now)
        if heard is Heard.REPEATED:
            report = self.agent.late_report()
            if report:
                self._publish_report(conversions.report_to_message(report))
        if heard in (Heard.OLD, Heard.REPEATED):
            return
        self._body.hear_tick(now)
        if was_silent or heard is Heard.NEW_SESSION:
            self._join_soon()
        elif self.agent.lacks_policy and now - self._asked_for_policy >= POLICY_REPEAT:
            self._asked_for_policy = now
            self._say(RobotHello.NEED_POLICY)
        self._answer()

    def _answer(self) -> None:
        if self._body is None or not self._active:
            return
        local_state = self._body.local_state
        answer = None if local_state is None else self.agent.answer(local_state)
        if answer is None:
            return
        if answer.report:
            self._publish_report(conversions.report_to_message(answer.report))
        self._body.act(answer.tick, answer.local_action)


def diagnose(robots: Sequence[RobotNode], ears: Endpoints, values: Mapping[str, Any]) -> list[Finding]:
    """What the robots of one process find, and what the middleware complains of where they hear the coordinator."""
    silent = Threshold(values["diagnostics.silent.warn"], values["diagnostics.silent.error"])
    together = robots_finding([robot.agent for robot in robots], robots[0].now(), silent)
    each = [finding for robot in robots if (finding := robot.finding()) is not None]
    return [together, ears.finding(), *each]


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [RobotNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
