"""Defines the two reference rules between whose rewards every observation model lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.observation.fresh import Fresh
from altmarl_ros.observation.model import Counts
from altmarl_ros.policies import Ladder


class AllSeen(Fresh):
    """Hears every robot and decides by the top rung for the population scaled to K robots."""

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel; `reports` holds the whole population."""
        self._reports = reports
        return self._ladder.act_on_shares(s_g, self.estimate)


class RandomActions(Fresh):
    """Hears nothing and decides uniformly at random."""

    def __init__(self, ladder: Ladder, rng: np.random.Generator) -> None:
        super().__init__(ladder)
        self._rng = rng

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        self._reports = np.zeros_like(reports)
        return self._rng.integers(self._ladder.n_global_actions, size=len(s_g))
