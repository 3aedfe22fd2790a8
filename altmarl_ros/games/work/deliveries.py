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

On a floor, `pick_ups` and `drops` name zones. A way that takes a robot x ticks at `speed` has x phases, rounded down, one at
least and `phases` at most; a robot gets one phase further with the probability motion_success phases / x, at most
motion_success, and can stop or turn round in between unless the passage is one-way. The local action i leads empty robots to
the i-th pick-up and loaded ones to the i-th drop: there are no more actions than robots have use for. Where a kind of robots
has fewer goals than there are actions, the remaining ones stay. Phases that no robot comes through are no states.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.work.delivery_site import (
    LOADED,
    LOADS,
    DeliveryParameters,
    carried_where,
    delivery_site,
    load_changes,
    load_probabilities,
)
from altmarl_ros.games.work.robot_moves import Changes, RobotMoves
from altmarl_ros.games.work.work_game import Work, work_game
from altmarl_ros.games.work.workplace import Workplace


def build_deliveries(parameters: DeliveryParameters) -> TabularGame:
    """Robots bring loads from where they appear, unseen by the coordinator, to where its crew stands."""
    p, place = parameters, deliveries_workplace(parameters)
    site, moves, stops, served = place.site, place.moves, place.stops, place.served
    loads = load_probabilities(p, site)
    unload = p.probability(p.unload_rate)

    def changes(d: int, s_g: int) -> Changes:
        where_it_was = load_changes(site, loads[d], unload * served[s_g])
        return Changes(moved=np.eye(2), delayed=where_it_was, resting=where_it_was)

    gain = np.zeros((len(stops), len(site.layout.places), 2))
    gain[:, site.drops, LOADED] = p.reward * unload * served
    work = Work(
        name="deliveries",
        layout=site.layout,
        vehicle="crew",
        stops=stops,
        vehicle_cost=p.crew_cost,
        demand=site.demand,
        conditions=LOADS,
        local_action_names=site.local_action_names,
        moves=moves,
        kernel=moves.kernel(changes, len(loads)),
        r_l=moves.rewards(gain, p.move_cost),
    )
    return work_game(p, work)


def deliveries_workplace(parameters: DeliveryParameters) -> Workplace:
    """Where robots go and where they load and unload.

    Raises:
        GameError: naming the parameter, the zone or the part of the floor and what is wrong with it.
    """
    p = parameters
    site = delivery_site(p, p.crew_rate, p.crew_speed)
    stops = site.crew_stops
    goals = np.tile(site.goals, (len(stops), 1, 1))
    return Workplace(
        p,
        site,
        RobotMoves(site.layout, goals, carried_where(site.layout, site.goals)),
        stops,
        served=site.layout.stop_of[site.drops] == stops[:, None],
    )
