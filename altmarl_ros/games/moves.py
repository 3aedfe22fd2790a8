"""Says what a local action means on a floor: the zone that a robot drives to.

The key `moves` of a floor map gives the goal of each action of a game, by the action's name or index:

    moves:
      stay: stay                                # a robot stays in its zone
      next: [B, C, A]                           # one goal for each zone, in the order of the zones
      previous: {A: C, B: A, C: B}              # the same by the zones' names
      home: A                                   # the robots of all zones drive to A
"""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.errors import GameError
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.floors.floor_plan import FloorPlan
from altmarl_ros.games.tabular import TabularGame

STAY = "stay"


def neighbour_goals(plan: FloorPlan) -> NDArray[np.int64]:
    """Tabulate the goals [s_l, a_l] of a `floor` game: action 0 stays; action i leads to the i-th neighbour by index.

    Where a zone has fewer neighbours, the remaining actions stay.
    """
    most = int(plan.adjacency.sum(axis=1).max())
    table = np.tile(np.arange(len(plan.zones))[:, None], (1, 1 + most))
    for zone in range(len(plan.zones)):
        neighbours = plan.neighbours(zone)
        table[zone, 1 : 1 + len(neighbours)] = neighbours
    return table


def goal_zones(game: TabularGame, floor: FloorMap) -> NDArray[np.int64]:
    """Tabulate the zone that a robot in zone s_l with action a_l drives to [s_l, a_l].

    Raises:
        GameError: the floor's zones are not the game's local states, or an action has no move or more than one.
    """
    states, zones = game.local_state_names, floor.plan.names
    if len(states) != len(zones):
        raise GameError(f"the floor has {len(zones)} zones, the game {game.name!r} has {len(states)} local states")
    unnamed = states == tuple(f"zone {i}" for i in range(len(states)))  # the default names of a game's local states
    different = next((i for i, (state, zone) in enumerate(zip(states, zones, strict=True)) if state != zone), None)
    if different is not None and not unnamed:
        raise GameError(
            f"local state {different} of the game {game.name!r} is {states[different]!r}, but zone {different} of the floor "
            f"is {zones[different]!r}"
        )
    actions = game.local_action_names
    if floor.moves is None:
        raise GameError(f"the floor has no 'moves': they must say where the actions {', '.join(actions)} lead")
    columns: dict[int, tuple[int, ...]] = {}
    for action, goals in floor.moves.items():
        if action not in actions and not (isinstance(action, int) and 0 <= action < len(actions)):
            raise GameError(f"moves: {action!r} is no action of the game {game.name!r}; actions are {', '.join(actions)}")
        index = action if isinstance(action, int) else actions.index(action)
        if index in columns:
            raise GameError(f"moves: the action {actions[index]!r} stands twice, by name and by index")
        columns[index] = goals
    missing = next((name for i, name in enumerate(actions) if i not in columns), None)
    if missing is not None:
        raise GameError(f"moves: the action {missing!r} of the game {game.name!r} is missing")
    return np.array([columns[i] for i in range(len(actions))], dtype=np.int64).T


def zones_by_action(moves: Mapping[int | str, Any], zones: tuple[str, ...]) -> dict[int | str, tuple[int, ...]]:
    """Read a map's `moves`: the goal of each zone, by action.

    Raises:
        GameError: a zone is unknown or left out; the message names the action and the zone.
    """
    return {action: _goals(f"moves.{action}", goals, zones) for action, goals in moves.items()}


def _goals(name: str, goals: Any, zones: tuple[str, ...]) -> tuple[int, ...]:
    if isinstance(goals, str):
        by_zone = dict.fromkeys(zones, goals)
    elif isinstance(goals, list):
        if len(goals) != len(zones):
            raise GameError(f"{name} has {len(goals)} zones, must have {len(zones)}, one per zone")
        by_zone = dict(zip(zones, goals, strict=True))
    elif isinstance(goals, dict):
        by_zone = goals
    else:
        raise GameError(f"{name} must be 'stay', a zone, a list with one zone per zone, or a mapping from zone to zone")
    missing = next((zone for zone in zones if zone not in by_zone), None)
    if missing is not None:
        raise GameError(f"{name} does not say where zone {missing!r} leads to")
    unknown = [zone for zone in [*by_zone, *by_zone.values()] if zone not in (*zones, STAY)]
    if unknown:
        raise GameError(f"{name} names {unknown[0]!r}, which is no zone; zones are {', '.join(zones)}")
    return tuple(i if by_zone[zone] == STAY else zones.index(by_zone[zone]) for i, zone in enumerate(zones))
