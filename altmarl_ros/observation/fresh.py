"""Implements the paper's rule: a new uniform k-subset reports every tick, and nothing is remembered.

A ladder decides by the rung for the number of reports. Value vectors decide on E[N / n | reports], as if the tick were the
first of an episode: with few reports that is near the mean start, with all n it is what was reported.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import Start, TabularGame
from altmarl_ros.observation.model import Counts
from altmarl_ros.observation.start_posterior import posterior_mean
from altmarl_ros.policies import GlobalPolicy, Ladder, LocalPolicy


class Fresh:
    """Decides by the reports of this tick alone; `start`, how episodes begin, is what value vectors know besides."""

    turnover = 1.0

    def __init__(self, pi_g: GlobalPolicy, start: Start) -> None:
        self._pi_g, self._start = pi_g, start
        self.reset(1)

    def reset(self, runs: int) -> None:
        """Start anew; before the first reports the estimate is uniform for a ladder, and else the mean start."""
        self._n = 1
        self._reports: Counts = np.zeros((runs, self._pi_g.n_local_states), dtype=np.int64)

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """Start anew, since this model remembers nothing."""
        self.reset(len(shares))

    def admit(self, joined: Counts) -> None:
        """See ObservationModel: nothing is remembered that they could join."""

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> None:
        """See ObservationModel."""
        self._pi_g, self._start = pi_g, game.initial

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        self._reports, self._n = reports, max(n, 1)
        if not isinstance(self._pi_g, Ladder):
            return self._pi_g.act_on_shares(s_g, self.estimate)
        action = np.empty(len(reports), dtype=np.int64)
        heard = reports.sum(axis=1)
        for k in np.unique(heard):
            runs = heard == k
            action[runs] = self._pi_g.act(s_g[runs], reports[runs])
        return action

    @property
    def estimate(self) -> FloatArray:
        """The share of each local state among the reports, uniform without any; or E[N / n | reports], as above [R, L]."""
        if not isinstance(self._pi_g, Ladder):
            return posterior_mean(self._start, self._reports, self._n)
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
        """The number of reports, limited to the top rung of a ladder [R]."""
        heard, most = self._reports.sum(axis=1), self._pi_g.most_reports
        return np.asarray(heard if most is None else np.minimum(heard, most))


class Sticky(Fresh):
    """Decides like `Fresh`, but asks for a subset that keeps most of its robots: for links where joining is expensive."""

    def __init__(self, pi_g: GlobalPolicy, start: Start, turnover: float) -> None:
        super().__init__(pi_g, start)
        self.turnover = turnover
