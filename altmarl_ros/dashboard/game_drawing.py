"""Describes how the page draws a game: zones as polygons of a floor in metres, or as circles on a ring or in rows."""

from __future__ import annotations

import math
from typing import Any

from shapely.geometry import Point

from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.zone_places import grid_places

_RING = 1.0  # radius of the ring, which has no unit
_ROOM = 0.86  # share of the space between neighbours that circles take
_WIDEST = 0.52  # largest radius of a circle


def game_drawing(
    game: TabularGame | None, floor: FloorMap | None, n_zones: int, n_global: int, n_actions: int
) -> dict[str, Any]:
    """Return names and drawing of a game as JSON; with types of robots, zone t * P + p is that of type t at place p of P.

    Args:
        game: the game; None: its file is not on this machine.
        floor: of the game; None: it has none.
        n_zones: number of zones where the game is not known, as the coordinator's messages show it.
        n_global: number of global states, likewise.
        n_actions: number of global actions, likewise.
    """
    if game is not None:
        n_zones, n_global, n_actions = game.n_places, game.n_global_states, game.n_global_actions
    names = game.place_names if game is not None else tuple(f"zone {i}" for i in range(n_zones))
    return {
        "zones": list(game.local_state_names if game is not None else names),
        "place_names": list(names),
        "actions": list(game.global_action_names) if game is not None else [f"target {i}" for i in range(n_actions)],
        "moves": list(game.local_action_names) if game is not None else [],
        "hidden": list(game.hidden.names) if game is not None and game.hidden is not None else [],
        "global_is_zone": n_global == n_zones,
        "action_is_zone": n_actions == n_zones,
        "places": _floor_places(floor) if floor is not None and len(floor.plan.zones) == n_zones else _places(names),
        "walls": [wall.tolist() for wall in floor.walls] if floor is not None else [],
        "metres": floor is not None,
    }


def _places(names: tuple[str, ...]) -> list[dict[str, Any]]:
    grid = grid_places(names)
    if grid is None:
        return _ring_places(len(names))
    return [{"centre": [float(x), float(y)], "radius": _ROOM / 2, "polygon": None} for x, y in grid]


def _ring_places(n: int) -> list[dict[str, Any]]:
    radius = min(_WIDEST, _ROOM * _RING * math.sin(math.pi / n)) if n > 1 else _WIDEST
    angles = [math.pi / 2 - 2 * math.pi * i / n for i in range(n)]
    return [{"centre": [_RING * math.cos(a), _RING * math.sin(a)], "radius": radius, "polygon": None} for a in angles]


def _floor_places(floor: FloorMap) -> list[dict[str, Any]]:
    return [
        {
            "centre": [float(zone.goal[0]), float(zone.goal[1])],
            "radius": float(zone.polygon.exterior.distance(Point(zone.goal))),
            "polygon": [[float(x), float(y)] for x, y in zone.polygon.exterior.coords[:-1]],
        }
        for zone in floor.plan.zones
    ]
