"""Robots that carry loads, as in `deliveries`, and whose batteries run down.

    s_l  a robot's place, whether it is loaded, and its battery: `levels` down to 1, or flat
    P_l  as in `deliveries`; then the battery changes. One on its way somewhere loses a level with the probability
         min(1, drain_moving tick); one that rests gains a level at a charger with min(1, charge_rate tick), and elsewhere loses
         one with min(1, drain_standing tick). A flat robot neither moves nor loads nor unloads: it stands until help comes

There are two kinds of charging:

    a truck   (without `chargers`) is what the coordinator sends, in place of the crew: s_g is the truck's stop, any zone or
              corner or the hub, and r_g = -truck_cost for sending it elsewhere. It charges all robots that rest at the places
              nearest to its stop, flat ones included. Loads count at every drop, always. On floors one more local action leads
              robots to the truck
    chargers  stand in fixed zones; the coordinator sends the crew, as in `deliveries`, and one local action leads to each
              charger on a floor. A flat robot elsewhere gets one level from somebody who passes, with min(1, help_rate tick)

A charger charges as many robots as there are beside it. Where it has few places, give its zone room in the game's file.
"""

from __future__ import annotations

from typing import List

import numpy as np
from pydantic import Field

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.rows import IntArray
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.work.delivery_site import (
    LOADED,
    LOADS,
    DeliveryParameters,
    Site,
    carried_where,
    delivery_site,
    load_changes,
    load_probabilities,
)
from altmarl_ros.games.work.parameters import MOST_RATE, numbered, refuse_parameters
from altmarl_ros.games.work.robot_moves import STAY, Changes, RobotMoves
from altmarl_ros.games.work.work_game import Work, work_game
from altmarl_ros.games.work.workplace import Workplace


class ChargingParameters(DeliveryParameters, extra="forbid"):
    """Parameters of the `charging` builder."""

    chargers: List[str] = Field(default_factory=list, description="zones with fixed chargers; none: a truck charges")
    levels: int = Field(3, ge=1, le=10, description="battery levels above flat")
    drain_moving: float = Field(0.02, ge=0, le=MOST_RATE, description="levels that a robot on its way loses (1/s)")
    drain_standing: float = Field(0.004, ge=0, le=MOST_RATE, description="levels that a resting robot loses (1/s)")
    charge_rate: float = Field(0.2, gt=0, le=MOST_RATE, description="levels that a robot gains at a charger (1/s)")
    help_rate: float = Field(0.005, gt=0, le=MOST_RATE, description="chargers: rate of help for a flat robot elsewhere (1/s)")
    truck_rate: float = Field(0.3, gt=0, le=MOST_RATE, description="corners: rate of the truck's ways (1/s)")
    truck_speed: float = Field(1.0, gt=0, le=100, description="floors: mean speed of the truck (m/s)")
    truck_cost: float = Field(0.2, ge=0, le=1e6, description="cost of sending the truck to another stop, per tick")


def build_charging(parameters: ChargingParameters) -> TabularGame:
    """Robots bring loads and run down their batteries; a truck that the coordinator sends charges them, or chargers do."""
    p, truck, place = parameters, not parameters.chargers, charging_workplace(parameters)
    site, moves, stops, served, levels = place.site, place.moves, place.stops, place.served, p.levels + 1
    layout, at_charger = site.layout, place.at_charger
    assert at_charger is not None
    loads = load_probabilities(p, site)
    unload = p.probability(p.unload_rate)
    driving = np.zeros((2, levels, 2, levels))
    driving[[0, 1], :, [0, 1]] = drained(levels, p.probability(p.drain_moving))
    on_its_way = driving.reshape(2 * levels, 2 * levels)
    help_comes = 0.0 if truck else p.probability(p.help_rate)

    def changes(d: int, s_g: int) -> Changes:
        load = with_battery(load_changes(site, loads[d], unload * served[s_g]), levels)
        charged = raised(levels, p.probability(p.charge_rate))
        elsewhere = drained(levels, p.probability(p.drain_standing))
        elsewhere[0, :2] = [1.0 - help_comes, help_comes]
        battery = np.where(at_charger[s_g][:, None, None], charged, elsewhere)  # [place, level, level']
        resting = np.einsum("lm,xbc->xlbmc", np.eye(2), battery).reshape(load.shape)
        return Changes(moved=on_its_way, delayed=load @ on_its_way, resting=load @ resting)

    gain = np.zeros((len(stops), len(layout.places), 2, levels))
    gain[:, site.drops, LOADED, 1:] = p.reward * unload * served[:, :, None]
    batteries = [" (flat)", *(f" (battery {level}/{p.levels})" for level in range(1, levels))]
    work = Work(
        name="charging",
        layout=layout,
        vehicle="truck" if truck else "crew",
        stops=stops,
        vehicle_cost=p.truck_cost if truck else p.crew_cost,
        demand=site.demand,
        conditions=tuple(load + battery for load in LOADS for battery in batteries),
        local_action_names=_action_names(p, site),
        moves=moves,
        kernel=moves.kernel(changes, len(loads)),
        r_l=moves.rewards(gain.reshape(*gain.shape[:2], 2 * levels), p.move_cost),
    )
    return work_game(p, work)


