"""Makes a floor of a draft: entries, slots, and only what can be driven to from everywhere and left again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors.floor_map import FloorMap, Level, PassageTerms
from altmarl_ros.floors.floor_plan import FloorPlan, Zone
from altmarl_ros.floors.importing.draft import Crossing, Draft, DraftZone
from altmarl_ros.floors.importing.entries import Border, Passage, find_passage
from altmarl_ros.floors.importing.options import ImportOptions
from altmarl_ros.floors.importing.slots import Layout, lay_out

_DIGITS = 3  # of coordinates [m]
_MOST_NAMED = 8  # zones in one note


@dataclass(frozen=True, eq=False)
class ImportedFloor:
    """A floor that was made of a file, and what a person should know of it.

    Attributes:
        floor: it has room for robots of the radius that it was made for.
        widths: of the floor at each passage, from wall to wall, by (from, to) [m]; rides have none.
        counts: what was found and made: a number by its name.
        notes: one line each.
    """

    floor: FloorMap
    widths: Mapping[tuple[int, int], float]
    counts: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The counts that are not 0, in one line."""
        return ", ".join(f"{n} {name.removesuffix('s') if n == 1 else name}" for name, n in self.counts.items() if n)

    @property
    def narrowest(self) -> tuple[tuple[int, int], float] | None:
        """The smallest passage and its width [m]; None: there is none."""
        return min(self.widths.items(), key=lambda item: item[1], default=None)


@dataclass
class _Work:
    """What is left of a draft while zones and passages are taken out of it."""

    draft: Draft
    options: ImportOptions
    zones: list[int]
    passages: dict[tuple[int, int], tuple[Crossing, Passage | None]]
    layouts: dict[int, Layout]
    notes: list[str]

    def drop_zones(self, gone: list[int], why: str) -> None:
        """Take zones and their passages out, and say so."""
        if not gone:
            return
        names = [self.draft.zones[i].name for i in gone]
        self.notes.append(f"left out {_listed(names)}: {why}")
        self.zones = [i for i in self.zones if i not in set(gone)]
        self.passages = {way: value for way, value in self.passages.items() if set(way) <= set(self.zones)}

    def incident(self, zone: int) -> list[tuple[tuple[int, int], FloatArray]]:
        """The passages into and out of a zone, and where they are."""
        found = []
        for way, (_, passage) in self.passages.items():
            if zone in way:
                at = self.draft.zones[zone].goal if passage is None else passage.there
                found.append((way, at))
        return found


def finish(draft: Draft, options: ImportOptions) -> ImportedFloor:
    """Give a draft entries and slots, and take out what robots cannot drive to, or not leave.

    Raises:
        GameError: nothing is left that a robot of this radius can drive on.
    """
    work = _Work(draft, options, list(range(len(draft.zones))), {}, {}, list(draft.notes))
    edges = {name: unary_union([level.lines, level.area.boundary]) for name, level in draft.levels.items()}
    work.passages = _passages(draft, edges, options, work.notes)
    _keep_connected(work)
    _lay_out(work, edges)
    _keep_connected(work)
    _keep_reached(work)
    _keep_connected(work)
    if not work.zones:
        raise GameError(f"no zone is left for robots of radius {options.radius:g} m; {'; '.join(work.notes)}")
    return _imported(work)


def _passages(
    draft: Draft, edges: Mapping[str, BaseGeometry], options: ImportOptions, notes: list[str]
) -> dict[tuple[int, int], tuple[Crossing, Passage | None]]:
    found: dict[tuple[int, int], tuple[Crossing, Passage | None]] = {}
    wished = {(crossing.origin, crossing.target) for crossing in draft.crossings}
    shut = []
    for crossing in draft.crossings:
        way = crossing.origin, crossing.target
        if way[0] == way[1] or way in found:
            continue
        if crossing.ride:
            found[way] = crossing, None
            continue
        a, b = (draft.zones[i] for i in way)
        level = draft.levels[a.level]
        if way[::-1] in found and (passage := found[way[::-1]][1]) is not None:
            found[way] = crossing, Passage(passage.back, passage.there, passage.width)
            continue
        border = Border(a.polygon, b.polygon, level.lines, edges[a.level])
        passage = find_passage(border, options.radius, options.clear - 1e-3, crossing.near)
        if passage is None:
            if way[::-1] not in wished or way[0] < way[1]:
                shut.append(f"{a.name} - {b.name}")
        else:
            if way[::-1] not in wished:
                middle = (passage.there + passage.back) / 2.0
                if edges[a.level].distance(shapely.Point(middle)) >= options.clear - 1e-3:
                    passage = Passage(middle, middle, passage.width)
            found[way] = crossing, passage
    if shut:
        notes.append(
            f"no passage for a robot of radius {options.radius:g} m between {_listed(shut)}: "
            "too narrow, closed by a wall, or another zone lies between"
        )
    return found


def _lay_out(work: _Work, edges: Mapping[str, BaseGeometry]) -> None:
    gone, narrow = [], []
    for i in work.zones:
        zone = work.draft.zones[i]
        entries = np.array([at for _, at in work.incident(i)]).reshape(-1, 2)
        layout = lay_out(zone.polygon, edges[zone.level], entries, zone.goal, work.options)
        if layout is None:
            gone.append(i)
        else:
            work.layouts[i] = layout
            if layout.in_the_way:
                narrow.append(zone.name)
    work.drop_zones(gone, f"no robot of radius {work.options.radius:g} m can park there")
    if narrow:
        work.notes.append(f"robots that park stand in the way of others in {_listed(narrow)}: there is no room beside")


