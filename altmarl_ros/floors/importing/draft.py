"""What an importer makes of a file before it is a floor: zones, passages and levels, and what a person should know of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Mapping

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from altmarl_ros.arrays import FloatArray
from altmarl_ros.floors.floor_map import Level


@dataclass(frozen=True, eq=False)
class DraftZone:
    """A zone to be: its outline [m], where its middle is [xy; m], its level, and what it is for."""

    name: str
    polygon: Polygon
    goal: FloatArray
    level: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Crossing:
    """A wish for a passage from one zone into another, by their indices.

    Attributes:
        near: where it should be [xy; m]; None: where there is most room.
        speed: limit as the file says it, in its unit; None: no word of it.
        cost: as the file says it; None: no word of it.
        ride: whether it is a ride on a lift from level to level.
    """

    origin: int
    target: int
    near: FloatArray | None = None
    speed: float | None = None
    cost: float | None = None
    ride: bool = False


@dataclass(frozen=True, eq=False)
class Draft:
    """Zones and passages as cut from a file, without slots and entries.

    Attributes:
        zones: in order.
        crossings: the passages that the file has or that walls leave.
        levels: area and walls by level; one level is called "".
        offset: what must be added to coordinates here to get the file's [xy; m].
        counts: what was found in the file, for people: a number by its name.
        notes: what a person should know, one line each.
    """

    zones: tuple[DraftZone, ...]
    crossings: tuple[Crossing, ...]
    levels: Mapping[str, Level]
    offset: tuple[float, float] = (0.0, 0.0)
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def with_notes(self, *notes: str) -> Draft:
        """The same with more notes."""
        return replace(self, notes=(*self.notes, *notes))


def filled(shape: BaseGeometry) -> Polygon:
    """The largest polygon of a shape without its holes."""
    parts = [part for part in shapely.get_parts(shape).tolist() if isinstance(part, Polygon)]
    return Polygon(max(parts, key=lambda part: part.area).exterior)