def charging_workplace(parameters: ChargingParameters) -> Workplace:
    """Where robots go, where they load and unload, and where they charge.

    Raises:
        GameError: naming the parameter, the zone or the part of the floor and what is wrong with it.
    """
    p, truck = parameters, not parameters.chargers
    if truck:
        refuse_parameters(p, ("crew_rate", "crew_speed", "crew_cost", "help_rate"), "is for fixed chargers")
        site = delivery_site(p, p.truck_rate, p.truck_speed)
    else:
        refuse_parameters(p, ("truck_rate", "truck_speed", "truck_cost"), "is for games without fixed chargers")
        site = delivery_site(p, p.crew_rate, p.crew_speed)
    layout, levels = site.layout, p.levels + 1
    stops = np.arange(len(layout.stops)) if truck else site.crew_stops
    chargers = _chargers(p, site)
    at_charger = np.tile(np.isin(np.arange(len(layout.places)), chargers), (len(stops), 1))  # [s_g, place]
    served = np.ones((len(stops), len(site.drops)), dtype=bool)  # [s_g, drop]
    if truck:
        at_charger = layout.stop_of == stops[:, None]
    else:
        served = layout.stop_of[site.drops] == stops[:, None]
    goals = _goals(p, site, chargers)
    by_load = np.moveaxis(goals.reshape(len(stops), 2, levels, -1), 1, 0)
    moves = RobotMoves(layout, goals, np.repeat(carried_where(layout, by_load), levels, axis=1))
    return Workplace(p, site, moves, stops, served, levels=p.levels, at_charger=at_charger)


def _chargers(p: ChargingParameters, site: Site) -> list[int]:
    names = site.layout.targets if p.zones else site.layout.places
    return numbered("chargers", p.chargers, names) if p.chargers else []


def _goals(p: ChargingParameters, site: Site, chargers: list[int]) -> IntArray:
    """What robots head for [s_g, condition, a_l]."""
    levels, layout = p.levels + 1, site.layout
    stops = len(site.crew_stops) if chargers else len(layout.stops)
    goals = np.repeat(np.tile(site.goals, (stops, 1, 1)), levels, axis=1)
    if p.zones:
        more = np.tile(chargers, (stops, 1)) if chargers else np.arange(stops)[:, None]  # [s_g, action]
        goals = np.concatenate([goals, np.repeat(more[:, None], goals.shape[1], axis=1)], axis=2)
    goals[:, ::levels] = STAY  # the flat ones, empty and loaded
    return goals


def _action_names(p: ChargingParameters, site: Site) -> tuple[str, ...]:
    """Names of the local actions."""
    if not p.zones:
        return site.local_action_names
    chargers = tuple(f"to {site.layout.places[place]}" for place in _chargers(p, site))
    return site.local_action_names + (chargers or ("to the truck",))


def drained(levels: int, probability: float) -> FloatArray:
    """Change of a battery that loses a level with a probability [level, level']; a flat one stays flat."""
    return (1.0 - probability) * np.eye(levels) + probability * np.eye(levels)[np.maximum(np.arange(levels) - 1, 0)]


def raised(levels: int, probability: float) -> FloatArray:
    """Change of a battery that gains a level with a probability [level, level']; a full one stays full."""
    return (1.0 - probability) * np.eye(levels) + probability * np.eye(levels)[np.minimum(np.arange(levels) + 1, levels - 1)]


def with_battery(load: FloatArray, levels: int) -> FloatArray:
    """Changes of the load [place, load, load'] as changes of load and level, which flat robots take no part in."""
    changes = np.einsum("xlm,bc->xlbmc", load, np.eye(levels))
    changes[:, :, 0] = 0.0
    changes[:, [0, 1], 0, [0, 1], 0] = 1.0
    return np.asarray(changes.reshape(len(load), 2 * levels, 2 * levels))
