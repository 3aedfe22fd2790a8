"""Summaries of a game: entries of its kernels, its hidden state, and how fast it mixes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.policies import LocalPolicy

_MAX_JOINT_STATES = 1000  # pairs (s_g, s_l) whose eigenvalues are computed
_MAX_EIGENVALUE_WORK = 1e9  # S_l^3 by kind of movement: some seconds


@dataclass(frozen=True)
class KernelSizes:
    """How much of a game's kernels is not zero.

    Attributes:
        P_g: entries of P_g that are not zero.
        P_l: entries of P_l that are not zero, once for global states (with a hidden state: regimes) at which robots move alike.
        kinds: kinds of movement.
        memory: what kernels and rewards take, averages over a hidden state included [bytes].
        dense: what the kernels would take as dense arrays [bytes].
    """

    P_g: int
    P_l: int
    kinds: int
    memory: int
    dense: int


@dataclass(frozen=True)
class HiddenSummary:
    """What is told about a hidden state.

    Attributes:
        states: D.
        names: one per hidden state.
        dwell: how long each hidden state lasts on average [D; ticks]; infinite where it is never left.
    """

    states: int
    names: list[str]
    dwell: list[float]


def kernel_sizes(game: TabularGame) -> KernelSizes:
    """How much of a game's kernels is not zero, and what it takes."""
    moves = regime_kernel(game)
    kept = [game.global_kernel.rows, game.local_kernel.rows]
    arrays = [game.r_g, game.r_l]
    if game.hidden is not None:
        kept.append(moves.rows)
        arrays += [game.hidden.r_l, game.hidden.P_d]
    stored = sum(each.nbytes for part in kept for each in (part.indptr, part.indices, part.data))
    dense = 8 * sum(int(np.prod(kernel.shape, dtype=object)) for kernel in (game.global_kernel, moves))
    memory = stored + sum(each.nbytes for each in arrays)
    return KernelSizes(len(game.global_kernel.rows.data), len(moves.rows.data), moves.n_kinds, memory, dense)


def hidden_summary(game: TabularGame) -> HiddenSummary | None:
    """What is told about the hidden state of a game; None without one."""
    if game.hidden is None:
        return None
    stays = np.diag(game.hidden.P_d)
    dwell = np.divide(1.0, 1.0 - stays, out=np.full(len(stays), np.inf), where=stays < 1.0)
    return HiddenSummary(len(stays), list(game.hidden.names), dwell.tolist())


def regime_kernel(game: TabularGame) -> LocalKernel:
    """P_l by s_g, or by (d, s_g) in a game with a hidden state."""
    return game.local_kernel if game.hidden is None else game.hidden.local_kernel


def slowest_modes(game: TabularGame) -> FloatArray | None:
    """Return, by s_g, the second largest modulus of the eigenvalues of P_pi under random local actions [s_g].

    None: the game is too large to compute them.
    """
    moves = game.local_kernel
    if moves.n_kinds * game.n_local_states**3 > _MAX_EIGENVALUE_WORK:
        return None
    if game.n_local_states == 1:
        return np.zeros(game.n_global_states)
    by_kind = [moves.of_kind(kind).dense().reshape(-1, *moves.shape[::3]).mean(axis=0) for kind in range(moves.n_kinds)]
    moduli = np.sort(np.abs(np.linalg.eigvals(np.stack(by_kind))), axis=1)
    return np.asarray(moduli[moves.moves_at, -2])


def joint_mode(game: TabularGame) -> float | None:
    """Return the second largest modulus of the eigenvalues of (s_g, s_l) under random actions; None: too large to compute."""
    size = game.n_global_states * game.n_local_states
    if not 1 < size <= _MAX_JOINT_STATES:
        return None
    local = LocalPolicy.uniform(game).transition(game)  # [s_g, s_l, s_l']
    joint = np.einsum("gh,glm->glhm", game.P_g.mean(axis=1), local).reshape(size, size)
    return float(np.sort(np.abs(np.linalg.eigvals(joint)))[-2])


def slowest_of(modes: list[Any]) -> Any:
    """The larger entries of what each type of robots has; None where one is not known."""
    return None if any(mode is None for mode in modes) else functools.reduce(np.maximum, modes)
