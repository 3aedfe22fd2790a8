"""The robots' side of the simulated Markov world: sends their actions, and receives their local states.

The actions of all robots of a process in one tick go out as one message, and the world answers with one. An answer that
does not come is asked for again, so that a world which starts late or anew gives every robot its state back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from altmarl_ros.errors import AltmarlError
from altmarl_ros.monitoring.health import Finding
from altmarl_ros.monitoring.tick_expectation import TickExpectation
from altmarl_ros.msg import BodyCommand, BodyState
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.deferred_work import DeferredWork
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.protocol.agent import Answer
from altmarl_ros.protocol.messages import Tick

_GATHER = 0.005  # s; how long a message waits for the rest of the robots
_PATIENCE = 0.25  # s; after which an answer is asked for again


@dataclass(frozen=True)
class _Occasion:
    """The tick that one message is about."""

    session: int = 0
    tick: int = 0
    global_state: int = 0


class MarkovBody:
    """One robot of the simulated Markov world; see `body.Body`."""

    def __init__(self, robots: SimulatedRobots, robot_id: int) -> None:
        self._robots, self._id = robots, robot_id
        self._local_state: int | None = None  # None while the body moves
        self._changed: Callable[[], None] | None = None

    @property
    def local_state(self) -> int | None:
        """See Body."""
        return self._local_state

    def enter(self, changed: Callable[[], None]) -> None:
        """See Body."""
        self._changed = changed
        self._robots.enter(self._id, self._on_state)

    def tick_received(self, now: float) -> None:
        """See Body."""

    def act(self, answer: Answer) -> None:
        """See Body."""
        self._local_state = None
        self._robots.act(self._id, answer.tick, answer.local_action)

    def hold(self) -> None:
        """See Body: a body that gets no action stays where it is."""

    def send(self, zone: str) -> str:
        """See Body."""
        raise AltmarlError("the simulated Markov world has no floor to drive on; hold, release, remove and return work here")

    def release(self) -> None:
        """See Body."""

    @property
    def at_rest(self) -> bool:
        """See Body."""
        return True

    @property
    def standing(self) -> str:
        """See Body."""
        return ""

    def leave(self) -> None:
        """See Body."""
        self._changed = self._local_state = None
        self._robots.leave(self._id)

    def brake(self, dt: float) -> bool:
        """See Body: nothing moves."""
        return True

    def drain(self, timeout: float) -> None:
        """See Body: no last message has to arrive."""

    def finding(self, expected: TickExpectation, operated: str = "") -> Finding | None:
        """See Body."""
        return None

    def close(self) -> None:
        """See Body."""

    def _on_state(self, local_state: int) -> None:
        self._local_state = local_state
        if self._changed is not None:
            self._changed()


class SimulatedRobots:
    """Sends the actions of a process's robots to the world, and hands each robot its new local state.

    Publisher: <world prefix>/command (BodyCommand).
    Subscription: ~/body (BodyState).
    """

    def __init__(self, node: Node, make: Endpoints, world_prefix: str, deferred: DeferredWork, robot_type: str = "") -> None:
        """`robot_type` is the name of the robots' type, empty in a game without types."""
        self._deferred, self._type = deferred, robot_type
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._waiting: dict[int, tuple[_Occasion, float]] = {}
        self._pending: dict[int, int] = {}
        self._occasion = _Occasion()
        self._publisher = make.publisher(BodyCommand, f"{world_prefix}/command", qos.command_qos())
        self._topic = make.subscription(BodyState, "~/body", self._on_states, qos.command_qos()).topic_name
        clock = Clock(clock_type=ClockType.STEADY_TIME)  # messages take the same time whatever time is simulated
        self._gather = node.create_timer(_GATHER, self._flush, clock=clock)
        self._gather.cancel()
        node.create_timer(_PATIENCE, self._ask_again, clock=clock)

    def enter(self, robot_id: int, on_state: Callable[[int], None]) -> None:
        """Let a robot enter the world; `on_state` is called with its local state whenever it has moved."""
        self._callbacks[robot_id] = on_state
        self._command(robot_id, BodyCommand.ASK, _Occasion())

    def act(self, robot_id: int, tick: Tick, local_action: int) -> None:
        """Send the action of a robot in a tick."""
        if len(self._callbacks) > 1 and robot_id in tick.polled:
            # The coordinator waits for the reports of other robots of the process; nobody waits for its move.
            self._deferred.soon(lambda: self._act(robot_id, tick, local_action))
        else:
            self._act(robot_id, tick, local_action)

    def leave(self, robot_id: int) -> None:
        """Let a robot leave the world."""
        self._command(robot_id, BodyCommand.LEAVE, self._occasion)
        self._callbacks.pop(robot_id, None)
        self._waiting.pop(robot_id, None)
        if not self._callbacks:
            self._flush()

    def _act(self, robot_id: int, tick: Tick, local_action: int) -> None:
        if robot_id in self._callbacks:
            self._command(robot_id, local_action, _Occasion(tick.session, tick.tick, tick.global_state))

    def _command(self, robot_id: int, local_action: int, occasion: _Occasion) -> None:
        if self._pending and (occasion != self._occasion or robot_id in self._pending):
            self._flush()
        self._occasion = occasion
        self._pending[robot_id] = local_action
        self._waiting[robot_id] = (occasion, time.monotonic())
        if len(self._pending) >= len(self._callbacks):
            self._flush()
        elif len(self._pending) == 1:
            self._gather.reset()

    def _flush(self) -> None:
        self._gather.cancel()
        if not self._pending:
            return
        occasion = self._occasion
        self._publisher.publish(
            BodyCommand(
                body_topic=self._topic,
                session=occasion.session,
                tick=occasion.tick,
                global_state=occasion.global_state,
                robot_type=self._type,
                robot_id=list(self._pending),
                local_action=list(self._pending.values()),
            )
        )
        self._pending = {}

    def _on_states(self, message: BodyState) -> None:
        for robot_id, local_state in zip(message.robot_id, message.local_state, strict=False):
            occasion, _ = self._waiting.get(robot_id, (None, 0.0))
            # An answer to an earlier question is no longer true.
            if occasion is not None and (occasion.session, occasion.tick) == (message.session, message.tick):
                del self._waiting[robot_id]
                self._callbacks[robot_id](local_state)

    def _ask_again(self) -> None:
        now = time.monotonic()
        for robot_id, (occasion, since) in list(self._waiting.items()):
            if now - since >= _PATIENCE:
                self._command(robot_id, BodyCommand.ASK, occasion)
