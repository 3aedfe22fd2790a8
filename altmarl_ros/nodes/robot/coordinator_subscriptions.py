"""What the robots of one process hear of the coordinator: one reader of ticks and one of policies for all of them.

A reader for each would take the same tick from the middleware a thousand times, 20 us each, before the last polled robot
learned that it is polled. Here the polled ones come first, whatever their number among the others, and the
others when nobody waits (deferred_work.py).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Callable

from rclpy.node import Node

from altmarl_ros.msg import FleetTick, LocalPolicy
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.deferred_work import DeferredWork
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.policies import LocalPolicy as Policy
from altmarl_ros.protocol.agent import POLICIES_KEPT, HeldPolicy
from altmarl_ros.protocol.messages import Tick

_THROTTLE = 1.0  # s between two complaints about what others send


@dataclass(frozen=True)
class Listener:
    """One robot's ears.

    Attributes:
        hear_tick: takes a tick, as a message and as plain data.
        learn: takes a policy: its id, itself and the tag of its game.
        count_coordinators: is told how many writers of ticks are alive and how many have fallen silent; None: nobody asks.
    """

    hear_tick: Callable[[FleetTick, Tick], None]
    learn: Callable[[int, Policy, int], None]
    count_coordinators: Callable[[int, int], None] | None = None


class CoordinatorSubscriptions:
    """Of one process, all of whose robots are set up for one game."""

    def __init__(
        self, node: Node, make: Endpoints, prefix: str, game_hash: str, deferred: DeferredWork, lease: float | None = None
    ) -> None:
        """`game_hash`: other games' policies are refused; empty: none is. `lease`: see qos.tick_qos."""
        self._node, self._game_hash, self._deferred = node, game_hash, deferred
        self._listeners: dict[int, Listener] = {}
        self._policies: OrderedDict[int, HeldPolicy] = OrderedDict()
        self._untold: tuple[FleetTick, Tick, list[Listener]] | None = None  # a tick, and who has yet to hear it
        self._writers: tuple[int, int] | None = None  # alive, silent
        make.subscription(LocalPolicy, f"{prefix}/policy", self._hear_policy, qos.policy_qos())
        counted = self._count_writers if lease is not None else None
        make.subscription(FleetTick, f"{prefix}/tick", self._hear_tick, qos.tick_qos(lease=lease), counted)

    def listen(self, robot_id: int, listener: Listener) -> None:
        """From now on; what was latched is told at once."""
        self._listeners[robot_id] = listener
        for policy_id, held in self._policies.items():
            listener.learn(policy_id, held.policy, held.game_tag)
        if self._writers is not None and listener.count_coordinators is not None:
            listener.count_coordinators(*self._writers)

    def forget(self, robot_id: int) -> None:
        """This robot hears no more."""
        self._listeners.pop(robot_id, None)

    def _hear_tick(self, message: FleetTick) -> None:
        self._tell_others()  # of the tick before, if it is still to be told
        tick = conversions.tick_from_message(message)
        polled = dict.fromkeys(tick.polled)
        for robot_id in polled:
            listener = self._listeners.get(robot_id)
            if listener is not None:
                listener.hear_tick(message, tick)
        self._untold = (message, tick, [listener for robot_id, listener in self._listeners.items() if robot_id not in polled])
        if len(self._listeners) > 1:
            self._deferred.soon(self._tell_others)
        else:
            self._tell_others()

    def _tell_others(self) -> None:
        if self._untold is not None:
            (message, tick, listeners), self._untold = self._untold, None
            for listener in listeners:
                listener.hear_tick(message, tick)

    def _hear_policy(self, message: LocalPolicy) -> None:
        try:
            held = conversions.held_policy_from_message(message, self._game_hash)
        except ValueError as error:
            self._node.get_logger().error(f"refused: {error}", throttle_duration_sec=_THROTTLE)
            return
        self._policies[message.policy_id] = held
        self._policies.move_to_end(message.policy_id)
        while len(self._policies) > POLICIES_KEPT:
            self._policies.popitem(last=False)
        for listener in list(self._listeners.values()):
            listener.learn(message.policy_id, held.policy, held.game_tag)

    def _count_writers(self, alive: int, silent: int) -> None:
        self._writers = (alive, silent)
        for listener in list(self._listeners.values()):
            if listener.count_coordinators is not None:
                listener.count_coordinators(alive, silent)
