"""A game by what is not zero in it, for worlds of hundreds of states.

A grid of 400 zones has 400 x 400 x 5 x 400 entries in P_l, of which one in a hundred thousand matters. Here P_l is kept as
rows of a sparse matrix, once for all global states at which robots move alike, and P_g as rows over (s_g, a_g).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.tabular import Start, TabularGame

Sparse = sparse.csr_array
"""Rows of a sparse matrix in double precision."""

_ROW_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class SparseGame:
    """A finite game with sparse kernels; see TabularGame for what the symbols mean.

    Attributes:
        P_g: global transitions [s_g * A_g + a_g, s_g'].
        moves: local transitions of every local action a_l, by kind of movement: moves[m][a_l] is [s_l, s_l'].
        moves_at: which kind of movement robots follow at each global state [S_g].
        r_g: global reward [s_g, a_g].
        r_l: local reward [s_l, s_g, a_l].
        gamma: discount per tick, in (0, 1).
        start: distribution of the first states.

    Raises:
        GameError: naming the array whose shape or row sum is wrong.
    """

    P_g: Sparse
    moves: tuple[tuple[Sparse, ...], ...]
    moves_at: NDArray[np.int64]
    r_g: FloatArray
    r_l: FloatArray
    gamma: float
    start: Start

    def __post_init__(self) -> None:
        S_l, S_g, A_l = self.r_l.shape
        A_g = self.r_g.shape[1]
        if self.r_g.shape[0] != S_g:
            raise GameError(f"r_g has shape {self.r_g.shape}, must be ({S_g}, A_g) to agree with r_l")
        if self.moves_at.shape != (S_g,) or not 0 <= self.moves_at.min() <= self.moves_at.max() < len(self.moves):
            raise GameError(f"moves_at must hold {S_g} numbers below {len(self.moves)}")
        _check_rows("P_g", self.P_g, (S_g * A_g, S_g))
        for m, by_action in enumerate(self.moves):
            if len(by_action) != A_l:
                raise GameError(f"moves[{m}] has {len(by_action)} local actions, must have {A_l}")
            for a_l, P in enumerate(by_action):
                _check_rows(f"moves[{m}][{a_l}]", P, (S_l, S_l))

    @classmethod
    def from_tabular(cls, game: TabularGame) -> SparseGame:
        """The same game; global states at which all robots move alike share their kernels."""
        kinds: dict[bytes, int] = {}
        moves: list[tuple[Sparse, ...]] = []
        moves_at = np.empty(game.n_global_states, dtype=np.int64)
        for s_g in range(game.n_global_states):
            P = np.ascontiguousarray(game.P_l[:, s_g].transpose(1, 0, 2))  # [a_l, s_l, s_l']
            key = P.tobytes()
            if key not in kinds:
                kinds[key] = len(moves)
                moves.append(tuple(Sparse(rows) for rows in P))
            moves_at[s_g] = kinds[key]
        P_g = Sparse(game.P_g.reshape(-1, game.n_global_states))
        return cls(P_g, tuple(moves), moves_at, game.r_g, game.r_l, game.gamma, game.initial)

    def under(self, pi_l: FloatArray) -> tuple[list[Sparse], FloatArray]:
        """Kernels P_pi of every global state, [s_l, s_l'] each, and rewards r_pi [s_g, s_l], of a policy [s_l, s_g, a_l].

        Sums over actions are taken action by action, so that every machine gets the same numbers.
        """
        if pi_l.shape != self.r_l.shape:
            raise GameError(f"the local policy has shape {pi_l.shape}, must be {self.r_l.shape}")
        kernels, known = [], {}
        for s_g, m in enumerate(self.moves_at):
            weights = np.ascontiguousarray(pi_l[:, s_g].T)  # [a_l, s_l]
            key = (int(m), weights.tobytes())
            if key not in known:
                known[key] = _mixture(self.moves[m], weights)
            kernels.append(known[key])
        reward = np.zeros(self.r_l.shape[:2])
        for a_l in range(self.r_l.shape[2]):
            reward += pi_l[:, :, a_l] * self.r_l[:, :, a_l]
        return kernels, np.ascontiguousarray(reward.T)

    def tabular(self, name: str) -> TabularGame:
        """The same game with dense arrays, where these fit."""
        S_g = self.r_l.shape[1]
        P_l = np.stack([np.stack([P.toarray() for P in self.moves[m]], axis=1) for m in self.moves_at], axis=1)
        P_g = self.P_g.toarray().reshape(S_g, -1, S_g)
        return TabularGame(name, P_g, P_l, self.r_g, self.r_l, self.gamma, self.start)


def _mixture(moves: tuple[Sparse, ...], weights: FloatArray) -> Sparse:
    total = None
    for P, weight in zip(moves, weights, strict=True):
        if weight.any():
            part = P.copy()
            part.data = P.data * np.repeat(weight, np.diff(P.indptr))
            total = part if total is None else total + part
    assert total is not None  # the probabilities sum to 1
    total.eliminate_zeros()
    return total


def _check_rows(name: str, matrix: Sparse, shape: tuple[int, int]) -> None:
    if matrix.shape != shape:
        raise GameError(f"{name} has shape {matrix.shape}, must be {shape}")
    if matrix.nnz and matrix.data.min() < 0:
        raise GameError(f"{name} has an entry of {matrix.data.min():g}, must not be negative")
    sums = np.asarray(matrix.sum(axis=1))
    wrong = np.flatnonzero(np.abs(sums - 1.0) > _ROW_SUM_TOLERANCE)
    if len(wrong):
        raise GameError(f"{name}: row {wrong[0]} sums to {sums[wrong[0]]:g}, not 1")
