"""Describes how the page draws a game: zones as polygons of a floor in metres, or as circles on a ring or in rows."""

from __future__ import annotations

import math
from typing import Any

from shapely.geometry import Point

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.zone_places import grid_places
from altmarl_ros.monitoring import demanded_places, drawn_places, floor_places, robot_kinds, sent_places, served_places
from altmarl_ros.monitoring.layout import HUB

_RING = 1.0  # radius of the ring, which has no unit
_ROOM = 0.86  # share of the space between neighbours that circles take
_WAY_RADIUS = 0.5  # m; of the disc of robots at a place under way
_WIDEST = 0.52  # largest radius of a circle


def game_drawing(
    game: TabularGame | None, floor: FloorMap | None, n_zones: int, n_global: int, n_actions: int
) -> dict[str, Any]:
    """Return names and drawing of a game as JSON.

    Robots of all types, loaded or empty, are drawn at the same places: `place_of` and `kind_of` say where and how those in a
    local state are. `served`, `sent` and `demanded` are the places that s_g, a_g and the hidden state stand for.

    Args:
        game: the game; None: its file is not on this machine.
        floor: of the game; None: it has none.
        n_zones: number of zones where the game is not known, as the coordinator's messages show it.
        n_global: number of global states, likewise.
        n_actions: number of global actions, likewise.
    """
    if game is None:
        names = tuple(f"zone {i}" for i in range(n_zones))
        return {
            "zones": list(names),
            "place_names": list(names),
            "place_of": list(range(n_zones)),
            "kinds": [""],
            "kind_of": [0] * n_zones,
            "types": [],
            "actions": [f"target {i}" for i in range(n_actions)],
            "moves": [],
            "hidden": [],
            "served": list(range(n_global)) if n_global == n_zones else [],
            "sent": list(range(n_actions)) if n_actions == n_zones else [],
            "demanded": [],
            "places": _places(names),
            "walls": [],
            "metres": False,
        }
    names, place_of = drawn_places(game)
    on_floor = None if floor is None else floor_places(floor, names)
    kinds, kind_of = robot_kinds(game)
    return {
        "zones": list(game.local_state_names),
        "place_names": list(names),
        "place_of": place_of.tolist(),
        "kinds": list(kinds),
        "kind_of": kind_of.tolist(),
        "types": [] if game.types is None else list(game.types.names),
        "actions": list(game.global_action_names),
        "moves": list(game.local_action_names),
        "hidden": [] if game.hidden is None else list(game.hidden.names),
        "served": list(served_places(game)),
        "sent": list(sent_places(game)),
        "demanded": list(demanded_places(game)),
        "places": _places(names) if floor is None or on_floor is None else _floor_places(floor, on_floor),
        "walls": [] if floor is None or on_floor is None else [wall.tolist() for wall in floor.walls],
        "metres": on_floor is not None,
    }


def _places(names: tuple[str, ...]) -> list[dict[str, Any]]:
    grid = grid_places(names)
    if grid is None:
        return _ring_places(names)
    return [{"centre": [float(x), float(y)], "radius": _ROOM / 2, "polygon": None} for x, y in grid]


def _ring_places(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Places on a ring, clockwise from the top, with a hub amid the others."""
    outer = [name for name in names if name != HUB] or list(names)
    n = len(outer)
    radius = min(_WIDEST, _ROOM * _RING * math.sin(math.pi / n)) if n > 1 else _WIDEST
    if 1 < n < len(names):
        radius = min(radius, _ROOM * _RING / 2)
    angles = {name: math.pi / 2 - 2 * math.pi * i / n for i, name in enumerate(outer)}
    centres = [
        [_RING * math.cos(angles[name]), _RING * math.sin(angles[name])] if name in angles else [0.0, 0.0] for name in names
    ]
    return [{"centre": centre, "radius": radius, "polygon": None} for centre in centres]


def _floor_places(floor: FloorMap, on_floor: FloatArray) -> list[dict[str, Any]]:
    """Zones as they are, and places on the ways between them, which are not drawn themselves."""
    zones = [
        {
            "centre": [float(zone.goal[0]), float(zone.goal[1])],
            "radius": float(zone.polygon.exterior.distance(Point(zone.goal))),
            "polygon": [[float(x), float(y)] for x, y in zone.polygon.exterior.coords[:-1]],
        }
        for zone in floor.plan.zones
    ]
    ways = [{"centre": place, "radius": _WAY_RADIUS, "polygon": None, "way": True} for place in on_floor[len(zones) :].tolist()]
    return zones + ways
