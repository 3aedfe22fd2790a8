"""The `world` executable: simulates the robots of a fleet as Markov chains, and publishes the truth about them."""

from __future__ import annotations

from typing import Sequence

from rclpy.exceptions import InvalidTopicNameException
from rclpy.publisher import Publisher
from rclpy.validate_full_topic_name import validate_full_topic_name

from altmarl_ros.games import load_game
from altmarl_ros.msg import BodyCommand, BodyState, FleetTick, FleetTruth
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.parameter_sets import declare
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.common.running import run
from altmarl_ros.protocol.admission import DEFAULT_CAPACITY, NAME_LENGTH
from altmarl_ros.simulation import MarkovWorld

PARAMETERS = (
    Parameter("game", "warehouse", "Game: a built-in name or a YAML file.", path="name or file"),
    Parameter("seed", 0, "Seed of first states and movements.", 0),
    Parameter("roster.capacity", DEFAULT_CAPACITY, "Most robots that the world simulates.", 1, 10_000_000),
    Parameter("fleet_prefix", "/fleet", "Prefix of the fleet-wide topics."),
    Parameter("world_prefix", "/world", "Prefix of the simulated world's topics."),
)

_QUIET = 2.0  # s
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

        self._ticks_received = 0
        self.create_timer(_QUIET, self._close_when_quiet)

    def stop(self) -> None:
        """Publish what is known of the last ticks."""
        self._publish_truth(final=True)

    def _close_when_quiet(self) -> None:
        # A coordinator that stopped sends no tick that would close the last ones.
        if self._ticks_received == 0:
            self._publish_truth(final=True)
        self._ticks_received = 0

    def _on_command(self, message: BodyCommand) -> None:
        publisher = self._state_publisher(message.body_topic)
        if publisher is None:
            return
        states: dict[int, int] = {}
        for robot_id, action in zip(message.robot_id, message.local_action, strict=False):
            if action == BodyCommand.LEAVE:
                self._world.leave(robot_id)
                continue
            if action == BodyCommand.ASK:
                if robot_id not in self._world and len(self._world) >= self._capacity:
                    self._refuse(f"robot {robot_id}", f"{self._capacity} are simulated, as many as `roster.capacity` allows")
                    continue
                state: int | None = self._world.join(robot_id)
            else:
                state = self._world.command(message.session, message.tick, robot_id, message.global_state, action)
            if state is not None:
                states[robot_id] = state
        publisher.publish(
            BodyState(session=message.session, tick=message.tick, robot_id=list(states), local_state=list(states.values()))
        )
        self._publish_truth()

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
        self._ticks_received += 1
        self._world.hear_tick(message.session, message.tick)
        self._publish_truth()

    def _publish_truth(self, final: bool = False) -> None:
        for truth in self._world.closed_ticks(final):
            self._truth_publisher.publish(conversions.truth_to_message(truth))


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [WorldNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