def _keep_reached(work: _Work) -> None:
    """Take out slots and passages that no way leads between, within each zone."""
    floor = _floor(work)
    radius = work.options.radius
    for here, i in enumerate(list(work.zones)):
        slots = work.layouts[i].slots
        incident = work.incident(i)
        if not incident:
            continue
        reached = np.array([floor.reached(here, at, list(slots), radius) for _, at in incident])  # [passage, slot]
        useful = reached.any(axis=1)
        if not useful.any():
            work.drop_zones([i], "no way leads from its passages to a slot")
            continue
        best = reached[useful].sum(axis=0).max()
        kept = reached[useful].sum(axis=0) == best
        for (way, _), row in zip(incident, reached, strict=True):
            if (row & kept).sum() < kept.sum() and way in work.passages:
                del work.passages[way]
                names = " to ".join(repr(work.draft.zones[zone].name) for zone in way)
                work.notes.append(
                    f"left out the passage from {names}: no way leads from it through {work.draft.zones[i].name!r}"
                )
        work.layouts[i] = Layout(slots[kept], work.layouts[i].in_the_way)


def _keep_connected(work: _Work) -> None:
    """Keep the largest set of zones in which every one is reached from every other."""
    index = {zone: i for i, zone in enumerate(work.zones)}
    adjacency = np.zeros((len(index), len(index)), dtype=np.int8)
    for a, b in work.passages:
        adjacency[index[a], index[b]] = 1
    if not len(index):
        return
    _, part = connected_components(adjacency, connection="strong")
    sizes = np.bincount(part)
    home = int(part[int(sizes[part].argmax())])
    gone = [zone for zone, i in index.items() if part[i] != home]
    work.drop_zones(gone, "no way leads there from the rest and back")


def _floor(work: _Work) -> FloorMap:
    index = {zone: i for i, zone in enumerate(work.zones)}
    zones = tuple(_zone(work.draft.zones[i]) for i in work.zones)
    adjacency = np.zeros((len(zones), len(zones)), dtype=bool)
    entries: dict[tuple[int, int], FloatArray] = {}
    terms: dict[tuple[int, int], PassageTerms] = {}
    for (a, b), (crossing, passage) in work.passages.items():
        way = index[a], index[b]
        adjacency[way] = True
        if passage is not None:
            entries[way] = _rounded(passage.there)
        if crossing.speed is not None or crossing.cost is not None:
            terms[way] = PassageTerms(crossing.speed, crossing.cost)
    adjacency.setflags(write=False)
    used = {zone.level for zone in zones}
    levels = {
        name: Level(_area(level.area), tuple(_rounded(wall) for wall in level.walls))
        for name, level in work.draft.levels.items()
        if name in used
    }
    area = unary_union([level.area for level in levels.values()])
    assert isinstance(area, (Polygon, MultiPolygon))
    return FloorMap(
        plan=FloorPlan(zones, adjacency),
        slots=tuple(_rounded(work.layouts[i].slots) for i in work.zones),
        entries=entries,
        area=area,
        walls=tuple(wall for level in levels.values() for wall in level.walls),
        levels=levels if set(levels) != {""} else {},
        offset=work.draft.offset,
        terms=terms,
    )


def _imported(work: _Work) -> ImportedFloor:
    floor = _floor(work)
    index = {zone: i for i, zone in enumerate(work.zones)}
    widths = {(index[a], index[b]): passage.width for (a, b), (_, passage) in work.passages.items() if passage is not None}
    counts = {
        **work.draft.counts,
        "zones": len(floor.plan.zones),
        "passages": int(np.triu(floor.plan.adjacency | floor.plan.adjacency.T).sum()),
        "one-way passages": len(floor.plan.one_way),
        "slots": sum(map(len, floor.slots)),
    }
    return ImportedFloor(floor, widths, counts, tuple(work.notes))


def _zone(zone: DraftZone) -> Zone:
    outline = shapely.set_precision(Polygon(zone.polygon.exterior), 10.0**-_DIGITS)
    parts = [part for part in shapely.get_parts(outline).tolist() if isinstance(part, Polygon)]
    outline = max(parts, key=lambda part: part.area, default=zone.polygon)
    corners = _rounded(shapely.get_coordinates(outline.exterior)[:-1])
    kept = [point for point, last in zip(corners, np.roll(corners, 1, axis=0), strict=True) if (point != last).any()]
    return Zone.of(zone.name, kept, _rounded(zone.goal).tolist(), level=zone.level, roles=zone.roles)


def _area(shape: Polygon | MultiPolygon) -> Polygon | MultiPolygon:
    """The same with rounded coordinates; corners that fall together become one."""
    rounded = shapely.set_precision(shape, 10.0**-_DIGITS)
    fine = isinstance(rounded, (Polygon, MultiPolygon)) and rounded.is_valid and not rounded.is_empty
    return rounded if fine else shape


def _rounded(points: FloatArray | NDArray[np.float64]) -> FloatArray:
    return np.asarray(points, dtype=np.float64).round(_DIGITS)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(repr, names[:_MOST_NAMED])) + more
