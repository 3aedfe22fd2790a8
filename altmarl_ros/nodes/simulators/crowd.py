"""The `crowd` executable: up to 100 000 simulated robots in arrays, behind the topics and messages of robot nodes.

It joins by hellos that name ranges of ids, publishes the reports of polled robots, and publishes the truth about its robots
as the world does about those of nodes.
"""

from __future__ import annotations

import itertools
import time
from functools import partial
from typing import Any, Sequence

import numpy as np
from rclpy.duration import Duration
from rclpy.timer import Timer

from altmarl_ros.games import load_game
from altmarl_ros.monitoring.health import Finding, Threshold, robots_finding
from altmarl_ros.monitoring.tick_expectation import TickExpectation
from altmarl_ros.msg import FleetConfiguration, FleetTick, FleetTruth, LocalPolicy, RobotHello, RobotReport
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.diagnostics import Diagnostics
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.parameter_sets import declare, watch
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.robot.node import POLICY_REPEAT
from altmarl_ros.nodes.robot.parameters import DIAGNOSTICS_PARAMETERS, SHARED_PARAMETERS
from altmarl_ros.protocol.allegiance import Heard
from altmarl_ros.protocol.held_policies import policy_topic
from altmarl_ros.protocol.pledge import Pledge
from altmarl_ros.protocol.policy_parts import PolicyParts
from altmarl_ros.protocol.roster_page import Counted, RosterPage
from altmarl_ros.simulation.vectorised_fleet import Crowd

PARAMETERS = (
    Parameter("first_id", 0, "Id of the first robot.", 0, 2**32 - 1),
    Parameter("count", 1000, "Number of robots.", 1, 1_000_000),
    *(parameter for parameter in SHARED_PARAMETERS if parameter.name not in ("game", "world_prefix", "robot.type")),
    Parameter("game", "warehouse", "Game that is played: a built-in name or a YAML file.", path="name or file"),
    *DIAGNOSTICS_PARAMETERS,
)

_MOST_REPORTS = 1000
_HELD_PERIOD = 30.0  # s between two lines about robots that are held back


