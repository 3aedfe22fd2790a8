"""Joins the games of single types to the game of a fleet that has all of them, and takes one type's game out again."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.kernels import SAME, LocalKernel
from altmarl_ros.games.robot_types import RobotTypes
from altmarl_ros.games.room import Places
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame


def join_types(name: str, types: RobotTypes, games: Sequence[TabularGame]) -> TabularGame:
    """The game of a fleet with several types of robots, each of which plays its own of `games` [T].

    P_g, r_g, the discount, the first s_g and a hidden state must be the same for all of them, and so must be the names of
    states and actions. Types whose start has the same alpha begin where one common draw says; each other type draws its own.

    Raises:
        GameError: naming the type and what differs.
    """
    first = games[0]
    for type_name, game in zip(types.names, games, strict=True):
        differs = _difference(first, game)
        if differs:
            raise GameError(f"types.{type_name}: {differs} differs from that of {types.names[0]!r}, must be the same")
    places = first.places or Places.of_states(first.local_state_names)
    hidden, P_l, r_l = None, None, np.empty(0)
    if first.hidden is None:
        P_l, r_l = joined_kernel([game.local_kernel for game in games]), np.concatenate([game.r_l for game in games])
    else:
        hidden = _joined_hidden([game.hidden for game in games if game.hidden is not None])
    return TabularGame(
        name,
        first.global_kernel,
        P_l,
        first.r_g,
        r_l,
        gamma=first.gamma,
        start=Start(first.initial.rho_g, np.concatenate([game.initial.alpha for game in games])),
        local_state_names=types.state_names(),
        global_action_names=first.global_action_names,
        local_action_names=first.local_action_names,
        hidden=hidden,
        places=Places(np.tile(places.of, len(games)), places.names),
        types=types,
    )


def game_of_type(game: TabularGame, t: int) -> TabularGame:
    """The game as robots of type t play it: their own motion and rewards, over places; the game itself without types."""
    types = game.types
    if types is None:
        return game
    block = types.block(t)
    hidden, P_l, r_l = None, None, np.empty(0)
    if game.hidden is None:
        P_l, r_l = _kernel_of(game.local_kernel, block), game.r_l[block]
    else:
        by_hidden = _by_hidden(game.hidden)[:, block]
        kernel = _kernel_of(game.hidden.local_kernel, block)
        hidden = HiddenState(game.hidden.P_d, kernel, by_hidden, rho_d=game.hidden.rho_d, names=game.hidden.names)
    return TabularGame(
        game.name,
        game.global_kernel,
        P_l,
        game.r_g,
        r_l,
        gamma=game.gamma,
        start=Start(game.initial.rho_g, game.initial.alpha[block]),
        local_state_names=types.place_names,
        global_action_names=game.global_action_names,
        local_action_names=game.local_action_names,
        hidden=hidden,
        places=None if game.places is None else Places(game.places.of[block], game.places.names),
    )


def joined_kernel(kernels: Sequence[LocalKernel]) -> LocalKernel:
    """The block-diagonal kernel of types, each of which moves by its own kernel over as many global states or regimes."""
    from scipy.sparse import block_diag

    from altmarl_ros.games.sparse import Sparse

    kinds, moves_at = np.unique(np.stack([kernel.moves_at for kernel in kernels], axis=1), axis=0, return_inverse=True)
    moves = [
        [
            Sparse(block_diag([each.moves[kind][a] for each, kind in zip(kernels, of_types, strict=True)], format="csr"))
            for a in range(kernels[0].n_actions)
        ]
        for of_types in kinds
    ]
    return LocalKernel.from_moves(moves, moves_at.reshape(-1))


def _joined_hidden(parts: Sequence[HiddenState]) -> HiddenState:
    first = parts[0]
    r_l = np.concatenate([_by_hidden(part) for part in parts], axis=1)
    kernel = joined_kernel([part.local_kernel for part in parts])
    return HiddenState(first.P_d, kernel, r_l, rho_d=first.rho_d, names=first.names)


def _kernel_of(kernel: LocalKernel, block: slice) -> LocalKernel:
    from altmarl_ros.games.sparse import Sparse

    moves = [[Sparse(part[block][:, block]) for part in by_action] for by_action in kernel.moves]
    return LocalKernel.from_moves(moves, kernel.moves_at)


def _by_hidden(hidden: HiddenState) -> FloatArray:
    """Rewards [d, s_l, s_g, a_l]."""
    S_l, _, A_l = hidden.r_l.shape
    return hidden.r_l.reshape(S_l, len(hidden), hidden.n_global_states, A_l).transpose(1, 0, 2, 3)


def _difference(one: TabularGame, other: TabularGame) -> str:
    """What of two types' games differs that must not; empty: nothing."""
    if one.continuous is not None or other.continuous is not None or other.types is not None:
        return "that its states are continuous or have types of their own"
    names = ("local_state_names", "global_action_names", "local_action_names")
    for part in (*(name for name in names if getattr(one, name) != getattr(other, name)),):
        return part
    if one.global_kernel.shape != other.global_kernel.shape or (
        one.global_kernel.rows.distance(other.global_kernel.rows) > SAME
    ):
        return "P_g"
    if one.gamma != other.gamma:
        return "gamma"
    for part, mine, its in (("r_g", one.r_g, other.r_g), ("rho_g", one.initial.rho_g, other.initial.rho_g)):
        if not np.allclose(mine, its, rtol=0.0, atol=SAME):
            return part
    if one.initial.alpha.ndim != 1 or other.initial.alpha.ndim != 1:
        return "a start by several concentrations"
    return _hidden_difference(one.hidden, other.hidden)


def _hidden_difference(one: HiddenState | None, other: HiddenState | None) -> str:
    if one is None or other is None:
        return "" if one is other else "the hidden state"
    if len(one) != len(other) or one.names != other.names or not np.allclose(one.P_d, other.P_d, rtol=0.0, atol=SAME):
        return "the hidden state"
    return "" if np.allclose(one.rho_d, other.rho_d, rtol=0.0, atol=SAME) else "rho_d"
