"""Implements the paper's rule: a new uniform k-subset reports every tick, and nothing is remembered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.observation.model import Counts
from altmarl_ros.policies import Ladder, LocalPolicy


class Fresh:
    """Decides by the rung for the number of reports that have come in this tick."""

    turnover = 1.0

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self.reset(1)

    def reset(self, runs: int) -> None:
        """Start anew; before the first reports the estimate is uniform."""
        self._reports: Counts = np.zeros((runs, self._ladder.n_local_states), dtype=np.int64)

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """Start anew, since this model remembers nothing."""
        self.reset(len(shares))

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, ladder: Ladder) -> None:
        """See ObservationModel."""
        self._ladder = ladder

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        self._reports = reports
        action = np.empty(len(reports), dtype=np.int64)
        heard = reports.sum(axis=1)
        for k in np.unique(heard):
            runs = heard == k
            action[runs] = self._ladder.act(s_g[runs], reports[runs])
        return action

    @property
    def estimate(self) -> FloatArray:
        """The share of each local state among the reports [R, L]; uniform without reports."""
        heard = self._reports.sum(axis=1, keepdims=True)
        return np.asarray(np.where(heard > 0, self._reports / np.maximum(heard, 1), 1.0 / self._reports.shape[1]))

    @property
    def error(self) -> FloatArray:
        """The largest posterior standard deviation of a share, given the reports and a uniform prior [R]."""
        L = self._reports.shape[1]
        heard = self._reports.sum(axis=1)
        share = (self._reports + 1.0) / (heard[:, None] + L)
        return np.asarray(np.sqrt((share * (1.0 - share)).max(axis=1) / (heard + L + 1.0)))

    @property
    def rung(self) -> NDArray[np.int64]:
        """The number of reports, limited to the top rung [R]."""
        return np.asarray(np.minimum(self._reports.sum(axis=1), self._ladder.K))


class Sticky(Fresh):
    """Decides like `Fresh`, but asks for a subset that keeps most of its robots: for links where joining is expensive."""

    def __init__(self, ladder: Ladder, turnover: float) -> None:
        super().__init__(ladder)
        self.turnover = turnover
