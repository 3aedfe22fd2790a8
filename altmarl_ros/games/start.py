"""How episodes begin: the global state, the hidden one, and how robots are spread over their states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.robot_types import RobotTypes

MAX_CONCENTRATION = 1e100
"""Largest entry of a start's alpha; sums of larger ones overflow."""


@dataclass(frozen=True)
class Start:
    """How an episode begins: s_g ~ rho_g; p ~ Dirichlet(alpha); s_i ~ p, independently.

    Attributes:
        rho_g: initial distribution of the global state [S_g].
        alpha: Dirichlet concentration of the local states' distribution [S_l]. With small values most robots begin in
            one or two states; with large values their shares approach alpha / sum(alpha). With two axes [M, S_l] an
            episode begins by one of M concentrations, all equally likely.
        rho_d: initial distribution of the hidden state [D], which is drawn by itself; None in a game without one.
        types: the types of robots, in a game that has some: alpha then holds one concentration after the other [T * P]. Types
            with the same one begin where a common draw says, others where their own draw says.
    """

    rho_g: FloatArray
    alpha: FloatArray
    rho_d: FloatArray | None = None
    types: RobotTypes | None = None

    def joint(self, shares: FloatArray) -> FloatArray:
        """The shares of robots by (d, s_l) [B, D * S_l] to one who knows of d how it begins, from shares [B, S_l]."""
        if self.rho_d is None:
            return shares
        return np.ascontiguousarray((self.rho_d[:, None] * shares[:, None]).reshape(len(shares), -1))

    def draw_shares(self, runs: int, rng: np.random.Generator) -> FloatArray:
        """Draw the distributions p of the local states for `runs` episodes [R, S_l].

        With types that is the share of each type times the distribution of its places.
        """
        if self.types is not None:
            drawn = [rng.dirichlet(alpha, size=runs) for alpha in self.draws]
            by_type = np.stack([drawn[draw] for draw in self.draw_of], axis=1)  # [R, T, P]
            return np.asarray((self.types.shares[:, None] * by_type).reshape(runs, -1))
        if self.alpha.ndim == 1:
            return rng.dirichlet(self.alpha, size=runs)
        alpha = self.alpha[rng.integers(len(self.alpha), size=runs)]
        weights = rng.standard_gamma(alpha)
        vanished = np.flatnonzero(~(weights.sum(axis=1) > 0.0))  # entries so small that every draw of a row is below 1e-308
        for run in vanished:  # their limit: all robots in one state, with the probability of its share of alpha
            weights[run] = rng.multinomial(1, alpha[run] / alpha[run].sum())
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def draw_counts(self, n: int, runs: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the first local states of `runs` fleets of n robots, as counts [R, S_l]."""
        shares = self.draw_shares(runs, rng)
        if self.types is None:
            return np.asarray(rng.multinomial(n, shares))
        by_type = shares.reshape(runs, len(self.types), -1)
        places = by_type / by_type.sum(axis=2, keepdims=True)
        return np.hstack([rng.multinomial(m, places[:, t]) for t, m in enumerate(self.types.numbers(n))])

    @cached_property
    def draws(self) -> FloatArray:
        """The concentrations of the different draws of a start with types [some, P]."""
        return self._draws[0]

    @cached_property
    def draw_of(self) -> NDArray[np.int64]:
        """By which of the draws each type begins [T]."""
        return self._draws[1]

    @cached_property
    def _draws(self) -> tuple[FloatArray, NDArray[np.int64]]:
        assert self.types is not None
        alpha = self.alpha.reshape(len(self.types), -1)
        same = (alpha[:, None] == alpha[None]).all(axis=2)  # [T, T]
        first, draw_of = np.unique(same.argmax(axis=1), return_inverse=True)
        return alpha[first], np.asarray(draw_of, dtype=np.int64)