class CrowdNode(GuardedNode):
    """Robots in arrays; see `simulation.vectorised_fleet`.

    Subscriptions: <fleet_prefix>/tick (FleetTick), <fleet_prefix>/policy or those of all types (LocalPolicy),
    <fleet_prefix>/configuration (FleetConfiguration).
    Publishers: <fleet_prefix>/report (RobotReport), <fleet_prefix>/hello (RobotHello), <fleet_prefix>/truth (FleetTruth),
    /diagnostics (diagnostic_msgs/msg/DiagnosticArray).
    Services: those of its parameters.
    Parameters: `PARAMETERS`.
    """

    def __init__(self) -> None:
        super().__init__("crowd")
        self._values: dict[str, Any] = declare(self, PARAMETERS)
        values = self._values
        game = load_game(values["game"])
        self._game_hash, self._types = game.content_hash, () if game.types is None else game.types.names
        self._parts = PolicyParts(len(self._types))
        self._expected = TickExpectation(least=float(values["silence"]), grace=float(values["diagnostics.grace"]))
        self._crowd = Crowd(game, int(values["first_id"]), int(values["count"]), int(values["seed"]), float(values["silence"]))
        leader, self._pledge = self._crowd.leader, Pledge.draw()
        leader.allegiance.lease = float(values["coordinator.lease"]) or float(values["silence"])
        step = RobotHello.MAX_COUNT
        self._adjust()
        watch(self, PARAMETERS, self._values, lambda values, names: None, lambda prepared, names: self._adjust())
        self._ranges = [
            (ids[place : place + step], name)
            for ids, name in zip(self._crowd.ids_by_type, self._types or ("",), strict=True)
            for place in range(0, len(ids), step)
        ]
        # The last hello of each range is latched, so the ranges take turns, whatever the hello says.
        self._turns = itertools.cycle(self._ranges)
        self._unjoined = 0  # ranges that have yet to join
        self._asked_for_policy = -np.inf
        self._silent = Threshold(values["diagnostics.silent.warn"], values["diagnostics.silent.error"])
        self._join: Timer | None = None
        self._join_window = float(values["join_window"])
        prefix = values["fleet_prefix"]
        self._endpoints = make = Endpoints(self)
        self._hello_publisher = make.publisher(RobotHello, f"{prefix}/hello", qos.latched_qos(len(self._ranges)))
        self._report_publisher = make.publisher(RobotReport, f"{prefix}/report", qos.report_qos(_MOST_REPORTS))
        self._truth_publisher = make.publisher(FleetTruth, f"{prefix}/truth", qos.account_qos())
        for t in range(len(self._types)) if self._types else [None]:
            make.subscription(LocalPolicy, policy_topic(prefix, t), partial(self._on_policy, t), qos.policy_qos())
        make.subscription(FleetTick, f"{prefix}/tick", self._on_tick, qos.tick_qos())
        make.subscription(FleetConfiguration, f"{prefix}/configuration", self._on_configuration, qos.latched_qos())
        Diagnostics(self, make, values["diagnostics.period"], prefix, self._diagnose)
        if self._crowd.held_back is not None:
            self.create_timer(_HELD_PERIOD, self._log_held_back)
        self._join_soon()

    def _adjust(self) -> None:
        leader = self._crowd.leader
        leader.silence, leader.temperature = float(self._values["silence"]), float(self._values["policy.temperature"])
        self._expected.least = float(self._values["silence"])

    def stop(self) -> None:
        """Leave the fleet."""
        for _ in self._ranges:
            self._publish_hello(RobotHello.LEAVE)
        self._log_held_back()

    def _log_held_back(self) -> None:
        if self._crowd.held_back is not None and self._crowd.held_back.robot_ticks:
            self.get_logger().info(str(self._crowd.held_back))

    def drain(self, timeout: float) -> None:
        """Wait until the last messages have arrived, at most `timeout` [s]."""
        self._hello_publisher.wait_for_all_acked(Duration(seconds=timeout))

    def _publish_hello(self, event: int) -> None:
        ids, robot_type = next(self._turns)
        self._crowd.leader.membership.said_hello(time.monotonic())
        self._hello_publisher.publish(
            RobotHello(
                event=event,
                robot_id=ids.start,
                count=len(ids),
                name=self.get_fully_qualified_name(),
                game_hash=self._game_hash,
                robot_type=robot_type,
                mark=self._pledge.mark,
                secret=self._pledge.secret if event == RobotHello.LEAVE else 0,
            )
        )

    def _join_soon(self) -> None:
        if self._join is None:
            self._unjoined = len(self._ranges)
            self._join = self.create_timer(self._join_window / len(self._ranges), self._join_some)

    def _join_some(self) -> None:
        self._publish_hello(RobotHello.JOIN)
        self._unjoined -= 1
        if self._unjoined == 0 and self._join is not None:
            self.destroy_timer(self._join)
            self._join = None

    def _on_policy(self, robot_type: int | None, message: LocalPolicy) -> None:
        try:
            held = conversions.held_policy_from_message(message, self._game_hash, robot_type)
        except ValueError as error:
            self.get_logger().error(f"refused: {error}")
            return
        whole = held if robot_type is None else self._parts.add(robot_type, held)
        if whole is not None:
            self._crowd.policies.hold(whole)
            self._act()

    def _on_configuration(self, message: FleetConfiguration) -> None:
        configuration = conversions.configuration_from_message(message)
        self._expected.tell(configuration.session, configuration.parameters, time.monotonic())

    def _on_tick(self, message: FleetTick) -> None:
        now = time.monotonic()
        leader = self._crowd.leader
        was_silent = leader.silent(now)
        tick = conversions.tick_from_message(message)
        heard = self._crowd.hear(tick, now)
        if heard is Heard.REPEATED:
            self._publish_reports()
        if heard not in (Heard.NEW, Heard.NEW_SESSION):
            return
        self._expected.tick(message.session, now)
        uncounted = tick.roster is not None and leader.membership.must_repeat(tick.roster, self._find, now)
        if was_silent or heard is Heard.NEW_SESSION or uncounted:
            self._join_soon()
        elif (leader.lacks_policy or leader.lacks_values) and now - self._asked_for_policy >= POLICY_REPEAT:
            self._asked_for_policy = now
            self._publish_hello(RobotHello.NEED_POLICY if leader.lacks_policy else RobotHello.NEED_VALUES)
        self._act()

    def _find(self, page: RosterPage) -> Counted:
        return page.find_range(self._crowd.ids, self._pledge.mark)

    def _act(self) -> None:
        moves = self._crowd.act()
        if moves is None:
            return
        self._publish_reports()
        self._truth_publisher.publish(conversions.moves_to_message(moves))

    def _publish_reports(self) -> None:
        for report in self._crowd.reports():
            self._report_publisher.publish(conversions.report_to_message(report))

    def _diagnose(self) -> list[Finding]:
        now, each = time.monotonic(), len(self._crowd.ids)
        robots = robots_finding([self._crowd.leader], now, self._silent, self._expected, each)
        return [robots, self._endpoints.finding()]


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [CrowdNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
