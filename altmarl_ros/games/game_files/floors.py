"""What the file of a game on a floor says beside the game: the floor, the seconds of a tick, and the work that is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from altmarl_ros.errors import GameError
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games.documents import read_yaml, validated
from altmarl_ros.games.floor import floor_of_game
from altmarl_ros.games.floor_parameters import FloorMapParameters, floor_map
from altmarl_ros.games.game_files.spec import KINDS, floor_parameters, locate, read_spec
from altmarl_ros.games.work import (
    ChargingParameters,
    DeliveryParameters,
    Workplace,
    charging_workplace,
    deliveries_workplace,
)


def load_floor_map(source: str | Path) -> FloorMap:
    """Load the floor of a map file, of a game on a floor, or of a built-in name of either.

    The zones of the `floor` builder's games are their local states, and have the names of these.

    Raises:
        GameError: the file breaks a rule or is a game without a floor; one line names the file and what is wrong.
    """
    path = locate(source, ("games", "floors"))
    try:
        document = read_yaml(path)
        if not set(KINDS) & set(document):
            return floor_map(validated(FloorMapParameters, document, ""))
        spec = read_spec(path)
        parameters = floor_parameters(spec, path.parent)
        if parameters is None:
            raise GameError("has no floor: its builder is not 'floor'")
        if not parameters.zones:
            raise GameError("has no floor: its parameters have neither a map nor zones")
        if spec.builder != "floor":
            return floor_map(parameters)
        floor = floor_of_game(parameters)
        return replace(floor, plan=floor.plan.renamed(spec.local_state_names)) if spec.local_state_names else floor
    except GameError as error:
        raise GameError(f"{path}: {error}") from None


def find_floor_map(source: str | Path) -> FloorMap | None:
    """Load the floor of a game as `load_floor_map` does; None: it has none, or its file is not on this machine."""
    try:
        return load_floor_map(source)
    except GameError:
        return None


def tick_of(source: str | Path) -> float | None:
    """Return the tick period that a game on a floor or of a builder for work is made for [s]; None for games without seconds.

    Raises:
        GameError: for the same reasons as `load_game`.
    """
    path = locate(source)
    try:
        spec = read_spec(path)
        tick = getattr(floor_parameters(spec, path.parent), "tick", None)
        return None if tick is None else float(tick)
    except GameError as error:
        raise GameError(f"{path}: {error}") from None


def load_workplace(source: str | Path, robot_type: str = "") -> Workplace | None:
    """Load what there is to do in a game of `deliveries` or `charging` on a floor; None for other games.

    Args:
        source: YAML file, or built-in name.
        robot_type: name of a type of robots; empty in a game without types.

    Raises:
        GameError: for the same reasons as `load_game`.
    """
    path = locate(source)
    try:
        spec = read_spec(path)
        if robot_type and spec.types and robot_type in spec.types:
            spec.parameters.update(spec.types[robot_type].parameters)
        parameters = floor_parameters(spec, path.parent)
        if not isinstance(parameters, DeliveryParameters) or not parameters.zones:
            return None
        if isinstance(parameters, ChargingParameters):
            return charging_workplace(parameters)
        return deliveries_workplace(parameters)
    except GameError as error:
        raise GameError(f"{path}: {error}") from None
