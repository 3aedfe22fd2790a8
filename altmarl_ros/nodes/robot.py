"""The `robot` executable: one robot that reports when polled and acts once per tick."""

from __future__ import annotations

import time
from typing import Any, Mapping, Sequence

import numpy as np
from rclpy.duration import Duration
from rclpy.timer import Timer

from altmarl_ros.fleet.agent import Heard, RobotAgent
from altmarl_ros.fleet.health import Finding, Threshold, robots_finding
from altmarl_ros.fleet.joining import join_delay
from altmarl_ros.fleet.messages import game_tag
from altmarl_ros.games import load_game
from altmarl_ros.msg import FleetTick, LocalPolicy, RobotHello, RobotReport
from altmarl_ros.nodes import conversions, diagnostics, qos
from altmarl_ros.nodes.bodies import Bodies
from altmarl_ros.nodes.diagnostics import Diagnostics
from altmarl_ros.nodes.endpoints import Endpoints
from altmarl_ros.nodes.faults import NETWORK_PARAMETERS, FaultyLink, network_of
from altmarl_ros.nodes.guarded import GuardedNode
from altmarl_ros.nodes.parameters import Parameter, declare
from altmarl_ros.nodes.running import run

SHARED_PARAMETERS = (
    Parameter("game", "", "Game that the robot is set up for, a name or a YAML file; empty: any."),
    Parameter("fleet_prefix", "/fleet", "Prefix of the fleet-wide topics."),
    Parameter("world_prefix", "/world", "Prefix of the simulated world's topics."),
    Parameter("seed", 0, "Seed of the robot's action draws, together with its id.", 0),
    Parameter("silence", 2.0, "Silence of the coordinator after which the robot says hello again.", 0.05, 3600.0, unit="s"),
    Parameter("join_window", 0.1, "Hellos of many robots are spread over this time.", 0.0, 3600.0, unit="s"),
)  # fmt: skip

DIAGNOSTICS_PARAMETERS = (
    diagnostics.PERIOD,
    *diagnostics.threshold_parameters("silent", Threshold(0.01, 0.5), "Share of robots that hear no coordinator"),
)

PARAMETERS = (
    Parameter("robot_id", 0, "The robot's id, unique in the fleet.", 0, 2**32 - 1),
    *SHARED_PARAMETERS,
    *NETWORK_PARAMETERS,
    *DIAGNOSTICS_PARAMETERS,
)

POLICY_REPEAT = 1.0
"""Time between requests for the policy [s]."""

_THROTTLE = 1.0  # s between two complaints about what others send


