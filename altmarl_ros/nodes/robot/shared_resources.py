"""What the robots of one process share: the coordinator's topics, the clock, and what they act through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from rclpy.node import Node

from altmarl_ros.driving.goal_selection import GoalMap
from altmarl_ros.driving.warm_up import warm_up
from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame, game_of_type, load_floor_map, load_game, load_workplace
from altmarl_ros.games.moves import goal_zones
from altmarl_ros.monitoring.tick_expectation import TickExpectation
from altmarl_ros.nodes.common.clock import AgeClock
from altmarl_ros.nodes.common.deferred_work import DeferredWork
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.robot.coordinator_subscriptions import CoordinatorSubscriptions
from altmarl_ros.nodes.robot.emergency_stop import RELEASE, FleetStop
from altmarl_ros.nodes.robot.markov_body import SimulatedRobots
from altmarl_ros.nodes.robot.parameters import check_topics
from altmarl_ros.nodes.robot.transform_listener import TransformListener, listen_for
from altmarl_ros.protocol.pledge import Pledge


@dataclass(frozen=True)
class VehicleResources:
    """What the vehicles of one process share.

    Attributes:
        clock: by which ages are measured.
        goal_map: where the actions lead on the floor.
        fleet_stop: the fleet's emergency stop.
        transforms: hears the transforms that their parameters ask for; None: they ask for none.
    """

    clock: AgeClock
    goal_map: GoalMap
    fleet_stop: FleetStop
    transforms: TransformListener | None = None


@dataclass(frozen=True)
class SharedResources:
    """What the robots of one process share.

    Attributes:
        game_hash: of the game that they are set up for; empty: any.
        clock: by which ages are measured.
        coordinator: the subscriptions to the coordinator's topics.
        acts_through: the robots' places in the simulated Markov world, or what their vehicles share.
        pledge: of their hellos.
        robot_type: name of their type; empty in a game without types.
    """

    game_hash: str
    clock: AgeClock
    coordinator: CoordinatorSubscriptions
    acts_through: SimulatedRobots | VehicleResources
    pledge: Pledge = field(default_factory=Pledge.draw)
    robot_type: str = ""

    @classmethod
    def load(cls, node: Node, make: Endpoints, values: Mapping[str, Any]) -> SharedResources:
        """Load what the parameters name, on the endpoints of a node.

        Raises:
            AltmarlError: naming the file or parameter and what is wrong with it.
        """
        game = load_game(values["game"]) if values["game"] else None
        game_hash = game.content_hash if game is not None else ""
        robot_type = type_number(game, str(values["robot.type"]))
        deferred, prefix, clock = DeferredWork(node), values["fleet_prefix"], AgeClock(node)
        acts_through: SimulatedRobots | VehicleResources
        if values["body"] == "markov":
            lease = None
            acts_through = SimulatedRobots(node, make, values["world_prefix"], deferred, str(values["robot.type"]))
        else:
            lease = float(values["timeout.coordinator"])
            acts_through = VehicleResources(
                clock, load_goal_map(values), FleetStop(node, prefix, str(values[RELEASE.name])), listen_for(node, values)
            )
        expected = TickExpectation(least=float(values["silence"]), grace=float(values["diagnostics.grace"]))
        coordinator = CoordinatorSubscriptions(
            node,
            make,
            prefix,
            game_hash=game_hash,
            deferred=deferred,
            expected=expected,
            now=clock.now,
            lease=lease,
            robot_type=robot_type,
        )
        return cls(game_hash, clock, coordinator, acts_through, robot_type=str(values["robot.type"]))


def type_number(game: TabularGame | None, robot_type: str) -> int | None:
    """The number of the type that the parameter `robot.type` names; None where there are no types.

    Raises:
        AltmarlError: the parameter and the game do not go together.
    """
    if game is None or game.types is None:
        if robot_type:
            reason = "is for robots that are set up for a game" if game is None else f"the game {game.name!r} has no types"
            raise AltmarlError(f"parameter 'robot.type' is {robot_type!r}: {reason}")
        return None
    if robot_type not in game.types.names:
        raise AltmarlError(f"parameter 'robot.type' is {robot_type!r}, must be one of {', '.join(game.types.names)}")
    return game.types.index(robot_type)


def _own_game(values: Mapping[str, Any]) -> TabularGame:
    game = load_game(values["game"])
    return game_of_type(game, type_number(game, str(values["robot.type"])) or 0)


def load_goal_map(values: Mapping[str, Any]) -> GoalMap:
    """Load the floor and the game of robots that drive, and compile what their control loops call.

    Raises:
        AltmarlError: naming the file or parameter and what is wrong with it.
    """
    check_topics(values)
    floor = load_floor_map(values["floor"] or values["game"])
    names, park = floor.plan.names, values["park_zone"]
    if park and park not in names:
        raise AltmarlError(f"parameter 'park_zone' is {park!r}, which is no zone; zones are {', '.join(names)}")
    warm_up()
    zones = Zones(
        floor,
        hysteresis=float(values["zones.hysteresis"]),
        tolerance=float(values["zones.tolerance"]),
        robot_radius=float(values["robot.radius"]),
    )
    workplace = load_workplace(values["game"], str(values["robot.type"]))
    if workplace is None:
        goals = goal_zones(_own_game(values), floor)[:, None]
    elif workplace.site.layout.targets != names:
        raise AltmarlError("parameter 'floor' has other zones than the game, whose work is done in its own")
    else:
        goals = workplace.goal_zones()
    return GoalMap(zones, goals, names.index(park) if park else None, workplace)
