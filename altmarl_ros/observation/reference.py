"""Defines the two reference rules between whose rewards every observation model lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.games import Start
from altmarl_ros.observation.fresh import Fresh
from altmarl_ros.observation.model import Counts
from altmarl_ros.policies import GlobalPolicy


class AllSeen(Fresh):
    """Hears every robot; a ladder decides by its top rung for the population scaled to K robots."""

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel; `reports` holds the whole population."""
        self._reports, self._n = reports, max(n, 1)
        return self._pi_g.act_on_shares(s_g, self.estimate)


class RandomActions(Fresh):
    """Hears nothing and decides uniformly at random."""

    def __init__(self, pi_g: GlobalPolicy, start: Start, rng: np.random.Generator) -> None:
        super().__init__(pi_g, start)
        self._rng = rng

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        self._reports = np.zeros_like(reports)
        return self._rng.integers(self._pi_g.n_global_actions, size=len(s_g))
