"""Subscribes to the coordinator's ticks and policies, once for all robots of a process.

A subscription for each robot would take the same tick from the middleware a thousand times, 20 us each, before the last
polled robot learned that it is polled. Here the polled robots get a tick first, and the others when nobody waits
(`deferred_work`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from rclpy.node import Node

from altmarl_ros.monitoring.tick_expectation import TickExpectation
from altmarl_ros.msg import FleetConfiguration, FleetTick, LocalPolicy
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.deferred_work import DeferredWork
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.protocol.held_policies import HeldPolicies, policy_topic
from altmarl_ros.protocol.messages import Tick

_THROTTLE = 1.0  # s between two complaints about what others send


@dataclass(frozen=True)
class RobotCallbacks:
    """Callbacks of one robot.

    Attributes:
        on_tick: takes a tick, as a message and as plain data.
        on_policy: is called when a policy has been added to those that are held.
        on_writers_changed: takes how many writers of ticks are alive and how many are not; None: not wanted.
    """

    on_tick: Callable[[FleetTick, Tick], None]
    on_policy: Callable[[], None]
    on_writers_changed: Callable[[int, int], None] | None = None


class CoordinatorSubscriptions:
    """The coordinator's topics, for the robots of one process, all of which are set up for one game.

    Subscriptions: <prefix>/tick (FleetTick), <prefix>/policy or, for robots of type i, <prefix>/policy/type_i (LocalPolicy),
    <prefix>/configuration (FleetConfiguration).

    Attributes:
        policies: the latest policies that were announced, which the robots share.
        expected: by when the next tick has to come, for diagnoses alone.
    """

    def __init__(
        self,
        node: Node,
        make: Endpoints,
        prefix: str,
        *,
        game_hash: str,
        deferred: DeferredWork,
        expected: TickExpectation,
        now: Callable[[], float],
        lease: float | None = None,
        robot_type: int | None = None,
    ) -> None:
        """Subscribe below a prefix.

        Args:
            node: whose log complains.
            make: makes the subscriptions.
            prefix: of the fleet-wide topics.
            game_hash: policies for other games are refused; empty: none is.
            deferred: work that nobody waits for.
            expected: is told what the coordinator says of its ticks.
            now: the clock of `expected` [s].
            robot_type: number of the robots' type; None in a game without types.
            lease: see `qos.tick_qos`; None: it is not watched whether writers of ticks are alive.
        """
        self.policies, self.expected, self._now = HeldPolicies(), expected, now
        self._node, self._game_hash, self._deferred, self._type = node, game_hash, deferred, robot_type
        self._robots: dict[int, RobotCallbacks] = {}
        self._pending: tuple[FleetTick, Tick, list[RobotCallbacks]] | None = None  # a tick, and who has yet to get it
        self._writers: tuple[int, int] | None = None  # alive, not alive
        make.subscription(LocalPolicy, policy_topic(prefix, robot_type), self._on_policy, qos.policy_qos())
        make.subscription(FleetConfiguration, f"{prefix}/configuration", self._on_configuration, qos.latched_qos())
        watched = self._on_writers_changed if lease is not None else None
        make.subscription(FleetTick, f"{prefix}/tick", self._on_tick, qos.tick_qos(lease=lease), watched)

    def add_robot(self, robot_id: int, callbacks: RobotCallbacks) -> None:
        """Call a robot back from now on."""
        self._robots[robot_id] = callbacks
        if self._writers is not None and callbacks.on_writers_changed is not None:
            callbacks.on_writers_changed(*self._writers)

    def remove_robot(self, robot_id: int) -> None:
        """Call a robot back no more."""
        self._robots.pop(robot_id, None)

    def _on_tick(self, message: FleetTick) -> None:
        self._deliver_pending()  # the tick before, if some robots have yet to get it
        tick = conversions.tick_from_message(message)
        polled = dict.fromkeys(tick.polled)
        for robot_id in polled:
            callbacks = self._robots.get(robot_id)
            if callbacks is not None:
                callbacks.on_tick(message, tick)
        self._pending = (message, tick, [callbacks for robot_id, callbacks in self._robots.items() if robot_id not in polled])
        if len(self._robots) > 1:
            self._deferred.soon(self._deliver_pending)
        else:
            self._deliver_pending()

    def _deliver_pending(self) -> None:
        if self._pending is not None:
            (message, tick, robots), self._pending = self._pending, None
            for callbacks in robots:
                callbacks.on_tick(message, tick)

    def _on_policy(self, message: LocalPolicy) -> None:
        try:
            held = conversions.held_policy_from_message(message, self._game_hash, self._type)
        except ValueError as error:
            self._node.get_logger().error(f"refused: {error}", throttle_duration_sec=_THROTTLE)
            return
        self.policies.hold(held)
        for callbacks in list(self._robots.values()):
            callbacks.on_policy()

    def _on_configuration(self, message: FleetConfiguration) -> None:
        configuration = conversions.configuration_from_message(message)
        self.expected.tell(configuration.session, configuration.parameters, self._now())

    def _on_writers_changed(self, alive: int, not_alive: int) -> None:
        self._writers = (alive, not_alive)
        for callbacks in list(self._robots.values()):
            if callbacks.on_writers_changed is not None:
                callbacks.on_writers_changed(alive, not_alive)
