"""Where loads are picked up and dropped: the layout and the goals of robots that the builders of deliveries share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Union

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.rows import IntArray
from altmarl_ros.games.work.layouts import Layout, corners_layout
from altmarl_ros.games.work.parameters import MOST_RATE, WorkParameters, numbered, refuse_parameters
from altmarl_ros.games.work.robot_moves import STAY

EMPTY, LOADED = range(2)
LOADS = ("", " loaded")
"""What states are called by load: `dock`, `dock loaded`."""

_OF_CORNERS = ("corners", "walk_rate", "change_rate", "crew_rate", "truck_rate")
_OF_FLOORS = ("pick_ups", "drops", "speed", "motion_success", "phases", "crew_speed", "truck_speed")


class DeliveryParameters(WorkParameters, extra="forbid"):
    """Parameters of the `deliveries` builder."""

    pick_ups: Union[List[str], Dict[str, float]] = Field(
        default_factory=list, description="floors: zones where loads appear; as {zone: factor} some have more of them"
    )
    drops: List[str] = Field(default_factory=list, description="floors: zones where loads are taken in")
    corners: int = Field(4, ge=2, le=32, description="number of corners, without a floor")
    walk_rate: float = Field(0.2, gt=0, le=MOST_RATE, description="corners: rate of ways from or to the hub (1/s)")
    change_rate: float = Field(0.7, gt=0, le=MOST_RATE, description="corners: rate of ways between pick-up and drop (1/s)")
    crew_rate: float = Field(0.3, gt=0, le=MOST_RATE, description="corners: rate of the crew's ways (1/s)")
    crew_speed: float = Field(1.0, gt=0, le=100, description="floors: mean speed of the crew (m/s)")
    hot_rate: float = Field(
        0.5, ge=0, le=MOST_RATE, description="rate of loads for a robot that waits at the hot pick-up (1/s)"
    )
    elsewhere_rate: float = Field(0.02, ge=0, le=MOST_RATE, description="rate of loads for one at another pick-up (1/s)")
    unload_rate: float = Field(0.8, gt=0, le=MOST_RATE, description="rate of unloading, where the crew is (1/s)")
    reward: float = Field(10.0, ge=-1e6, le=1e6, description="for a load that is unloaded")
    crew_cost: float = Field(0.2, ge=0, le=1e6, description="cost of sending the crew to another stop, per tick")


@dataclass(frozen=True, eq=False)
class Site:
    """Where robots pick up and drop loads.

    Attributes:
        layout: places and ways.
        pick_ups: places where loads appear [D].
        drops: places where loads are taken in.
        factors: loads at a pick-up, relative to the others [D].
        goals: what robots head for by load and local action [load, a_l], targets of the layout or STAY.
        local_action_names: one per local action.
    """

    layout: Layout
    pick_ups: list[int]
    drops: list[int]
    factors: FloatArray
    goals: IntArray
    local_action_names: tuple[str, ...]

    @property
    def demand(self) -> tuple[str, ...]:
        """Names of the hidden states [D]."""
        return tuple(f"loads at {self.layout.places[place]}" for place in self.pick_ups)

    @property
    def crew_stops(self) -> IntArray:
        """The stops at which there is a drop, where the crew can be [S_g]."""
        return np.unique(self.layout.stop_of[self.drops])


def delivery_site(p: DeliveryParameters, vehicle_rate: float, vehicle_speed: float) -> Site:
    """The corners, or the floor with its pick-ups and drops, for a vehicle of that rate [1/s] or speed [m/s].

    Raises:
        GameError: naming the parameter, the zone or the part of the floor and what is wrong with it.
    """
    if not p.zones:
        refuse_parameters(p, _OF_FLOORS, "is for floors: give a map or zones")
        rates = (p.probability(rate) for rate in (p.walk_rate, p.change_rate, vehicle_rate))
        layout, hub = corners_layout(p.corners, *rates), 2 * p.corners
        goals = np.array([[STAY, *range(p.corners + 1)]] * 2)
        names = ("stay", *(f"to {target}" for target in layout.targets[:-1]), "change")
        return Site(layout, [*range(0, hub, 2)], [*range(1, hub, 2)], np.ones(p.corners), goals, names)
    refuse_parameters(p, _OF_CORNERS, "is for the layout without a floor")
    layout = p.floor(vehicle_speed)
    zones = layout.targets
    pick_ups = numbered("pick_ups", list(p.pick_ups), zones, least=2)
    drops = numbered("drops", p.drops, zones)
    both = next((zones[zone] for zone in drops if zone in pick_ups), None)
    if both is not None:
        raise GameError(f"parameters.drops names {both!r}, which is a pick-up")
    factors = np.array(list(p.pick_ups.values()) if isinstance(p.pick_ups, dict) else np.ones(len(pick_ups)))
    if not (np.isfinite(factors) & (factors >= 0.0)).all():
        raise GameError("parameters.pick_ups must have factors that are finite and not negative")
    goals = np.full((2, 1 + max(len(pick_ups), len(drops))), STAY)
    goals[EMPTY, 1 : 1 + len(pick_ups)] = pick_ups
    goals[LOADED, 1 : 1 + len(drops)] = drops
    names = ("stay", *(_goal_name(zones, goal) for goal in goals.T[1:].tolist()))
    return Site(layout, pick_ups, drops, factors, goals, names)


def carried_where(layout: Layout, goals: IntArray) -> NDArray[np.bool_]:
    """Where robots can be by their load [place, load], if they have these goals [load, ...], targets of the layout or STAY."""
    return np.stack([layout.visited(goals[load][goals[load] != STAY]) for load in (EMPTY, LOADED)], axis=1)


def load_probabilities(p: DeliveryParameters, site: Site) -> FloatArray:
    """The probability per tick that a waiting robot is loaded, by hidden state and pick-up [d, pick-up]."""
    rates = np.where(np.eye(len(site.pick_ups), dtype=bool), p.hot_rate, p.elsewhere_rate) * site.factors
    return np.minimum(1.0, rates * p.tick)


def load_changes(site: Site, load: FloatArray, unload: FloatArray) -> FloatArray:
    """How the load of standing robots changes [place, load, load'], with probabilities by pick-up and by drop."""
    changes = np.tile(np.eye(2), (len(site.layout.places), 1, 1))
    changes[site.pick_ups, EMPTY] = np.stack([1.0 - load, load], axis=1)
    changes[site.drops, LOADED] = np.stack([unload, 1.0 - unload], axis=1)
    return changes


def _goal_name(zones: tuple[str, ...], goals: list[int]) -> str:
    empty, loaded = (None if goal == STAY else zones[goal] for goal in goals)
    if empty is None:
        return f"to {loaded} (loaded)"
    return f"to {empty} (empty)" if loaded is None else f"to {empty} (loaded: {loaded})"
