"""The `visualization` executable: shows a running fleet by markers, for RViz and Foxglove."""

from __future__ import annotations

import time
from typing import Sequence

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from visualization_msgs.msg import MarkerArray

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame, load_floor_map, load_game
from altmarl_ros.monitoring import (
    Layout,
    RobotLocations,
    Tick,
    by_place,
    disc_layout,
    drawn_places,
    floor_layout,
    floor_places,
    make_scene,
    status_tick,
)
from altmarl_ros.msg import CoordinatorStatus, FleetTruth, FloorTruth, RobotHello
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.goodbyes import Goodbyes
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.parameter_sets import declare
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.tools.markers import MarkerMaker

PARAMETERS = (
    Parameter("game", "warehouse", "Game: a built-in name or a YAML file.", path="name or file"),
    Parameter(
        "map",
        "",
        "Floor map: a file or a built-in name; empty: the game's own, or a ring if it has none.",
        path="name or file",
    ),
    Parameter("rate", 5.0, "Largest number of messages per second.", 0.1, 60.0, unit="Hz"),
    Parameter("names", 50, "Largest number of robots whose ids are written beside them.", 0, 10_000),
    Parameter("fleet_prefix", "/fleet", "Prefix of the fleet-wide topics."),
    Parameter("world_prefix", "/world", "Prefix of the simulated world's topics."),
)

_REPEAT = 1.0  # s after which the markers are published again, although nothing has changed
_LIFETIME = 5.0  # s; of markers of what moves


class VisualizationNode(GuardedNode):
    """Draws the scene of the last tick, at most `rate` times per second.

    Subscriptions: <fleet_prefix>/status, truth, hello; <world_prefix>/floor.
    Publisher: <fleet_prefix>/visualization.
    Parameters: see PARAMETERS.
    """

    def __init__(self) -> None:
        super().__init__("visualization")
        values = declare(self, PARAMETERS)
        self._game = load_game(values["game"])
        self._layout = _layout(values["map"], str(values["game"]), self._game)
        self._place_of = drawn_places(self._game)[1]
        self._robots = RobotLocations()
        self._tick: Tick | None = None
        self._maker = MarkerMaker(_LIFETIME, int(values["names"]))
        self._changed, self._drawn = False, 0.0
        prefix, make = values["fleet_prefix"], Endpoints(self)
        self._publisher = make.publisher(MarkerArray, f"{prefix}/visualization", qos.markers_qos())
        make.subscription(CoordinatorStatus, f"{prefix}/status", self._on_status, qos.account_qos())
        make.subscription(FleetTruth, f"{prefix}/truth", self._on_truth, qos.account_qos())
        make.subscription(RobotHello, f"{prefix}/hello", self._on_hello, qos.latched_from_many_qos())
        make.subscription(FloorTruth, f"{values['world_prefix']}/floor", self._on_floor, qos.account_qos())
        self._goodbyes = Goodbyes()
        # In real time, since a viewer's eyes do not follow a simulated clock.
        self.create_timer(1.0 / float(values["rate"]), self._draw, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_status(self, message: CoordinatorStatus) -> None:
        status, game = conversions.status_from_message(message), self._game
        self._robots.hear((robot_id, self._place(state)) for robot_id, state in status.answers)
        self._tick = status_tick(status, game, frozenset(int(i) for i in message.polled))
        self._changed = True

    def _place(self, state: int) -> int:
        return int(self._place_of[state]) if state < len(self._place_of) else len(self._place_of)

    def _on_truth(self, message: FleetTruth) -> None:
        truth = conversions.truth_from_message(message)
        if truth.counts:
            self._robots.counts = tuple(
                int(count) for count in by_place(self._game, truth.occupancy(self._game.n_local_states))
            )
        else:
            self._robots.counts = None
            self._robots.zones = dict(zip(truth.robot_ids, map(self._place, truth.local_states), strict=True))
        self._changed = True

    def _on_floor(self, message: FloorTruth) -> None:
        poses = zip(message.x, message.y, message.yaw, strict=True)
        self._robots.poses = dict(zip(message.robot_id, poses, strict=True))
        self._changed = True

    def _on_hello(self, message: RobotHello) -> None:
        if self._goodbyes.leaves(message):
            first = message.robot_id
            self._robots.leave(range(first, first + min(message.count, RobotHello.MAX_COUNT)))
            self._changed = True

    def _draw(self) -> None:
        now = time.monotonic()
        if self._tick is None or not (self._changed or now - self._drawn >= _REPEAT):
            return
        self._changed, self._drawn = False, now
        scene = make_scene(self._layout, self._tick, self._robots)
        self._publisher.publish(self._maker.draw(scene, self.get_clock().now().to_msg()))


def _layout(floor: str, source: str, game: TabularGame) -> Layout:
    """Lay out the given floor, else the game's own, else a ring.

    Raises:
        AltmarlError: the floor does not have the zones of the game.
    """
    places = drawn_places(game)[0]
    if not floor:
        try:
            found = load_floor_map(source)
        except AltmarlError:
            return disc_layout(places)
    else:
        found = load_floor_map(floor)
    if floor_places(found, places) is None:
        zones = len(found.plan.zones)
        raise AltmarlError(f"map {floor or source} has {zones} zones, game {game.name} has {len(places)} places")
    return floor_layout(found, places)


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [VisualizationNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
