"""What a person chooses about an import: the robot's size, and how zones are cut."""

from __future__ import annotations

from dataclasses import dataclass

from altmarl_ros.errors import GameError

ZONE_KINDS = ("auto", "rooms", "cells", "nodes")
"""How zones are cut: at doors and narrow passages, by a grid, around the nodes of a graph; auto: as the file suggests."""

_COMFORT = 0.05  # m
_MOST_SLOTS = 24


@dataclass(frozen=True)
class ImportOptions:
    """Choices of an import.

    Attributes:
        radius: of the largest robot [m].
        zones: one of ZONE_KINDS.
        cell: side of a cell [m].
        narrow: two rooms are parted where the floor between them is narrower than this share of the narrower one's width.
        smallest: area below which a zone is joined to its neighbour [m^2]; None: that of 4 robots side by side, squared.
        lane_width: width of the corridor around a lane of a graph without walls [m]; None: robots pass one that is parked.
        unknown_is_free: whether unknown space counts as free; else it counts as wall.
        most_slots: of a zone.
        scale: metres per pixel of an RMF building without measurements; None: it must have some.

    Raises:
        GameError: naming the option that is out of range.
    """

    radius: float = 0.2
    zones: str = "auto"
    cell: float = 4.0
    narrow: float = 0.8
    smallest: float | None = None
    lane_width: float | None = None
    unknown_is_free: bool = False
    most_slots: int = _MOST_SLOTS
    scale: float | None = None

    def __post_init__(self) -> None:
        if self.zones not in ZONE_KINDS:
            raise GameError(f"zones is {self.zones!r}, must be one of {', '.join(ZONE_KINDS)}")
        if not 0.0 < self.radius < 100.0:
            raise GameError(f"radius is {self.radius:g} m, must be above 0 and below 100")
        if not 4.0 * self.radius <= self.cell < 1e4:
            raise GameError(f"cell is {self.cell:g} m, must be at least two robots wide ({4.0 * self.radius:g} m)")
        if self.lane_width is not None and not 2.0 * self.clear <= self.lane_width < 1e3:
            raise GameError(f"lane width is {self.lane_width:g} m, must be at least {2.0 * self.clear:g} m, a robot with room")

    @property
    def clear(self) -> float:
        """Distance from walls that the importer asks for [m]: the radius, and some more since maps and ways are rounded."""
        return self.radius + max(_COMFORT, 0.2 * self.radius)

    @property
    def least_area(self) -> float:
        """Area below which a zone is joined to its neighbour [m^2]."""
        return (8.0 * self.radius) ** 2 if self.smallest is None else self.smallest

    @property
    def corridor(self) -> float:
        """Width of the corridor around a lane [m]."""
        return 2.0 * self.clear + 5.2 * self.radius if self.lane_width is None else self.lane_width
