"""Counts transitions and sums rewards of samples, by number of state and action."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.rows import check_dense

_NOT_FINITE = "the simulator gave a reward that is not finite"


@dataclass(frozen=True, eq=False)
class RewardSums:
    """Sums over the samples of each entry of a reward table, with the entry's axes."""

    samples: IntArray
    total: FloatArray
    squares: FloatArray

    @classmethod
    def zeros(cls, shape: tuple[int, ...]) -> RewardSums:
        """Sums without a sample."""
        return cls(np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape))

    def add(self, at: Any, reward: float) -> None:
        """Add one reward at `at`, a tuple of numbers.

        Raises:
            GameError: it is not finite.
        """
        if not isfinite(reward):
            raise GameError(_NOT_FINITE)
        self.samples[at] += 1
        self.total[at] += reward
        self.squares[at] += reward * reward

    def add_all(self, at: Any, rewards: FloatArray) -> None:
        """Add rewards [n] at `at`, a tuple of index arrays [n].

        Raises:
            GameError: one is not finite.
        """
        if not np.isfinite(rewards).all():
            raise GameError(_NOT_FINITE)
        np.add.at(self.samples, at, 1)
        np.add.at(self.total, at, rewards)
        np.add.at(self.squares, at, np.square(rewards))

    @property
    def mean(self) -> FloatArray:
        """The mean reward; 0 where there is no sample."""
        return np.asarray(self.total / np.maximum(self.samples, 1))

    @property
    def error(self) -> FloatArray:
        """The standard error of the mean; not a number where there are fewer than two samples."""
        n = self.samples
        variance = np.maximum(self.squares - self.total**2 / np.maximum(n, 1), 0.0) / np.maximum(n - 1, 1)
        variance[variance < 1e-12 * np.maximum(self.mean**2, 1e-300)] = 0.0  # rounding of a reward that is always the same
        return np.asarray(np.where(n > 1, np.sqrt(variance / np.maximum(n, 1)), np.nan))


class Tally:
    """The counts behind a sampled game; a game without a hidden state has the axis d with one entry.

    Attributes:
        global_moves: [s_g, a_g, s_g'].
        local_moves: [d, s_l, s_g, a_l, s_l'].
        hidden_moves: [d, d'].
        r_g: [s_g, a_g].
        r_l: [d, s_l, s_g, a_l].
    """

    def __init__(self, sizes: tuple[int, int, int, int, int]) -> None:
        """Raises ResourceError where the counts of (S_g, A_g, S_l, A_l, D) would fill more than 1 GiB."""
        S_g, A_g, S_l, A_l, D = sizes
        check_dense("the transitions of a sampled game", (D, S_l, S_g, A_l, S_l))
        self.global_moves = np.zeros((S_g, A_g, S_g), dtype=np.int64)
        self.local_moves = np.zeros((D, S_l, S_g, A_l, S_l), dtype=np.int64)
        self.hidden_moves = np.zeros((D, D), dtype=np.int64)
        self.r_g, self.r_l = RewardSums.zeros((S_g, A_g)), RewardSums.zeros((D, S_l, S_g, A_l))

    def add_global(self, s_g: int, a_g: int, after: int, reward: float) -> None:
        """Count what the coordinator's state did."""
        self.global_moves[s_g, a_g, after] += 1
        self.r_g.add((s_g, a_g), reward)

    def add_local(self, at: tuple[int, int, int, int], after: int, reward: float) -> None:
        """Count what one robot did that was at (d, s_l, s_g, a_l)."""
        self.local_moves[(*at, after)] += 1
        self.r_l.add(at, reward)

    def add_robots(self, at: tuple[IntArray, IntArray, IntArray, IntArray], after: IntArray, rewards: FloatArray) -> None:
        """Count what robots did that were at (d, s_l, s_g, a_l), index arrays [n]."""
        entries: Any = (*at, after)
        np.add.at(self.local_moves, entries, 1)
        self.r_l.add_all(at, rewards)
