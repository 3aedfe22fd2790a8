"""Parameters that the builders for work share: the floor, the pace of a tick, and demand that moves unseen.

Times are in seconds and rates per second; what happens at a rate happens in a tick with the probability min(1, rate tick).
"""

from __future__ import annotations

from typing import Iterable, List, Sequence

from pydantic import BaseModel, Field

from altmarl_ros.errors import GameError
from altmarl_ros.games.floor_parameters import FloorMapParameters, ZoneParameters, floor_map
from altmarl_ros.games.work.floor_layout import Pace, floor_layout
from altmarl_ros.games.work.layouts import Layout

MOST_RATE = 1e3


class WorkParameters(FloorMapParameters, extra="forbid"):
    """Parameters of every builder for work; `map: FILE` names a floor map, whose keys are parameters as well."""

    zones: List[ZoneParameters] = Field(default_factory=list, description="zones of the floor, mostly from a map")
    tick: float = Field(1.0, gt=0, le=3600, description="time between ticks (s)")
    gamma: float = Field(0.98, gt=0, lt=1, description="discount per tick")
    dwell: float = Field(100.0, gt=0, le=1e9, description="mean time that the demand stays where it is (s)")
    speed: float = Field(0.5, gt=0, le=100, description="floors: a robot's mean speed (m/s)")
    motion_success: float = Field(0.9, gt=0, le=1, description="floors: probability that nothing delays a robot in a tick")
    phases: int = Field(4, ge=1, le=64, description="floors: largest number of phases of a way between neighbours")
    move_cost: float = Field(0.05, ge=0, le=1e6, description="cost of every tick in which a robot does not choose to stay")
    start_concentration: float = Field(
        1e6, gt=0, le=1e6, description="Dirichlet parameter of the robots' first states; large: spread evenly over all states"
    )
    idle_start: bool = Field(
        False, description="whether robots begin in zones and with nothing to do, as on a simulated floor, and not in any state"
    )

    def probability(self, rate: float) -> float:
        """The probability per tick of what happens at a rate [1/s]."""
        return min(1.0, rate * self.tick)

    def demand_change(self) -> float:
        """The probability per tick that the demand moves.

        Raises:
            GameError: it dwells for less than a tick.
        """
        if self.dwell < self.tick:
            raise GameError(f"parameters.dwell is {self.dwell:g} s, must be at least a tick, {self.tick:g} s")
        return self.tick / self.dwell

    def floor(self, vehicle_speed: float) -> Layout:
        """The layout of the floor for robots and a vehicle of that speed [m/s].

        Raises:
            GameError: naming the zone, slot, entry or wall and what is wrong with it.
        """
        pace = Pace(self.speed * self.tick, self.motion_success, vehicle_speed * self.tick, self.phases)
        return floor_layout(floor_map(self), pace)


def refuse_parameters(parameters: BaseModel, names: Iterable[str], why: str) -> None:
    """Refuse parameters that are given and would do nothing.

    Raises:
        GameError: naming the first one and the reason.
    """
    given = parameters.model_fields_set if hasattr(parameters, "model_fields_set") else parameters.__fields_set__
    idle = next((name for name in names if name in given), None)
    if idle is not None:
        raise GameError(f"parameters.{idle} {why}")


def numbered(parameter: str, names: Sequence[str], zones: Sequence[str], least: int = 1) -> list[int]:
    """The numbers of zones from their names.

    Raises:
        GameError: naming the zone that does not exist or stands twice, or the number of zones that are missing.
    """
    unknown = next((name for name in names if name not in zones), None)
    if unknown is not None:
        raise GameError(f"parameters.{parameter} names {unknown!r}, which is no zone; zones are {', '.join(zones)}")
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise GameError(f"parameters.{parameter} names {twice!r} twice")
    if len(names) < least:
        raise GameError(f"parameters.{parameter} has {len(names)} zones, must have at least {least}")
    return [zones.index(name) for name in names]
