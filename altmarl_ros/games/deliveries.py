"""Robots that carry loads which appear where nobody told, and a crew that takes them in where it stands.

    d    the hot pick-up: loads appear there at `hot_rate`, at the other pick-ups at `elsewhere_rate`. It stays for `dwell`
         seconds on average, then one of the others is hot, each with the same probability. The coordinator does not see it
    s_l  a robot's place (a zone, or a phase of a way between zones), and whether it is loaded
    a_l  stay, or head for somewhere; a robot picks up and unloads by itself where it is
    s_g  the stop of the crew
    a_g  the stop that it is sent to; it gets there in a tick with the probability min(1, crew_rate tick), on floors
         min(1, crew_speed tick / metres), and works where it was until then

    P_l  a robot moves first, one place further on its way or not at all. One that ends the tick at the pick-up where it began
         it, empty, is loaded with the probability min(1, rate tick); a loaded one that ends it at the drop where it began it,
         while the crew is there, is unloaded with the probability min(1, unload_rate tick)
    r_l  `reward` for a load that is unloaded, less `move_cost` for every action but to stay
    r_g  -crew_cost for sending the crew to another stop than its present one

Without a floor the layout is `corners`: each of some corners has a pick-up and a drop, a hub lies between them, and the local
actions are to stay, to head for a corner, and to change between pick-up and drop of the present corner. A robot that heads for
a corner gets from another corner to the hub, and from the hub to the corner's drop, with the probability walk_rate tick, and
from the corner's pick-up to its drop with change_rate tick. With its default parameters this is a game of 18 local states.

On a floor, `pick_ups` and `drops` name zones, a way takes phases (see floor_layout), and the local action i leads empty robots
to the i-th pick-up and loaded ones to the i-th drop: there are no more actions than robots have use for. Where a kind of robots
has fewer goals than there are actions, the remaining ones stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Union

import numpy as np
from pydantic import Field

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.layouts import Layout, corners_layout
from altmarl_ros.games.rows import IntArray
from altmarl_ros.games.tabular import Start, TabularGame
from altmarl_ros.games.work_kernels import STAY, RobotMoves, state_names, vehicle_kernel, wandering
from altmarl_ros.games.work_parameters import MOST_RATE, WorkParameters, numbered, refuse_parameters

EMPTY, LOADED = range(2)

_OF_CORNERS = ("corners", "walk_rate", "change_rate", "crew_rate")
_OF_FLOORS = ("pick_ups", "drops", "speed", "motion_success", "phases", "crew_speed")


class DeliveryParameters(WorkParameters, extra="forbid"):
    """Parameters of the `deliveries` builder."""

    pick_ups: Union[List[str], Dict[str, float]] = Field(
        default_factory=list, description="floors: zones where loads appear; as {zone: factor} some have more of them"
    )
    drops: List[str] = Field(default_factory=list, description="floors: zones where loads are taken in")
    corners: int = Field(4, ge=2, le=32, description="corners: their number")
    walk_rate: float = Field(0.2, gt=0, le=MOST_RATE, description="corners: of ways from or to the hub (1/s)")
    change_rate: float = Field(0.7, gt=0, le=MOST_RATE, description="corners: of ways between pick-up and drop (1/s)")
    crew_rate: float = Field(0.3, gt=0, le=MOST_RATE, description="corners: of the crew's ways (1/s)")
    crew_speed: float = Field(1.0, gt=0, le=100, description="floors: mean speed of the crew (m/s)")
    hot_rate: float = Field(0.5, ge=0, le=MOST_RATE, description="of loads for a robot that waits at the hot pick-up (1/s)")
    elsewhere_rate: float = Field(0.02, ge=0, le=MOST_RATE, description="of loads for one at another pick-up (1/s)")
    unload_rate: float = Field(0.8, gt=0, le=MOST_RATE, description="of unloading, where the crew is (1/s)")
    reward: float = Field(8.0, ge=-1e6, le=1e6, description="for a load that is unloaded")
    crew_cost: float = Field(0.2, ge=0, le=1e6, description="of sending the crew to another stop, per tick")


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
    def crew_stops(self) -> IntArray:
        """The stops at which there is a drop, where the crew can be [S_g]."""
        return np.unique(self.layout.stop_of[self.drops])


def build_deliveries(parameters: DeliveryParameters) -> TabularGame:
    """Robots bring loads from where they appear, unseen by the coordinator, to where its crew stands."""
    p, site = parameters, delivery_site(parameters)
    layout, stops = site.layout, site.crew_stops
    moves = RobotMoves(layout, np.tile(site.goals, (len(stops), 1, 1)))
    loads, D = load_probabilities(p, site), len(site.pick_ups)
    served = layout.stop_of[site.drops] == stops[:, None]  # [s_g, drop]
    unload = p.probability(p.unload_rate)

    def standing(d: int, s_g: int) -> FloatArray:
        return load_changes(site, loads[d], unload * served[s_g])

    gain = np.zeros((len(stops), len(layout.places), 2))
    gain[:, site.drops, LOADED] = p.reward * unload * served
    r_l = moves.rewards(gain, p.move_cost)
    hidden = HiddenState(
        wandering(D, p.demand_change()),
        moves.kernel(np.eye(2), standing, D),
        np.broadcast_to(r_l, (D, *r_l.shape)),
        rho_d=np.full(D, 1.0 / D),
        names=tuple(f"loads at {layout.places[place]}" for place in site.pick_ups),
    )
    return TabularGame(
        name="deliveries",
        P_g=vehicle_kernel(layout.travel[np.ix_(stops, stops)]),
        r_g=0.0 - p.crew_cost * (1.0 - np.eye(len(stops))),
        gamma=p.gamma,
        hidden=hidden,
        start=Start(np.full(len(stops), 1.0 / len(stops)), np.full(len(r_l), p.start_concentration)),
        local_state_names=state_names(layout.places, ("", "loaded")),
        global_action_names=tuple(f"crew to {layout.stops[stop]}" for stop in stops),
        local_action_names=site.local_action_names,
    )


def delivery_site(p: DeliveryParameters) -> Site:
    """The corners, or the floor with its pick-ups and drops.

    Raises:
        GameError: naming the parameter, the zone or the part of the floor and what is wrong with it.
    """
    if not p.zones:
        refuse_parameters(p, _OF_FLOORS, "is for floors: give a map or zones")
        rates = (p.probability(rate) for rate in (p.walk_rate, p.change_rate, p.crew_rate))
        layout, hub = corners_layout(p.corners, *rates), 2 * p.corners
        goals = np.array([[STAY, *range(p.corners + 1)]] * 2)
        names = ("stay", *(f"to {target}" for target in layout.targets[:-1]), "change")
        return Site(layout, [*range(0, hub, 2)], [*range(1, hub, 2)], np.ones(p.corners), goals, names)
    refuse_parameters(p, _OF_CORNERS, "is for the layout without a floor")
    layout = p.floor(p.crew_speed)
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
    if empty is None or loaded is None:
        return f"loaded to {loaded}" if empty is None else f"empty to {empty}"
    return f"empty to {empty}, loaded to {loaded}"
