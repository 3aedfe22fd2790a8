"""Floors of many zones on a grid, on which the coordinator moves a point of attention.

    zones     w x h; a robot stays or goes to one of four neighbours. It gets there with `success`; else it stays with 0.6 of
              the rest, or drifts to any neighbour with 0.4 of it. A way into a wall leads nowhere.
    attention s_g is the zone that attention is at; a_g is the zone that it is sent to. It comes one zone nearer with 0.8,
              along the longer side first, or stays.
    rewards   r_l = 10 where s_l = s_g, else 2 / (1 + Manhattan distance), less 0.3 for a move; r_g = -0.5 unless a_g = s_g.
    start     s_g anywhere; robots by a Dirichlet distribution of concentration 0.15 per zone.

This is our own model: a world whose size is a parameter, and in which everything that is not local is zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from altmarl_ros.errors import GameError
from altmarl_ros.games.kernels import GlobalKernel, LocalKernel
from altmarl_ros.games.rows import Rows
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame

_MOST_ZONES = 2500  # P_g and r_l then take 450 MiB
_DIRECTIONS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))  # of local actions: stay, east, west, north, south


class AttentionParameters(BaseModel, extra="forbid"):
    """Parameters of `build_attention`."""

    width: int = Field(10, ge=1, le=64, description="w, zones from west to east")
    height: int = Field(10, ge=1, le=64, description="h, zones from south to north; w h is at most 2500")
    gamma: float = Field(0.95, gt=0, lt=1, description="discount per tick")
    success: float = Field(0.85, ge=0, le=1, description="probability that a robot gets where it goes")
    attention_success: float = Field(0.8, ge=0, le=1, description="probability that attention comes one zone nearer")
    reward: float = Field(10.0, ge=-1e6, le=1e6, description="of a robot in the zone of attention")
    nearby: float = Field(2.0, ge=-1e6, le=1e6, description="reward elsewhere, times 1 / (1 + distance)")
    travel_cost: float = Field(0.3, ge=-1e6, le=1e6, description="of a robot's move")
    shift_cost: float = Field(0.5, ge=-1e6, le=1e6, description="of sending attention to another zone")
    start_concentration: float = Field(0.15, gt=0, le=1e6, description="Dirichlet parameter of the robots' first zones")


def build_attention(parameters: AttentionParameters) -> TabularGame:
    """Robots on a grid of zones and a point of attention that moves among them: S_l = S_g = A_g = width x height, A_l = 5.

    Zone (x, y) has the index x + width * y.

    Raises:
        GameError: there are more than 2500 zones.
    """
    w, h = parameters.width, parameters.height
    zones = w * h
    if zones > _MOST_ZONES:
        raise GameError(f"parameters.width x height is {zones} zones, must be at most {_MOST_ZONES}")
    place = np.stack([np.arange(zones) % w, np.arange(zones) // w], axis=1)  # [zone, (x, y)]
    goals = np.stack([_shifted(place, direction, w, h) for direction in _DIRECTIONS])  # [a_l, s_l]
    distance = np.abs(place[:, None] - place[None]).sum(axis=2)
    presence = np.where(distance == 0, parameters.reward, parameters.nearby / (1.0 + distance))
    moves = [_robot_moves(goals, a, parameters.success) for a in range(len(_DIRECTIONS))]
    cost = parameters.travel_cost * (np.arange(len(_DIRECTIONS)) > 0)
    return TabularGame(
        name="grid",
        P_g=_attention(place, w, parameters.attention_success),
        P_l=LocalKernel.from_moves([moves], np.zeros(zones, dtype=np.int64)),
        r_g=np.where(np.eye(zones, dtype=bool), 0.0, -parameters.shift_cost),
        r_l=presence[:, :, None] - cost,
        gamma=parameters.gamma,
        local_state_names=tuple(f"{x} {y}" for x, y in place),
        global_action_names=tuple(f"to {x} {y}" for x, y in place),
        local_action_names=("stay", "east", "west", "north", "south"),
        start=Start(np.full(zones, 1.0 / zones), np.full(zones, parameters.start_concentration)),
    )


def _shifted(place: NDArray[np.int64], direction: tuple[int, int], w: int, h: int) -> NDArray[np.int64]:
    moved = place + np.array(direction)
    inside = ((moved >= 0) & (moved < (w, h))).all(axis=1)
    x, y = np.where(inside[:, None], moved, place).T
    return np.asarray(x + w * y)


def _robot_moves(goals: NDArray[np.int64], a: int, success: float) -> Rows:
    zones = goals.shape[1]
    here = np.arange(zones)
    drift = 0.4 * (1.0 - success) / (len(goals) - 1)
    columns = np.concatenate([goals[a], here, *goals[1:]])
    weights = np.repeat([success, 0.6 * (1.0 - success), *[drift] * (len(goals) - 1)], zones)
    return Rows.from_entries(np.tile(here, len(goals) + 1), columns, weights, (zones, zones))


def _attention(place: NDArray[np.int64], w: int, success: float) -> GlobalKernel:
    zones = len(place)
    here, target = (each.ravel() for each in np.meshgrid(np.arange(zones), np.arange(zones), indexing="ij"))
    way = place[target] - place[here]
    longer = np.abs(way[:, 0]) >= np.abs(way[:, 1])
    step = np.where(longer, np.sign(way[:, 0]), w * np.sign(way[:, 1]))
    row = here * zones + target
    weights = np.repeat([success, 1.0 - success], len(row))
    entries = np.concatenate([here + step, here])
    return GlobalKernel(Rows.from_entries(np.tile(row, 2), entries, weights, (zones * zones, zones)), zones)
