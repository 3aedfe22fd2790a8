"""The `robot` executable: one robot that reports when polled and acts once per tick."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np
from lifecycle_msgs.msg import State
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.timer import Timer

from altmarl_ros.driving.stop_latch import StopLatch
from altmarl_ros.monitoring.health import Finding, Threshold, robots_finding
from altmarl_ros.monitoring.tick_expectation import TickExpectation
from altmarl_ros.msg import FleetTick, RobotHello, RobotReport
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.diagnostics import Diagnostics
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.lifecycle import AUTOSTART, ManagedNode
from altmarl_ros.nodes.common.parameter_sets import declare, refuse_fixed, watch
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.common.safety_bounds import SafetyBounds
from altmarl_ros.nodes.robot.body import Body
from altmarl_ros.nodes.robot.coordinator_subscriptions import RobotCallbacks
from altmarl_ros.nodes.robot.goal_pose import GoalPoseListener
from altmarl_ros.nodes.robot.impaired_link import NETWORK_PARAMETERS, ImpairedLink, network_of
from altmarl_ros.nodes.robot.markov_body import MarkovBody, SimulatedRobots
from altmarl_ros.nodes.robot.operator_control import OperatorControl, offer_operation
from altmarl_ros.nodes.robot.parameters import (
    BODY,
    DIAGNOSTICS_PARAMETERS,
    DRIVE_PARAMETERS,
    SHARED_PARAMETERS,
    DriveSettings,
    drive_settings,
)
from altmarl_ros.nodes.robot.shared_resources import SharedResources
from altmarl_ros.nodes.robot.vehicle import Vehicle
from altmarl_ros.protocol.agent import Answer, RobotAgent, join_delay
from altmarl_ros.protocol.allegiance import Heard
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
"""Names of the parameters that can be set while the robot is configured."""

POLICY_REPEAT = 1.0
"""Time between requests for the policy [s]."""

_ALARM = 5.0  # s between two errors about an id that is used twice
_LAST_MESSAGES = 0.3  # s; longest wait for them to arrive


class RobotNode(ManagedNode):
    """One robot of the fleet: reports its local state when polled, and acts once per tick.

    Subscriptions: those of `CoordinatorSubscriptions`, and of the body: `SimulatedRobots` (`body:=markov`) or `Vehicle`
    (`body:=drive`).
    Publishers: <fleet_prefix>/report (RobotReport), <fleet_prefix>/hello (RobotHello), /diagnostics
    (diagnostic_msgs/msg/DiagnosticArray), and those of the body.
    Services: ~/operate (OperateRobot), or on the node of the process where it has many robots; those of its life cycle and
    its parameters, and of the body.
    Parameters: `PARAMETERS`.

    Attributes:
        agent: decides for the robot; there once it is configured.
        operator_control: what an operator makes of the robot.
    """

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        shared: SharedResources | None = None,
        *,
        quiet: bool = False,
        overridable: bool = True,
        **node_options: Any,
    ) -> None:
        """Make the node of one robot.

        Args:
            values: parameter values, where many robots share one process; such a robot offers no transitions.
            shared: what the robots of that process share.
            quiet: see Endpoints.
            overridable: see Endpoints.
            node_options: of the node.
        """
        hosted = values is not None
        super().__init__("robot", services=not hosted, **node_options)
        self._values: dict[str, Any] = declare(self, PARAMETERS, managed=True) if values is None else dict(values)
        self._given, self._quiet, self._overridable = shared, quiet, overridable
        self._bounds = SafetyBounds(PARAMETERS, self._values)
        self._body: Body | None = None
        self._active = False
        self._join: Timer | None = None
        self._kept_stops: tuple[bool, StopLatch] | None = None  # of the robot and of the fleet, from before a clean-up
        self.operator_control = OperatorControl(self, lambda: self._publish_hello(RobotHello.JOIN))
        if not hosted:
            offer_operation(self, lambda: {int(self._values["robot_id"]): self})
            watch(self, PARAMETERS, self._values, self._prepare_parameters, lambda made, _: self.adjust(self._values, made))
            if self._values[AUTOSTART.name]:
                self.start()

    def configure(self) -> None:
        """See ManagedNode."""
        values = self._values
        self._id = int(values["robot_id"])
        make = Endpoints(self, self._quiet, self._overridable)
        shared = self._given or SharedResources.load(self, make, values)
        self._game_hash, self._age_clock, self._coordinator = shared.game_hash, shared.clock, shared.coordinator
        rng = np.random.default_rng([int(values["seed"]), 2, self._id])
        self._pledge, self._type = shared.pledge, shared.robot_type
        self.agent = RobotAgent(
            self._id,
            rng,
            float(values["silence"]),
            self._coordinator.policies,
            lease=float(values["coordinator.lease"]) or None,
            mark=self._pledge.mark,
        )
        self.agent.temperature = float(values["policy.temperature"])
        self._asked_for_policy = -np.inf
        on_writers_changed = None
        if isinstance(shared.acts_through, SimulatedRobots):
            self._body = MarkovBody(shared.acts_through, self._id)
        else:
            self._body = vehicle = Vehicle(self, make, values, shared.acts_through, lambda: not self.agent.lacks_policy)
            on_writers_changed = vehicle.writers_changed
            GoalPoseListener(make, values, shared.acts_through.goal_map.zones, self.operator_control)
            if self._kept_stops is not None:  # no transition releases a stop
                stopped, shared.acts_through.fleet_stop.latch = self._kept_stops
                if stopped:
                    vehicle.press_emergency_stop()
            self._fleet_latch = shared.acts_through.fleet_stop.latch
        self.operator_control.configure(self.agent, self._body)
        self._join_window = float(values["join_window"])
        prefix = values["fleet_prefix"]
        self._hello_publisher = make.publisher(RobotHello, f"{prefix}/hello", qos.latched_qos())
        link = ImpairedLink(self, network_of(values), int(values["seed"]), self._id)
        self._publish_report = link.from_robot(make.publisher(RobotReport, f"{prefix}/report", qos.report_qos()).publish)
        on_tick = link.to_robot(self.guard(f"{prefix}/tick", self._on_tick))  # guarded: it may come later, from a timer
        self._coordinator.add_robot(self._id, RobotCallbacks(on_tick, self._answer, on_writers_changed))
        if self._given is None:
            Diagnostics(self, make, values["diagnostics.period"], prefix, lambda: diagnose([self], make, values))

    def activate(self) -> None:
        """See ManagedNode."""
        assert self._body is not None
        self._active = True
        self._body.enter(self._answer)
        self.operator_control.activate()
        self._join_soon()

    def deactivate(self) -> None:
        """See ManagedNode: stop, and leave the fleet."""
        assert self._body is not None
        self._active = False
        self.operator_control.deactivate()
        self._body.leave()
        self._publish_hello(RobotHello.LEAVE)
        if self._join is not None:
            self.destroy_timer(self._join)
            self._join = None

    def cleanup(self) -> None:
        """See ManagedNode."""
        if self._body is not None:
            if isinstance(self._body, Vehicle):
                self._kept_stops = self._body.emergency_stopped, self._fleet_latch
            self._coordinator.remove_robot(self._id)
            self.drain(_LAST_MESSAGES)
            self._body.close()
            self._body = None

    def stop(self) -> None:
        """Stop, and leave the fleet; publishers stay until the last messages have arrived."""
        if self.state_id == State.PRIMARY_STATE_ACTIVE:
            self.trigger_deactivate()

    def brake(self, dt: float) -> bool:
        """Brake for `dt` [s]; returns whether the robot is at rest."""
        return self._body is None or not self._active or self._body.brake(dt)

    def drain(self, timeout: float) -> None:
        """Wait until the last messages have arrived, at most `timeout` [s] for each."""
        if self._body is not None:
            self._body.drain(timeout)
            self._hello_publisher.wait_for_all_acked(Duration(seconds=timeout))

    def adjust(self, values: Mapping[str, Any], settings: DriveSettings) -> None:
        """Act by other live parameters, and drive by other settings, from now on."""
        if self.configured:
            self.agent.silence, self.agent.temperature = float(values["silence"]), float(values["policy.temperature"])
            self.expected.least = float(values["silence"])
        if isinstance(self._body, Vehicle):
            self._body.adjust(settings)

    def finding(self) -> Finding | None:
        """Return what /diagnostics says of this robot alone."""
        return self._body.finding(self.expected, str(self.agent.operated or "")) if self._body is not None else None

    @property
    def expected(self) -> TickExpectation:
        """By when the next tick has to come."""
        return self._coordinator.expected

    def now(self) -> float:
        """Return the time by which silence is measured [s]."""
        return self._age_clock.now()

    def _prepare_parameters(self, values: Mapping[str, Any], names: frozenset[str]) -> DriveSettings:
        if self.configured:
            refuse_fixed(values, self._values, LIVE)
        self._bounds.check(values, self._values, active=self._active)
        return drive_settings(values)

    def _join_soon(self) -> None:
        if self._join is None:
            clock = Clock(clock_type=ClockType.STEADY_TIME)  # a network takes the same time in every simulated one
            self._join = self.create_timer(join_delay(self._id, self._join_window), self._join_now, clock=clock)

    def _join_now(self) -> None:
        if self._join is not None:
            self.destroy_timer(self._join)
            self._join = None
        self._publish_hello(RobotHello.JOIN)

    def _publish_hello(self, event: int) -> None:
        self.agent.membership.said_hello(self._age_clock.now())
        operated = self.agent.operated
        local_state = self._body.local_state if self._body is not None and operated is None else None
        self._hello_publisher.publish(
            RobotHello(
                event=event,
                robot_id=self._id,
                name=self.get_fully_qualified_name(),
                game_hash=self._game_hash,
                robot_type=self._type,
                mark=self._pledge.mark,
                secret=self._pledge.secret if event == RobotHello.LEAVE else 0,
                control=operated.control if operated is not None else RobotHello.BY_POLICY,
                operator_name=operated.operator if operated is not None else "",
                local_state=RobotHello.UNKNOWN if local_state is None else local_state,
            )
        )

    def _on_tick(self, message: FleetTick, tick: Tick) -> None:
        body = self._body
        if body is None or not self._active:
            return
        now = self._age_clock.now()
        reaction = self.agent.react(tick, now, body.local_state)
        if reaction.late_report is not None:
            self._publish_report(conversions.report_to_message(reaction.late_report))
        if reaction.heard not in (Heard.NEW, Heard.NEW_SESSION):
            return
        self.expected.tick(tick.session, now)
        body.tick_received(now)
        if self.agent.membership.is_doubled(now):
            self.get_logger().error(f"another robot uses the id {self._id} too", throttle_duration_sec=_ALARM)
        if reaction.rejoins:
            self._join_soon()
        elif (self.agent.lacks_policy or self.agent.lacks_values) and now - self._asked_for_policy >= POLICY_REPEAT:
            self._asked_for_policy = now
            self._publish_hello(RobotHello.NEED_POLICY if self.agent.lacks_policy else RobotHello.NEED_VALUES)
        if reaction.answer is not None:
            self._act(reaction.answer)

    def _answer(self) -> None:
        """Answer the tick that waits, if it can be answered now that the local state or the policies have changed."""
        if self._body is None or not self._active:
            return
        answer = self.agent.answer(self._body.local_state)
        if answer is not None:
            self._act(answer)

    def _act(self, answer: Answer) -> None:
        assert self._body is not None
        if answer.report is not None:
            self._publish_report(conversions.report_to_message(answer.report))
        self._body.act(answer)


def diagnose(robots: Sequence[RobotNode], make: Endpoints, values: Mapping[str, Any]) -> list[Finding]:
    """Return what the robots of one process find, and what the middleware complains of on its shared endpoints."""
    silent = Threshold(values["diagnostics.silent.warn"], values["diagnostics.silent.error"])
    together = robots_finding([robot.agent for robot in robots], robots[0].now(), silent, robots[0].expected)
    each = [finding for robot in robots if (finding := robot.finding()) is not None]
    return [together, make.finding(), *each]


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [RobotNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
