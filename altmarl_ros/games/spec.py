"""Loads games from YAML files: a named builder with its parameters, explicit arrays beside the file, or tables in it.

    name: my_fleet                    name: my_fleet
    builder: warehouse                arrays: tables.npz    # P_g, P_l, r_g, r_l; see array_files
    parameters: {zones: 5}            gamma: 0.95

The third form is `tables` (see written_tables). All may have names (local_state_names, ...), a one-line `description`,
`identified: kernel.npz` with a P_l that replaces the model's (and with P_d, where there is a hidden state), `room` and
`places` (see module room), and `types` of robots (see package types). The parameters of the `floor` builder may name a floor
map (`map: hall.yaml`), whose keys are then parameters too. Builders, built-in names and written copies are package sources'.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import numpy as np
from pydantic import BaseModel, Field

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games.array_files import game_of_arrays, read_arrays
from altmarl_ros.games.documents import read_yaml, validated
from altmarl_ros.games.floor import floor_of_game
from altmarl_ros.games.floor_parameters import FloorMapParameters, floor_map
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.games.room import Places, Room
from altmarl_ros.games.sources.builders import describe_builder, find_builder
from altmarl_ros.games.sources.located import locate
from altmarl_ros.games.sources.saved import IDENTIFIED_ARRAYS
from altmarl_ros.games.tabular import TabularGame, check_name
from altmarl_ros.games.types import TypeSpec, join_types, types_of, with_arrays
from altmarl_ros.games.work import (
    ChargingParameters,
    DeliveryParameters,
    Workplace,
    charging_workplace,
    deliveries_workplace,
)
from altmarl_ros.games.written_tables import WrittenTables, written_game

_KINDS = ("builder", "arrays", "tables")  # a game has one of these keys


class _Spec(BaseModel, extra="forbid"):
    # Annotations use typing's Optional, Dict and List, since pydantic 1 evaluates them on old interpreters as well.
    name: str = Field(..., min_length=1, max_length=64)
    description: str = Field("", max_length=200)
    builder: Optional[str] = None
    parameters: Dict[str, Any] = Field(default_factory=dict)
    arrays: Optional[str] = None
    tables: Optional[WrittenTables] = None
    gamma: Optional[float] = None
    identified: Optional[str] = None
    room: Any = None
    places: Optional[Dict[str, List[str]]] = None
    types: Optional[Dict[str, TypeSpec]] = None
    local_state_names: List[str] = Field(default_factory=list)
    global_action_names: List[str] = Field(default_factory=list)
    local_action_names: List[str] = Field(default_factory=list)
    hidden_state_names: List[str] = Field(default_factory=list)


def load_game(source: str | Path, changes: Mapping[str, Any] | None = None) -> TabularGame:
    """Load the game of a YAML file or of a built-in name such as `warehouse`; `changes` replace builder parameters.

    Raises:
        GameError: the file or the game breaks a rule; one line names the file, the key or array, and the rule.
    """
    path = locate(source)
    try:
        spec = _read_spec(path)
        spec.parameters.update(changes or {})
        return _build(spec, path.parent)
    except GameError as error:
        raise GameError(f"{path}: {error}") from None


def build_game(
    builder: str, parameters: Mapping[str, Any] | None = None, *, name: str = "", room: Any = None, places: Any = None
) -> TabularGame:
    """Build the game that a YAML file with these keys would describe; `name` is the builder's where it is left out.

    A floor's `map` is looked for in the working directory.

    Raises:
        GameError: no builder has that name, or a parameter breaks a rule; the message names it.
    """
    document = {"name": name or builder, "builder": builder, "parameters": dict(parameters or {})}
    optional = {key: value for key, value in (("room", room), ("places", places)) if value is not None}
    spec: _Spec = validated(_Spec, {**document, **optional}, "")
    check_name(spec.name)
    return _build(spec, Path())


def load_floor_map(source: str | Path) -> FloorMap:
    """Load the floor of a map file, of a game on a floor, or of a built-in name of either.

    The zones of the `floor` builder's games are their local states, and have the names of these.

    Raises:
        GameError: the file breaks a rule or is a game without a floor; one line names the file and what is wrong.
    """
    path = locate(source, ("games", "floors"))
    try:
        document = read_yaml(path)
        if not set(_KINDS) & set(document):
            return floor_map(validated(FloorMapParameters, document, ""))
        spec = _read_spec(path)
        parameters = _floor_parameters(spec, path.parent)
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
        spec = _read_spec(path)
        tick = getattr(_floor_parameters(spec, path.parent), "tick", None)
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
        spec = _read_spec(path)
        if robot_type and spec.types and robot_type in spec.types:
            spec.parameters.update(spec.types[robot_type].parameters)
        parameters = _floor_parameters(spec, path.parent)
        if not isinstance(parameters, DeliveryParameters) or not parameters.zones:
            return None
        if isinstance(parameters, ChargingParameters):
            return charging_workplace(parameters)
        return deliveries_workplace(parameters)
    except GameError as error:
        raise GameError(f"{path}: {error}") from None


def describe_game(source: str | Path) -> str:
    """Describe a game in one line: by its own description, or else by its builder's."""
    spec = _read_spec(locate(source))
    return spec.description or (describe_builder(find_builder(spec.builder)) if spec.builder else "")


