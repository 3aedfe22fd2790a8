"""Builds the game of what stands in its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from altmarl_ros.errors import GameError
from altmarl_ros.games.array_files import game_of_arrays, read_arrays
from altmarl_ros.games.floor import floor_of_game
from altmarl_ros.games.floor_parameters import floor_map
from altmarl_ros.games.game_files.builders import find_builder
from altmarl_ros.games.game_files.spec import IDENTIFIED_ARRAYS, Spec, checked_parameters, floor_parameters
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.games.room import Places, Room
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.types import TypeSpec, join_types, types_of, with_arrays
from altmarl_ros.games.written_tables import WrittenTables, written_game


def build(spec: Spec, folder: Path) -> TabularGame:
    """Build the game that a file in this folder describes.

    Raises:
        GameError: a key, an array or a parameter breaks a rule; the caller adds the file's name to the message.
    """
    game = _alike(spec, folder) if spec.types is None else _of_types(spec, spec.types, folder)
    return game if spec.room is None else replace(game, room=_room(spec, game, folder))


def _of_types(spec: Spec, types: dict[str, TypeSpec], folder: Path) -> TabularGame:
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
            own = _alike(Spec(**{**dict(spec), **changes}), folder)
            games.append(own if given.arrays is None else with_arrays(own, folder / given.arrays))
        except GameError as error:
            raise GameError(f"types.{name}: {error}") from None
    return join_types(spec.name, types_of(types, games[0].local_state_names if games else ()), games)


def _alike(spec: Spec, folder: Path) -> TabularGame:
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


def _room(spec: Spec, game: TabularGame, folder: Path) -> Room:
    places = game.places or Places.of_states(game.local_state_names)
    slots: list[float] | None = None
    parameters = floor_parameters(spec, folder)
    if spec.builder == "floor":
        by_zone = [len(each) for each in floor_of_game(parameters).slots]
        slots = np.bincount(places.of[: len(by_zone)], by_zone).astype(np.int64).tolist()  # with types zones come once for each
    elif parameters is not None and parameters.zones:  # places are zones and phases of ways, which have no slots and no limit
        floor = floor_map(parameters)
        in_zone = {name: float(len(each)) for name, each in zip(floor.plan.names, floor.slots, strict=True)}
        slots = [in_zone.get(name, np.inf) for name in places.names]
    return Room.written(spec.room, places, slots)


def _from_builder(spec: Spec, folder: Path) -> TabularGame:
    if spec.gamma is not None:
        raise GameError("gamma belongs under 'parameters' when a builder is used")
    builder = find_builder(spec.builder or "")
    return builder.build(checked_parameters(spec, builder.parameters, folder))


def _from_arrays(spec: Spec, folder: Path) -> TabularGame:
    if spec.parameters:
        raise GameError("parameters are for a builder; this game is given by arrays")
    return game_of_arrays(spec.name, folder / (spec.arrays or ""), spec.gamma)


def _from_tables(spec: Spec, tables: WrittenTables) -> TabularGame:
    if spec.parameters:
        raise GameError("parameters are for a builder; this game is given by tables")
    if spec.gamma is None:
        raise GameError("gamma is missing")
    return written_game(spec.name, tables, spec.gamma)
