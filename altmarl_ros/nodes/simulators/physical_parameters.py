"""The parameters of the `physical_world` executable, and the world that they describe."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from altmarl_ros.errors import AltmarlError
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.work import Workplace
from altmarl_ros.nodes.common import diagnostics
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.simulators.lease import LEASE
from altmarl_ros.simulation import start_shares
from altmarl_ros.simulation.physical import Fault, PhysicalConfig, PhysicalWorld, read_faults
from altmarl_ros.simulation.physical.placement import floor_walls, parked_starts, random_starts, spread_starts
from altmarl_ros.simulation.physical.settings import config_of, settings
from altmarl_ros.simulation.physical.work import COORDINATOR, battery_of

_FILES = ("base.model",)
_SETTINGS = tuple(
    Parameter(each.name, each.default, each.description.capitalize(), path="file" if each.name in _FILES else "")
    for each in settings()
)

PARAMETERS = (
    Parameter("game", "hall", "Game: a built-in name or a YAML file.", path="name or file"),
    Parameter("map", "", "Floor map: a built-in name or a YAML file; empty: the game's own.", path="name or file"),
    Parameter("first_id", 0, "Id of the first robot.", 0, 2**32 - 1),
    Parameter("count", 10, "Number of robots.", 1, 10_000),
    Parameter("name_prefix", "robot_", "Robot i's topics are in the namespace <name_prefix>i."),
    Parameter(
        "start",
        "parked",
        "Where robots stand first: in slots of zones by the game's start, or anywhere in zones.",
        choices=("parked", "random"),
    ),
    Parameter("seed", 0, "Seed of everything random.", 0),
    Parameter("faults_file", "", "YAML file of faults, robots counted from 0; empty: none.", path="file"),
    Parameter("real_time_factor", 1.0, "Simulated time over real time; 0: as fast as the robots steer.", 0.0, 1000.0),
    Parameter(
        "answer_time",
        0.1,
        "The world waits for robots that drive and sent no command for this time of its own; stamps of commands count.",
        0.01,
        1000.0,
        unit="s",
    ),
    Parameter(
        "crew",
        COORDINATOR,
        "Who sends the crew of a game of work: coordinator; or, to compare with, longest queue (to where most loaded robots "
        "wait), or the stop at which it stays.",
    ),
    Parameter("stamped_commands", False, "Whether cmd_vel is a TwistStamped; else a Twist."),
    Parameter(
        "transforms",
        "map",
        "On /tf: map to odom to base_link; or odom to base_link alone, for a SLAM or localisation that adds the rest; or none.",
        choices=("none", "odom", "map"),
    ),
    Parameter("fleet_prefix", "/fleet", "Prefix of the fleet-wide topics."),
    Parameter("world_prefix", "/world", "Prefix of the simulated world's topics."),
    LEASE,
    diagnostics.PERIOD,
    *_SETTINGS,
)


def robot_ids(values: Mapping[str, Any]) -> range:
    """Return the ids of the robots of this world."""
    return range(int(values["first_id"]), int(values["first_id"]) + int(values["count"]))


def faults_of(values: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Read the faults that are scheduled."""
    return read_faults(values["faults_file"]) if values["faults_file"] else ()


def make_world(
    values: Mapping[str, Any], game: TabularGame, floor: FloorMap, faults: Sequence[Fault], workplace: Workplace | None = None
) -> PhysicalWorld:
    """Make the world that the parameter values describe; in a game of work with batteries these are the game's.

    Raises:
        AltmarlError: a setting breaks its rule, there is no room for the robots, a fault names a robot that is not there.
    """
    config = config_of({each.name: values[each.name] for each in _SETTINGS})
    ids, seed, walls = robot_ids(values), int(values["seed"]), floor_walls(floor)
    if workplace is not None:
        config = PhysicalConfig(**{**dict(config), "battery": battery_of(workplace, config.battery)})
    elif game.n_places != len(floor.plan.zones):
        raise AltmarlError(f"game has {game.n_places} local states, the map {len(floor.plan.zones)} zones")
    if values["start"] == "parked" and workplace is not None:
        starts = spread_starts(ids, floor, seed)
    elif values["start"] == "parked":
        starts = parked_starts(ids, floor, start_shares(game, seed), seed)
    else:
        areas = [zone.polygon.exterior.coords[:-1] for zone in floor.plan.zones]
        starts = random_starts(len(ids), areas, config.base.radius, seed, walls)
    return PhysicalWorld(config, walls, starts, seed, faults=faults)


def warm_up(config: PhysicalConfig) -> None:
    """Compile everything that a step calls, so that no step of a running world takes seconds."""
    world = PhysicalWorld(config, [[0.0, 3.0, 9.0, 3.0]], [[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]], 0)
    world.command(0, [0.1, 0.0, 0.1])
    for _ in range(10):
        world.step()
