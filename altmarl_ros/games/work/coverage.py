"""Robots that are wanted in proportion to a demand which moves, such as patrols or cleaners, and a crew that helps them.

    d    the hot zone, where most of the demand is: of the robots a share w_d(z) is wanted in zone z, where
         w_d(z) = weight(z) (1 if z = d else elsewhere) / sum over all zones. It stays for `dwell` seconds on average, then
         another zone is hot, each with the same probability. The coordinator does not see it
    s_l  a robot's place (a zone, or a phase of a way between zones), and whether it is busy
    a_l  stay, or head for a zone
    s_g  the zone where the crew is
    a_g  the zone that it is sent to; it gets there in a tick with the probability min(1, crew_speed tick / metres)

    P_l  a robot that rests in zone z looks for something new to do with the probability min(1, renewal_rate tick), and is then
         busy with the probability busy w_d(z) / most(z), where most(z) = w_z(z) is the share of robots that is wanted there at
         most; else it is as it was. One that leaves is idle at once
    r_l  `reward` for each tick in which a robot is busy and stays where it is, where the crew is, and `alone` times as much
         elsewhere; less `move_cost` for every action but to stay
    r_g  -crew_cost for sending the crew to another zone than its present one

Ways have phases as in `deliveries`.

More robots than are wanted at one place shall earn nothing more there, which no reward of one robot's own state can say. Room
says it: every zone z has room for the share most(z) of the fleet, unless the key `room` of the game's file says otherwise, and
a full zone keeps robots busy that are the share busy w_d(z) of the fleet, whatever d is.
"""

from __future__ import annotations

from typing import Dict, List, Union

import numpy as np
from pydantic import Field

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.rows import IntArray
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.work.parameters import MOST_RATE, WorkParameters, numbered
from altmarl_ros.games.work.robot_moves import STAY, Changes, RobotMoves
from altmarl_ros.games.work.work_game import Work, work_game

IDLE, BUSY = range(2)


class CoverageParameters(WorkParameters, extra="forbid"):
    """Parameters of the `coverage` builder."""

    wanted: Union[List[str], Dict[str, float]] = Field(
        default_factory=list, description="zones with a demand, or {zone: weight}; default: all zones alike"
    )
    elsewhere: float = Field(0.1, ge=0, le=1, description="demand of a zone that is not hot, relative to when it is")
    busy: float = Field(0.9, gt=0, le=1, description="share of time that a robot in the hot zone is busy")
    renewal_rate: float = Field(0.1, gt=0, le=MOST_RATE, description="at which a robot looks for something new to do (1/s)")
    crew_speed: float = Field(1.0, gt=0, le=100, description="mean speed of the crew (m/s)")
    reward: float = Field(1.0, ge=-1e6, le=1e6, description="of a busy robot where the crew is, per tick")
    alone: float = Field(0.3, ge=0, le=1, description="reward of a busy robot elsewhere, as a share of that")
    crew_cost: float = Field(0.2, ge=0, le=1e6, description="cost of sending the crew to another zone, per tick")


def build_coverage(parameters: CoverageParameters) -> TabularGame:
    """Robots are wanted where the demand is, unseen by the coordinator, whose crew makes their work worth more."""
    p = parameters
    if not p.zones:
        raise GameError("parameters.zones is missing: give a map or zones")
    layout = p.floor(p.crew_speed)
    zones, weights = _wanted_zones(p, layout.targets)
    shares, X = wanted_shares(weights, p.elsewhere), len(layout.places)
    goals: IntArray = np.broadcast_to([STAY, *zones], (len(zones), 2, 1 + len(zones)))
    possible = np.stack([layout.visited(zones), np.isin(np.arange(X), zones)], axis=1)  # [place, condition]
    moves = RobotMoves(layout, goals, possible)
    busy = p.busy * shares / room_wanted(shares)  # [d, zone]
    renewal = p.probability(p.renewal_rate)
    idle = np.tile([[1.0, 0.0], [1.0, 0.0]], (X, 1, 1))

    def changes(d: int, s_g: int) -> Changes:
        resting = idle.copy()
        afresh = np.stack([1.0 - busy[d], busy[d]], axis=1)[:, None]  # [zone, 1, condition]
        resting[zones] = (1.0 - renewal) * np.eye(2) + renewal * afresh
        return Changes(moved=idle[0], delayed=idle, resting=resting)

    room = np.ones(X)
    room[zones] = room_wanted(shares)
    gain = np.zeros((len(zones), X, 2))
    gain[:, zones, BUSY] = p.reward * np.where(np.eye(len(zones), dtype=bool), 1.0, p.alone)
    names = [layout.targets[zone] for zone in zones]
    work = Work(
        name="coverage",
        layout=layout,
        vehicle="crew",
        stops=np.array(zones),
        vehicle_cost=p.crew_cost,
        demand=tuple(f"demand at {name}" for name in names),
        conditions=("", " busy"),
        local_action_names=("stay", *(f"to {name}" for name in names)),
        moves=moves,
        kernel=moves.kernel(changes, len(zones), feels_stop=False),
        r_l=moves.rewards(gain, p.move_cost),
        room=room,
    )
    return work_game(p, work)


def wanted_shares(weights: FloatArray, elsewhere: float) -> FloatArray:
    """The share of robots that is wanted in each zone [d, zone], by the hot zone d."""
    wanted = weights * np.where(np.eye(len(weights), dtype=bool), 1.0, elsewhere)
    return np.asarray(wanted / wanted.sum(axis=1, keepdims=True))


def room_wanted(shares: FloatArray) -> FloatArray:
    """The share of robots that is wanted in each zone at most [zone]: the room to give it."""
    return np.asarray(np.diagonal(shares))


def _wanted_zones(p: CoverageParameters, names: tuple[str, ...]) -> tuple[list[int], FloatArray]:
    given = p.wanted or list(names)
    zones = numbered("wanted", list(given), names, least=2)
    weights = np.array([*given.values()] if isinstance(given, dict) else np.ones(len(zones)), dtype=np.float64)
    if not (np.isfinite(weights) & (weights > 0.0)).all():
        raise GameError("parameters.wanted must have weights that are finite and positive")
    return zones, weights
