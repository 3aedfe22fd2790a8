"""The YAML form of a floor: the keys of a map file, which the `floor` builder's parameters have as well."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np
import shapely
from pydantic import BaseModel, Field
from shapely.geometry import MultiPolygon, Polygon
from shapely.ops import unary_union

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors import polygons
from altmarl_ros.floors.floor_map import FloorMap, Level, PassageTerms
from altmarl_ros.floors.floor_plan import FloorPlan, Zone, checked_points, polygon_of
from altmarl_ros.floors.slots import MAX_SLOTS, grid_of_slots
from altmarl_ros.games.moves import zones_by_action


class SlotGrid(BaseModel, extra="forbid"):
    """Parking slots in rows along x, the grid centred in `within`."""

    spacing: Union[float, Tuple[float, float]] = Field(..., description="between neighbours; or [in x, in y] (m)")
    margin: float = Field(0.5, ge=0, le=1000, description="least distance from the zone's border (m)")
    within: Optional[List[float]] = Field(None, description="[x min, y min, x max, y max] (m); default: all but the margin")


class ZoneParameters(BaseModel, extra="forbid"):
    """One zone: a rectangle, a polygon or a disc, in metres in the `map` frame."""

    name: str = Field(..., min_length=1, max_length=64)
    rectangle: Optional[List[float]] = Field(None, description="[x min, y min, x max, y max] (m)")
    polygon: Optional[List[List[float]]] = Field(None, description="corners [x, y] in order, either way round (m)")
    disc: Optional[List[float]] = Field(None, description="[x, y, radius] (m)")
    goal: Optional[List[float]] = Field(None, description="where robots drive [x, y] (m); default: the centre")
    slots: Optional[Union[SlotGrid, List[List[float]]]] = Field(
        None, description="where robots park: [[x, y], ...] (m) or a grid; default: the goal"
    )
    level: str = Field("", max_length=64, description="the storey; zones of different storeys may overlap")
    roles: List[str] = Field(default_factory=list, description="what it is for, such as charger; for people and tools")


class EntryParameters(BaseModel, extra="forbid"):
    """Where robots cross from zone to zone: `between` two in both directions, or `from` one `to` the other.

    A passage with an entry in one direction only is one-way.
    """

    between: Optional[List[str]] = Field(None, description="the names of two zones")
    origin: Optional[str] = Field(None, alias="from", description="a zone's name")
    to: Optional[str] = Field(None, description="a zone's name")
    at: Optional[List[float]] = Field(None, description="[x, y] (m); not for rides of a lift, between zones of two levels")
    speed: Optional[float] = Field(None, ge=0, description="speed limit as the imported file says it; for tools")
    cost: Optional[float] = Field(None, description="cost as the imported file says it; for tools")


class LevelParameters(BaseModel, extra="forbid"):
    """Area and walls of one storey."""

    area: List[List[float]] = Field(..., description="corners [x, y] of where robots may be (m)")
    area_holes: List[List[List[float]]] = Field(
        default_factory=list, description="outlines in the area that are not part of it (m)"
    )
    walls: List[List[List[float]]] = Field(default_factory=list, description="lines of walls [[x, y], ...] (m)")


class FloorMapParameters(BaseModel, extra="forbid"):
    """A floor in metres in the `map` frame."""

    zones: List[ZoneParameters] = Field(..., description="the local states, in this order")
    adjacency: Optional[List[List[str]]] = Field(None, description="pairs of zones with a passage; default: common borders")
    opening: float = Field(
        0.5, gt=0, le=1000, description="least width, without walls, of a common border that is a passage (m)"
    )
    entries: List[EntryParameters] = Field(
        default_factory=list, description="points of passage; one direction alone is one-way"
    )
    area: Optional[List[List[float]]] = Field(None, description="corners [x, y] of where robots may be (m); default: zones")
    area_holes: List[List[List[float]]] = Field(
        default_factory=list, description="outlines in the area that are not part of it (m)"
    )
    area_margin: float = Field(0.3, ge=0, le=1000, description="by which the zones are grown to be the default area (m)")
    walls: List[List[List[float]]] = Field(
        default_factory=list, description="lines of walls [[x, y], ...], which close passages (m)"
    )
    floor_levels: Dict[str, LevelParameters] = Field(
        default_factory=dict, description="area and walls by level, in place of those of the floor; every zone then has a level"
    )
    offset: List[float] = Field(
        default_factory=lambda: [0.0, 0.0], description="added to coordinates here gives those of the imported file [x, y] (m)"
    )
    moves: Optional[Dict[Union[int, str], Any]] = Field(None, description="by local action: where each zone leads to")


def floor_plan(parameters: FloorMapParameters) -> FloorPlan:
    """Zones and passages alone, as the walls and the one-way entries leave them.

    Raises:
        GameError: naming the zone or pair of names and what is wrong with it.
    """
    pairs = parameters.adjacency
    for pair in pairs or ():
        if len(pair) != 2:
            raise GameError(f"adjacency: {pair} must be a pair of zone names")
    zones = [Zone.of(zone.name, _corners(zone), zone.goal, level=zone.level, roles=zone.roles) for zone in parameters.zones]
    ways = _directed(parameters.entries, tuple(zone.name for zone in zones))
    return FloorPlan.of(
        zones,
        None if pairs is None else [(a, b) for a, b in pairs],
        parameters.opening,
        walls=_walls("walls", parameters.walls),
        one_way=[way for way in ways if way[::-1] not in ways],
    )


def floor_map(parameters: FloorMapParameters) -> FloorMap:
    """The whole floor.

    Raises:
        GameError: naming the zone, slot, entry, wall or action and what is wrong with it.
    """
    plan = floor_plan(parameters)
    levels = _levels(parameters, plan)
    if levels:
        area = unary_union([level.area for level in levels.values()])
    elif parameters.area is None:
        area = unary_union([zone.polygon.buffer(parameters.area_margin) for zone in plan.zones])
    else:
        area = _area("area", parameters.area, parameters.area_holes)
    assert isinstance(area, (Polygon, MultiPolygon))
    ways = _directed(parameters.entries, plan.names)
    return FloorMap(
        plan=plan,
        slots=tuple(_slots(p, zone) for p, zone in zip(parameters.zones, plan.zones, strict=True)),
        entries=_entries(ways),
        area=area,
        walls=_walls("walls", parameters.walls) + tuple(wall for level in levels.values() for wall in level.walls),
        moves=None if parameters.moves is None else zones_by_action(parameters.moves, plan.names),
        levels=levels,
        offset=_offset(parameters.offset),
        terms={
            way: PassageTerms(entry.speed, entry.cost)
            for way, (_, entry) in ways.items()
            if (entry.speed, entry.cost) != (None, None)
        },
    )


def _levels(parameters: FloorMapParameters, plan: FloorPlan) -> dict[str, Level]:
    if not parameters.floor_levels:
        named = next((zone for zone in plan.zones if zone.level), None)
        if named is not None and len({zone.level for zone in plan.zones}) > 1:
            raise GameError(
                f"zone {named.name!r} is on level {named.level!r}: list area and walls of each level under 'floor_levels'"
            )
        return {}
    if parameters.walls or parameters.area is not None:
        raise GameError("floor_levels have area and walls of their own: leave out 'area' and 'walls' of the floor")
    for zone in plan.zones:
        if zone.level not in parameters.floor_levels:
            raise GameError(f"zone {zone.name!r} is on level {zone.level!r}; levels are {', '.join(parameters.floor_levels)}")
    return {
        name: Level(
            _area(f"floor_levels.{name}.area", level.area, level.area_holes), _walls(f"floor_levels.{name}.walls", level.walls)
        )
        for name, level in parameters.floor_levels.items()
    }


def _area(name: str, corners: list[list[float]], holes: list[list[list[float]]]) -> Polygon:
    """The outline without its holes; raises GameError where one is no polygon, or a hole is not within the outline."""
    outline = polygon_of(name, corners)
    for i, hole in enumerate(holes):
        if not outline.covers(polygon_of(f"{name}_holes[{i}]", hole)):
            raise GameError(f"{name}_holes[{i}] is not within the area")
    area = Polygon(outline.exterior, holes)
    if not area.is_valid:
        raise GameError(f"{name}_holes overlap: {shapely.is_valid_reason(area)}")
    return area


def _offset(values: list[float]) -> tuple[float, float]:
    if len(values) != 2 or not np.isfinite(values).all():
        raise GameError(f"offset is {values}, must be [x, y] in metres")
    return values[0], values[1]


def _corners(zone: ZoneParameters) -> list[list[float]] | FloatArray:
    shapes = [shape for shape in (zone.rectangle, zone.polygon, zone.disc) if shape is not None]
    if len(shapes) != 1:
        raise GameError(f"zone {zone.name!r} needs exactly one of 'rectangle', 'polygon' and 'disc'")
    if zone.disc is not None:
        return _disc(f"zone {zone.name!r}: disc", zone.disc)
    if zone.rectangle is not None:
        x0, y0, x1, y1 = _rectangle(f"zone {zone.name!r}: rectangle", zone.rectangle)
        return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    return zone.polygon or []


def _disc(name: str, values: list[float]) -> FloatArray:
    if len(values) != 3:
        raise GameError(f"{name} has {len(values)} numbers, must be [x, y, radius]")
    x, y, radius = values
    checked_points(name, [[x, y], [radius, 0.0]])
    if not radius > 0:
        raise GameError(f"{name} has the radius {radius:g}, must be above 0")
    return polygons.disc(x, y, radius)


def _rectangle(name: str, values: list[float]) -> tuple[float, float, float, float]:
    if len(values) != 4:
        raise GameError(f"{name} has {len(values)} numbers, must be [x min, y min, x max, y max]")
    x0, y0, x1, y1 = values
    checked_points(name, [[x0, y0], [x1, y1]])
    if not (x0 < x1 and y0 < y1):
        raise GameError(f"{name} {values} is empty, must be [x min, y min, x max, y max]")
    return x0, y0, x1, y1


def _slots(parameters: ZoneParameters, zone: Zone) -> FloatArray:
    name, given = f"zone {zone.name!r}: slots", parameters.slots
    if given is None:
        return checked_points(name, [zone.goal])
    if not isinstance(given, SlotGrid):
        if not 1 <= len(given) <= MAX_SLOTS:
            raise GameError(f"{name}: there are {len(given)}, must be 1 to {MAX_SLOTS}")
        return checked_points(name, given)
    within = None if given.within is None else _rectangle(f"{name}.within", given.within)
    x, y = given.spacing if isinstance(given.spacing, tuple) else (given.spacing, given.spacing)
    if not (0 < x < np.inf and 0 < y < np.inf):
        raise GameError(f"{name}.spacing is {given.spacing}, must be above 0")
    return grid_of_slots(name, zone.polygon, (x, y), given.margin, within)


def _directed(given: list[EntryParameters], names: tuple[str, ...]) -> dict[tuple[int, int], tuple[int, EntryParameters]]:
    """The entry of each passage (from, to), with its number in the file."""
    ways: dict[tuple[int, int], tuple[int, EntryParameters]] = {}
    for i, entry in enumerate(given):
        one_way = entry.origin is not None and entry.to is not None
        pair = entry.between or [entry.origin or "", entry.to or ""]
        if (entry.between is None) != one_way or (entry.between and (entry.origin or entry.to)) or len(pair) != 2:
            raise GameError(f"entries[{i}] needs either 'between: [zone, zone]' or 'from' and 'to'")
        unknown = next((name for name in pair if name not in names), None)
        if unknown is not None:
            raise GameError(f"entries[{i}] names {unknown!r}, which is no zone; zones are {', '.join(names)}")
        a, b = (names.index(name) for name in pair)
        for way in ((a, b),) if one_way else ((a, b), (b, a)):
            if way in ways:
                raise GameError(f"entries[{i}] is the second one from {names[way[0]]!r} to {names[way[1]]!r}")
            ways[way] = i, entry
    return ways


def _entries(ways: dict[tuple[int, int], tuple[int, EntryParameters]]) -> dict[tuple[int, int], FloatArray]:
    """Where each passage is, of those that the file says it of."""
    return {way: checked_points(f"entries[{i}].at", [entry.at])[0] for way, (i, entry) in ways.items() if entry.at is not None}


def _walls(name: str, given: list[list[list[float]]]) -> tuple[FloatArray, ...]:
    return tuple(_wall(f"{name}[{i}]", wall) for i, wall in enumerate(given))


def _wall(name: str, corners: list[list[float]]) -> FloatArray:
    wall = checked_points(name, corners)
    if len(wall) < 2 or (wall == wall[0]).all():
        raise GameError(f"{name} must have at least 2 points")
    return wall
