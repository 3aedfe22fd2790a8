"""Rooms or cells of a building of walls: as on an occupancy grid, with names and roles of the vertices in them.

A passage is one-way where lanes lead through it in one direction only.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import shapely

from altmarl_ros.floors.floor_map import Level
from altmarl_ros.floors.importing.draft import Crossing, Draft, DraftZone
from altmarl_ros.floors.importing.grid_zones import grid_draft, shape_grid
from altmarl_ros.floors.importing.lane_graph import LaneGraph, near_origin
from altmarl_ros.floors.importing.lane_zones import drivable, rides_of
from altmarl_ros.floors.importing.options import ImportOptions

_CELLS = 4.0  # per radius


def building_rooms(graph: LaneGraph, options: ImportOptions) -> Draft:
    """Cut the free space of every level into rooms or cells, by `options.zones`.

    Raises:
        GameError: the robot fits nowhere, or there are too many zones.
    """
    graph = near_origin(graph)
    zones: list[DraftZone] = []
    crossings: list[Crossing] = []
    notes = list(graph.notes)
    levels: dict[str, Level] = {}
    for name in dict.fromkeys([*graph.grounds, *(node.level for node in graph.nodes)]):
        shape = drivable(graph, name, options)
        if shape.is_empty:
            continue
        draft = grid_draft(shape_grid(shape, options.radius / _CELLS), options, options.zones, name)
        first = len(zones)
        zones += draft.zones
        crossings += [replace(each, origin=each.origin + first, target=each.target + first) for each in draft.crossings]
        notes += draft.notes
        levels |= draft.levels
    at = _zones_of_nodes(graph, zones)
    ways = {(at[lane.start], at[lane.end]) for lane in graph.lanes}
    crossings = [each for each in crossings if (each.origin, each.target) in ways or (each.target, each.origin) not in ways]
    crossings += [Crossing(at[a], at[b], ride=True) for a, b in rides_of(graph) if -1 not in (at[a], at[b])]
    return Draft(
        _named(graph, zones, at),
        tuple(crossings),
        levels,
        graph.offset,
        {**graph.counts, "lanes": len(graph.lanes)},
        tuple(notes),
    )


def _zones_of_nodes(graph: LaneGraph, zones: list[DraftZone]) -> list[int]:
    """The zone that each node is in; -1 for none."""
    found = [-1] * len(graph.nodes)
    tree = shapely.STRtree([zone.polygon for zone in zones])
    for i, zone in tree.query(shapely.points(graph.points()), predicate="intersects").T.tolist():
        if zones[zone].level == graph.nodes[i].level:
            found[i] = zone
    return found


def _named(graph: LaneGraph, zones: list[DraftZone], at: list[int]) -> tuple[DraftZone, ...]:
    """Zones with the roles of the vertices in them, and the name of the only named one."""
    names: list[list[str]] = [[] for _ in zones]
    roles: list[list[str]] = [[] for _ in zones]
    for node, zone in zip(graph.nodes, at, strict=True):
        if zone >= 0:
            roles[zone] += node.roles
            names[zone] += [node.name] if node.name else []
    chosen = [own[0][:48] if len(set(own)) == 1 else zone.name for zone, own in zip(zones, names, strict=True)]
    often = Counter(chosen)
    return tuple(
        replace(
            zone,
            name=name if often[name] == 1 else zone.name,
            roles=tuple(dict.fromkeys(own)),
        )
        for zone, name, own in zip(zones, chosen, roles, strict=True)
    )
