"""Robots and a dispatcher on a floor plan: the warehouse with real zones, for simulated and physical robots.

    s_l  the zone that a robot is in
    a_l  0: stay; i: go to the i-th neighbour of the present zone, in order of zone index. Where a zone has
         fewer neighbours, the remaining actions stay as well. A tick's move thus never leads past a
         neighbour, and its goal is `neighbour_goals(plan)[s_l, a_l]`
    s_g  the zone that has the dispatcher's attention: where the pick wave, the charger slots or the lift is
    a_g  the zone that should have it next; it moves there with probability `response`, else it lasts

    P_l  a robot under way from zone i to its neighbour j arrives within the tick with probability
         p = motion_success min(1, speed tick / distance of the goals), goes astray into another neighbour
         of i with probability `stray`, and is still in i otherwise; one that stays is displaced, into any
         neighbour, with probability `displaced`
    r_l[s_l, s_g, a_l] = (reward if s_l = s_g else nearby / (1 + hops)) - travel_cost * metres to a_l's goal
    r_g[s_g, a_g]      = -move_cost * hops from s_g to a_g

Congestion is not in the model: it would make a robot's reward or motion depend on the other robots,
and r_l and P_l may depend on nothing but (s_l, s_g, a_l). P_l can be identified from recorded runs
instead (`altmarl_ros.games.identification`), and then holds the congestion that those runs had on average.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.floors.floor_plan import FloorPlan
from altmarl_ros.games.floor_parameters import FloorMapParameters, floor_map
from altmarl_ros.games.kernels import GlobalKernel
from altmarl_ros.games.moves import neighbour_goals
from altmarl_ros.games.rows import Rows
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame


class FloorParameters(FloorMapParameters, extra="forbid"):
    """Parameters of the `floor` builder: a floor map, and the game on it; probabilities and rewards are per tick."""

    tick: float = Field(1.0, gt=0, le=3600, description="time between ticks (s)")
    speed: float = Field(0.5, gt=0, le=100, description="a robot's mean speed (m/s)")
    motion_success: float = Field(0.9, gt=0, le=1, description="probability that a move in reach within a tick succeeds")
    stray: float = Field(0.02, ge=0, le=1, description="probability that a move ends in another neighbour")
    displaced: float = Field(0.02, ge=0, le=1, description="probability that a robot that stays is pushed next door")
    response: float = Field(0.9, gt=0, le=1, description="probability that attention moves as the dispatcher wants")
    reward: float = Field(10.0, gt=0, description="of a robot in the zone of attention")
    nearby: float = Field(2.0, ge=0, description="reward elsewhere, times 1 / (1 + hops to the zone of attention)")
    travel_cost: float = Field(0.05, ge=0, description="of a move, per metre between the zones' goals")
    move_cost: float = Field(0.5, ge=0, description="of moving attention, per hop")
    gamma: float = Field(0.95, gt=0, lt=1, description="discount per tick")
    start_concentration: float = Field(0.3, gt=0, le=1e6, description="Dirichlet parameter of the robots' first zones")


def build_floor(parameters: FloorParameters) -> TabularGame:
    """Robots on the zones of a floor plan, and a dispatcher who moves attention among them."""
    p = parameters
    plan = floor_map(p).plan
    goals = neighbour_goals(plan)
    L = len(plan.zones)
    metres = np.hypot(*np.moveaxis(plan.goals[:, None] - plan.goals, -1, 0))  # [zone, zone]
    P_l = np.stack([_motion(p, plan, metres, goals[:, a_l]) for a_l in range(goals.shape[1])], axis=1)  # [s_l, a_l, s_l']
    presence = np.where(plan.hops == 0, p.reward, p.nearby / (1.0 + plan.hops))  # [s_l, s_g]
    travel = p.travel_cost * metres[np.arange(L)[:, None], goals]  # [s_l, a_l]
    return TabularGame(
        name="floor",
        P_g=_attention(L, p.response),
        P_l=np.broadcast_to(P_l[:, None], (L, L, *P_l.shape[1:])),
        r_g=np.asarray(0.0 - p.move_cost * plan.hops),
        r_l=presence[:, :, None] - travel[:, None, :],
        gamma=p.gamma,
        start=Start(np.full(L, 1.0 / L), np.full(L, p.start_concentration)),
        local_state_names=plan.names,
        global_action_names=tuple(f"to {name}" for name in plan.names),
        local_action_names=("stay", *(f"neighbour {i}" for i in range(1, goals.shape[1]))),
    )


def _attention(zones: int, response: float) -> GlobalKernel:
    here, wanted = (each.ravel() for each in np.indices((zones, zones)))
    row = np.tile(np.arange(zones * zones), 2)
    probabilities = np.repeat([1.0 - response, response], zones * zones)
    return GlobalKernel(Rows.from_entries(row, np.concatenate([here, wanted]), probabilities, (zones * zones, zones)), zones)


def floor_of_game(parameters: FloorParameters) -> FloorMap:
    """The floor that the game is played on; its moves are the game's own.

    Raises:
        GameError: naming the zone, slot, entry or wall and what is wrong with it.
    """
    floor = floor_map(parameters)
    columns = neighbour_goals(floor.plan).T.tolist()
    return replace(floor, moves={a_l: tuple(goals) for a_l, goals in enumerate(columns)})


def _motion(p: FloorParameters, plan: FloorPlan, metres: FloatArray, goals: NDArray[np.int64]) -> FloatArray:
    """Transitions under one action, whose goals are [zone] -> [zone, zone']."""
    P = np.zeros((len(goals), len(goals)))
    for zone, goal in enumerate(goals):
        others = [j for j in plan.neighbours(zone) if j != goal]
        astray = p.displaced if zone == goal else p.stray
        if others:
            P[zone, others] = astray / len(others)
        if zone != goal:
            P[zone, goal] = p.motion_success * min(1.0, p.speed * p.tick / max(metres[zone, goal], 1e-9))
        P[zone, zone] += 1.0 - P[zone].sum()
        if P[zone, zone] < -1e-12:
            raise GameError(f"motion_success + stray is {p.motion_success + p.stray:g}, must be at most 1")
    return np.maximum(P, 0.0)