def load_posterior(source: str | Path, game: TabularGame) -> FloatArray | None:
    """Load the Dirichlet parameters [s_l, s_g or 1, a_l, s_l'] whose means are the game's P_l.

    The second axis has one entry where the rows of all s_g were pooled. The result is None if the game's kernel was not
    identified, or if only its mean was kept.

    Raises:
        GameError: the file is bad or does not fit the game; one line names the file and what is wrong with it.
    """
    path = locate(source)
    try:
        spec = _read_spec(path)
        if spec.identified is None:
            return None
        arrays = read_arrays("identified", path.parent / spec.identified, ("P_l",), IDENTIFIED_ARRAYS)
        return _checked_alpha(arrays["alpha"], game) if "alpha" in arrays else None
    except GameError as error:
        raise GameError(f"{path}: {error}") from None


def _read_spec(path: Path) -> _Spec:
    document = read_yaml(path)
    if "zones" in document and not set(_KINDS) & set(document):
        raise GameError("is a floor map, not a game; a game on it has the keys name, builder: floor, parameters: {map: FILE}")
    if "robots" in document and not set(_KINDS) & set(document):
        raise GameError("is a fleet file, not a game; it names its game under 'game'")
    spec: _Spec = validated(_Spec, document, "")
    check_name(spec.name)
    if sum(getattr(spec, key) is not None for key in _KINDS) != 1:
        raise GameError("needs exactly one of the keys 'builder', 'arrays' and 'tables'")
    return spec


def _build(spec: _Spec, folder: Path) -> TabularGame:
    game = _alike(spec, folder) if spec.types is None else _of_types(spec, spec.types, folder)
    return game if spec.room is None else replace(game, room=_room(spec, game, folder))


def _of_types(spec: _Spec, types: dict[str, TypeSpec], folder: Path) -> TabularGame:
    """The game of robots that differ, without its room."""
    if spec.identified is not None:
        raise GameError("identified is for a game whose robots are alike; give a type `arrays` with its P_l")
    games = []
    for name, given in types.items():
        changes: dict[str, Any] = {"types": None, "parameters": {**spec.parameters, **given.parameters}}
        if given.P_l or given.r_l:
            if spec.tables is None:
                raise GameError(f"types.{name}: P_l and r_l are lines of a game with tables; give `arrays` or parameters")
            lines = {"P_l": [*spec.tables.P_l, *given.P_l], "r_l": [*spec.tables.r_l, *given.r_l]}
            changes["tables"] = WrittenTables(**{**dict(spec.tables), **lines})
        try:
            own = _alike(_Spec(**{**dict(spec), **changes}), folder)
            games.append(own if given.arrays is None else with_arrays(own, folder / given.arrays))
        except GameError as error:
            raise GameError(f"types.{name}: {error}") from None
    return join_types(spec.name, types_of(types, games[0].local_state_names if games else ()), games)


def _alike(spec: _Spec, folder: Path) -> TabularGame:
    """The game of robots that are alike, without its room."""
    if spec.tables is not None:
        game = _from_tables(spec, spec.tables)
    else:
        game = _from_builder(spec, folder) if spec.builder is not None else _from_arrays(spec, folder)
    changes: dict[str, Any] = {
        "name": spec.name,
        "local_state_names": tuple(spec.local_state_names) or game.local_state_names,
        "global_action_names": tuple(spec.global_action_names) or game.global_action_names,
        "local_action_names": tuple(spec.local_action_names) or game.local_action_names,
    }
    if spec.hidden_state_names:
        if game.hidden is None:
            raise GameError("hidden_state_names is for a game with a hidden state")
        changes["hidden"] = game.hidden.renamed(tuple(spec.hidden_state_names))
    if spec.identified is not None:
        arrays = read_arrays("identified", folder / spec.identified, ("P_l",), IDENTIFIED_ARRAYS)
        P_l = arrays["P_l"]
        if game.hidden is not None:
            named = changes.get("hidden", game.hidden)
            changes["hidden"] = named.moved_by(LocalKernel.from_dense(P_l), arrays.get("P_d"))
        elif "P_d" in arrays:
            raise GameError("identified: the file has P_d, which is for a game with a hidden state")
        if P_l.ndim == 4 and P_l.shape[1] == 1:  # robots move alike at all s_g
            P_l = np.broadcast_to(P_l, (P_l.shape[0], game.n_global_states, *P_l.shape[2:]))
        if game.hidden is None:
            changes["P_l"] = P_l
    game = replace(game, **changes)
    if spec.places is not None:
        game = replace(game, places=Places.grouped(spec.places, game.local_state_names))
    return game


