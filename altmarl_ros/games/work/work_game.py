"""Makes a game of what a builder for work says: a vehicle among stops, robots among places, and a demand that moves unseen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.kernels import GlobalKernel, LocalKernel
from altmarl_ros.games.room import Places, Room
from altmarl_ros.games.rows import IntArray, Rows
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.work.layouts import Layout
from altmarl_ros.games.work.parameters import WorkParameters
from altmarl_ros.games.work.robot_moves import RobotMoves

_HARDLY = 1e-9  # weight of a state in which no robot begins


@dataclass(frozen=True, eq=False)
class Work:
    """What differs between the games of the builders for work.

    Attributes:
        name: of the game.
        layout: places, ways and stops.
        vehicle: what the coordinator sends, for names of actions.
        stops: the stops that it is sent to [S_g].
        vehicle_cost: of sending it to another stop than its present one.
        demand: names of the hidden states [D].
        conditions: what is added to the name of a place to name a local state [C].
        local_action_names: one per local action.
        moves: where robots go, which knows what the local states are.
        kernel: movement of robots over the regimes d * S_g + s_g.
        r_l: local rewards [s_l, s_g, a_l], the same in every hidden state.
        room: the share of robots for which there is room at each place [X]; None: no limit, unless the game's file has one.
    """

    name: str
    layout: Layout
    vehicle: str
    stops: IntArray
    vehicle_cost: float
    demand: tuple[str, ...]
    conditions: tuple[str, ...]
    local_action_names: tuple[str, ...]
    moves: RobotMoves
    kernel: LocalKernel
    r_l: FloatArray
    room: FloatArray | None = None


def work_game(p: WorkParameters, work: Work) -> TabularGame:
    """The game: the demand is first anywhere, and so are the vehicle and, unless they begin idle, the robots.

    Raises:
        GameError: the demand moves more often than once a tick, or a part of the game breaks a rule.
    """
    D, S_g = len(work.demand), len(work.stops)
    hidden = HiddenState(
        wandering(D, p.demand_change()),
        work.kernel,
        np.broadcast_to(work.r_l, (D, *work.r_l.shape)),
        rho_d=np.full(D, 1.0 / D),
        names=work.demand,
    )
    places, used = _places(work)
    return TabularGame(
        name=work.name,
        P_g=vehicle_kernel(work.layout.travel[np.ix_(work.stops, work.stops)]),
        r_g=0.0 - work.vehicle_cost * (1.0 - np.eye(S_g)),
        gamma=p.gamma,
        hidden=hidden,
        start=Start(np.full(S_g, 1.0 / S_g), _concentration(p, work)),
        local_state_names=_state_names(work),
        global_action_names=tuple(f"{work.vehicle} to {work.layout.stops[stop]}" for stop in work.stops),
        local_action_names=work.local_action_names,
        places=places,
        room=None if work.room is None else Room.of_shares(places, work.room[used]),
    )


def _concentration(p: WorkParameters, work: Work) -> FloatArray:
    """Of the robots' first states [S_l]."""
    alpha = np.full(len(work.r_l), p.start_concentration)
    if p.idle_start:
        place, condition = np.argwhere(work.moves.possible).T
        idle = (place < work.layout.zones) & (condition < len(work.conditions) // 2)  # the others are loaded or busy
        alpha[~idle] *= _HARDLY
    return alpha


def _places(work: Work) -> tuple[Places, IntArray]:
    """The places that have local states, each with all its conditions, and their numbers in the layout."""
    used, of = np.unique(np.argwhere(work.moves.possible)[:, 0], return_inverse=True)
    return Places(of, tuple(work.layout.places[place] for place in used)), used


def _state_names(work: Work) -> tuple[str, ...]:
    pairs = np.argwhere(work.moves.possible).tolist()
    return tuple(work.layout.places[place] + work.conditions[condition] for place, condition in pairs)


def vehicle_kernel(travel: FloatArray) -> GlobalKernel:
    """A vehicle that is sent to a stop, and gets there with the probability travel[s_g, a_g], else stays where it was."""
    stops = len(travel)
    here, wanted = (each.ravel() for each in np.indices((stops, stops)))
    row, arrives = np.arange(stops * stops), np.where(here == wanted, 1.0, travel[here, wanted])
    rows = Rows.from_entries(
        np.tile(row, 2),
        np.concatenate([wanted, here]),
        np.concatenate([arrives, 1.0 - arrives]),
        (stops * stops, stops),
    )
    return GlobalKernel(rows, stops)


def wandering(hidden_states: int, change: float) -> FloatArray:
    """P_d of a hidden state that changes with a probability per tick, to each other one alike [d, d']."""
    P_d = np.full((hidden_states, hidden_states), change / max(1, hidden_states - 1))
    np.fill_diagonal(P_d, 1.0 - change)
    return P_d
