"""The `world` executable: simulates the robots of a fleet as Markov chains, and publishes the truth about them."""

from __future__ import annotations

import time
from typing import Sequence

from rclpy.exceptions import InvalidTopicNameException
from rclpy.publisher import Publisher
from rclpy.validate_full_topic_name import validate_full_topic_name

from altmarl_ros.errors import GameError
from altmarl_ros.games import load_game
from altmarl_ros.msg import BodyCommand, BodyState, FleetTick, FleetTruth
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.parameter_sets import declare
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.simulators.lease import LEASE
from altmarl_ros.protocol.admission import DEFAULT_CAPACITY, NAME_LENGTH
from altmarl_ros.protocol.allegiance import Allegiance, Heard
from altmarl_ros.simulation import MarkovWorld

PARAMETERS = (
    Parameter("game", "warehouse", "Game: a built-in name or a YAML file.", path="name or file"),
    Parameter("seed", 0, "Seed of first states and movements.", 0),
    Parameter("roster.capacity", DEFAULT_CAPACITY, "Most robots that the world simulates.", 1, 10_000_000),
    Parameter("fleet_prefix", "/fleet", "Prefix of the fleet-wide topics."),
    Parameter("world_prefix", "/world", "Prefix of the simulated world's topics."),
    LEASE,
)

_QUIET = 2.0  # s
_HELD_PERIOD = 30.0  # s between two lines about robots that are held back
_MOST_PROCESSES = 1000
_THROTTLE = 1.0  # s between two complaints about what others send


class WorldNode(GuardedNode):
    """The simulated Markov world; see `simulation.markov_world`.

    Subscriptions: <fleet_prefix>/tick (FleetTick), <world_prefix>/command (BodyCommand).
    Publishers: <fleet_prefix>/truth (FleetTruth), and to each process of robots the topic that its commands name (BodyState).
    Services: those of its parameters.
    Parameters: `PARAMETERS`.
    """

    def __init__(self) -> None:
        super().__init__("world")
        values = declare(self, PARAMETERS)
        self._world = MarkovWorld(load_game(values["game"]), int(values["seed"]))
        self._capacity = int(values["roster.capacity"])
        self._state_publishers: dict[str, Publisher] = {}  # by the topic on which a process gets its robots' states
        prefix, world = values["fleet_prefix"], values["world_prefix"]
        self._truth_publisher = self.create_publisher(FleetTruth, f"{prefix}/truth", qos.account_qos())
        self.create_subscription(FleetTick, f"{prefix}/tick", self._on_tick, qos.tick_qos())
        self.create_subscription(BodyCommand, f"{world}/command", self._on_command, qos.command_qos())

        self._allegiance = Allegiance(float(values[LEASE.name]))
        self._ticks_received = 0
        self._waiting: dict[int, Publisher] = {}  # whom to tell where a robot is once its move is settled
        self.create_timer(_QUIET, self._close_when_quiet)
        if self._world.held_back is not None:
            self.create_timer(_HELD_PERIOD, self._log_held_back)

    def stop(self) -> None:
        """Publish what is known of the last ticks."""
        self._publish_truth(final=True)
        self._log_held_back()

    def _log_held_back(self) -> None:
        if self._world.held_back is not None and self._world.held_back.robot_ticks:
            self.get_logger().info(str(self._world.held_back))

    def _close_when_quiet(self) -> None:
        # A coordinator that stopped sends no tick that would close the last ones.
        if self._ticks_received == 0:
            self._publish_truth(final=True)
        self._ticks_received = 0

    def _on_command(self, message: BodyCommand) -> None:
        publisher = self._state_publisher(message.body_topic)
        if publisher is None:
            return
        try:
            kind = self._world.type_number(message.robot_type)
        except GameError as error:
            self._refuse("command", str(error))
            return
        states: dict[int, int] = {}
        for robot_id, action in zip(message.robot_id, message.local_action, strict=False):
            if action == BodyCommand.LEAVE:
                self._world.leave(robot_id)
                self._waiting.pop(robot_id, None)
                continue
            if action == BodyCommand.ASK and self._world.is_moving(robot_id):
                state: int | None = None
            elif action == BodyCommand.ASK:
                if robot_id not in self._world and len(self._world) >= self._capacity:
                    self._refuse(f"robot {robot_id}", f"{self._capacity} are simulated, as many as `roster.capacity` allows")
                    continue
                state = self._world.join(robot_id, kind)
            else:
                state = self._world.command(message.session, message.tick, robot_id, message.global_state, action)
            if state is not None:
                states[robot_id] = state
            elif self._world.is_moving(robot_id):
                self._waiting[robot_id] = publisher
        publisher.publish(
            BodyState(session=message.session, tick=message.tick, robot_id=list(states), local_state=list(states.values()))
        )
        self._publish_settled()
        self._publish_truth()

    def _publish_settled(self) -> None:
        for settled in self._world.settled_moves():
            told: dict[Publisher, list[int]] = {}
            for robot_id in settled.states:
                if robot_id in self._waiting:
                    told.setdefault(self._waiting.pop(robot_id), []).append(robot_id)
            for publisher, ids in told.items():
                states = [settled.states[robot_id] for robot_id in ids]
                publisher.publish(BodyState(session=settled.session, tick=settled.tick, robot_id=ids, local_state=states))

    def _state_publisher(self, topic: str) -> Publisher | None:
        if topic not in self._state_publishers:
            if len(self._state_publishers) >= _MOST_PROCESSES:
                self._refuse("command", f"{_MOST_PROCESSES} processes have robots here already")
                return None
            try:
                validate_full_topic_name(topic[: NAME_LENGTH + 1])
            except InvalidTopicNameException:
                self._refuse("command", f"{topic[:80]!r} is not a topic")
                return None
            self._state_publishers[topic] = self.create_publisher(BodyState, topic, qos.command_qos())
        return self._state_publishers[topic]

    def _refuse(self, what: str, reason: str) -> None:
        self.get_logger().warning(f"{what} refused: {reason}", throttle_duration_sec=_THROTTLE)

    def _on_tick(self, message: FleetTick) -> None:
        if self._allegiance.hear(conversions.tick_from_message(message), time.monotonic()) not in (
            Heard.NEW,
            Heard.NEW_SESSION,
        ):
            return
        self._ticks_received += 1
        self._world.hear_tick(message.session, message.tick)
        self._publish_settled()
        self._publish_truth()

    def _publish_truth(self, final: bool = False) -> None:
        for truth in self._world.closed_ticks(final):
            self._truth_publisher.publish(conversions.truth_to_message(truth))
        self._publish_settled()


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [WorldNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
