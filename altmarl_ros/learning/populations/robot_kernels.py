"""Kernels of single robots: robot i has its own P_i, drawn around the game's P_l.

    P_i[s_l, s_g, a_l, .] ~ Dirichlet(kappa P_l[s_l, s_g, a_l, .]),   kappa = 1 / spread^2 - 1,

independently for every robot and row. Then E P_i = P_l, and each probability p of a row has the standard deviation
spread * sqrt(p (1 - p)). Spread 0 is the game itself; at spread 1 every robot is deterministic, with next states that are
drawn once and for all. What is zero in P_l is zero in every P_i, and not kept. In a game with a hidden state d this holds in
every regime d * S_g + s_g, whose number then stands in place of s_g.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError, ResourceError
from altmarl_ros.games import TabularGame
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.games.rows import Rows, running_sums

_MOST_BYTES = 1 << 30
_UNDERFLOW = 1e-250


@dataclass(frozen=True, eq=False)
class RobotKernels:
    """The kernels of n robots, in the same places other than zero.

    Attributes:
        mean: rows (s_l, s_g, a_l), one after the other, that say which places these are [s_l S_g A_l, s_l'].
        data: probabilities of each robot there [i, entries].
        shape: (S_l, S_g or number of regimes, A_l).
    """

    mean: Rows
    data: FloatArray
    shape: tuple[int, int, int]

    @classmethod
    def from_dense(cls, kernels: FloatArray) -> RobotKernels:
        """Those of a table [i, s_l, s_g, a_l, s_l']."""
        n, S_l, S_g, A_l, _ = kernels.shape
        mean = Rows.from_dense(kernels.mean(axis=0).reshape(-1, S_l))
        return cls(mean, kernels.reshape(n, -1, S_l)[:, mean.row_of, mean.indices], (S_l, S_g, A_l))

    def __len__(self) -> int:
        return len(self.data)

    @cached_property
    def dense(self) -> FloatArray:
        """All kernels written out [i, s_l, s_g, a_l, s_l'], for small games."""
        table = np.zeros((len(self), len(self.mean), self.mean.columns))
        table[:, self.mean.row_of, self.mean.indices] = self.data
        return table.reshape(len(self), *self.shape, -1)

    @cached_property
    def cumulative(self) -> FloatArray:
        """The sum of each probability and those before it in its row [i, entries]."""
        return running_sums(self.data.copy(), self.mean.indptr[:-1], np.diff(self.mean.indptr), 1)

    def of_robot(self, i: int) -> LocalKernel:
        """The kernel of one robot."""
        own = Rows(self.mean.indptr, self.mean.indices, self.data[i], self.mean.columns)
        number = np.arange(len(own)).reshape(self.shape)  # of rows
        moves = [[own.chosen(number[:, s_g, a_l]) for a_l in range(self.shape[2])] for s_g in range(self.shape[1])]
        return LocalKernel.from_moves(moves, np.arange(self.shape[1]))


def draw_kernels(game: TabularGame, n: int, spread: float, rng: np.random.Generator) -> RobotKernels:
    """Draw the kernels of n robots.

    Raises:
        AltmarlError: the spread is not in [0, 1].
        ResourceError: the kernels would take more than 1 GiB.
    """
    if not 0.0 <= spread <= 1.0:
        raise AltmarlError(f"spread is {spread}, must be in 0..1")
    moves = game.local_kernel if game.hidden is None else game.hidden.local_kernel
    entries = int(np.diff(moves.rows.indptr).reshape(moves.n_kinds, -1).sum(axis=1)[moves.moves_at].sum())
    if 8 * n * entries > _MOST_BYTES:
        raise ResourceError(f"{n} robots with kernels of their own need {8 * n * entries / 2**20:,.0f} MiB; take fewer")
    mean = _by_state(moves)
    return RobotKernels(mean, _drawn(mean, n, spread, rng), moves.shape[:3])


def _by_state(moves: LocalKernel) -> Rows:
    # Rows in the order (s_l, s_g, a_l), those that global states share once for each of them.
    S_l, S_g, A_l, _ = moves.shape
    s_l, s_g, a_l = np.indices((S_l, S_g, A_l))
    return moves.rows.chosen(((moves.moves_at[s_g] * A_l + a_l) * S_l + s_l).ravel())


def _drawn(mean: Rows, n: int, spread: float, rng: np.random.Generator) -> FloatArray:
    if spread == 0.0:
        return np.array(np.broadcast_to(mean.data, (n, len(mean.data))))
    if spread < 1.0:
        weights = rng.standard_gamma((1.0 / spread**2 - 1.0) * mean.data, size=(n, len(mean.data)))
        total = running_sums(weights.copy(), mean.indptr[:-1], np.diff(mean.indptr), 1)[:, mean.indptr[1:] - 1]
        if (total > _UNDERFLOW).all():
            return np.asarray(weights / total[:, mean.row_of])
        # The spread is so close to 1 that gamma variables underflow; such rows are one-hot to any precision.
    u = rng.random((n, len(mean)))[:, mean.row_of]
    before = np.where(np.isin(np.arange(len(mean.data)), mean.indptr[:-1]), 0.0, np.roll(mean.cumulative, 1))
    after = np.where(np.isin(np.arange(len(mean.data)), mean.indptr[1:] - 1), np.inf, mean.cumulative)
    one_hot = ((before <= u) & (u < after)).astype(np.float64)
    if spread == 1.0:
        return one_hot
    possible = (total > _UNDERFLOW)[:, mean.row_of]
    return np.asarray(np.where(possible, weights / np.maximum(total, _UNDERFLOW)[:, mean.row_of], one_hot))