class RobotNode(GuardedNode):
    """Shell around `fleet.agent.RobotAgent`, with a body in the simulated Markov world."""

    def __init__(
        self, values: Mapping[str, Any] | None = None, game_hash: str | None = None, bodies: Bodies | None = None,
        quiet: bool = False, overridable: bool = True, **node_options: Any,
    ) -> None:  # fmt: skip
        """`values`, `game_hash` and `bodies` are given where many robots share one process.

        See Endpoints for `quiet` and `overridable`.
        """
        super().__init__("robot", **node_options)
        hosted = values is not None
        values = declare(self, PARAMETERS) if values is None else values
        if game_hash is None:
            game_hash = load_game(values["game"]).content_hash if values["game"] else ""
        self._game_hash = game_hash
        self._id = int(values["robot_id"])
        self.agent = RobotAgent(self._id, np.random.default_rng([int(values["seed"]), 2, self._id]), float(values["silence"]))
        self._local_state: int | None = None  # None while the body moves
        self._join_window = float(values["join_window"])
        self._join: Timer | None = None
        prefix = values["fleet_prefix"]
        self.endpoints = make = Endpoints(self, quiet, overridable)
        self._hello_publisher = make.publisher(RobotHello, f"{prefix}/hello", qos.latched_qos())
        link = FaultyLink(self, network_of(values), int(values["seed"]), self._id)
        self._publish_report = link.from_robot(make.publisher(RobotReport, f"{prefix}/report", qos.report_qos()).publish)
        make.subscription(LocalPolicy, f"{prefix}/policy", self._hear_policy, qos.policy_qos())
        hear_tick = link.to_robot(self.guard(f"{prefix}/tick", self._hear_tick))  # guarded: it may come later, from a timer
        make.subscription(FleetTick, f"{prefix}/tick", hear_tick, qos.tick_qos())
        self._asked_for_policy = -np.inf
        if not hosted:
            silent = Threshold(values["diagnostics.silent.warn"], values["diagnostics.silent.error"])
            Diagnostics(self, make, values["diagnostics.period"], prefix, lambda: diagnose([self], silent))
        self._bodies = Bodies(self, make, values["world_prefix"]) if bodies is None else bodies
        self._bodies.enter(self._id, self._hear_body)
        self._join_soon()

    def stop(self) -> None:
        """Leave the fleet."""
        self._say(RobotHello.LEAVE)
        self._bodies.leave(self._id)

    def drain(self, timeout: float) -> None:
        """Wait until the last words have arrived, at most `timeout` [s]."""
        self._hello_publisher.wait_for_all_acked(Duration(seconds=timeout))

    def _join_soon(self) -> None:
        if self._join is None:
            self._join = self.create_timer(join_delay(self._id, self._join_window), self._join_now)

    def _join_now(self) -> None:
        if self._join is not None:
            self.destroy_timer(self._join)
            self._join = None
        self._say(RobotHello.JOIN)

    def _say(self, event: int) -> None:
        name = self.get_fully_qualified_name()
        self._hello_publisher.publish(RobotHello(event=event, robot_id=self._id, name=name, game_hash=self._game_hash))

    def _hear_policy(self, message: LocalPolicy) -> None:
        if self._game_hash and message.game_hash != self._game_hash:
            reason = f"is for game {message.game_hash[:16]!r}, not {self._game_hash}"
            self.get_logger().error(f"refused: policy {message.policy_id:08x} {reason}", throttle_duration_sec=_THROTTLE)
            return
        try:
            self.agent.learn(message.policy_id, conversions.policy_from_message(message), game_tag(message.game_hash))
        except ValueError as error:
            self.get_logger().error(f"refused: {error}", throttle_duration_sec=_THROTTLE)
            return
        self._answer()

    def _hear_tick(self, message: FleetTick) -> None:
        if self._id in message.polled:
            self._take_tick(message)
        else:  # nobody waits for this robot: the polled ones of the process come first
            self._bodies.soon(lambda: self._take_tick(message))

    def _take_tick(self, message: FleetTick) -> None:
        now = time.monotonic()
        was_silent = self.agent.silent(now)
        heard = self.agent.hear(conversions.tick_from_message(message), now)
        if heard is Heard.REPEATED:
            report = self.agent.late_report()
            if report:
                self._publish_report(conversions.report_to_message(report))
        if heard in (Heard.OLD, Heard.REPEATED):
            return
        if was_silent or heard is Heard.NEW_SESSION:
            self._join_soon()
        elif self.agent.lacks_policy and now - self._asked_for_policy >= POLICY_REPEAT:
            self._asked_for_policy = now
            self._say(RobotHello.NEED_POLICY)
        self._answer()

    def _hear_body(self, local_state: int) -> None:
        self._local_state = local_state
        self._answer()

    def _answer(self) -> None:
        if self._local_state is None:
            return
        answer = self.agent.answer(self._local_state)
        if answer is None:
            return
        self._local_state = None
        if answer.report:
            self._publish_report(conversions.report_to_message(answer.report))
            # The coordinator waits for the reports of other robots of the process; nobody waits for the body.
            self._bodies.soon(lambda: self._bodies.act(self._id, answer.tick, answer.local_action))
        else:
            self._bodies.act(self._id, answer.tick, answer.local_action)


def diagnose(robots: Sequence[RobotNode], silent: Threshold) -> list[Finding]:
    """What the robots of one process find; the first one's middleware events stand for all."""
    return [robots_finding([robot.agent for robot in robots], time.monotonic(), silent), robots[0].endpoints.finding()]


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [RobotNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