def _room(spec: _Spec, game: TabularGame, folder: Path) -> Room:
    places = game.places or Places.of_states(game.local_state_names)
    slots: list[float] | None = None
    parameters = _floor_parameters(spec, folder)
    if spec.builder == "floor":
        by_zone = [len(each) for each in floor_of_game(parameters).slots]
        slots = np.bincount(places.of[: len(by_zone)], by_zone).astype(np.int64).tolist()  # with types zones come once for each
    elif parameters is not None and parameters.zones:  # places are zones and phases of ways, which have no slots and no limit
        floor = floor_map(parameters)
        in_zone = {name: float(len(each)) for name, each in zip(floor.plan.names, floor.slots, strict=True)}
        slots = [in_zone.get(name, np.inf) for name in places.names]
    return Room.written(spec.room, places, slots)


def _from_builder(spec: _Spec, folder: Path) -> TabularGame:
    if spec.gamma is not None:
        raise GameError("gamma belongs under 'parameters' when a builder is used")
    builder = find_builder(spec.builder or "")
    return builder.build(_parameters(spec, builder.parameters, folder))


def _parameters(spec: _Spec, model: type[BaseModel], folder: Path) -> Any:
    """Validate the builder's parameters; the keys of the file that a floor's `map` names are added to them."""
    given = dict(spec.parameters)
    if issubclass(model, FloorMapParameters) and "map" in given:
        name = given.pop("map")
        if not isinstance(name, str):
            raise GameError("parameters.map must be the name of a YAML file")
        try:
            document = read_yaml(folder / name)
            validated(FloorMapParameters, document, "")
        except GameError as error:
            raise GameError(f"parameters.map: {folder / name}: {error}") from None
        twice = next((key for key in document if key in given), None)
        if twice is not None:
            raise GameError(f"parameters.{twice} stands both here and in the map {name}")
        given = {**document, **given}
    return validated(model, given, "parameters.")


def _floor_parameters(spec: _Spec, folder: Path) -> Any:
    """The parameters of a builder of games on floors; None for other games."""
    model = find_builder(spec.builder).parameters if spec.builder else BaseModel
    return _parameters(spec, model, folder) if issubclass(model, FloorMapParameters) else None


def _from_arrays(spec: _Spec, folder: Path) -> TabularGame:
    if spec.parameters:
        raise GameError("parameters are for a builder; this game is given by arrays")
    return game_of_arrays(spec.name, folder / (spec.arrays or ""), spec.gamma)


def _from_tables(spec: _Spec, tables: WrittenTables) -> TabularGame:
    if spec.parameters:
        raise GameError("parameters are for a builder; this game is given by tables")
    if spec.gamma is None:
        raise GameError("gamma is missing")
    return written_game(spec.name, tables, spec.gamma)


def _checked_alpha(alpha: FloatArray, game: TabularGame) -> FloatArray:
    kernel = game.local_kernel if game.hidden is None else game.hidden.local_kernel
    S_l, S_g, A_l, _ = kernel.shape
    pooled = game.n_hidden_states  # entries of the second axis if rows of all s_g are pooled
    if alpha.shape not in ((S_l, S_g, A_l, S_l), (S_l, pooled, A_l, S_l)):
        raise GameError(f"identified: alpha has shape {alpha.shape}, must be {(S_l, S_g, A_l, S_l)}")
    total = alpha.sum(axis=-1, keepdims=True)
    if not (np.isfinite(total).all() and (alpha >= 0).all() and (total > 0).all()):
        raise GameError("identified: alpha must be finite and not negative, and positive somewhere in each row")
    if alpha.shape[1] == 1:
        same = not kernel.feels_global_state and np.allclose(alpha / total, kernel.shared_table(), atol=1e-6)
    else:
        alike = S_g // alpha.shape[1]
        same = np.allclose(np.repeat(alpha / total, alike, axis=1), np.stack(list(kernel.blocks())), atol=1e-6)
    if not same:
        raise GameError("identified: P_l is not the mean of the posterior with parameters alpha")
    return alpha
